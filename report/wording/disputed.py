"""How well scores find disputed images, in words."""

import pandas as pd

from analysis.study.disputed import DISPUTE, DISPUTED, FIRSTS, RENAMED
from analysis.study.results import unless_empty
from analysis.study.starts import ALL_IMAGES, MEAN
from report import styles, text
from report.wording.forms import by_side, each, network_of, sizes, span, value_of
from report.wording.starts import plotted_starts, with_widest_intervals

EVENTS_IN_WORDS = {DISPUTE: f"HSF below {DISPUTED}", RENAMED: "label outvoted"}
EVENTS_OF_IMAGES = {DISPUTE: "disputed", RENAMED: "outvoted"}


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
    firsts = _firsts(table)
    hardest = (
        f"the share of such images among the {text.listing(map(str, firsts))} hardest; this share" if firsts else ""
    )
    return (
        f"How well each score finds {what} among {where}: AUROC and average precision, means over seeds with 95 % "
        "intervals over images and, for networks with several seeds, over seeds; "
        f"{hardest or 'the share of such images'} and the average precision by chance (AUROC by chance is 0.5); and "
        "the number of such images."
    )


def _firsts(table: pd.DataFrame) -> list[int]:
    """How many of the hardest images are looked at: not more than there are."""
    return [k for k in FIRSTS if k <= table["n"].max()]


@text.captioned(detections_caption)
def detections_table(table: pd.DataFrame) -> pd.DataFrame:
    """``disputed.detect`` of one event and set of images for readers: a row per (network, score)."""
    rows = []
    for (arch, score), part in each(with_widest_intervals(table[table["start"] == MEAN]), ["arch", "score"]):
        of = part.set_index("measure")
        row = {"network": styles.label(arch), "score": styles.score_label(score)}
        for measure, head in (("auroc", "AUROC"), ("average precision", "average precision")):
            row[head] = value_of(of.loc[measure])
        row |= {f"first {k}": text.percent(of.loc[f"first {k}", "value"]) for k in _firsts(table)}
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


@unless_empty("")
def numbers_of_events(table: pd.DataFrame) -> str:
    """How many images are disputed, and how many outvoted."""
    every = table[table["images"] == ALL_IMAGES]
    parts = [
        f"{text.count(rows['positives'].max())} are {EVENTS_OF_IMAGES[event]}" for event, rows in each(every, "event")
    ]
    return f"Of {text.count(every['n'].max())} images, {text.listing(parts)}."


@unless_empty("")
def first_step(table: pd.DataFrame) -> str:
    """What to do first to find disputed images: which ones to look at, and how many of them are disputed.

    The score is the best one on average over networks, by the share among the first images that has an interval.
    """
    first = FIRSTS[1]
    means = table[(table["start"] == MEAN) & (table["measure"] == f"first {first}") & (table["images"] == ALL_IMAGES)]
    rows = with_widest_intervals(means[means["event"] == DISPUTE]).dropna(subset="value")
    of_networks = rows.pivot(index="arch", columns="score", values="value").dropna(axis=1)
    if "avh" not in of_networks:  # fewer images than that
        return ""
    ranked = list(of_networks.mean().sort_values(ascending=False, kind="stable").index)
    label, found = styles.score_label(ranked[0]), rows[rows["score"] == ranked[0]].sort_values("value")
    several = len(found) > 1
    ends = (
        f"{_hundredths(row.value)} {text.bracketed(100 * row.low, 100 * row.high, 0)}"
        f"{f' ({network_of(row)})' if several else ''}"
        for row in found.itertuples()
    )
    others = {f"next best, {styles.score_label(score)}": of_networks[score] for score in ranked[1:2]}
    if "avh" not in ranked[:2]:
        others["AVH"] = of_networks["avh"]
    others["chance"] = found["chance"]
    numbers = (
        f"of the first {first} of {sizes(found['n'])} images, {span(ends)} are disputed "
        f"({'; '.join(f'{name}: {span(map(_hundredths, values.sort_values()))}' for name, values in others.items())})"
    )
    choice = f"{'on average ' if several else ''}the best of {len(ranked)} scores"
    if not (found["low"] > found["chance"]).any():
        return f"**No score is a clear guide to disputed labels**, not even {label}, {choice}: {numbers}."
    return f"**To find disputed labels, look first at the images that {label} ranks as hardest**, {choice}: {numbers}."


def _hundredths(share: float) -> str:
    return text.number(100 * share, 0)


@unless_empty([])
def recommendations(table: pd.DataFrame) -> list[str]:
    """Which score finds each event best in how many networks, and whether AVH finds it where the network is correct."""
    sentences = []
    means = with_widest_intervals(table[(table["start"] == MEAN) & (table["measure"] == "auroc")])
    for event, rows in each(means.dropna(subset="value"), "event"):
        every = rows[rows["images"] == ALL_IMAGES]
        best = every.loc[every.groupby("arch")["value"].idxmax(), "score"].value_counts()
        if best.empty:
            continue
        scores = text.listing(f"{styles.score_label(score)}{_in_networks(k, best.sum())}" for score, k in best.items())
        said = f"{text.sentence(EVENTS_OF_IMAGES[event])[:-1]} images are found best by {scores}."
        inside = rows[(rows["images"] != ALL_IMAGES) & (rows["score"] == "avh")].dropna(subset="low")
        sides = (
            "better than chance for {}",
            "worse than chance for {}",
            "neither clearly better nor worse than chance for {}",
        )
        shifted = inside.assign(low=inside["low"] - 0.5, high=inside["high"] - 0.5)
        how = by_side(shifted, sides, lambda part: text.listing(map(network_of, part.itertuples())))
        among = f" Among images classified correctly with every seed, AVH finds them {how}." if how else ""
        sentences.append(f"{said}{among}")
    return sentences


def _in_networks(k: int, n: int) -> str:
    """ " in all 4 networks" or " in 3 of 4 networks"; nothing for a single one."""
    return "" if n == 1 else f" in all {n} networks" if k == n else f" in {k} of {n} networks"


def finders_compared(found: dict[str, pd.DataFrame]) -> list[str]:
    """How AVH and the best score find disputed images in each study: a sentence for each study and kind of dispute.

    found: ``disputed.detect`` over all images, by the study's title.
    """
    sentences = []
    for title, table in found.items():
        means = table[(table["start"] == MEAN) & (table["measure"] == "auroc")]
        for event, rows in means.groupby("event", sort=False):
            scores = rows.pivot(index="arch", columns="score", values="value").dropna(axis=1, how="all")
            if "avh" not in scores:
                continue
            best = scores.mean().idxmax()
            rest = "no score has a higher one on average"
            if best != "avh":
                rest = f"that of {styles.score_label(best)}, on average the highest, is {_spread(scores[best])}"
            sentences.append(
                f"{title}, {EVENTS_IN_WORDS[event]}: the AUROC of AVH is {_spread(scores['avh'])}; {rest}."
            )
    return sentences


def _spread(values: pd.Series) -> str:
    return span(map(text.number, values.sort_values()))
