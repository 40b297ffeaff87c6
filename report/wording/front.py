"""The text of the front page: the answer, and every claim in every study, from the tables of verdicts."""

import pandas as pd

from analysis.study import claims, verdicts
from report import styles, text
from report.wording.claims import verdict


def answer_in_words(table: pd.DataFrame) -> str:
    """The answer to the book's question in two sentences; empty if no network was judged.

    table: ``claims.judge`` of the studies with real annotators, concatenated.
    """
    found = {id_: table.loc[table["claim"] == id_, "verdict"] for id_ in ("P2a", "P2b", "P2c")}
    n = len(found["P2a"])
    if not n:
        return ""
    falls, strongly, closer = ((found[id_] == verdicts.SUPPORTED).sum() for id_ in found)
    farther = (found["P2c"] == verdicts.NOT_SUPPORTED).sum()
    if strongly == n:
        head = "Yes"
    elif not falls:
        head = "No"
    elif not strongly and falls > n / 2:
        head = "Only weakly"
    else:
        head = "In part"
    first = f"In {_of(falls, n)} networks, AVH falls" if falls else f"In none of the {n} networks does AVH fall"
    return (
        f"**{head}.** {first} as more people agree with the label of an image; the correlation is strong in "
        f"{_of(strongly, n)}. AVH correlates with human judgement more strongly than the network's confidence does in "
        f"{_of(closer, n)} networks, and less strongly in {_of(farther, n)}."
    )


def _of(k: int, n: int) -> str:
    """ "all 7", "none of the 7" or "6 of 7"."""
    return f"none of the {n}" if k == 0 else f"all {n}" if k == n else f"{k} of {n}"


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
