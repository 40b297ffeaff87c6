"""AVH compared with other scores: correlation with HSF, plain and controlling for correctness.

The paper leaves out the loss, the margin, the entropy and a calibrated confidence. Each is compared with AVH on the
same images: Spearman's correlation with human selection frequency (HSF), its share of the noise ceiling, the partial
correlation controlling for correctness, and the paired difference from AVH.

Three scores rank images exactly as another does, for any network: the loss is -log of confidence, the cosine falls as
the angle rises, and AVH over the other classes is AVH / (1 - AVH).
"""

import numpy as np
import pandas as pd

from analysis import statistics
from analysis.catalogue import COMPARED, SCORES
from analysis.statistics import Estimate
from analysis.study.results import NetworkResults, StudyResults, of_people, unless_empty


@of_people
def compare_baselines(study: StudyResults, ceiling: Estimate) -> pd.DataFrame:
    """Every score of every network against HSF: a row per (score, arch); empty without human labels.

    Each score is compared with AVH over the images for which both are defined. Scores that no image has are left out.

    Columns: score, arch, n; value, low, high (Spearman's correlation with HSF); expected (its expected sign);
    label (whether the score uses the true class); share (|value| over the ceiling); partial, partial_low, partial_high
    (the correlation controlling for correctness; NaN if all or no images are correctly classified); lead, lead_low,
    lead_high (|value| minus that of AVH, paired over images; above 0 if the score correlates more strongly).
    """
    parts = []
    for arch, run in study.runs.items():
        columns = {score: run.scores[score] for score in COMPARED if score not in absent(run)}
        parts.append(statistics.compare_scores(columns, study.hsf, run.scores["correct"], "avh").assign(arch=arch))
    rows = pd.concat(parts, ignore_index=True)
    rows["expected"] = [SCORES[score].sign for score in rows["score"]]
    rows["label"] = [SCORES[score].knows_label for score in rows["score"]]
    rows["share"] = rows["value"].abs() / (ceiling.value if ceiling.value > 0 else np.nan)
    return pd.concat([rows[rows["score"] == score] for score in COMPARED], ignore_index=True)


def absent(run: NetworkResults) -> list[str]:
    """The scores that no image has for a network, because its tables are older or lack an input of the score."""
    return [score for score in COMPARED if score not in run.scores or run.scores[score].isna().all()]


@unless_empty()
def turned_baselines(table: pd.DataFrame) -> pd.DataFrame:
    """The correlations, with signs reversed so that the expected sign is positive: score, arch, mean, low, high, n."""
    turned = turned_where(table, table["expected"] < 0).rename(columns={"value": "mean"})
    return turned[["score", "arch", "mean", "low", "high", "n"]]


def turned_where(table: pd.DataFrame, down: pd.Series) -> pd.DataFrame:
    """A table of correlations with their signs reversed where scores are low for easy images."""
    low, high = table["low"].where(~down, -table["high"]), table["high"].where(~down, -table["low"])
    return table.assign(value=table["value"].where(~down, -table["value"]), low=low, high=high)


def numerator(study: StudyResults) -> pd.DataFrame:
    """How similarly AVH and its numerator alone rank images: a row per arch with value, low, high, n (Spearman)."""
    return pd.DataFrame(
        {"arch": arch, **statistics.correlation(run.scores["avh"], run.scores["angle"])._asdict()}
        for arch, run in study.runs.items()
    )
