"""What several starts say, and what scores find, in a reader's words."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.catalogue import SCORES
from analysis.study.claims import CLAIMS
from analysis.study.disputed import DISPUTE, DISPUTED, FIRSTS, RENAMED
from analysis.study.results import StudyResults
from analysis.study.starts import ALL_IMAGES, CORRECT, MEAN, has, repeated
from report import styles, text

STARTS_CAPTION = (
    "Spearman's correlation with human selection frequency, from each start; the mean over starts and their standard "
    "deviation (SD); the mean's 95 % interval over images, with these starts fixed, and over images and starts. n: "
    "images."
)
EVENTS = {DISPUTE: f"HSF below {DISPUTED}", RENAMED: "most people choose another class"}
SEEN = "found after seeing data; CIFAR-10H's other seeds and the simulated study are the test"


def starts_said(study: StudyResults) -> str:
    """How many starts each network has, and what that lets intervals tell."""
    counts = {len(run.starts) for run in study.runs.values()}
    if not repeated(study):
        return "Each network has one start here: intervals are over test images alone."
    said = listing_of_counts(counts)
    return (
        f"Each network was trained from {said}, alike but for the seed of its weights and of the images' order. Other "
        "figures and numbers of this page are of the first."
    )


def starts_judged(study: StudyResults) -> str:
    """Of which starts verdicts are."""
    if not repeated(study):
        return starts_said(study)
    return (
        "Verdicts and numbers are of each network's first start. Claims that rest on its final scores "
        f"({text.listing(claim.id for claim in CLAIMS if claim.of_scores)}) are judged for its other starts too: "
        "“2 of 3 starts” have the verdict that is shown."
    )


def listing_of_counts(counts: set[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low} starts" if low == high else f"{low} to {high} starts"


@text.captioned(STARTS_CAPTION)
def starts_table(table: pd.DataFrame) -> pd.DataFrame:
    """A table of ``starts`` for readers: a row per number, with each start's, their spread and both intervals.

    Empty where no network has several starts.
    """
    if table.empty or (table["starts"] < 2).all():
        return pd.DataFrame()
    return _rows(table)


@text.captioned(STARTS_CAPTION)
def numbers_table(table: pd.DataFrame) -> pd.DataFrame:
    """The same, also where each network has one start."""
    return pd.DataFrame() if table.empty else _rows(table)


def _rows(table: pd.DataFrame) -> pd.DataFrame:
    keys = [
        name
        for name in ("images", "score", "other", "arch")
        if name in table and (name == "arch" or table[name].nunique() > 1)
    ]
    rows = []
    for key, part in table.groupby(keys, sort=False):
        mean, each = part[part["start"] == MEAN].iloc[0], part[part["start"] != MEAN]
        row = {"arch": "network", "other": "against"}
        row = {row.get(name, name): _word(name, value) for name, value in zip(keys, key, strict=True)}
        row["each start"] = ", ".join(text.number(value) for value in each["value"])
        if (table["starts"] > 1).any():
            row |= {"mean": text.number(mean["value"]), "SD": _number(mean["deviation"], 3)}
        row["over images"] = text.bracketed(mean["low"], mean["high"])
        if (table["starts"] > 1).any():
            row["over images and starts"] = _ends(mean)
        rows.append(row | {"n": text.count(mean["n"])})
    return pd.DataFrame(rows)


def _word(name: str, value: str) -> str:
    if name == "arch":
        return styles.architecture(value).label
    return styles.SCORES[value].label if value in styles.SCORES else value


def _number(value: float, digits: int) -> str:
    return "" if np.isnan(value) else text.number(value, digits)


def _ends(row: Any) -> str:
    return "" if np.isnan(row["both_low"]) else text.bracketed(row["both_low"], row["both_high"])


def widest(row: Any) -> tuple[float, float]:
    """A mean's interval over images and starts; over images where there is one start."""
    return (row["low"], row["high"]) if np.isnan(row["both_low"]) else (row["both_low"], row["both_high"])


def lacks_margin(study: StudyResults) -> str:
    """Which networks' tables have no angular margin."""
    names = [styles.architecture(arch).label for arch, run in study.runs.items() if not has(run, "angular_margin")]
    if not names:
        return ""
    return f"The tables of {text.listing(names)} are older than the angular margin and lack it: they are left out here."


def margin_leads(table: pd.DataFrame) -> list[str]:
    """Whether the angular margin follows people more closely than each other score does: a sentence for each."""
    sentences = []
    for images, other in ((i, o) for i in (ALL_IMAGES, CORRECT) for o in table["other"].unique()) if len(table) else ():
        rows = table[(table["images"] == images) & (table["other"] == other) & (table["start"] == MEAN)]
        cases: dict[str, list[str]] = {
            "more closely than": [],
            "less closely than": [],
            "neither clearly more nor less closely than": [],
        }
        for row in rows.to_dict("records"):
            low, high = widest(row)
            case = 0 if low > 0 else 1 if high < 0 else 2
            cases[list(cases)[case]].append(
                f"{styles.architecture(row['arch']).label} ({text.number(row['value'])} {text.bracketed(low, high)})"
            )
        parts = [
            f"{how} {styles.SCORES[other].label} under {text.listing(names)}" for how, names in cases.items() if names
        ]
        where = "Over all images" if images == ALL_IMAGES else "Among images that every start classifies correctly"
        sentences.append(f"{where} the angular margin follows people {'; '.join(parts)}.")
    return sentences


def drawn(table: pd.DataFrame, rows: str, panels: Sequence[str] = ("images",)) -> pd.DataFrame:
    """A table of ``starts`` as ``figure_starts`` draws it: single starts, ``label`` from a column, signs reversed.

    rows: "score" or "arch". A score that is low for easy images has its sign reversed, as its label's minus says.
    """
    if table.empty:
        return table
    table = table[table["start"] != MEAN].reset_index(drop=True)
    table = table.assign(panel=table[list(panels)].agg(",\n".join, axis=1), label=[_word(rows, v) for v in table[rows]])
    return table if "chance" in table else table.assign(chance=np.nan)


def turned_points(table: pd.DataFrame) -> pd.DataFrame:
    """Correlations with their signs reversed where a score is low for easy images; its label has a minus then."""
    if table.empty:
        return table
    down = table["score"].map(lambda score: SCORES[score].sign < 0)
    low, high = table["low"].where(~down, -table["high"]), table["high"].where(~down, -table["low"])
    label = np.where(down, text.MINUS + table["label"], table["label"])
    return table.assign(value=table["value"].where(~down, -table["value"]), low=low, high=high, label=label)


def describe_starts(table: pd.DataFrame) -> str:
    """``drawn`` for who cannot see its figure."""
    parts = []
    for (panel, arch, label), rows in table.groupby(["panel", "arch", "label"], sort=False) if len(table) else ():
        name = styles.architecture(arch).label
        under = "" if name == label else f" under {name}"
        parts.append(f"{text.flow(panel)}, {label}{under}: {', '.join(map(text.number, rows['value']))}")
    return f"{'. '.join(parts)}." if parts else "No number."


def detected(table: pd.DataFrame) -> pd.DataFrame:
    """AUROC as ``figure_starts`` draws it, a panel for each event and set of images."""
    if table.empty:
        return table
    table = table[table["measure"] == "auroc"]
    return drawn(table.assign(event=table["event"].map(EVENTS)), "score", ("event", "images"))


def sought(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Each event with each set of images."""
    return [] if table.empty else list(table.groupby(["event", "images"], sort=False).groups)


def detections_title(event: str, images: str) -> str:
    """What a click on that table's title opens."""
    return text.sentence(f"{EVENTS[event]}, {images}")[:-1]


def detections_table(table: pd.DataFrame, event: str, images: str) -> pd.DataFrame:
    """``disputed.detect`` of one event and set of images for readers: a row per (network, score)."""
    if table.empty:
        return table
    rows = []
    means = table[(table["event"] == event) & (table["images"] == images) & (table["start"] == MEAN)]
    for (arch, score), part in means.groupby(["arch", "score"], sort=False):
        of = part.set_index("measure")
        row = {"network": styles.architecture(arch).label, "score": styles.SCORES[score].label}
        for measure, head in (("auroc", "AUROC"), ("average precision", "average precision")):
            row[head] = f"{text.number(of.loc[measure, 'value'])} {text.bracketed(*widest(of.loc[measure]))}"
        row |= {f"first {k}": text.percent(of.loc[f"first {k}", "value"]) for k in FIRSTS}
        chance = of.loc["average precision", "chance"]
        rows.append(
            row
            | {
                "chance": text.percent(chance) if chance >= 0.01 else f"{100 * chance:.1f}{text.THIN}%",
                "images": f"{text.count(of['positives'].iloc[0])} of {text.count(of['n'].iloc[0])}",
            }
        )
    return pd.DataFrame(rows)


def detections_caption(event: str, images: str) -> str:
    """The caption of that table."""
    what = f"with {EVENTS[event]}" if event == DISPUTE else f"of which {EVENTS[event]}"
    where = "all images" if images == ALL_IMAGES else "images that every start classifies correctly"
    return (
        f"How well each score finds the images {what}, among {where}: AUROC and average precision, means over starts "
        "with 95 % intervals over images and, where a network has several starts, over starts; the share of such "
        f"images among the {text.listing(map(str, FIRSTS))} hardest; what a score without any information has by "
        "chance (0.5 of AUROC); and how many such images there are."
    )


def detections_tables(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table for each event and set of images, behind a title: what ``Page.show_tables`` takes."""
    return [
        {
            "table": detections_table(table, event, images),
            "name": f"{event}-{images.split()[0]}",
            "caption": detections_caption(event, images),
            "data": table[(table["event"] == event) & (table["images"] == images)],
            "behind": detections_title(event, images),
        }
        for event, images in sought(table)
    ]


def best_finders(table: pd.DataFrame) -> list[str]:
    """Which score finds each event best under each network, and what AVH has beside it: a sentence per event."""
    sentences = []
    means = table[(table["start"] == MEAN) & (table["measure"] == "auroc")] if len(table) else table
    for (event, images), part in means.groupby(["event", "images"], sort=False) if len(means) else ():
        said = []
        for arch, rows in part.dropna(subset="value").groupby("arch", sort=False):
            best, avh = rows.loc[rows["value"].idxmax()], rows[rows["score"] == "avh"].iloc[0]
            said.append(
                f"{styles.SCORES[best['score']].label} under {styles.architecture(arch).label} (AUROC "
                f"{text.number(best['value'])}, AVH {text.number(avh['value'])})"
            )
        if said:
            sentences.append(f"{text.sentence(EVENTS[event])[:-1]}, {images}: found best by {text.listing(said)}.")
    return sentences


def heads_said(table: pd.DataFrame) -> str:
    """What the heads do to AVH, from the numbers alone."""
    if table.empty:
        return "Nobody was asked about these images."
    means = table[table["start"] == MEAN]
    parts = []
    for images, rows in means.groupby("images", sort=False):
        ordered = rows.sort_values("value")
        values = [
            f"{text.number(r['value'])} {text.bracketed(*widest(r))} under {styles.architecture(r['arch']).label}"
            for r in ordered.to_dict("records")
        ]
        parts.append(
            f"Over {images if images == ALL_IMAGES else 'images that every start classifies correctly'} AVH's "
            f"correlation with HSF is {text.listing(values)}."
        )
    first = means[means["images"] == ALL_IMAGES]
    spread, within = first["value"].max() - first["value"].min(), first["deviation"].median()
    if np.isfinite(within):
        parts.append(
            f"Over all images heads differ by up to {text.number(spread)}, starts of one head by a standard deviation "
            f"of {text.number(within, 3)} (median over heads)."
        )
    accuracies = first.set_index("arch")["accuracy"]
    parts.append(f"Accuracy is {text.percent(accuracies.min())} to {text.percent(accuracies.max())}.")
    return " ".join(parts)
