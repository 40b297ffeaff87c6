"""The effect of a network's head on AVH, in words."""

import numpy as np
import pandas as pd

from analysis.study.results import unless_empty
from analysis.study.starts import ALL_IMAGES, MEAN
from report import text
from report.wording.forms import by_network, each, network_of, value_of
from report.wording.starts import with_widest_intervals


@unless_empty("There are no human labels for these images.")
def heads_said(table: pd.DataFrame) -> str:
    """The effect of the heads on AVH, in numbers."""
    means = table[table["start"] == MEAN]
    parts = []
    for images, rows in each(with_widest_intervals(means), "images"):
        values = by_network(rows.sort_values("value"))
        parts.append(f"Over {_which(images)}, the correlation of AVH with HSF is {values}.")
    first = means[means["images"] == ALL_IMAGES]
    spread, within = first["value"].max() - first["value"].min(), first["deviation"].median()
    if np.isfinite(within):
        parts.append(
            f"Over all images, heads differ by up to {text.number(spread)}; the standard deviation over seeds of one "
            f"head is {text.number(within, 3)} (median over heads)."
        )
    accuracies = first.set_index("arch")["accuracy"]
    parts.append(f"Accuracy is {text.percent(accuracies.min())} to {text.percent(accuracies.max())}.")
    return " ".join(parts)


@unless_empty([])
def strongest_heads(table: pd.DataFrame) -> list[str]:
    """With which head AVH correlates with HSF most and least strongly, and whether the intervals of the two overlap."""
    sentences = []
    for images, rows in each(with_widest_intervals(table[table["start"] == MEAN]), "images"):
        heads = list(rows.dropna(subset="value").sort_values("value").itertuples())
        if len(heads) < 2:
            continue
        first, last = heads[0], heads[-1]
        apart = "do not overlap" if first.high < last.low else "overlap"
        sentences.append(
            f"Over {_which(images)}, AVH falls with HSF most strongly for {network_of(first)} ({value_of(first)}) and "
            f"least strongly for {network_of(last)} ({value_of(last)}); the two intervals {apart}."
        )
    return sentences


def _which(images: str) -> str:
    return images if images == ALL_IMAGES else "images classified correctly with every seed"
