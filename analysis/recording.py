"""Recording a finished study in the repository: compact copies of the tables that its chapters read, with stamps.

    recorded/<study>/dataset.json, images.parquet          as in results/, without human labels
    recorded/<study>/<arch>/scores.parquet, training.parquet, run.json        unchanged
    recorded/<study>/<arch>/epochs.parquet, iterations.parquet    the columns that chapters need, compact
    recorded/<study>/<arch>/seed-<seed>/      another seed of the network: only its scores, training and run.json

For a study with only some of its pages, the first seed is recorded like the others, with the main scores only.

Human labels and images belong to others and are not copied: labels are joined when the tables are read, from the user's
own copy, and checked by their hash. Chapters read a record like results, with ``results_dir`` set to recorded.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from analysis import probes, runs
from analysis.parameters import StudyParameters
from analysis.pipeline import answers_hash
from analysis.probes import EPOCHS, ITERATIONS, moments
from analysis.runs import DATASET, IMAGES
from analysis.studies import RECORDED_STUDIES

RECORDED = RECORDED_STUDIES.name
MAIN = ("id", "label", "predicted", "correct", "confidence", "norm", "angle", "avh", "angular_margin")
DYNAMICS = {"epochs": EPOCHS, "iterations": ITERATIONS}
ANSWER_COLUMNS = r"selected|shown|count_\d+"


def record(
    parameters: StudyParameters, archs: Iterable[str], folder: Path = Path(RECORDED), *, whole: bool = True
) -> Path:
    """Copy the tables of a finished study to ``folder/<study>``, without human labels. Returns the folder.

    whole: whether the probes of training, which take most of the space, and all scores are kept.

    Raises InputError if a run is not finished, or a value exceeds half precision.
    """
    source, target = parameters.study_dir, folder / parameters.study_name
    stamps = {arch: runs.read_run(source / arch) for arch in archs}  # all of them, before any is written
    images = runs.read_table(source / IMAGES)
    runs.write_table(target / IMAGES, images.drop(columns=images.filter(regex=f"^({ANSWER_COLUMNS})$").columns))
    for arch, stamp in stamps.items():
        trained = runs.TABLES if whole else runs.OF_ANOTHER_START
        copy(source / arch, target / arch, stamp, runs.MEASURED if "measured" in stamp else trained, whole)
        for run in runs.finished_runs(source / arch, runs.OTHER_SEEDS):
            copy(run, target / arch / run.name, runs.read_run(run), runs.OF_ANOTHER_START, whole)
    runs.write_stamp(target / DATASET, runs.read_stamp(source / DATASET) | {"answers": answers_hash(images)})
    return target


def copy(source: Path, target: Path, stamp: dict[str, Any], names: Iterable[str], whole: bool) -> None:
    """Copy these tables of a run, and its stamp; of the scores all, or the main ones."""
    for name in names:
        table = runs.read_table(source / f"{name}.parquet", DYNAMICS.get(name))
        if name == "scores" and not whole:
            table = table[[column for column in MAIN if column in table]]
        if name == "epochs":  # a third of the size; confidences are used at these epochs only
            asked = table["epoch"].isin(moments(int(table["epoch"].max())))
            table["confidence"] = table["confidence"].where(asked)
        write = probes.write_probes if name in DYNAMICS else runs.write_table
        write(target / f"{name}.parquet", table)
    runs.write_stamp(target / runs.RUN, stamp)
