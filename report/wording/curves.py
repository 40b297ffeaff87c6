"""Curves over epochs or steps, in words."""

import pandas as pd

from report import styles
from report.text import count, short
from report.wording.forms import direction, each


def describe_curves(table: pd.DataFrame) -> list[tuple[str, str]]:
    """How many curves of each measure rise or fall, and where each starts and ends, by network.

    table: arch, measure, epoch or step, mean, and ``bin`` or ``example`` if a panel has several curves; one row per
    point.
    """
    time = "step" if "step" in table else "epoch"
    several = next((name for name in ("bin", "example") if name in table), None)
    groups = ["arch", several] if several else ["arch"]
    table = table.dropna(subset="mean")
    ends = table.groupby(["measure", *groups], sort=False, observed=True)["mean"].agg(["first", "last"])
    changes = [
        f"{styles.score_label(measure)} {direction(rows['first'], rows['last'])}"
        for measure, rows in each(ends, "measure")
    ]
    over = f"Of these, from {time} {table[time].min()} to {table[time].max()}"
    parts = [(over, ", ".join(changes))]
    for arch in table["arch"].unique():
        for key, curve in each(table[table["arch"] == arch], groups):
            ends = []
            for measure, points in each(curve, "measure"):
                first, last = points["mean"].iloc[0], points["mean"].iloc[-1]
                ends.append(f"{styles.score_label(measure)} {short(first)} to {short(last)}")
            where = {None: "", "bin": f", HSF {key[-1]}", "example": f", {key[-1]} image"}[several]
            parts.append((f"{styles.label(arch)}{where}", ", ".join(ends)))
    return parts


def describe_training(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Where each curve in the figure of ``tables.training_curves`` starts and ends."""
    parts = [("Epochs", count(table["epoch"].max()))]
    for (measure, series), points in each(table, ["measure", "series"]):
        first, last = points["mean"].iloc[0], points["mean"].iloc[-1]
        of = "" if measure == "learning_rate" else f" on {series} images"
        parts.append((f"{styles.score_label(measure)}{of}", f"{short(first)} to {short(last)}"))
    return parts
