"""The text of the front page: the answer, and every claim in every study, from the tables of verdicts."""

import numpy as np
import pandas as pd

from analysis.study import claims, verdicts
from report import styles, text
from report.wording.claims import verdict

# For a single network, by verdict: supported, not supported, inconclusive.
AGREEING = "as more people agree with the label of an image"
FALLS = f"AVH falls {AGREEING}", f"AVH does not fall {AGREEING}", f"it is undecided whether AVH falls {AGREEING}"
STRONGLY = "is strong", "is not strong", "may be strong or not"
CLOSER = "more strongly", "less strongly", "neither clearly more nor clearly less strongly"


def answer_in_words(table: pd.DataFrame) -> str:
    """The answer to the book's question in a few sentences; empty if no network was judged.

    table: ``claims.judge`` of the studies with real annotators, concatenated; it has one row for each of these claims
    and each network.
    """
    falls, strong, closer = (table.loc[table["claim"] == id_, "verdict"].to_numpy() for id_ in ("P2a", "P2b", "P2c"))
    n = len(falls)
    if not n:
        return ""
    if (strong == verdicts.SUPPORTED).all():
        head = "Yes"
    elif (falls == verdicts.NOT_SUPPORTED).all():
        head = "No"
    elif not (falls == verdicts.SUPPORTED).any():
        head = "Undecided"
    elif (strong == verdicts.SUPPORTED).any() or (falls == verdicts.SUPPORTED).mean() <= 0.5:
        head = "In part"
    else:
        head = "Only weakly" if (strong == verdicts.NOT_SUPPORTED).all() else "At least weakly"
    said = _of_one(falls[0], strong[0], closer[0]) if n == 1 else _of_several(falls, strong, closer)
    return f"**{head}.** {said}{_wrong_sign(falls, closer)}"


def _of_one(falls: str, strong: str, closer: str) -> str:
    found = (falls, FALLS), (strong, STRONGLY), (closer, CLOSER)
    first, second, third = (ways[verdicts.VERDICTS.index(verdict)] for verdict, ways in found)
    also = f"; the correlation {second}" if falls == verdicts.SUPPORTED else ""
    return (
        f"In the one network studied, {first}{also}. AVH correlates with human judgement {third} than the network's "
        "confidence does."
    )


def _of_several(falls: np.ndarray, strong: np.ndarray, closer: np.ndarray) -> str:
    n, k = len(falls), (falls == verdicts.SUPPORTED).sum()
    where = f"all {n}" if k == n else f"{k} of {n}" if k else f"none of the {n}"
    compared = (
        "AVH correlates with human judgement more strongly than the network's confidence does in "
        f"{_in(closer, verdicts.SUPPORTED)} of the networks, and less strongly in "
        f"{_in(closer, verdicts.NOT_SUPPORTED)}{_undecided(closer)}."
    )
    for alike, how in ((verdicts.SUPPORTED, "more"), (verdicts.NOT_SUPPORTED, "less")):
        if (closer == alike).all():
            compared = (
                f"In all {n} networks AVH correlates with human judgement {how} strongly than the network's confidence "
                "does."
            )
    return (
        f"AVH falls in {where} networks{_undecided(falls)} {AGREEING}; the correlation is strong in "
        f"{_in(strong, verdicts.SUPPORTED)}{_undecided(strong)}. {compared}"
    )


def _in(found: np.ndarray, verdict: str) -> str:
    """ "all 7", "none" or "6": how many networks have a verdict."""
    k = (found == verdict).sum()
    return f"all {k}" if k == len(found) else str(k) if k else "none"


def _undecided(found: np.ndarray) -> str:
    k = (found == verdicts.INCONCLUSIVE).sum()
    return f" (undecided in {_in(found, verdicts.INCONCLUSIVE)})" if k else ""


def _wrong_sign(falls: np.ndarray, closer: np.ndarray) -> str:
    """Networks in which the correlation of AVH is stronger than that of confidence, but AVH does not fall."""
    k = ((falls == verdicts.NOT_SUPPORTED) & (closer == verdicts.SUPPORTED)).sum()
    if not k:
        return ""
    where = f" in {k} of the networks in which it is stronger" if len(falls) > 1 else ""
    return f" The correlation has the wrong sign{where}."


def over_networks(table: pd.DataFrame, claim: str) -> str:
    """The verdict on a claim in a study: one for all networks, or which networks have which; why there is none."""
    rows = table[table["claim"] == claim].drop_duplicates("arch")
    if set(rows["arch"]) == {claims.ALL}:
        return f"{verdict(rows['verdict'].iloc[0])}{_lacks(rows)}"
    parts = []
    for word in verdicts.VERDICTS:
        its = rows[rows["verdict"] == word]
        if len(its) == len(rows) > 0:
            return f"{verdict(word)}{_lacks(its) or (f', all {len(its)} networks' if len(its) > 1 else '')}"
        if len(its):
            parts.append(f"{verdict(word)}: {', '.join(styles.label(arch) for arch in its['arch'])}")
    return "; ".join(parts)


def _lacks(rows: pd.DataFrame) -> str:
    """The evidence that is missing for all of these verdicts; empty if one has it."""
    why = set(rows["why"].fillna(""))
    said = min(why, default="")
    return f": {said}" if len(why) == 1 and said and not said.startswith(verdicts.UNDECIDED) else ""


def claims_in_studies(studies: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Every claim with its verdict in each study. studies: ``claims.judge`` by the title of the study."""
    return pd.DataFrame(
        {"claim": f"{claim.id}: {claim.title}"}
        | {title: over_networks(table, claim.id) for title, table in studies.items()}
        for claim in claims.CLAIMS
    )


def studies_in_words(real: list[str], simulated: list[str], disputed: list[str]) -> str:
    """Whose answers the studies rest on, and where disputed images are looked for. Each study is a link to its page."""
    parts = (
        (real, "The answer above rests on real annotators: {}."),
        (
            simulated,
            "In a study with simulated annotators ({}), the true difficulty of each image is known, so it tests "
            "whether AVH *can* track difficulty. It cannot show that AVH tracks human judgement: [](data).",
        ),
        (disputed, "To check the labels of a dataset, begin with which score finds disputed images: {}."),
    )
    return "\n\n".join(sentence.format(text.listing(names)) for names, sentence in parts if names)


FRONT_CAPTION = (
    "**Correlation of each score with human selection frequency (HSF)**, from real annotators: absolute value of "
    "Spearman's correlation, one mark with its 95 % interval per network. Dashed: the noise ceiling, which no score "
    "can be expected to exceed."
)


def describe_front(table: pd.DataFrame) -> list[tuple[str, str]]:
    """The first two scores in the figure on the front page, AVH and confidence, by study."""
    parts = []
    for study, rows in table.groupby("study", sort=False):
        ends = [
            f"{label} {text.number(points['mean'].min())} to {text.number(points['mean'].max())}"
            for label, points in rows.groupby("label", sort=False)
        ]
        parts.append((study, f"{', '.join(ends[:2])}; noise ceiling {text.number(rows['ceiling'].iloc[0])}"))
    return parts
