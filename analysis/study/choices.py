"""How ambiguous passages of the paper can be read: choices that a rule takes (see book/reading.md)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.statistics import EDGES, Array, Kind
from analysis.study.results import StudyResults

STRONG = 0.5  # a correlation of at least this size is strong


class Choices(NamedTuple):
    """How each ambiguous passage is read. The defaults are the readings of this book."""

    hardness: str = "quotient"  # Def. 3, a name in HARDNESS
    coefficient: Kind = "spearman"  # the meaning of "correlated"
    images: str = "all"  # the images used for the correlation, a name in SUBSETS
    strong: float = STRONG  # H1, P2b: the size from which a correlation with HSF is strong
    norm: str = "in class"  # Sec. 2.2, a name in NORMS
    bins: str = "right-closed"  # Sec. 3, a name in BINS
    fewest_in_bin: int = 10  # with fewer images the mean of a bin is too uncertain to be ordered (Obs. 3, Obs. 4)
    first_epoch: int = 1  # from which AVH and accuracy reach a plateau (Obs. 2); 0 is the initial network
    angle_in_class: bool = False  # App. A: HSF with the last angle minus the mean of its class
    average: str = "mean"  # of AVH in a bin (Obs. 4); or "median"
    recounted: bool = True  # Fig. 7: HSF recomputed for the group of classes


BOOK = Choices()  # the readings of this book


HARDNESS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "quotient": lambda scores: scores["avh"],
    "others": lambda scores: scores["avh_others"],
    "product": lambda scores: scores["angle"] ** 2 / scores["avh"],  # the sum of all angles is angle / AVH
    "angle": lambda scores: scores["angle"],
}
NORMS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "in class": lambda scores: scores["norm_in_class"],
    "raw": lambda scores: scores["norm"],
    "standardised": lambda scores: scores.groupby("label")["norm"].transform(lambda x: (x - x.mean()) / x.std()),
}
SUBSETS: dict[str, Callable[[StudyResults], Array]] = {
    "all": lambda study: np.ones(len(study.images), dtype=bool),
    "agreed": lambda study: study.images["selected"].to_numpy() == np.asarray(study.counts).max(axis=1),
    "disputed": lambda study: study.hsf < 1,
}
BINS: dict[str, Callable[[StudyResults], dict[str, Any]]] = {
    "right-closed": lambda study: {"edges": EDGES, "closed": "right"},
    "left-closed": lambda study: {"edges": EDGES, "closed": "left"},
    "equal size": lambda study: {"edges": np.unique(np.quantile(study.hsf, np.arange(len(EDGES)) / (len(EDGES) - 1)))},
}
