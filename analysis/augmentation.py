"""Augmentation of training images that are in memory: random crops and flips of whole batches, in one gather.

Of images in files, random crops are decoded instead: see ``datasets.crops``.
"""

import torch
from torch import Tensor

CROP = 8  # the padding of random crops is the side of an image divided by this: 4 px of 32


def augment(pixels: Tensor, random: torch.Generator, batch: int | None = None, mine: slice = slice(None)) -> Tensor:
    """Random crops after reflection padding, and random flips, in one gather: (B, 3, H, W) uint8 -> the same.

    The images are those at ``mine`` of one or several batches of ``batch`` (None: all are one batch). Random numbers
    are drawn for all of them, batch by batch.
    """
    b, _, h, w = pixels.shape
    pad, batch = h // CROP, batch or b
    draws = []
    for _ in range(b // len(range(batch)[mine])):
        corner = torch.randint(0, 2 * pad + 1, (2, batch, 1), generator=random)
        draws.append((*corner[:, mine], torch.randint(0, 2, (batch, 1), generator=random)[mine].bool()))
    top, left, flip = map(torch.cat, zip(*draws, strict=True))
    rows = torch.arange(h) + top  # (B, H), in the padded image
    columns = torch.where(flip, torch.arange(w - 1, -1, -1), torch.arange(w)) + left  # (B, W)
    rows, columns = (reflect(i - pad, n).to(pixels.device) for i, n in ((rows, h), (columns, w)))
    images = torch.arange(b, device=pixels.device)[:, None, None]
    return pixels.permute(0, 2, 3, 1)[images, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def reflect(index: Tensor, size: int) -> Tensor:
    """Indices beyond 0..size-1 mirrored at the edge: -1 -> 1, size -> size - 2."""
    return (size - 1) - ((size - 1) - index.abs()).abs()
