"""How well each score finds disputed images, over images and seeds.

Two events: fewer than DISPUTED of the annotators chose the label; and some other class was chosen more often than the
label, which needs full label counts. Images are searched from the hard end of a score: large AVH, angle, angular margin
or entropy; small confidence, margin or norm.
"""

from typing import Any

import numpy as np
import pandas as pd

from analysis import statistics
from analysis.catalogue import COMPARED, SCORES
from analysis.statistics import Array
from analysis.study import starts
from analysis.study.results import StudyResults

DISPUTED = 0.8  # HSF below it
FIRSTS = (50, 100, 500)  # images that a person would inspect
SEARCHED = [name for name in COMPARED if SCORES[name].formula and not SCORES[name].twin]  # one per order of magnitude
DISPUTE, RENAMED = EVENTS = ("disputed", "renamed")


def events(study: StudyResults) -> dict[str, Array]:
    """Each event for each image, (N,), 0 or 1, NaN without human labels; RENAMED needs full label counts."""
    if not study.has_people:
        return {}
    hsf = study.hsf
    found = {DISPUTE: np.where(np.isnan(hsf), np.nan, hsf < DISPUTED)}
    if study.counts is not None:
        own = np.eye(study.counts.shape[1], dtype=bool)[study.images["label"]]
        others = np.where(own, -1, study.counts)
        found[RENAMED] = np.where(np.isnan(hsf), np.nan, others.max(axis=1) > study.images["selected"])
    return found


def detect(study: StudyResults) -> pd.DataFrame:
    """Measures of each score over seeds: a row per (event, images, arch, score, measure, start), as in ``starts``.

    measure: "auroc", "average precision" and, for each of FIRSTS, "first 50": the share of images with the event among
    the first 50 (without intervals, except "first 100"). ``positives`` of ``n`` images have the event. ``chance``: the
    expected value of a score without any information.
    """
    rows = []
    for event, holds in events(study).items():
        for correct in (False, True):
            for arch, run in study.runs.items():
                there = {s: -SCORES[s].sign * starts.columns(run, s, correct) for s in SEARCHED if starts.has(run, s)}
                found = statistics.detection_over_starts(there, holds, FIRSTS[1])
                more = {k: statistics.detection_over_starts(there, holds, k, resamples=0) for k in FIRSTS}
                for score, column in there.items():
                    positives = int(np.nansum(holds[~np.isnan(column).any(0)]))
                    measures = {"auroc": found[score]["auroc"], "average precision": found[score]["average_precision"]}
                    measures |= {f"first {k}": more[k][score]["precision"] for k in FIRSTS}
                    measures[f"first {FIRSTS[1]}"] = found[score]["precision"]
                    head: dict[str, Any] = {
                        "event": event,
                        "images": starts.CORRECT if correct else starts.ALL_IMAGES,
                        "arch": arch,
                    }
                    head |= {"score": score, "positives": positives}
                    for measure, value in measures.items():
                        for row in starts.rows_of(run, value):
                            chance = 0.5 if measure == "auroc" else positives / max(1, row["n"])
                            rows.append(head | {"measure": measure, "chance": chance} | row)
    return pd.DataFrame(rows)
