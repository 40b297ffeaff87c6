"""From pictures to scores, streamed: images -> embeddings -> scores, one batch at a time.

Only the scores are kept, so memory does not grow with the number of images beyond them. Pictures are fetched ahead
by threads, scores stay on the device until the end, and nothing in the loop asks the device for a value: it never
waits for the scores.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from analysis import distributed, scores
from analysis.architectures import Network
from analysis.datasets import Images, Split

AHEAD = 2  # batches fetched before they are asked for
RESIDENT = 0.25  # share of a GPU's free memory that pictures may take to stay there

# What each score is made of. Probing in training keeps the first five.
PROBED = ["confidence", "norm", "angle", "avh", "correct"]
BASELINES = ["cosine", "avh_others", "angular_margin", "max_confidence", "margin", "entropy", "loss"]
COLUMNS = [*PROBED, "predicted", "nearest", *BASELINES]
INTEGERS = ("predicted", "nearest")


class Pictures:
    """Pictures on a device, by index: all of them where they fit a GPU's memory, fetched when asked for elsewhere."""

    def __init__(self, images: Images, device: torch.device):
        self.images = images
        self.device = device
        self.resident = None  # (N, 3, H, W) uint8 on the device
        if device.type == "cuda" and isinstance(images, np.ndarray):
            free, _ = torch.cuda.mem_get_info(device)
            if images.nbytes < RESIDENT * free:
                self.resident = torch.from_numpy(np.ascontiguousarray(images)).to(device)

    def __len__(self) -> int:
        return len(self.images)

    def batches(self, order: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (indices (B,) on the CPU, pictures (B, 3, H, W) uint8 on the device) in ``order``."""
        parts = order.split(size) if len(order) else ()
        if self.resident is not None:
            for part in parts:
                yield part, self.resident[part.to(self.device)]
            return
        # Two at a time: while the last pictures of a batch are decoded, the next batch's keep the other cores busy.
        threads = ThreadPoolExecutor(AHEAD, "fetching")
        try:
            fetched = deque(threads.submit(self._fetch, part) for part in parts[:AHEAD])
            for i, part in enumerate(parts):
                pixels = fetched.popleft().result()
                if i + AHEAD < len(parts):
                    fetched.append(threads.submit(self._fetch, parts[i + AHEAD]))
                yield part, pixels.to(self.device, non_blocking=True)
        finally:  # also where the batches are not asked for to the end
            threads.shutdown(cancel_futures=True)

    def _fetch(self, indices: Tensor) -> Tensor:
        pixels = torch.from_numpy(np.ascontiguousarray(self.images[indices.numpy()]))
        return pixels.pin_memory() if self.device.type == "cuda" else pixels


def precise(device: torch.device, precision: str) -> AbstractContextManager:
    """The context in which a network's body runs: bfloat16 autocast, or float32 as it is."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bfloat16" else nullcontext()


@torch.inference_mode()
def extract(
    network: Network,
    pictures: Pictures,
    targets: Tensor,
    *,
    precision: str = "float32",
    columns: list[str] = COLUMNS,
    batch_size: int = 500,
    logits: bool = False,
    bar: tqdm | None = None,
) -> dict[str, Tensor]:
    """Scores of every picture under the network, in evaluation mode; workers share the pictures out.

    Args: targets (N,) int64; columns, names out of COLUMNS; logits, whether to return those (N, C) too;
        bar, which counts pictures.
    Returns: one tensor (N,) per column, on the device; float32, int16 for classes, bool for ``correct``.
    """
    network.eval()
    device, n, classes = pictures.device, len(pictures), network.head.out_features
    targets = targets.to(device)
    kinds = dict.fromkeys(INTEGERS, torch.int16) | {"correct": torch.bool}
    result = {name: torch.zeros(n, dtype=kinds.get(name, torch.float32), device=device) for name in columns}
    if logits:
        result["logits"] = torch.zeros(n, classes, device=device)
    mine = distributed.share(n)
    start = mine.start
    for part, pixels in pictures.batches(torch.arange(n)[mine], batch_size):
        rows = slice(start, start + len(part))
        start = rows.stop
        with precise(device, precision):
            embeddings = network.embed(pixels.contiguous(memory_format=torch.channels_last))
        z = network.classify(embeddings)
        for name, values in score(z, embeddings, network.head, targets[rows], columns).items():
            result[name][rows] = values
        if logits:
            result["logits"][rows] = z
        if bar is not None:
            bar.update(len(part))
    return {name: distributed.whole(value) for name, value in result.items()}


def score(
    z: Tensor, embeddings: Tensor, head: torch.nn.Linear, y: Tensor, columns: list[str] = COLUMNS
) -> dict[str, Tensor]:
    """The scores of one batch: logits z (B, C), embeddings (B, D), targets y (B,) -> (B,) per column."""
    a = scores.angles_from_logits(z, embeddings, head.weight, head.bias, y)  # (B, C)
    own = a.gather(1, y[:, None])[:, 0]  # (B,)
    formulas = {
        "confidence": lambda: scores.confidence(z, y),
        "norm": lambda: scores.norm(embeddings),
        "angle": lambda: own,
        "avh": lambda: scores.avh_from_angles(a, y),
        "correct": lambda: z.argmax(1) == y,
        "predicted": lambda: z.argmax(1),
        "nearest": lambda: a.argmin(1),
        "cosine": own.cos,
        "avh_others": lambda: scores.avh_others(a, y),
        "angular_margin": lambda: scores.angular_margin(a, y),
        "max_confidence": lambda: scores.max_confidence(z),
        "margin": lambda: scores.margin(z, y),
        "entropy": lambda: scores.entropy(z),
        "loss": lambda: scores.loss(z, y),
    }
    return {name: formulas[name]() for name in columns}


def scores_table(split: Split, values: dict[str, Tensor], calibrated: Tensor | None = None) -> pd.DataFrame:
    """scores.parquet: a row per picture of ``split``.

    Args: values, (N,) for each of COLUMNS; calibrated, the confidence (N,) after temperature scaling, where there were
        images to fit the temperature on; else that column is NaN.
    """
    table = {"id": split.ids, "label": np.asarray(split.labels)}
    table |= {name: values[name].cpu().numpy() for name in COLUMNS}
    unknown = np.full(len(split), np.nan, np.float32)
    return pd.DataFrame(
        table | {"temperature_confidence": unknown if calibrated is None else calibrated.float().cpu().numpy()}
    )
