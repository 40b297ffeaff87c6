"""What the curves of training show beyond the verdicts, in words."""

import pandas as pd

from analysis.study.claims import LEARNED
from analysis.study.dynamics import End
from analysis.study.results import unless_empty
from report import styles
from report.text import bracketed, count, listing, number, percent, short
from report.wording.forms import by_network, each, of_images, span


@unless_empty([])
def parts_sentences(table: pd.DataFrame) -> list[str]:
    """How norm and accuracy change together between drops of the learning rate, by ``dynamics.between_drops``."""
    sentences, of_parts = [], {}
    for arch, parts in each(table.dropna(subset="value"), "arch"):
        epochs = listing(f"{row.first} to {row.last}" for row in parts.itertuples())
        values = f"{listing(map(number, parts['value']))} for {styles.label(arch)}"
        of_parts.setdefault(epochs, []).append(values)
    for epochs, values in of_parts.items():
        sentences.append(
            f"In epochs {epochs}, between drops of the learning rate, the rank correlation of mean norm and accuracy "
            f"is {'; '.join(values)}."
        )
    apart = table[(table["norm_last"] < table["norm_first"]) & (table["accuracy_last"] > table["accuracy_first"])]
    if apart.empty:
        return [*sentences, "In none of these parts does the norm end lower while accuracy ends higher."]
    where = listing(
        f"{_epochs(row)} of {styles.label(row.arch)} (norm {short(row.norm_first)} to {short(row.norm_last)}, accuracy "
        f"{percent(row.accuracy_first)} to {percent(row.accuracy_last)})"
        for row in apart.itertuples()
    )
    return [*sentences, f"The norm ends lower while accuracy ends higher, against the paper, in {where}."]


def _epochs(row) -> str:
    return f"epochs {row.first} to {row.last}"


@unless_empty("")
def outlying_sentence(table: pd.DataFrame) -> str:
    """Single epochs with a much larger norm, by ``dynamics.outlying_norms``."""
    peaks = listing(
        f"{short(row.value)} after epoch {row.epoch} of {styles.label(row.arch)}, between {short(row.before)} and "
        f"{short(row.after)}"
        for row in table.itertuples()
    )
    return (
        f"In single epochs the mean norm is much larger than in both neighbours: {peaks}. What causes this was not "
        "examined."
    )


@unless_empty("")
def better_networks_sentence(table: pd.DataFrame) -> str:
    """Whether better networks have a higher AVH, against Observation 4, by ``dynamics.pairs_by_accuracy``."""
    cases = [
        f"{styles.label(row.better)} over {styles.label(row.worse)} (accuracy {_both(row, 'accuracy', 3)}, AVH "
        f"{_both(row, 'avh', 4)})"
        for row in table[table["avh_higher"]].itertuples()
    ]
    pairs = f"{count(len(table))} pair{'s' if len(table) > 1 else ''} of networks"
    against = f", against the paper, in {count(len(cases))}: {listing(cases)}" if cases else " in none"
    return (
        f"After the last epoch, {pairs} differ in accuracy by intervals that do not overlap. By the same measure the "
        f"more accurate one has a lower mean AVH in {count(table['avh_lower'].sum())} of them, and a higher one"
        f"{against}; {of_images(table['n'])}."
    )


def _both(row, measure: str, digits: int) -> str:
    """The means of the better and the worse network, with their intervals."""
    ends = (
        (getattr(row, f"{measure}_{name}_{end}") for end in ("mean", "low", "high")) for name in ("better", "worse")
    )
    return " and ".join(f"{number(mean, digits)} {bracketed(low, high, digits)}" for mean, low, high in ends)


def end_sentence(end: End | None) -> str:
    """Whether the training loss was still falling at the end, by ``dynamics.end_of_training``."""
    if end is None:
        return ""
    last = "epoch" if end.epochs - end.since == 1 else f"{count(end.epochs - end.since)} epochs"
    ends = f"from {short(end.before)} to {short(end.last)}"
    if not end.share > 0:
        return f"Over the last {last} of {count(end.epochs)} the training loss does not fall ({ends})."
    share = percent(end.share) if end.share >= 0.01 else f"less than {percent(0.01)}"
    least = percent(1 - LEARNED)
    answer = f"At less than {least}, training counts as long enough."
    if end.share >= 1 - LEARNED:
        answer = f"At {least} or more, the loss counts as still falling: training was not long enough."
    return (
        f"Over the last {last} of {count(end.epochs)} the training loss falls {ends}, {share} of its whole fall since "
        f"epoch 1. {answer}"
    )


@unless_empty("")
def rounding_sentence(table: pd.DataFrame) -> str:
    """For which networks the fall of the mean angle cannot be told from rounding, by ``dynamics.rounded_angles``."""
    falls = by_network(table, lambda row: short(row.fall), "by {} for {}")
    steps = span(map(short, sorted(table["step"])))
    return (
        f"Angles are stored in steps of {steps}. The mean angle falls by less than one step: {falls}. Such a fall "
        "cannot be told from rounding."
    )
