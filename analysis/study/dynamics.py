"""What the curves of training show beyond the verdicts: single epochs, parts of training, and its end."""

import itertools
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis import statistics
from analysis.study.results import NetworkResults

OUTLYING = 1.5  # times both neighbours: from there on the norm of a single epoch stands out


def between_drops(curves: pd.DataFrame) -> pd.DataFrame:
    """How mean norm and accuracy change together between drops of the learning rate: a row per (arch, part).

    curves: ``tables.epoch_means``. Columns: arch; first, last (epochs); value (Spearman's correlation over epochs; NaN
    if the part has fewer than 3); and norm and accuracy at both ends: norm_first, norm_last, accuracy_first,
    accuracy_last. Parts of one epoch are left out.
    """
    rows = []
    for arch, curve in curves.groupby("arch", sort=False):
        means = curve.pivot(index="epoch", columns="measure", values="mean")
        drops = curve[curve["measure"] == "norm"].set_index("epoch")["drop"]
        for _, part in means.groupby(drops.cumsum()):
            if len(part) < 2:
                continue
            row = {"arch": arch, "first": part.index[0], "last": part.index[-1], "value": np.nan}
            if len(part) > 2:
                row["value"] = float(statistics.curve_correlation(part["norm"].to_numpy(), part["accuracy"].to_numpy()))
            for name in ("norm", "accuracy"):
                row |= {f"{name}_first": part[name].iloc[0], f"{name}_last": part[name].iloc[-1]}
            rows.append(row)
    return pd.DataFrame(rows)


def outlying_norms(curves: pd.DataFrame) -> pd.DataFrame:
    """Epochs whose mean norm exceeds those of both neighbours by half: a row per (arch, epoch).

    curves: ``tables.epoch_means``. Columns: arch, epoch, and the mean norm before, in and after it: before, value,
    after.
    """
    norms = curves[curves["measure"] == "norm"].sort_values("epoch")
    beside = norms.groupby("arch", sort=False)["mean"]
    found = norms.assign(before=beside.shift(1), value=norms["mean"], after=beside.shift(-1))
    found = found[found["value"] > OUTLYING * found[["before", "after"]].max(axis=1, skipna=False)]
    return found[["arch", "epoch", "before", "value", "after"]].reset_index(drop=True)


def pairs_by_accuracy(curves: pd.DataFrame) -> pd.DataFrame:
    """Pairs of networks of which one is clearly more accurate after its last epoch, and their mean AVH: a row per pair.

    curves: ``tables.epoch_means``. Two means differ clearly if their intervals do not overlap. Columns: better, worse
    (archs), avh_higher (whether the better one's AVH is clearly higher), avh_lower, n; and mean, low and high of
    accuracy and AVH for both, such as accuracy_better_low.
    """
    last = curves.sort_values("epoch").groupby(["arch", "measure"], sort=False).last()
    rows = []
    for better, worse in itertools.permutations(curves["arch"].unique(), 2):
        means = {
            f"{measure}_{name}": last.loc[(arch, measure), ["mean", "low", "high"]]
            for measure in ("accuracy", "avh")
            for name, arch in (("better", better), ("worse", worse))
        }
        if means["accuracy_better"]["low"] <= means["accuracy_worse"]["high"]:
            continue
        row = {"better": better, "worse": worse, "n": last.loc[(better, "accuracy"), "n"]}
        row["avh_higher"] = means["avh_better"]["low"] > means["avh_worse"]["high"]
        row["avh_lower"] = means["avh_better"]["high"] < means["avh_worse"]["low"]
        rows.append(row | {f"{name}_{end}": value for name, found in means.items() for end, value in found.items()})
    return pd.DataFrame(rows)


class End(NamedTuple):
    """The training loss over the last tenth of the epochs."""

    since: int  # the epoch after which it begins
    epochs: int
    before: float  # the loss after it
    last: float
    share: float  # of the whole fall since epoch 1; NaN if the loss did not fall


def end_of_training(run: NetworkResults) -> End | None:
    """How far the training loss falls in the last tenth of the epochs; None for a single epoch."""
    loss = run.training["loss"].to_numpy(dtype=float)
    epochs = len(loss)
    if epochs < 2:
        return None
    since = min(epochs - 1, round(0.9 * epochs))
    before, last, whole = loss[since - 1], loss[-1], loss[0] - loss[-1]
    return End(since, epochs, before, last, (before - last) / whole if whole > 0 else np.nan)


def rounded_angles(runs: dict[str, NetworkResults], steps: pd.DataFrame) -> pd.DataFrame:
    """Networks whose mean angle falls by less than the step in which angles are stored: arch, fall, step (radians).

    The step is the smallest difference between angles at step 0. steps: ``tables.step_means``.
    """
    rows = []
    for arch, run in runs.items():
        means = steps[(steps["arch"] == arch) & (steps["measure"] == "angle")].sort_values("step")["mean"]
        angles = np.unique(run.iterations.loc[run.iterations["step"] == 0, "angle"].dropna())
        fall, step = means.iloc[0] - means.iloc[-1], float(np.diff(angles).min()) if len(angles) > 1 else 0.0
        if 0 < fall < step:
            rows.append({"arch": arch, "fall": fall, "step": step})
    return pd.DataFrame(rows, columns=["arch", "fall", "step"])
