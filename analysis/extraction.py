"""From images to scores, as a stream: images -> embeddings -> scores, one batch at a time.

Only the scores are kept, so apart from them memory does not grow with the number of images. Threads fetch images ahead,
scores stay on the device until the end, and the loop never reads a value from the device, so it never waits for it.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from analysis import distributed, scores
from analysis.architectures import Network
from analysis.catalogue import SCORES
from analysis.datasets import Images, Split
from analysis.errors import InputError

AHEAD = 2  # batches fetched ahead
RESIDENT = 0.25  # share of the free memory of a GPU that images may occupy

PROBED = ["confidence", "norm", "angle", "avh", "correct"]  # in training
OUTCOMES = {  # beside scores: the predicted class, and whether it is correct
    "correct": lambda batch: batch.logits.argmax(1) == batch.targets,
    "predicted": lambda batch: batch.logits.argmax(1),
    "nearest": lambda batch: batch.angles.argmin(1),
}
FORMULAS = OUTCOMES | {name: score.formula for name, score in SCORES.items() if score.formula}
COLUMNS = list(dict.fromkeys([*PROBED, *FORMULAS]))
INTEGERS = ("predicted", "nearest")


@dataclass(frozen=True)
class Batch:
    """The outputs of a network for B images and C classes: the argument of the formulas of scores."""

    logits: Tensor  # (B, C)
    embeddings: Tensor  # (B, D)
    head: torch.nn.Linear
    targets: Tensor  # (B,) the true class of each image

    @cached_property
    def angles(self) -> Tensor:
        """(B, C)"""
        return scores.angles_from_logits(self.logits, self.embeddings, self.head.weight, self.head.bias, self.targets)

    @cached_property
    def log_p(self) -> Tensor:
        """Log probabilities, (B, C)."""
        return self.logits.log_softmax(1)

    @property
    def avh(self) -> Tensor:
        """(B,)"""
        return scores.avh_from_angles(self.angles, self.targets)

    @property
    def confidence(self) -> Tensor:
        """(B,)"""
        return scores.confidence(self.logits, self.targets)

    @property
    def norm(self) -> Tensor:
        """Of the embeddings, (B,)."""
        return scores.norm(self.embeddings)

    def own(self, values: Tensor) -> Tensor:
        """Of values (B, C), those of the true classes, (B,)."""
        return scores.at_target(values, self.targets)

    def others(self, values: Tensor, absent: float) -> Tensor:
        """Values (B, C) with ``absent`` at the true classes."""
        return values.scatter(1, self.targets[:, None], absent)


class Pictures:
    """Images on a device, by index: all of them if they fit into the memory of a GPU, otherwise fetched on demand."""

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
        """Yield (indices (B,) on the CPU, images (B, 3, H, W) uint8 on the device) in ``order``."""
        parts = order.split(size) if len(order) else ()
        if self.resident is not None:
            for part in parts:
                yield part, self.resident[part.to(self.device)]
            return
        # Two at a time: while the last images of one batch are decoded, those of the next keep the other cores busy.
        threads = ThreadPoolExecutor(AHEAD, "fetching")
        try:
            fetched = deque(threads.submit(self._fetch, part) for part in parts[:AHEAD])
            for i, part in enumerate(parts):
                pixels = fetched.popleft().result()
                if i + AHEAD < len(parts):
                    fetched.append(threads.submit(self._fetch, parts[i + AHEAD]))
                yield part, pixels.to(self.device, non_blocking=True)
        finally:  # even if not all batches are consumed
            threads.shutdown(cancel_futures=True)

    def _fetch(self, indices: Tensor) -> Tensor:
        pixels = torch.from_numpy(np.ascontiguousarray(self.images[indices.numpy()]))
        return pixels.pin_memory() if self.device.type == "cuda" else pixels


def images_at_once(image_size: int, most: int = 500) -> int:
    """The number of images in a batch: at most ``most``, and at most as many pixels as 500 images of 224 px have."""
    return min(most, 500 * 224**2 // image_size**2)


def precise(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """The context for the backbone of a network: bfloat16 autocast, or float32."""
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
    bar: "tqdm[NoReturn] | None" = None,
) -> dict[str, Tensor]:
    """Scores of every image in evaluation mode; workers share the images.

    Args: targets (N,) int64; columns, names out of COLUMNS; logits, whether to also return the logits (N, C);
        bar, which counts images.
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
        for name, values in score(Batch(z, embeddings, network.head, targets[rows]), columns).items():
            result[name][rows] = values
        if logits:
            result["logits"][rows] = z
        if bar is not None:
            bar.update(len(part))
    return {name: distributed.whole(value) for name, value in result.items()}


def score(batch: Batch, columns: list[str] = COLUMNS) -> dict[str, Tensor]:
    """The scores of one batch, (B,) per column."""
    return {name: FORMULAS[name](batch) for name in columns}


def check_measured(scores: pd.DataFrame, made: str, advice: str) -> None:
    """Raise InputError for scores that measure nothing: no AVH at all, or embeddings without a finite length."""
    endless = int((~np.isfinite(scores["norm"])).sum())
    if endless or scores["avh"].isna().all():
        what = f"{endless} of {len(scores)} embeddings are not finite" if endless else "no image has an AVH"
        raise InputError(f"{made}: {what}, so nothing is written; {advice}")


def scores_table(split: Split, values: dict[str, Tensor], calibrated: Tensor | None = None) -> pd.DataFrame:
    """scores.parquet: a row per image of ``split``.

    Args: values, (N,) for each of COLUMNS; calibrated, the confidence (N,) after temperature scaling, if there were
        images to fit the temperature on; otherwise the column is NaN.
    """
    table = {"id": split.ids, "label": np.asarray(split.labels)}
    table |= {name: values[name].cpu().numpy() for name in COLUMNS}
    unknown = np.full(len(split), np.nan, np.float32)
    return pd.DataFrame(
        table | {"temperature_confidence": unknown if calibrated is None else calibrated.float().cpu().numpy()}
    )
