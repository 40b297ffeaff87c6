"""Results over several seeds, and how well scores find disputed images, in words."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.catalogue import SCORES
from analysis.study.baselines import turned_where
from analysis.study.claims import CLAIMS
from analysis.study.disputed import DISPUTE, DISPUTED, FIRSTS, RENAMED
from analysis.study.results import StudyResults, unless_empty
from analysis.study.starts import ALL_IMAGES, MEAN, has, repeated
from report import styles, text
from report.wording.forms import by_network, by_side, each, span, value_of

STARTS_CAPTION = (
    "Spearman's correlation with human selection frequency for each seed; the mean over seeds and the standard "
    "deviation (SD); 95 % intervals of the mean over images, with the seeds fixed, and over images and seeds. n: "
    "number of images."
)
EVENTS_IN_WORDS = {DISPUTE: f"HSF below {DISPUTED}", RENAMED: "label outvoted"}
SEEN = "proposed after seeing data; the other seeds for CIFAR-10H and the simulated study test it"


def starts_said(study: StudyResults) -> str:
    """The number of seeds per network, and what intervals therefore include."""
    if not repeated(study):
        return "Each network was trained with one seed, so intervals are over test images only."
    counts = sorted(len(run.starts) for run in study.runs.values())
    return (
        f"Each network was trained with {span(map(str, counts))} random seeds, which set the initial weights and the "
        "order of the images. The other "
        "figures and numbers on this page are for the first seed."
    )


def starts_judged(study: StudyResults) -> str:
    """Which seeds the verdicts are for."""
    if not repeated(study):
        return starts_said(study)
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
    return styles.score_label(value) if value in styles.SCORES else value


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
    "How much more strongly the angular margin correlates with HSF than another score does: the difference between the "
    "absolute values of Spearman's correlations, paired over images and seeds, with 95 % intervals."
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
        said = by_side(with_widest_intervals(rows), sides, lambda part: by_network(part, form="{1} ({0})"))
        where = "Over all images" if images == ALL_IMAGES else "Among images classified correctly with every seed"
        sentences.append(f"{where}, the angular margin correlates with HSF {said}.")
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
    """The number of each seed in the figure of ``plotted_starts``."""
    parts = []
    for (panel, arch, label), rows in each(table, ["panel", "arch", "label"]):
        name = styles.label(arch)
        under = "" if name == label else f" for {name}"
        parts.append((f"{text.flow(panel)}, {label}{under}", ", ".join(map(text.number, rows["value"]))))
    return parts


@unless_empty()
def detected(table: pd.DataFrame) -> pd.DataFrame:
    """AUROC as ``figure_starts`` draws it, a panel for each event and set of images."""
    table = table[table["measure"] == "auroc"]
    return plotted_starts(table.assign(event=table["event"].map(EVENTS_IN_WORDS)), "score", ("event", "images"))


def detections_title(event: str, images: str) -> str:
    """The title that opens the table below."""
    return text.sentence(f"{EVENTS_IN_WORDS[event]}, {images}")[:-1]


def detections_caption(table: pd.DataFrame) -> str:
    """The caption of the table below."""
    event, images = table[["event", "images"]].iloc[0]
    what = f"disputed images (HSF below {DISPUTED})" if event == DISPUTE else "images with an outvoted label"
    where = "all images" if images == ALL_IMAGES else "images classified correctly with every seed"
    return (
        f"How well each score finds {what} among {where}: AUROC and average precision, means over seeds with 95 % "
        "intervals over images and, for networks with several seeds, over seeds; the share of such images among the "
        f"{text.listing(map(str, FIRSTS))} hardest; this share and the average precision by chance (AUROC by chance is "
        "0.5); and the number of such images."
    )


@text.captioned(detections_caption)
def detections_table(table: pd.DataFrame) -> pd.DataFrame:
    """``disputed.detect`` of one event and set of images for readers: a row per (network, score)."""
    rows = []
    for (arch, score), part in each(with_widest_intervals(table[table["start"] == MEAN]), ["arch", "score"]):
        of = part.set_index("measure")
        row = {"network": styles.label(arch), "score": styles.score_label(score)}
        for measure, head in (("auroc", "AUROC"), ("average precision", "average precision")):
            row[head] = value_of(of.loc[measure])
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


def best_finders(table: pd.DataFrame) -> list[str]:
    """Which score finds each event best for each network, compared with AVH: a sentence per event."""
    sentences = []
    means = table[(table["start"] == MEAN) & (table["measure"] == "auroc")] if len(table) else table
    for (event, images), part in each(means, ["event", "images"]):
        said = []
        for arch, rows in each(part.dropna(subset="value"), "arch"):
            best, avh = rows.loc[rows["value"].idxmax()], rows[rows["score"] == "avh"].iloc[0]
            said.append(
                f"{styles.score_label(best['score'])} for {styles.label(arch)} (AUROC "
                f"{text.number(best['value'])}, AVH {text.number(avh['value'])})"
            )
        if said:
            sentences.append(
                f"{text.sentence(EVENTS_IN_WORDS[event])[:-1]}, {images}: the best score is {text.listing(said)}."
            )
    return sentences


@unless_empty("There are no human labels for these images.")
def heads_said(table: pd.DataFrame) -> str:
    """The effect of the heads on AVH, in numbers."""
    means = table[table["start"] == MEAN]
    parts = []
    for images, rows in each(with_widest_intervals(means), "images"):
        values = by_network(rows.sort_values("value"))
        where = images if images == ALL_IMAGES else "images classified correctly with every seed"
        parts.append(f"Over {where}, the correlation of AVH with HSF is {values}.")
    first = means[means["images"] == ALL_IMAGES]
    spread, within = first["value"].max() - first["value"].min(), first["deviation"].median()
    if np.isfinite(within):
        parts.append(
            f"Over all images, heads differ by up to {text.number(spread)}; the standard deviation over seeds of one "
            f"head is {text.number(within, 3)} (median over heads)."
        )
    accuracies = first.set_index("arch")["accuracy"]
    parts.append(f"Accuracy is {text.percent(accuracies.min())} to {text.percent(accuracies.max())}.")
    return " ".join(parts)
