"""The effect of the last layers of a network on AVH: one backbone with several heads, over seeds."""

import pandas as pd

from analysis.study import starts
from analysis.study.results import StudyResults, of_people


@of_people
def by_head(study: StudyResults) -> pd.DataFrame:
    """Correlation of AVH with HSF for each head, over all images and the correctly classified ones: as in ``starts``.

    ``accuracy``: the mean over the seeds of the head.
    """
    table = starts.on_both(starts.with_people_over_starts, study, ["avh"])
    means = {
        arch: sum(start.scores["correct"].mean() for start in run.starts) / len(run.starts)
        for arch, run in study.runs.items()
    }
    return table.assign(accuracy=table["arch"].map(means))
