"""AVH at ImageNet's size compared with the bare product X W^T, which any such score needs."""

import torch

from analysis import scores

N, C, D = 10_000, 1_000, 2_048


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Embeddings (N, D), weights (C, D), targets (N,)."""
    random = torch.Generator().manual_seed(0)
    embeddings = torch.randn(N, D, generator=random)
    return embeddings, torch.randn(C, D, generator=random), torch.randint(0, C, (N,), generator=random)


def pairs():
    embeddings, weights, targets = inputs()
    product, bias = torch.empty(N, C), torch.zeros(C)
    torch.mm(embeddings, weights.T, out=product)
    yield (
        "AVH / bare product, N = 10,000, C = 1,000, D = 2,048",
        "at most 1.10",
        lambda: scores.avh(embeddings, weights, targets),
        lambda: torch.mm(embeddings, weights.T, out=product),
    )

    def from_logits():
        for rows in range(0, N, 500):
            part = slice(rows, rows + 500)
            scores.angles_from_logits(product[part], embeddings[part], weights, bias, targets[part]).sum(1)

    yield (
        "AVH from logits / bare product",
        "reported",
        from_logits,
        lambda: torch.mm(embeddings, weights.T, out=product),
    )
