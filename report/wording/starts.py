"""Results over several seeds, in words."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.catalogue import SCORES
from analysis.study.baselines import turned_where
from analysis.study.claims import CLAIMS
from analysis.study.results import StudyResults, unless_empty
from analysis.study.starts import ALL_IMAGES, MEAN, has, repeated
from report import styles, text
from report.wording.forms import by_network, by_side, each, extremes, joined_sentences, span, undefined_for

STARTS_CAPTION = (
    "Spearman's correlation with human selection frequency for each seed; the mean over seeds and the standard "
    "deviation (SD); 95 % intervals of the mean over images, with the seeds fixed, and over images and seeds. n: "
    "number of images."
)
SEEN = (
    "proposed after seeing data. The other seeds for CIFAR-10H test whether it depends on the seed, on the same images "
    "and labels; ImageNet's sample and the simulated study have images of their own"
)


def seeds_said(study: StudyResults) -> str:
    """The number of seeds per network, and what intervals therefore include."""
    if repeated(study):
        counts = sorted(len(run.starts) for run in study.runs.values())
        return (
            f"Each network was trained with {span(map(str, counts))} random seeds, which set the initial weights and "
            "the order of the images."
        )
    one = "Each network was trained with one seed"
    if any(run.measured for run in study.runs.values()):
        one = "There is one given set of weights per network" if study.measured else "There is one run per network"
    return f"{one}, so intervals are over test images only."


def first_seed_shown(study: StudyResults) -> str:
    """For a page whose figures and numbers are for the first seed, but for those on other seeds."""
    first = " The other figures and numbers on this page are for the first seed." if repeated(study) else ""
    return f"{seeds_said(study)}{first}"


def every_seed_shown(study: StudyResults) -> str:
    """For a page on which all figures and numbers are for all seeds."""
    every = " Figures show every seed; the text and the tables give means over seeds." if repeated(study) else ""
    return f"{seeds_said(study)}{every}"


def starts_judged(study: StudyResults) -> str:
    """Which seeds the verdicts are for."""
    if not repeated(study):
        return seeds_said(study)
    return (
        "Verdicts and numbers are for the first seed of each network. Claims about final scores "
        f"({text.listing(claim.id for claim in CLAIMS if claim.of_scores)}) are also judged for the other seeds: "
        "“2 of 3 seeds” means that two of three seeds have this verdict."
    )


@text.captioned(STARTS_CAPTION)
def numbers_table(table: pd.DataFrame) -> pd.DataFrame:
    """A table of ``starts`` for readers: a row per number, with its value for each seed, spread and intervals."""
    heads = {"images": "images", "score": "score", "other": "against", "arch": "network"}
    keys = [name for name in heads if name in table and (name == "arch" or table[name].nunique() > 1)]
    rows = []
    for key, part in each(table, keys):
        mean, single = part[part["start"] == MEAN].iloc[0], part[part["start"] != MEAN]
        row = {heads[name]: _word(name, value) for name, value in zip(keys, key, strict=True)}
        row["each seed"] = ", ".join(map(text.number, single["value"]))
        row |= {"mean": text.number(mean["value"]), "SD": _known(mean["deviation"], text.number(mean["deviation"], 3))}
        row["over images"] = text.bracketed(mean["low"], mean["high"])
        row["over images and seeds"] = _known(mean["both_low"], text.bracketed(mean["both_low"], mean["both_high"]))
        rows.append(row | {"n": text.count(mean["n"])})
    readable = pd.DataFrame(rows)
    of_several = ["mean", "SD", "over images and seeds"]
    return readable if (table["starts"] > 1).any() else readable.drop(columns=of_several)


def _word(name: str, value: str) -> str:
    if name == "arch":
        return styles.label(value)
    return styles.score_label(value) if value in styles.SHOWN_AS else value


def _known(value: float, said: str) -> str:
    return "" if np.isnan(value) else said


def with_widest_intervals(means: pd.DataFrame) -> pd.DataFrame:
    """Means with their intervals over images and seeds; over images if there is one seed."""
    low, high = (means[f"both_{end}"].fillna(means[end]) for end in ("low", "high"))
    return means.assign(low=low, high=high)


def lacks_margin(study: StudyResults) -> str:
    """The networks without an angular margin in their tables."""
    names = [styles.label(arch) for arch, run in study.runs.items() if not has(run, "angular_margin")]
    if not names:
        return ""
    return f"The tables of {text.listing(names)} have no angular margin, so these networks are left out here."


@text.captioned(
    "How much more strongly the angular margin correlates with HSF than another score does: the difference between "
    "Spearman's correlations, with the signs of Figure M1, paired over images and seeds, with 95 % intervals."
)
def margin_leads_table(table: pd.DataFrame) -> pd.DataFrame:
    """``numbers_table`` of the leads of the angular margin."""
    return numbers_table(table)


def margin_leads(table: pd.DataFrame) -> list[str]:
    """Whether the angular margin correlates with HSF more strongly than each other score: a sentence for each."""
    sentences = []
    ways = "more strongly", "less strongly", "neither clearly more nor less strongly"
    for (images, other), rows in each(table[table["start"] == MEAN] if len(table) else table, ["images", "other"]):
        sides = tuple(f"{way} than {styles.score_label(other)} for {{}}" for way in ways)
        widest = with_widest_intervals(rows)
        said = by_side(widest, sides, lambda part: by_network(part, form="{1} ({0})"))
        where = "Over all images" if images == ALL_IMAGES else "Among images classified correctly with every seed"
        known = f"{where}, the angular margin correlates with HSF {said}." if said else ""
        lead = f"{where}, the lead of the angular margin over {styles.score_label(other)}"
        sentences.append(joined_sentences(known, undefined_for(widest, lead)))
    return sentences


@unless_empty()
def plotted_starts(table: pd.DataFrame, rows: str, panels: Sequence[str] = ("images",)) -> pd.DataFrame:
    """A table of ``starts`` as ``figure_starts`` draws it: single seeds, with ``label`` from a column.

    rows: "score" or "arch".
    """
    table = table[table["start"] != MEAN].reset_index(drop=True)
    table = table.assign(panel=table[list(panels)].agg(",\n".join, axis=1), label=[_word(rows, v) for v in table[rows]])
    return table if "chance" in table else table.assign(chance=np.nan)


@unless_empty()
def turned_points(table: pd.DataFrame) -> pd.DataFrame:
    """Correlations with the sign reversed for scores that are low for easy images; their labels get a minus."""
    down = table["score"].map(lambda score: SCORES[score].sign < 0)
    return turned_where(table, down).assign(label=np.where(down, text.MINUS + table["label"], table["label"]))


def describe_starts(table: pd.DataFrame) -> list[tuple[str, str]]:
    """The highest and the lowest row of each panel in the figure of ``plotted_starts``, and the number of each seed."""
    parts = [(text.flow(panel), extremes(rows, "value")) for panel, rows in each(table, "panel")]
    for (panel, arch, label), rows in each(table, ["panel", "arch", "label"]):
        name = styles.label(arch)
        under = "" if name == label else f" for {name}"
        parts.append((f"{text.flow(panel)}, {label}{under}", ", ".join(map(text.number, rows["value"]))))
    return parts
