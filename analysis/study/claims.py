"""The paper's claims, each declared once: the paper's words, and a rule, in words and as a function.

A rule turns the tables of a study into a verdict (``verdicts``) and was fixed before the results were known, in the
commit ``since``. With too few human labels, images, bins, epochs or networks the verdict is inconclusive and says so.
Intervals are over images, for one seed of each network; claims about final scores are judged for the other seeds too.
To add a claim, declare another function here: the verdicts pages show it in a section after the others.

P2a and P2c were one claim, Prediction 2, at first. It was split, and P2b added, after the results were seen, because
one verdict hid which part was supported. No threshold was changed; P2b uses H1's threshold for "strong".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis import statistics
from analysis.probes import FEWEST_STEPS
from analysis.statistics import EDGES, RESAMPLES, Array, Closed, Estimate
from analysis.study.choices import BINS, BOOK, HARDNESS, NORMS, STRONG, SUBSETS, Choices
from analysis.study.results import NetworkResults, StudyResults
from analysis.study.verdicts import INCONCLUSIVE, Finding, Part, conclude, lacking

ALL = "all"  # in place of a network's name: one verdict for all networks together
FEWEST_IMAGES = 30  # below it a rank correlation's interval spans most of -1 to 1
FEWEST_BINS = 3  # two are in the right order half of the time by chance
FEWEST_NETWORKS = 3  # likewise
FEWEST_EPOCHS = 9  # three at each learning rate, so that a slope over two exists on both sides of a drop
WINDOW = 10  # epochs before and after the first drop over which slopes are computed, or fewer where fewer exist
LEARNED = 0.95  # a curve has reached its plateau after this share of its total fall
EARLY = 10  # optimiser steps after which the paper sees the curves flatten (App. A)
NO_CORRELATION = 0.1  # correlations below it count as none
UNCORRELATED = (-NO_CORRELATION, NO_CORRELATION)  # the range of Prediction 1, also within groups of classes
ALIKE = 0.8  # rank correlation of curves that are "very similar"
THROUGHOUT = 0.9  # share of epochs that is "the whole training process"
FLAT = 0.2  # share of the early slope that is "almost flat"
TOO_FEW = f"no human labels, or fewer than {FEWEST_IMAGES} images."


Rule = Callable[[StudyResults, str, Choices], Finding]


@dataclass(frozen=True)
class Claim:
    """A claim under its short name in this book."""

    id: str
    judge: Rule
    title: str = ""  # in this book's words
    quote: str = ""  # the paper's words
    section: str = ""
    figures: tuple[str, ...] = ()  # that show it, the paper's by their numbers
    statistic: str = ""
    rule: str = ""  # supported when; never reworded, because ``since`` names the commit that fixed it
    inconclusive: str = ""  # apart from an interval that lies only partly inside its range
    together: bool = False  # whether there is one verdict for all networks together
    of_scores: bool = False  # whether it depends on final scores alone and is judged for each seed of a network
    ceiled: bool = False  # whether its number is also given as a share of the noise ceiling
    since: str = ""  # the commit that fixed the rule in its present form

    @property
    def where(self) -> str:
        """The paper's section: "Sec. 2.1" or "App. A"."""
        return f"{'Sec.' if self.section[0].isdigit() else 'App.'} {self.section}"


CLAIMS: list[Claim] = []  # in the order of this file


def declare(id_: str, **more: Any) -> Callable[[Rule], Rule]:
    """Declares a function to be a claim's rule."""

    def declared(rule: Rule) -> Rule:
        CLAIMS.append(Claim(id_, rule, **more))
        return rule

    return declared


def judge(study: StudyResults, claims: Sequence[Claim] = ()) -> pd.DataFrame:
    """Every claim for every network: a row per (claim, arch, quantity), or one without a quantity if there is none.

    Columns: claim, arch ("all" for one verdict on all networks together), verdict, why, quantity, value, low, high, n,
    above, below (the range that the rule requires), part (the verdict on this part), starts (number of seeds judged),
    alike (number of seeds with this verdict). Numbers and verdict are for the first seed; claims about training, and
    about all networks together, are judged for the first seed only.
    """
    rows = []
    for claim in claims or CLAIMS:
        for arch in [ALL] if claim.together else study.runs:
            finding = claim.judge(study, arch, BOOK)
            others = study.runs[arch].other_seeds if claim.of_scores else ()
            verdicts = [
                finding.verdict,
                *(claim.judge(_with(study, arch, other), arch, BOOK).verdict for other in others),
            ]
            row: dict[str, Any] = {"claim": claim.id, "arch": arch, "verdict": finding.verdict, "why": finding.why}
            row |= {"starts": len(verdicts), "alike": verdicts.count(finding.verdict)}
            parts = [part.row | {"part": part.verdict or ""} for part in finding.parts]
            rows += [row | part for part in parts or [{"quantity": "", "n": 0, "part": ""}]]
    columns = ["claim", "arch", "verdict", "why", "quantity", "value", "low", "high", "n", "part", "starts", "alike"]
    return pd.DataFrame(rows, columns=[*columns, "above", "below"])


def _with(study: StudyResults, arch: str, start: NetworkResults) -> StudyResults:
    """The study with another seed of a network in place of the first."""
    return replace(study, runs=study.runs | {arch: start})


@declare(
    "H1",
    title="Confidence is not strongly correlated with HSF",
    quote="Model Confidence and Human Selection Frequency are not in direct proportion and thereby not strongly "
    "correlated.",
    section="2.1",
    figures=("1",),
    statistic="Spearman's correlation of confidence with HSF over test images; also its share of the noise ceiling.",
    rule=f"the interval lies between −{STRONG} and {STRONG}.",
    inconclusive=TOO_FEW,
    of_scores=True,
    ceiled=True,
    since="f4e4e73",
)
def confidence_with_people(study: StudyResults, arch: str, choices: Choices = BOOK) -> Finding:
    """H1."""
    values = study.runs[arch].scores["confidence"]
    return _correlated(study, choices, values, "confidence with HSF", (-choices.strong, choices.strong))


@declare(
    "P1",
    title="The norm is not correlated with HSF (the paper rejects its Prediction 1)",
    quote="there is no obvious correlation between ‖x‖₂ and Human Selection Frequency.",
    section="2.2",
    figures=("1", "N1", "6", "7"),
    statistic="Spearman's correlation of the norm, scaled to between 0 and 1 within each class, with HSF over test "
    "images.",
    rule=f"the interval lies between −{NO_CORRELATION} and {NO_CORRELATION}.",
    inconclusive=TOO_FEW,
    of_scores=True,
    ceiled=True,
    since="f4e4e73",
)
def norm_with_people(study: StudyResults, arch: str, choices: Choices = BOOK) -> Finding:
    """Prediction 1, which the paper rejects."""
    values = NORMS[choices.norm](study.runs[arch].scores)
    if study.has_people and values.isna().all():
        return lacking(f"no class has the {statistics.FEWEST_SCALED} images that scaling within it needs")
    return _correlated(study, choices, values, "norm within class with HSF", UNCORRELATED)


@declare(
    "P2a",
    title="AVH falls as HSF rises",
    quote="AVH(x) has a strong correlation with Human Selection Frequency",
    section="2.2",
    figures=("1", "6", "A1"),
    statistic="Spearman's correlation of AVH with HSF over test images; also its share of the noise ceiling.",
    rule="the interval lies below 0.",
    inconclusive=TOO_FEW,
    of_scores=True,
    ceiled=True,
    since="281b3e8",
)
def avh_with_people(study: StudyResults, arch: str, choices: Choices = BOOK) -> Finding:
    """Prediction 2: AVH falls as HSF rises."""
    values = HARDNESS[choices.hardness](study.runs[arch].scores)
    return _correlated(study, choices, values, "AVH with HSF", (-np.inf, 0))


@declare(
    "P2b",
    title="AVH is strongly correlated with HSF",
    quote="AVH is strongly correlated with human selection frequency across a wide range of CNN models.",
    section="1",
    figures=("1", "6", "A1"),
    statistic="As for P2a.",
    rule=f"the interval lies below −{STRONG}: from there on a correlation is strong for H1 too.",
    inconclusive=TOO_FEW,
    of_scores=True,
    ceiled=True,
    since="281b3e8",
)
def avh_strongly_with_people(study: StudyResults, arch: str, choices: Choices = BOOK) -> Finding:
    """Prediction 2: AVH is strongly correlated with HSF."""
    values = HARDNESS[choices.hardness](study.runs[arch].scores)
    return _correlated(study, choices, values, "AVH with HSF", (-np.inf, -choices.strong))


@declare(
    "P2c",
    title="AVH is more strongly correlated with HSF than confidence is",
    quote="To the best of our knowledge, this is the first model score that correlates strongly with human visual "
    "hardness.",
    section="1",
    figures=("1", "6"),
    statistic="The absolute value of the correlation of AVH with HSF minus that of confidence with HSF, paired over "
    "images. It means little where P2a fails, because a correlation of the wrong sign counts too.",
    rule="the interval lies above 0.",
    inconclusive=TOO_FEW,
    of_scores=True,
    since="281b3e8",
)
def avh_before_confidence(study: StudyResults, arch: str, choices: Choices = BOOK) -> Finding:
    """Prediction 2: AVH is more strongly correlated with HSF than confidence is."""
    if few := _too_few_people(study):
        return few
    scores, kept = study.runs[arch].scores, SUBSETS[choices.images](study)
    avh, confidence = HARDNESS[choices.hardness](scores)[kept], scores["confidence"][kept]
    lead = statistics.correlation_difference(avh, confidence, study.hsf[kept], choices.coefficient)
    return enough(Part("|AVH| − |confidence|", lead, (0, np.inf)))


@declare(
    "Obs. 1",
    title="Norm and accuracy rise together, and the norm climbs when the learning rate first drops",
    quote="it suddenly climbs after 30 epochs when the first learning rate decay happens. The accuracy curve is "
    "very similar to that of the average ‖x‖₂.",
    section="3",
    figures=("2",),
    statistic="Spearman's correlation over epochs between mean norm and accuracy; and the ratio of two least-squares "
    f"slopes of the mean norm, over the {WINDOW} epochs after the first drop and over the {WINDOW} before it (fewer "
    "where fewer exist; infinite if the norm rises only after the drop, 0 if it rises neither before nor after).",
    rule=f"the first interval lies above {ALIKE} and the second above 1.",
    inconclusive=f"fewer than {FEWEST_EPOCHS} epochs, or a learning rate that never drops.",
    since="f4e4e73",
)
def norm_and_accuracy(study: StudyResults, arch: str, _: Choices = BOOK) -> Finding:
    """Observation 1."""
    run = study.runs[arch]
    if short := _too_short(run):
        return short
    drops = np.flatnonzero(run.training["learning_rate"].diff() < 0)
    if not len(drops):
        return lacking("the learning rate never drops")
    norms, accuracies = _curve(run, "norm"), _curve(run, "correct")
    last = drops[0] - 1  # index of the last epoch before the drop, from which both slopes are taken
    window = min(WINDOW, last, norms.shape[-1] - 1 - last)
    n = len(run.scores)
    alike = statistics.curve_correlation(norms, accuracies)
    ratio = statistics.slope_ratio(norms[:, last - window : last + 1], norms[:, last : last + window + 1])
    ratio = np.where(np.isnan(ratio), 0, ratio)  # the norm rises neither before nor after the drop
    return conclude(
        Part("norm with accuracy over epochs", statistics.estimate(alike, n), (ALIKE, np.inf)),
        Part("norm's slope after / before the first drop", statistics.estimate(ratio, n), (1, np.inf)),
    )


@declare(
    "Obs. 2",
    title="AVH reaches its plateau before accuracy and loss reach theirs",
    quote="AVH(x) hits a plateau very early even when the accuracy or loss is still improving.",
    section="3",
    figures=("2",),
    statistic=f"The epoch by which mean AVH has completed {100 * LEARNED:.0f} % of its fall from epoch 1 to its "
    "minimum; the same for the rise of accuracy and the fall of the training loss, which exists from epoch 1.",
    rule="AVH's epoch is earlier than both: the interval of the smaller lead lies above 0.",
    inconclusive=f"fewer than {FEWEST_EPOCHS} epochs, or a curve that does not improve after the first epoch.",
    since="f4e4e73",
)
def plateau(study: StudyResults, arch: str, choices: Choices = BOOK) -> Finding:
    """Observation 2."""
    run = study.runs[arch]
    if short := _too_short(run):
        return short
    n, first = len(run.scores), choices.first_epoch
    early = statistics.time_to_plateau(_curve(run, "avh", first), LEARNED) + first  # (1 + B,)
    rises = statistics.time_to_plateau(-_curve(run, "correct", first), LEARNED) + first
    loss = float(statistics.time_to_plateau(run.training["loss"].to_numpy(dtype=float), LEARNED)) + 1
    told = [
        Part("epoch of AVH", statistics.estimate(early, int(run.scores["avh"].notna().sum()))),
        Part("epoch of accuracy", statistics.estimate(rises, n)),
        Part("epoch of training loss", Estimate(loss, np.nan, np.nan, run.stamp["images"]["train"])),
    ]
    for name, epochs in (("AVH does not fall", early), ("accuracy does not rise", rises), ("loss does not fall", loss)):
        if np.isnan(np.ravel(epochs)[0]):
            return Finding(INCONCLUSIVE, tuple(told), f"{name} after the first epoch")
    lead = statistics.estimate(np.minimum(rises, loss) - early, n)
    return conclude(*told, Part("epochs by which AVH is earlier than both", lead, (0, np.inf)))


@declare(
    "Obs. 3",
    title="AVH separates the bins of HSF throughout training, and better than the norm does",
    quote="for AVH(x), such gaps are significant and consistent across every single model during the whole "
    "training process.",
    section="3",
    figures=("3",),
    statistic="The share of epochs in which mean AVH falls from each bin of HSF to the next; and Cohen's f (standard "
    "deviation of the bin means divided by the pooled standard deviation within bins), averaged over epochs, of AVH "
    "minus that of the norm. Bootstrap samples are noisier than the original sample, so the interval of the share is "
    "biased downwards.",
    rule=f"the first interval lies above {THROUGHOUT} and the second above 0.",
    inconclusive=f"no human labels, fewer than {FEWEST_EPOCHS} epochs, or fewer than {FEWEST_BINS} bins with "
    f"{BOOK.fewest_in_bin} images or more; smaller bins are left out.",
    since="f4e4e73",
)
def bins_apart(study: StudyResults, arch: str, choices: Choices = BOOK) -> Finding:
    """Observation 3."""
    run = study.runs[arch]
    if few := _too_few_people(study) or _too_short(run):
        return few
    groups, n = bins(study, [arch], choices.fewest_in_bin, **BINS[choices.bins](study))
    if len(n) < FEWEST_BINS:
        return lacking(f"{len(n)} of {FEWEST_BINS} required bins with {choices.fewest_in_bin} images or more")
    by_avh, by_norm = (statistics.curves(_matrix(run.epochs, name)[:, 1:], groups) for name in ("avh", "norm"))
    ordered = statistics.order_share(by_avh.mean)
    apart, apart_norm = (statistics.cohens_f(curves).mean(-1) for curves in (by_avh, by_norm))
    images = int(sum(n.values()))
    return conclude(
        Part("share of epochs in order", statistics.estimate(ordered, images), (THROUGHOUT, np.inf)),
        Part("Cohen's f of AVH", statistics.estimate(apart, images)),
        Part("Cohen's f of the norm", statistics.estimate(apart_norm, images)),
        Part("f of AVH − f of the norm", statistics.estimate(apart - apart_norm, images), (0, np.inf)),
    )


@declare(
    "Obs. 4",
    title="Better networks have a lower AVH in every bin of HSF",
    quote="better models have better AVH(x) throughout the training process and also across samples under "
    "different human selection frequency.",
    section="3",
    figures=("2", "3"),
    statistic="Kendall's tau over the networks between accuracy on all test images and mean AVH in a bin, with "
    "reversed sign, for each bin of HSF; all networks use the same bootstrap samples.",
    rule="the interval of the lowest tau of any bin lies above 0.",
    inconclusive=f"no human labels, fewer than {FEWEST_NETWORKS} networks, or no bin with {BOOK.fewest_in_bin} images "
    "or more; smaller bins are left out.",
    together=True,
    since="f4e4e73",
)
def better_networks(study: StudyResults, _: str = ALL, choices: Choices = BOOK) -> Finding:
    """Observation 4, for all networks together."""
    if few := _too_few_people(study):
        return few
    if len(study.runs) < FEWEST_NETWORKS:
        return lacking(f"{len(study.runs)} of {FEWEST_NETWORKS} required networks")
    groups, n = bins(study, list(study.runs), choices.fewest_in_bin)
    if not n:
        return lacking(f"no bin has {choices.fewest_in_bin} images or more")
    if choices.average == "median":
        return _better_by_median(study, groups, len(n))
    scores = [run.scores for run in study.runs.values()]
    accuracy = statistics.curves(np.stack([table["correct"] for table in scores], axis=1)).mean[:, 0]  # (1 + B, A)
    hardness = statistics.curves(np.stack([table["avh"] for table in scores], axis=1), groups).mean  # (1 + B, K, A)
    taus = statistics.kendall_tau(accuracy[:, None], -hardness)  # (1 + B, K)
    told = [
        Part(f"tau in {name}", statistics.estimate(tau, images))
        for (name, images), tau in zip(n.items(), taus.T, strict=True)
    ]
    return conclude(*told, Part("lowest tau of any bin", statistics.estimate(taus.min(1), len(groups)), (0, np.inf)))


def _better_by_median(study: StudyResults, groups: Array, bins: int) -> Finding:
    """Observation 4 with medians instead of means. groups: the bin of each image (N,)."""
    scores = [run.scores for run in study.runs.values()]
    correct, avh = (np.stack([table[name] for table in scores], axis=1).astype(float) for name in ("correct", "avh"))

    def lowest(counts: Array) -> Array:
        medians = np.stack([statistics.medians(avh[groups == k], counts[:, groups == k]) for k in range(bins)], axis=1)
        accuracy = counts @ correct / counts.sum(1, keepdims=True)  # (B, A)
        least: Array = statistics.kendall_tau(accuracy[:, None], -medians).min(1)  # of (B, K)
        return least

    taus = statistics.bootstrap(lowest, len(groups), RESAMPLES, 0)
    return conclude(Part("lowest tau of any bin", statistics.estimate(taus, len(groups)), (0, np.inf)))


@declare(
    "App. A",
    title="In the first steps the norm rises, the angle falls, both flatten, and easy images end at smaller angles",
    quote="The average norm increases with a large initial slope but it flattens slightly after 10 iterations. […] "
    "the average angle decreases sharply at the beginning and then becomes almost flat after 10 iterations. […] "
    "the angle for the easy one converges to a much lower value.",
    section="A",
    figures=("4", "5"),
    statistic="The rise of the mean norm and the fall of the mean angle over the first optimiser steps; for each, the "
    f"slope after step {EARLY} divided by the slope before; and Spearman's correlation of the angle at the last step "
    "with HSF over test images (the paper uses two images). A curve that turns back after that step counts as flat.",
    rule="the norm's change lies above 0 and the angle's fall too; the norm's slopes have a ratio below 1 "
    f"(“flattens slightly”), the angle's below {FLAT} (“almost flat”); and the correlation lies below 0.",
    inconclusive=f"fewer than {FEWEST_STEPS} recorded steps, or no human labels.",
    since="f4e4e73",
)
def first_steps(study: StudyResults, arch: str, choices: Choices = BOOK) -> Finding:
    """Appendix A."""
    run = study.runs[arch]
    if run.measured:
        return lacking("no training is recorded")
    steps = run.iterations["step"].max()
    if steps < FEWEST_STEPS:
        return lacking(f"{steps} of {FEWEST_STEPS} required optimiser steps")
    angles = _matrix(run.iterations, "angle")
    n = int((~np.isnan(angles)).all(1).sum())
    rising, falling = (statistics.curves(m).mean[:, 0] for m in (_matrix(run.iterations, "norm"), -angles))
    climb, fall = (statistics.estimate(curve[:, -1] - curve[:, 0], n) for curve in (rising, falling))
    flatter, flat = (
        statistics.estimate(statistics.slope_ratio(curve[:, : EARLY + 1], curve[:, EARLY:]), n)
        for curve in (rising, falling)
    )
    last = pd.Series(angles[:, -1])
    if choices.angle_in_class:
        last -= last.groupby(study.images["label"].to_numpy()).transform("mean")
    easy = statistics.correlation(last, study.hsf) if study.has_people else Estimate(np.nan, np.nan, np.nan, 0)
    found = conclude(
        Part("rise of the mean norm", climb, (0, np.inf)),
        Part("fall of the mean angle", fall, (0, np.inf)),
        Part("norm's slope after / before step 10", flatter, (-np.inf, 1)),
        Part("angle's slope after / before step 10", flat, (-np.inf, FLAT)),
        Part("last angle with HSF", easy, (-np.inf, 0)),
    )
    return found if study.has_people else found._replace(why=found.why and "no human labels for these images")


def named(*ids: str) -> list[Claim]:
    """The claims with these ids."""
    return [claim for claim in CLAIMS if claim.id in ids]


def _correlated(
    study: StudyResults, choices: Choices, values: pd.Series, quantity: str, within: tuple[float, float]
) -> Finding:
    """Whether a score's correlation with HSF lies in a range; values: the score of each image (N,)."""
    if few := _too_few_people(study):
        return few
    kept = SUBSETS[choices.images](study)
    found = statistics.correlation(values[kept], study.hsf[kept], choices.coefficient)
    return enough(Part(quantity, found, within))


def enough(part: Part) -> Finding:
    """The finding from one part, where it rests on enough images."""
    if part.estimate.n < FEWEST_IMAGES:
        return lacking(f"{part.estimate.n} of {FEWEST_IMAGES} required images with a score")
    return conclude(part)


def _too_few_people(study: StudyResults) -> Finding | None:
    if not study.has_people:
        return lacking("no human labels for these images")
    if len(study.images) < FEWEST_IMAGES:
        return lacking(f"{len(study.images)} of {FEWEST_IMAGES} required images")
    return None


def _too_short(run: NetworkResults) -> Finding | None:
    if run.measured:
        return lacking("no training is recorded")
    epochs = len(run.training)
    return lacking(f"{epochs} of {FEWEST_EPOCHS} required epochs") if epochs < FEWEST_EPOCHS else None


def _matrix(table: pd.DataFrame, column: str) -> Array:
    """A column of a table of probes as a matrix with a row per image and a column per epoch or step: (N, E)."""
    time = table.columns[0]
    return table.pivot(index="image", columns=time, values=column).to_numpy(dtype=float)


def _curve(run: NetworkResults, column: str, first: int = 1) -> Array:
    """The mean over images after each epoch from ``first``, for the sample and its bootstrap samples: (1 + B, E)."""
    return statistics.curves(_matrix(run.epochs, column)[:, first:]).mean[:, 0]


def bins(
    study: StudyResults, archs: list[str], fewest: int, edges: Sequence[float] = EDGES, closed: Closed = "right"
) -> tuple[Array, dict[str, int]]:
    """The bin of HSF of each image, numbered without bins of fewer images (-1); and the bin sizes by name.

    An image counts if its AVH is defined for all of the networks.
    """
    index = statistics.bin_index(study.hsf, edges, closed)
    defined = np.all([study.runs[arch].scores["avh"].notna() for arch in archs], axis=0)
    sizes = np.bincount(index[(index >= 0) & defined], minlength=len(edges) - 1)
    kept = np.flatnonzero(sizes >= fewest)
    renumbered = np.full(len(sizes) + 1, -1)  # the last is for -1
    renumbered[kept] = np.arange(len(kept))
    names = statistics.bin_names(edges, closed)
    return renumbered[index], {names[k]: int(sizes[k]) for k in kept}
