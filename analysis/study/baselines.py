"""Other scores beside AVH: which of them follows people, how closely, and what is left of it given correctness.

Critics of the paper missed the loss, the margin, the entropy and a calibrated confidence. Each is compared with AVH on
the same images: Spearman's correlation with human selection frequency (HSF), its share of the noise ceiling, the
partial correlation given whether the network is correct, and the paired difference from AVH.

Three of the scores rank images exactly as another does, whatever the network: the loss is -log of confidence, the
cosine falls as the angle rises, and AVH over the other classes is AVH / (1 - AVH).
"""

import numpy as np
import pandas as pd

from analysis import statistics
from analysis.catalogue import COMPARED, SCORES
from analysis.statistics import Estimate
from analysis.study.results import NetworkResults, StudyResults


def compare_baselines(study: StudyResults, ceiling: Estimate) -> pd.DataFrame:
    """Every score of every network against HSF: a row per (score, arch), empty where nobody was asked.

    A network's scores are compared over the images at which all of them are defined. One that no image has is left out.

    Columns: score, arch, n; value, low, high (Spearman's correlation with HSF); expected (its expected sign);
    label (whether the score uses the true label); share (|value| over the ceiling); partial, partial_low, partial_high
    (the correlation given correctness; NaN where the network is right everywhere or nowhere); lead, lead_low,
    lead_high (|value| less that of AVH, paired over images; above 0 where the score follows people more closely).
    """
    if not study.has_people:
        return pd.DataFrame()
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
    """The scores that a network has of no image: its tables are older, or lack what the score is made of."""
    return [score for score in COMPARED if score not in run.scores or run.scores[score].isna().all()]


def turned_baselines(table: pd.DataFrame) -> pd.DataFrame:
    """The correlations, signs reversed so that the expected one is positive: score, arch, mean, low, high, n."""
    if table.empty:
        return table
    down = table["expected"] < 0
    ends = table["low"].where(~down, -table["high"]), table["high"].where(~down, -table["low"])
    columns = {"mean": table["value"] * table["expected"], "low": ends[0], "high": ends[1], "n": table["n"]}
    return table[["score", "arch"]].assign(**columns)


def numerator(study: StudyResults) -> pd.DataFrame:
    """How nearly AVH ranks images as its numerator alone does: a row per arch with value, low, high, n (Spearman)."""
    return pd.DataFrame(
        {"arch": arch, **statistics.correlation(run.scores["avh"], run.scores["angle"])._asdict()}
        for arch, run in study.runs.items()
    )
