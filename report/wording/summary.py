"""The numbers of a study at a glance, in words."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics import Estimate
from analysis.study.claims import FEWEST_IMAGES
from analysis.study.results import StudyResults
from analysis.study.tables import CORRELATED, accuracy
from report import styles
from report.text import captioned, count, percent, percent_with_interval, with_interval
from report.wording.forms import across, each, sizes, value_of

QUANTITIES = {
    "accuracy": "test accuracy",
    "avh": "AVH",
    "confidence": "confidence",
    "norm_in_class": "norm within class",
    "lead": "|AVH| − |confidence|",
}


def summary_caption(_: pd.DataFrame, ceiling: Estimate) -> str:
    """The caption of the table below."""
    if np.isnan(ceiling.value):
        return "Test accuracy, with its 95 % interval over images. There are no human labels for these images."
    return (
        "Test accuracy, and Spearman's correlation of AVH, of confidence and of the norm within each class with human "
        "selection frequency. |AVH| − |confidence| is the lead of AVH over confidence, paired over images. All with "
        f"95 % intervals over images. In round brackets, the share of the noise ceiling, {with_interval(ceiling)}."
    )


@captioned(summary_caption)
def summary_table(table: pd.DataFrame, ceiling: Estimate) -> pd.DataFrame:
    """``tables.summary`` for readers: a row per quantity, a column per network, and the number of images."""

    def cell(row: Any) -> str:
        said = percent_with_interval(row) if row.quantity == "accuracy" else value_of(row)
        of_ceiling = row.quantity in CORRELATED and ceiling.value > 0
        return f"{said} ({percent(abs(row.value) / ceiling.value)})" if of_ceiling else said

    readable = across(table, lambda row: {"": QUANTITIES[row.quantity]}, cell)
    return readable.assign(n=[sizes(rows["n"]) for _, rows in each(table, "quantity")])


def against_avh(table: pd.DataFrame) -> str:
    """Which of two results that would count against AVH occurred, for one network, by ``tables.summary``."""
    rows = table.set_index("quantity")
    if "avh" not in rows.index:
        return ""
    avh, lead = rows.loc["avh"], rows.loc["lead"]
    numbers = (
        f"The correlation of AVH with HSF is {with_interval(avh, n=False)}, and its lead over confidence, the "
        f"difference between the absolute values of their correlations, is {with_interval(lead)}."
    )
    if rows.loc[["avh", "lead"], ["low", "high"]].isna().any(axis=None):
        return f"{numbers} Without both intervals, neither result can be judged."
    if rows.loc[["avh", "lead"], "n"].min() < FEWEST_IMAGES:
        return f"{numbers} With fewer than {FEWEST_IMAGES} images, neither result can be judged."
    occurred = {
        (False, False): "neither occurred",
        (True, False): "one occurred: the correlation does not lie below 0",
        (False, True): "one occurred: confidence correlates with HSF as strongly or more strongly",
        (True, True): "both occurred",
    }[not avh["high"] < 0, not lead["low"] > 0]
    return f"{numbers} Of the two results that would count against AVH, {occurred}."


def accuracy_sentence(study: StudyResults, arch: str) -> str:
    """The share of test images that a network classifies correctly, and chance."""
    found = accuracy(study.runs[arch])
    return (
        f"After the last epoch, {styles.label(arch)} classifies {percent(found.value)} of the test images correctly "
        f"(95 % interval {percent(found.low)} to {percent(found.high)}, n = {count(found.n)}). Chance would be "
        f"{percent(1 / len(study.dataset['classes']))}."
    )
