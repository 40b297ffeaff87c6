"""What the last layers of a network do to AVH: one body under several heads, asked over their starts."""

import pandas as pd

from analysis.study import starts
from analysis.study.results import StudyResults


def by_head(study: StudyResults) -> pd.DataFrame:
    """AVH's correlation with HSF under each head, over all images and over the correctly classified: as in ``starts``.

    ``accuracy``: the mean over the head's starts.
    """
    if not study.has_people:
        return pd.DataFrame()
    table = starts.on_both(starts.with_people_over_starts, study, ["avh"])
    means = {
        arch: sum(start.scores["correct"].mean() for start in run.starts) / len(run.starts)
        for arch, run in study.runs.items()
    }
    return table.assign(accuracy=table["arch"].map(means))
