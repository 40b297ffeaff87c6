"""Numbers, names and curves in a reader's words: what captions, alternative texts and prose are made of."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from analysis import claims, styles
from analysis.statistics import Estimate
from analysis.tables import Run, Study

WITHOUT_PEOPLE = ("2", "4")  # figures that need nobody's answers
OF_TRAINING = ("2", "3", "4", "5")  # figures that need a network's training
MINUS, THIN, SPACE = "\u2212", "\u202f", "\u00a0"  # the spaces do not break a line


def count(n: Any) -> str:
    """1000 -> "1,000"."""
    return f"{int(n):,}"


def number(value: Any, digits: int = 2) -> str:
    """-0.416 -> "−0.42"; NaN -> "undefined"."""
    value = float(value)
    if np.isnan(value):
        return "undefined"
    text = f"{value:,.{digits}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text.replace("-", MINUS)


def short(value: Any) -> str:
    """A number of any size to three digits: 12345.6 -> "12,300", 0.08312 -> "0.0831"."""
    value = float(value)
    if np.isnan(value):
        return "undefined"
    if value and not 1e-4 <= abs(value) < 1e7:
        return f"{value:.2e}".replace("-", MINUS)
    digits = 0 if value == 0 else 2 - int(np.floor(np.log10(abs(value))))
    text = f"{round(value, digits):,.{max(0, digits)}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", MINUS)


def percent(share: Any) -> str:
    """0.534 -> "53 %", with a space that does not break."""
    return "undefined" if np.isnan(float(share)) else f"{100 * float(share):.0f}{THIN}%"


def interval(low: Any, high: Any, digits: int = 2) -> str:
    """0.49, 0.57 -> "[0.49, 0.57]", with a space that does not break."""
    return f"[{number(low, digits)},{SPACE}{number(high, digits)}]"


def estimate(value: Estimate, digits: int = 2, n: bool = True) -> str:
    """The value, its interval and its n: "0.53 [0.49, 0.57], n = 1,000"."""
    text = number(value.value, digits)
    if not np.isnan(value.low):
        text += f" {interval(value.low, value.high, digits)}"
    return f"{text}, n{SPACE}={SPACE}{count(value.n)}" if n else text


def duration(seconds: float) -> str:
    """154 -> "2 min 34 s"."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{value} {unit}" for value, unit in ((hours, "h"), (minutes, "min"), (seconds, "s")) if value]
    return " ".join(parts[:2]) or "under 1 s"


def listing(words: Iterable[str]) -> str:
    """a, b, c -> "a, b and c"."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def flow(text: str) -> str:
    """Text of several source lines as one line, whose percentages do not break."""
    return re.sub(r"(\d) %", rf"\1{THIN}%", re.sub(r"[ \n]+", " ", text).strip())


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def escape(text: Any) -> str:
    """Text from users (class names, file names) as Markdown that shows it and does nothing else."""
    printable = "".join(c if c.isprintable() or c in (THIN, SPACE) else " " for c in str(text))
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", re.sub(" +", " ", printable).strip(" "))


def left_out(undefined: int) -> str:
    """What a caption says of undefined scores."""
    if not undefined:
        return "No score is undefined."
    return f"{count(undefined)} {'image has' if undefined == 1 else 'images have'} an undefined score and are left out."


def curves(table: pd.DataFrame) -> str:
    """A figure of curves for who cannot see it: where each curve starts and ends.

    table: arch, measure, epoch or step, mean, and ``bin`` or ``example`` where there are several curves in a panel; one
    row per point.
    """
    if table.empty:
        return "No curve."
    time = "step" if "step" in table else "epoch"
    several = next((name for name in ("bin", "example") if name in table), None)
    groups = ["arch", several] if several else ["arch"]
    table = table.dropna(subset="mean")
    parts = []
    for arch in table["arch"].unique():
        for key, curve in table[table["arch"] == arch].groupby(groups, observed=True, sort=False):
            ends = []
            for measure, points in curve.groupby("measure", sort=False):
                first, last = points["mean"].iloc[0], points["mean"].iloc[-1]
                ends.append(f"{styles.SCORES[measure].label} {short(first)} to {short(last)}")
            where = {None: "", "bin": f", HSF {key[-1]}", "example": f", {key[-1]} image"}[several]
            parts.append(f"{styles.architecture(arch).label}{where}: {', '.join(ends)}")
    times = table[time]
    return f"From {time} {times.min()} to {times.max()}. {'. '.join(parts)}."


def histograms(table: pd.DataFrame) -> str:
    """Two-dimensional histograms for who cannot see them: how many images, and the mean within each bin of HSF.

    table: as from ``tables.histograms`` or ``tables.granularity_cells``.
    """
    if table.empty:
        return "No image."
    panels = ["arch", "score", "superclass"] if "superclass" in table else ["arch", "score"]
    parts = []
    for (arch, score, *superclass), cells in table.groupby(panels, sort=False):
        bins = cells.drop_duplicates("bin")
        bins = bins[bins["bin_n"] > 0]
        means = listing(f"{short(row.bin_mean)} in {row.bin}" for row in bins.itertuples()) if len(bins) else "none"
        where = f" of {superclass[0]}" if superclass else ""
        parts.append(
            f"{styles.architecture(arch).label}, {count(cells['n'].sum())} images{where}, mean "
            f"{styles.SCORES[score].label} by human selection frequency: {means}"
        )
    return f"{'. '.join(parts)}."


def examples(table: pd.DataFrame) -> list[str]:
    """Figure 5's two images in a sentence each: what people said of them, and the causes where they are known."""
    sentences = []
    for row in table.to_dict("records"):
        text = (
            f"The {row['example']} image, {escape(row['id'])}, shows the class {escape(row['label'])}; human selection "
            f"frequency {number(row['HSF'])}. What {row['people']} said: {escape(row['answers'])}."
        )
        causes = [f"{name} {number(row[name])}" for name in ("ambiguity", "degradation") if name in row]
        sentences.append(f"{text} Its known causes of difficulty: {listing(causes)}." if causes else text)
    return sentences


def last_angles(table: pd.DataFrame) -> str:
    """Whether the easy image's angle ends lower than the hard one's, network by network (Fig. 5)."""
    if table.empty:
        return ""
    last = table[(table["measure"] == "angle") & (table["step"] == table["step"].max())]
    ends = last.pivot(index="arch", columns="example", values="mean").reindex(table["arch"].unique())
    texts = (
        f"{'lower' if row.easy < row.hard else 'not lower'} with {styles.architecture(row.Index).label} "
        f"({number(row.easy)} against {number(row.hard)})"
        for row in ends.itertuples()
    )
    return f"At the last of these steps the easy image's angle is {listing(texts)}."


def granularity(table: pd.DataFrame) -> pd.DataFrame:
    """``tables.granularity_correlations`` for readers: a row per network, a column per superclass."""
    rows: dict[str, dict[str, str]] = {}
    for row in table.itertuples():
        name = styles.architecture(row.arch).label
        what = f"{row.superclass} ({row.n_classes} class{'es' if row.n_classes > 1 else ''}, n = {count(row.n)})"
        text = estimate(Estimate(row.value, row.low, row.high, row.n), n=False)
        rows.setdefault(name, {"network": name})[what] = text
    return pd.DataFrame(rows.values())


def verdict(word: str) -> str:
    """A verdict with its sign: "✗ not supported"."""
    return f"{styles.VERDICTS[word]}{SPACE}{word}"


def matrix(table: pd.DataFrame, study: Study) -> pd.DataFrame:
    """``claims.judge`` at a glance: a row per claim, a column per network. Its head says if people are simulated."""
    head = "claim, with simulated people" if study.dataset["simulated"] else "claim"
    archs = styles.in_order(set(table["arch"]) - {claims.ALL})
    rows = []
    for claim in claims.CLAIMS:
        found = table[table["claim"] == claim.id].drop_duplicates("arch").set_index("arch")["verdict"]
        together = f"{verdict(found[claims.ALL])} (all together)" if claim.together else ""
        cells = {styles.architecture(arch).label: together or verdict(found[arch]) for arch in archs}
        rows.append({head: f"{claim.id}: {claim.title}"} | cells)
    return pd.DataFrame(rows)


def with_figures(matrix: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The matrix with a last column of the figures that show each claim: "1, 6, 7"."""
    shown = [", ".join(claim.figures) for claim in claims.named(*table["claim"].unique())]
    return matrix.assign(**{"shown in": shown})


def tally(table: pd.DataFrame) -> str:
    """How many of the verdicts came out which way."""
    each = table.drop_duplicates(["claim", "arch"])["verdict"].value_counts()
    counts = listing(f"{count(each.get(word, 0))} {word}" for word in claims.VERDICTS)
    return f"Of {count(each.sum())} verdicts, {counts}."


def outcomes_of_claims(table: pd.DataFrame) -> list[str]:
    """A sentence per claim judged: for which networks it is supported, for which not, where that is open and why."""
    sentences = []
    for claim in claims.named(*table["claim"].unique()):
        found = table[table["claim"] == claim.id].drop_duplicates("arch")
        parts = []
        for word, rows in ((word, found[found["verdict"] == word]) for word in claims.VERDICTS):
            names = ["all networks together"] if claim.together else map(_with_reason, rows["arch"], rows["why"])
            if len(rows):
                why = f" ({rows['why'].iloc[0]})" if claim.together and rows["why"].iloc[0] else ""
                parts.append(f"{word} for {listing(names)}{why}")
        sentences.append(f"**{claim.id}**: {claim.title}: {'; '.join(parts)}.")
    return sentences


def _with_reason(arch: str, why: str) -> str:
    return f"{styles.architecture(arch).label}{f' ({why})' if why else ''}"


def outcome(table: pd.DataFrame, id_: str) -> str:
    """One claim's sentence."""
    return outcomes_of_claims(table[table["claim"] == id_])[0]


def said(study: Study, id_: str) -> str:
    """A claim in the paper's words, with links to the figures that show it."""
    (claim,) = claims.named(id_)
    links = [
        f"{{ref}}`Figure {name} <fig-{name.lower()}-{study.name}>`"
        if (study.has_people or name in WITHOUT_PEOPLE) and not (study.measured and name in OF_TRAINING)
        else f"Figure {name} (not drawn)"
        for name in claim.figures
    ]
    where = f"Sec. {claim.section}" if claim.section[0].isdigit() else f"App. {claim.section}"
    return f"The paper ({where}): “{claim.quote}” Shown in {listing(links)}."


def rule(id_: str) -> list[str]:
    """A claim's rule in this book's words."""
    (claim,) = claims.named(id_)
    return [
        f"**Statistic.** {claim.statistic}",
        f"**Supported when** {claim.rule}",
        "**Inconclusive when** an interval straddles the end of its range; and for want of evidence: "
        f"{claim.inconclusive}",
    ]


def judged(table: pd.DataFrame, id_: str, ceiling: Estimate) -> pd.DataFrame:
    """A claim's verdicts with the numbers that they rest on: a row per number, the network named in its first."""
    rows = []
    for arch, parts in table[table["claim"] == id_].groupby("arch", sort=False):
        name = "all networks" if arch == claims.ALL else styles.architecture(arch).label
        word, why = parts["verdict"].iloc[0], parts["why"].iloc[0]
        head = {"network": name, "verdict": verdict(word) + (f": {why}" if why else "")}
        for part in parts.to_dict("records"):
            text = _signed(part["value"]) if part["quantity"] else ""
            if pd.notna(part["low"]):
                text += f" [{_signed(part['low'])},{SPACE}{_signed(part['high'])}]"
            if part["quantity"].endswith("with HSF") and ceiling.value > 0 and id_ != "App. A":
                text += f" ({percent(abs(part['value']) / ceiling.value)})"
            asked = f"{_range(part['above'], part['below'])}: {verdict(part['part'])}" if part["part"] else ""
            rows.append(head | {"number": part["quantity"], "value": text, "asked for": asked, "n": count(part["n"])})
            head = {"network": "", "verdict": ""}
    return pd.DataFrame(rows)


def judged_caption(id_: str, ceiling: Estimate) -> str:
    """The caption of that table."""
    share = ""
    if id_ in ("H1", "P1", "P2") and ceiling.value > 0:
        share = f" In round brackets, the share of the noise ceiling, {estimate(ceiling)}."
    return f"{id_}: numbers with 95 % bootstrap intervals over test images, what the rule asks of each, and n.{share}"


def _signed(value: Any) -> str:
    return "∞" if value == np.inf else f"{MINUS}∞" if value == -np.inf else short(value)


def _range(above: float, below: float) -> str:
    if np.isnan(above):
        return f"below {_signed(below)}"
    return f"above {_signed(above)}" if np.isnan(below) else f"between {_signed(above)} and {_signed(below)}"


def about(study: Study) -> list[str]:
    """What a reader must know of a study before its figures: the pictures, the people, the networks."""
    data, images = study.dataset, study.dataset["images"]
    given = [run for run in study.runs.values() if run.measured]
    learn = f"; the networks learn from {count(images['train'])} others" if len(given) < len(study.runs) else ""
    sentences = [
        f"Pictures: {escape(data['name'])}, {count(images['test'])} test images of {count(len(data['classes']))} "
        f"classes{learn}.",
    ]
    if study.has_people:
        sentences.append(f"People: {escape(data['people'])}{', not real people' if data['simulated'] else ''}.")
    sentences += scale(study)
    sentences += [escape(note) for note in data["notes"]]
    sentences.append(f"Networks: {'; '.join(network(run) for run in study.runs.values())}.")
    sentences += [weights(run, data) for run in given]
    undefined = study.undefined
    sentences.append(
        f"{count(undefined)} of {count(sum(len(run.scores) for run in study.runs.values()))} AVH are undefined (an "
        f"embedding of norm zero has no direction){' and left out' if undefined else ''}."
    )
    return sentences


FULL = {"cifar10h": "cifar10h-full"}  # studies of networks that are smaller than the paper's -> the same in full


def scale(study: Study) -> list[str]:
    """That networks are narrower than the paper's, and how to have them in full; nothing where none is."""
    trained = [run.stamp["parameters"] for run in study.runs.values() if not run.measured]
    widths = sorted({p["width"] for p in trained if p.get("width", 1) < 1})
    if not widths:
        return []
    shares = listing([percent(width) for width in widths])
    text = f"Scale: the networks have {shares} of the channels of the paper's, so that a CPU can train them."
    if study.name in FULL:
        text += f' In full, for a GPU: `make book CONFIG="studies={FULL[study.name]}"`.'
    return [text]


BATCH_NORM = (
    "Where a network has batch norm, its statistics are computed anew on training images before each measurement in "
    "the first steps of training, because the running ones lag far behind the network then; later measurements use the "
    "running ones."
)


def weights(run: Run, dataset: dict[str, Any]) -> str:
    """Where a measured network's weights are from, how its pictures were made, and how its outputs met the classes."""
    made, outputs, classes = run.stamp["measured"], len(run.stamp["classes"]), len(dataset["classes"])
    label, pictures = styles.architecture(run.arch).label, transformed(made.get("transforms"))
    text = f"Nothing is trained here: the weights of {label} are given, {escape(made['weights'])}. {pictures}"
    if not made["by_name"]:
        return f"""{text}Which output is which class is taken from their order, because no names are known or none is a
        class's: an accuracy near chance, {short(100 / outputs)}{THIN}%, would say that the order is another."""
    others = f"; it knows {count(outputs - classes)} others beside them" if outputs > classes else ""
    return f"{text}The classes bear the names that the network knows them by{others}."


def transformed(made: dict[str, Any] | None) -> str:
    """How pictures were made for published weights, a sentence and a space; empty where weights are a file."""
    if made is None:
        return ""
    if "size" not in made:
        return (
            "It was given this dataset's pictures as they are, not resized as in the weights' own evaluation, because "
            "they do not come from picture files. "
        )
    turned = ", but first turned upright where their EXIF data say so" if made.get("upright") else ""
    return (
        f"Whatever their size on these pages, it was given the pictures as in the weights' own evaluation{turned}: the "
        f"shorter side resized to {made['resized']} px ({made['interpolation']}), then the central {made['size']} × "
        f"{made['size']} px. "
    )


def people(study: Study) -> str:
    """What to expect of AVH and people, or that nobody was asked."""
    if study.has_people:
        return """If AVH follows people, the means in {fig}`H1` fall from left to right: the more people select an
        image's own class, the smaller its AVH."""
    return """Nobody was asked about these images, so nothing on this page compares AVH with people. It ranks the images
    by AVH in people's place, which is as good as AVH followed people where they were asked."""


def class_ends(table: pd.DataFrame) -> str:
    """The pictures at the ends of each class for who cannot see them."""
    parts = []
    for name, rows in table.groupby("class", sort=False):
        ends = [f"{end} {', '.join(map(short, avh))}" for end, avh in rows.groupby("end", sort=False)["avh"]]
        parts.append(f"{name}: {listing(ends)}")
    return f"Small pictures with the AVH of each. {'; '.join(parts)}."


def class_ends_caption(order: pd.DataFrame, ends: pd.DataFrame, name: str) -> str:
    """The caption of that figure, with the rule that chose the classes."""
    shown, classes = ends["class"].nunique(), order["class"].nunique()
    which = (
        f"the {count(shown)} of {count(classes)} classes with the highest mean AVH" if shown < classes else "each class"
    )
    return f"""The hardest and the easiest test images of {which} under {name}, each with its AVH. Classes are in the
    order of their mean AVH, the highest first."""


def suspects_caption(table: pd.DataFrame, name: str) -> str:
    """The caption of the figure of likely label errors."""
    return f"""The {count(len(table))} likeliest label errors under {name}: the label and, after the arrow, the class of
    the smallest angle."""


def suspects(table: pd.DataFrame) -> str:
    """The pictures of likely label errors for who cannot see them."""
    rows = zip(table["id"], table["class"], table["nearest"], strict=True)
    parts = [f"{id_}, labelled {label}, nearest to {nearest}" for id_, label, nearest in rows]
    return f"Small pictures. {'; '.join(parts)}."


def suspects_table(table: pd.DataFrame) -> pd.DataFrame:
    """Likely label errors for readers."""
    names = {"id": "image", "class": "label", "nearest": "nearest class", "predicted": "network says"}
    names |= {"max_confidence": "its confidence", "avh": "AVH", "rank": "rank by AVH"}
    return table[list(names)].rename(columns=names)


def not_drawn(table: pd.DataFrame, reason: str) -> str:
    """How "Figure H3 ..." goes on where there are no pictures."""
    return f"is not drawn. {escape(reason)}" if len(table) else "is not drawn: there is no such image."


def suspected(table: pd.DataFrame, doubted: Estimate, every: Estimate, study: Study) -> str:
    """How many likely label errors there are and, where people were asked, how often they doubt those labels too."""
    text = f"{count(len(table))} of {count(every.n)} test images ({percent(len(table) / every.n)}) meet the rule."
    if np.isnan(doubted.value):
        return text
    people = "simulated people" if study.dataset["simulated"] else "people"
    here, all_ = (
        f"{percent(value.value)} [{percent(value.low)},{SPACE}{percent(value.high)}]" for value in (doubted, every)
    )
    return f"""{text} The most frequent answer of {people} is another class than the label for {here} of these,
    n{SPACE}={SPACE}{count(doubted.n)}, and for {all_} of all images, n{SPACE}={SPACE}{count(every.n)}."""


def network(run: Run) -> str:
    """Which variant of its architecture a run trained."""
    description = run.stamp["network"]
    label = styles.architecture(run.arch).label
    if description.startswith(f"{run.arch}_bn "):
        return f"{label} in its form with batch norm, which the paper's does not have: {escape(description)}"
    return f"{label}: {escape(description)}"


QUANTITIES = {
    "accuracy": "test accuracy",
    "avh": "AVH",
    "confidence": "confidence",
    "norm_in_class": "norm within class",
    "lead": "|AVH| − |confidence|",
}


def summary(table: pd.DataFrame, ceiling: Estimate) -> pd.DataFrame:
    """``tables.summary`` for readers: a row per quantity, a column per network, and the images behind a row."""
    rows: dict[str, dict[str, str]] = {}
    for row in table.itertuples():
        if row.quantity == "accuracy":
            text = f"{percent(row.value)} [{percent(row.low)},{SPACE}{percent(row.high)}]"
        else:
            text = estimate(Estimate(row.value, row.low, row.high, row.n), n=False)
        if row.quantity in ("avh", "confidence", "norm_in_class") and ceiling.value > 0:
            text += f" ({percent(abs(row.value) / ceiling.value)})"
        rows.setdefault(row.quantity, {"": QUANTITIES[row.quantity]})[styles.architecture(row.arch).label] = text
    for quantity, sizes in table.groupby("quantity")["n"]:
        rows[quantity]["n"] = " to ".join(count(n) for n in sorted({sizes.min(), sizes.max()}))
    return pd.DataFrame(rows.values())


def summary_caption(ceiling: Estimate) -> str:
    """The caption of that table."""
    if np.isnan(ceiling.value):
        return "Test accuracy, with its 95 % interval over images. Nobody was asked about these images."
    return (
        "Test accuracy, and Spearman's correlation of AVH, of confidence and of the norm within its class with human "
        "selection frequency. |AVH| − |confidence| is how much closer AVH follows people, paired over images. All with "
        f"95 % intervals over images. In round brackets, the share of the noise ceiling, {estimate(ceiling)}."
    )


def courses(table: pd.DataFrame) -> str:
    """``tables.training`` for who cannot see its figure."""
    parts = []
    for (measure, series), points in table.groupby(["measure", "series"], sort=False):
        first, last = points["mean"].iloc[0], points["mean"].iloc[-1]
        of = "" if measure == "learning_rate" else f" on {series} images"
        parts.append(f"{styles.SCORES[measure].label}{of} from {short(first)} to {short(last)}")
    return f"In {count(table['epoch'].max())} epochs: {listing(parts)}."


def outcomes(table: pd.DataFrame) -> str:
    """``tables.distribution`` for who cannot see its figure."""
    parts = []
    for outcome, cells in table.groupby("outcome"):
        n = cells["n"].sum()
        middle = np.average((cells["low"] + cells["high"]) / 2, weights=cells["n"]) if n else np.nan
        parts.append(f"{count(n)} images where the network is {outcome}, mean {short(middle)}")
    return sentence(listing(parts))
