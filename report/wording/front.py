"""The front page in words: the answer, and every claim in every study, from the tables of verdicts."""

import pandas as pd

from analysis.study import claims, verdicts
from report import styles, text
from report.wording.claims import verdict


def answer_in_words(table: pd.DataFrame) -> str:
    """The book's question answered in two sentences; empty where no network was judged.

    table: ``claims.judge`` of real people's studies, one after another.
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
    return (
        f"**{head}.** As more people choose an image's label, AVH falls under {_of(falls, n)} networks, and strongly "
        f"under {_of(strongly, n)}. It follows people more closely than the network's confidence does under "
        f"{_of(closer, n)}, and less closely under {_of(farther, n)}."
    )


def _of(k: int, n: int) -> str:
    """ "all 7", "none" or "6 of 7"."""
    return "none" if k == 0 else f"all {n}" if k == n else f"{k} of {n}"


def over_networks(table: pd.DataFrame, claim: str) -> str:
    """What came of a claim in a study: one verdict of all networks, or whose is which; why there is none."""
    rows = table[table["claim"] == claim].drop_duplicates("arch")
    if set(rows["arch"]) == {claims.ALL}:
        return f"{verdict(rows['verdict'].iloc[0])}{_lacks(rows)}"
    parts = []
    for word in verdicts.VERDICTS:
        its = rows[rows["verdict"] == word]
        if len(its) == len(rows) > 0:
            return f"{verdict(word)}{_lacks(its) or (f', all {len(its)} networks' if len(its) > 1 else '')}"
        if len(its):
            parts.append(f"{verdict(word)}: {', '.join(styles.architecture(arch).label for arch in its['arch'])}")
    return "; ".join(parts)


def _lacks(rows: pd.DataFrame) -> str:
    """The evidence that all of these verdicts lack; empty where one has it."""
    why = set(rows["why"].fillna(""))
    said = min(why, default="")
    return f": {said}" if len(why) == 1 and said and not said.startswith(verdicts.UNDECIDED) else ""


def claims_in_studies(studies: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Every claim with its outcome in each study. studies: ``claims.judge`` by the study's title."""
    return pd.DataFrame(
        {"claim": f"{claim.id}: {claim.title}"}
        | {title: over_networks(table, claim.id) for title, table in studies.items()}
        for claim in claims.CLAIMS
    )


FRONT_CAPTION = (
    "**How closely each score follows real people**: Spearman's correlation with human selection frequency (HSF), its "
    "size alone. A mark and its 95 % interval for each network; dashed, the noise ceiling, which no score can be "
    "expected to pass."
)


def describe_front(table: pd.DataFrame) -> str:
    """The front page's figure in a few words for who cannot see it: its first two scores, AVH and confidence."""
    parts = []
    for study, rows in table.groupby("study", sort=False):
        ends = [
            f"{label} {text.number(points['mean'].min())} to {text.number(points['mean'].max())}"
            for label, points in rows.groupby("label", sort=False)
        ]
        parts.append(f"{study}: {', '.join(ends[:2])}; noise ceiling {text.number(rows['ceiling'].iloc[0])}")
    return f"{'. '.join(parts)}."
