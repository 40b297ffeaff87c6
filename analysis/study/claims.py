"""The paper's claims, each as a rule that turns a study's tables into a verdict.

Each rule was fixed before it met any result; ``report.wording.claims`` says them in words. A rule is made of parts.
Each part asks whether a number lies in a range, and looks at the number's 95 % bootstrap interval over test images:

    supported       the number and its whole interval lie in the range
    not supported   the number and its whole interval lie outside
    inconclusive    the interval straddles the range's end, or the number cannot be had

A claim is not supported if any part is not, supported if all parts are, else inconclusive. Where people, images, bins,
epochs or networks are too few for a rule, the verdict is inconclusive and says so. Intervals are over images, for one
start of each network; claims that rest on final scores are judged for its other starts too.

Prediction 2 was one claim of what are P2a and P2c now. It was split, and P2b added, after results were seen: one
verdict hid which part of it held. No threshold moved, and P2b's is the one that H1 has for "strong".
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from analysis import statistics
from analysis.statistics import EDGES, RESAMPLES, Array, Closed, Estimate
from analysis.study.choices import BINS, BOOK, HARDNESS, IMAGES, NORMS, Choices
from analysis.study.results import NetworkResults, StudyResults

Verdict = Literal["supported", "not supported", "inconclusive"]
SUPPORTED, NOT_SUPPORTED, INCONCLUSIVE = VERDICTS = ("supported", "not supported", "inconclusive")
ALL = "all"  # in place of a network's name: the verdict is on all of them together
FEWEST_IMAGES = 30  # below it a rank correlation's interval spans most of -1 to 1
FEWEST_IN_BIN = 10  # below it a bin's mean is not known well enough to be put in order
FEWEST_BINS = 3  # an order of two is right half of the time by chance
FEWEST_NETWORKS = 3  # likewise
FEWEST_EPOCHS = 9  # three at each learning rate, so that a slope over two exists on both sides of a drop
WINDOW = 10  # epochs before and after the first drop that its slopes are taken over, where there are as many
LEARNED = 0.95  # of a total fall: a curve that has made this share of it has reached its plateau
EARLY = 10  # optimiser steps after which the paper sees the curves flatten (App. A)
FEWEST_STEPS = 20  # as many after as before
NONE = 0.1  # a correlation below it is none
ALIKE = 0.8  # rank correlation of curves that are "very similar"
THROUGHOUT = 0.9  # share of epochs that is "the whole training process"
FLAT = 0.2  # share of the early slope that is "almost flat"


class Part(NamedTuple):
    """A number, and what the rule asks of it: within ``range``. Without a range it is told and decides nothing."""

    quantity: str
    estimate: Estimate
    range: tuple[float, float] | None = None

    @property
    def verdict(self) -> Verdict | None:
        if self.range is None:
            return None
        (low, high), ends = self.range, self.estimate[:3]
        if np.isnan(ends).any():
            return INCONCLUSIVE
        if low < min(ends) and (max(ends) < high or high == np.inf):
            return SUPPORTED
        if max(ends) <= low or min(ends) >= high != np.inf:
            return NOT_SUPPORTED
        return INCONCLUSIVE


class Finding(NamedTuple):
    """A claim's verdict for one network, or for all; ``why``, where it is inconclusive."""

    verdict: Verdict
    parts: tuple[Part, ...] = ()
    why: str = ""


class Claim(NamedTuple):
    """A claim's rule, under the claim's name in this book."""

    id: str
    judge: Callable[[StudyResults, str, Choices], Finding]
    together: bool = False  # whether the verdict is on all networks together
    of_scores: bool = False  # whether it rests on final scores alone, and so is judged for each start of a network


def judge(study: StudyResults, claims: Sequence[Claim] = ()) -> pd.DataFrame:
    """Every claim on every network: a row per (claim, arch, quantity); a row without a quantity where none was had.

    Columns: claim, arch ("all" where the verdict is on all networks together), verdict, why, quantity, value, low,
    high, n, above, below (the range that the rule asks for), part (the part's verdict), starts (of the network, that
    were judged), alike (how many of those have this verdict). Numbers and verdict are of the first start; claims on
    training, and on all networks together, are judged for that one alone.
    """
    rows = []
    for claim in claims or CLAIMS:
        for arch in [ALL] if claim.together else study.runs:
            finding = claim.judge(study, arch, BOOK)
            others = study.runs[arch].others if claim.of_scores else ()
            verdicts = [
                finding.verdict,
                *(claim.judge(_with(study, arch, other), arch, BOOK).verdict for other in others),
            ]
            row = {"claim": claim.id, "arch": arch, "verdict": finding.verdict, "why": finding.why}
            row |= {"starts": len(verdicts), "alike": verdicts.count(finding.verdict)}
            parts = [
                {"quantity": p.quantity, **p.estimate._asdict(), "range": p.range, "part": p.verdict or ""}
                for p in finding.parts
            ]
            rows += [row | part for part in parts or [{"quantity": "", "n": 0, "range": None, "part": ""}]]
    columns = ["claim", "arch", "verdict", "why", "quantity", "value", "low", "high", "n", "range", "part"]
    columns += ["starts", "alike"]
    table = pd.DataFrame(rows, columns=columns)
    ends = np.array([(np.nan, np.nan) if r is None else r for r in table.pop("range")], dtype=float)
    table["above"], table["below"] = np.where(np.isinf(ends), np.nan, ends).T
    return table


def _with(study: StudyResults, arch: str, start: NetworkResults) -> StudyResults:
    """The study with another start of a network in place of its first."""
    return replace(study, runs=study.runs | {arch: start})


def conclude(*parts: Part) -> Finding:
    """The verdict of a rule's parts together."""
    asked = [part for part in parts if part.verdict]
    verdicts = {part.verdict for part in asked}
    if NOT_SUPPORTED in verdicts:
        return Finding(NOT_SUPPORTED, parts)
    if verdicts == {SUPPORTED}:
        return Finding(SUPPORTED, parts)
    open_ = [part.quantity for part in asked if part.verdict == INCONCLUSIVE]
    return Finding(INCONCLUSIVE, parts, f"undecided: {', '.join(open_)}")


def lacking(why: str) -> Finding:
    """No verdict, for want of something."""
    return Finding(INCONCLUSIVE, (), why)


def confidence_with_people(study: StudyResults, arch: str, choices: Choices = BOOK) -> Finding:
    """H1."""
    values = study.runs[arch].scores["confidence"]
    return _correlated(study, choices, values, "confidence with HSF", (-choices.strong, choices.strong))


def norm_with_people(study: StudyResults, arch: str, choices: Choices = BOOK) -> Finding:
    """Prediction 1, which the paper rejects."""
    values = NORMS[choices.norm](study.runs[arch].scores)
    return _correlated(study, choices, values, "norm within class with HSF", (-NONE, NONE))


def avh_with_people(study: StudyResults, arch: str, choices: Choices = BOOK) -> Finding:
    """Prediction 2: AVH falls as HSF rises."""
    values = HARDNESS[choices.hardness](study.runs[arch].scores)
    return _correlated(study, choices, values, "AVH with HSF", (-np.inf, 0))


def avh_strongly_with_people(study: StudyResults, arch: str, choices: Choices = BOOK) -> Finding:
    """Prediction 2: it does so strongly."""
    values = HARDNESS[choices.hardness](study.runs[arch].scores)
    return _correlated(study, choices, values, "AVH with HSF", (-np.inf, -choices.strong))


def avh_before_confidence(study: StudyResults, arch: str, choices: Choices = BOOK) -> Finding:
    """Prediction 2: it follows HSF more closely than confidence does."""
    if few := _too_few_people(study):
        return few
    scores, kept = study.runs[arch].scores, IMAGES[choices.images](study)
    columns = HARDNESS[choices.hardness](scores)[kept], scores["confidence"][kept], study.hsf[kept]
    lead = statistics.correlation_difference(*columns, choices.coefficient)
    return enough(Part("|AVH| − |confidence|", lead, (0, np.inf)))


def norm_and_accuracy(study: StudyResults, arch: str, _: Choices = BOOK) -> Finding:
    """Observation 1."""
    run = study.runs[arch]
    if short := _too_short(run):
        return short
    drops = np.flatnonzero(run.training["learning_rate"].diff() < 0)
    if not len(drops):
        return lacking("the learning rate never falls")
    norms, accuracies = _curve(run, "norm"), _curve(run, "correct")
    last = drops[0] - 1  # index of the last epoch before the drop, from which both slopes are taken
    window = min(WINDOW, last, norms.shape[-1] - 1 - last)
    n = len(run.scores)
    alike = statistics.curve_correlation(norms, accuracies)
    ratio = statistics.slope_ratio(norms[:, last - window : last + 1], norms[:, last : last + window + 1])
    ratio = np.where(np.isnan(ratio), 0, ratio)  # it climbs neither before nor after: it does not climb at the drop
    return conclude(
        Part("norm with accuracy over epochs", statistics.estimate(alike, n), (ALIKE, np.inf)),
        Part("norm's slope after / before the first drop", statistics.estimate(ratio, n), (1, np.inf)),
    )


def plateau(study: StudyResults, arch: str, _: Choices = BOOK) -> Finding:
    """Observation 2."""
    run = study.runs[arch]
    if short := _too_short(run):
        return short
    n = len(run.scores)
    early = statistics.time_to_plateau(_curve(run, "avh"), LEARNED) + 1  # (1 + B,), epochs count from 1
    rises = statistics.time_to_plateau(-_curve(run, "correct"), LEARNED) + 1
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


def bins_apart(study: StudyResults, arch: str, choices: Choices = BOOK) -> Finding:
    """Observation 3."""
    run = study.runs[arch]
    if few := _too_few_people(study) or _too_short(run):
        return few
    groups, n = bins(study, [arch], **BINS[choices.bins](study))
    if len(n) < FEWEST_BINS:
        return lacking(f"of {FEWEST_BINS} bins with {FEWEST_IN_BIN} images that are needed, {len(n)} are there")
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


def better_networks(study: StudyResults, _: str = ALL, choices: Choices = BOOK) -> Finding:
    """Observation 4, of all networks together."""
    if few := _too_few_people(study):
        return few
    if len(study.runs) < FEWEST_NETWORKS:
        return lacking(f"of {FEWEST_NETWORKS} networks that are needed, {len(study.runs)} are there")
    groups, n = bins(study, list(study.runs))
    if not n:
        return lacking(f"no bin holds {FEWEST_IN_BIN} images or more")
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
    """Observation 4 where a bin's AVH is the median of its images: groups (N,) their bins."""
    scores = [run.scores for run in study.runs.values()]
    correct, avh = (np.stack([table[name] for table in scores], axis=1) for name in ("correct", "avh"))  # (N, A)

    def lowest(images: Array) -> float:
        parts = [avh[images[groups[images] == k]] for k in range(bins)]
        if not all(map(len, parts)):
            return np.nan
        medians = np.stack([np.nanmedian(values, axis=0) for values in parts])  # (K, A)
        return float(statistics.kendall_tau(correct[images].mean(0)[None], -medians).min())

    drawn = np.random.default_rng(0).integers(0, len(groups), (RESAMPLES, len(groups)))
    taus = np.array([lowest(images) for images in (np.arange(len(groups)), *drawn)])
    return conclude(Part("lowest tau of any bin", statistics.estimate(taus, len(groups)), (0, np.inf)))


def first_steps(study: StudyResults, arch: str, _: Choices = BOOK) -> Finding:
    """Appendix A."""
    run = study.runs[arch]
    if run.measured:
        return lacking("this network's training was not seen")
    steps = run.iterations["step"].max()
    if steps < FEWEST_STEPS:
        return lacking(f"{steps} optimiser steps were recorded, and {FEWEST_STEPS} are needed")
    angles = _matrix(run.iterations, "angle")
    n = int((~np.isnan(angles)).all(1).sum())
    rising, falling = (statistics.curves(m).mean[:, 0] for m in (_matrix(run.iterations, "norm"), -angles))
    climb, fall = (statistics.estimate(curve[:, -1] - curve[:, 0], n) for curve in (rising, falling))
    flatter, flat = (
        statistics.estimate(statistics.slope_ratio(curve[:, : EARLY + 1], curve[:, EARLY:]), n)
        for curve in (rising, falling)
    )
    easy = statistics.correlation(angles[:, -1], study.hsf) if study.has_people else Estimate(*3 * [np.nan], 0)
    found = conclude(
        Part("rise of the mean norm", climb, (0, np.inf)),
        Part("fall of the mean angle", fall, (0, np.inf)),
        Part("norm's slope after / before step 10", flatter, (-np.inf, 1)),
        Part("angle's slope after / before step 10", flat, (-np.inf, FLAT)),
        Part("last angle with HSF", easy, (-np.inf, 0)),
    )
    return found if study.has_people else found._replace(why=found.why and "nobody was asked which images are easy")


CLAIMS = (
    Claim("H1", confidence_with_people, of_scores=True),
    Claim("P1", norm_with_people, of_scores=True),
    Claim("P2a", avh_with_people, of_scores=True),
    Claim("P2b", avh_strongly_with_people, of_scores=True),
    Claim("P2c", avh_before_confidence, of_scores=True),
    Claim("Obs. 1", norm_and_accuracy),
    Claim("Obs. 2", plateau),
    Claim("Obs. 3", bins_apart),
    Claim("Obs. 4", better_networks, together=True),
    Claim("App. A", first_steps),
)


def named(*ids: str) -> list[Claim]:
    """The claims with these ids."""
    return [claim for claim in CLAIMS if claim.id in ids]


def _correlated(
    study: StudyResults, choices: Choices, values: pd.Series, quantity: str, within: tuple[float, float]
) -> Finding:
    """Whether a score's correlation with HSF lies in a range; values: the score of each image (N,)."""
    if few := _too_few_people(study):
        return few
    kept = IMAGES[choices.images](study)
    found = statistics.correlation(values[kept], study.hsf[kept], choices.coefficient)
    return enough(Part(quantity, found, within))


def enough(part: Part) -> Finding:
    """The finding from one part, where it rests on enough images."""
    if part.estimate.n < FEWEST_IMAGES:
        return lacking(f"{part.estimate.n} images with a score, and {FEWEST_IMAGES} are needed")
    return conclude(part)


def _too_few_people(study: StudyResults) -> Finding | None:
    if not study.has_people:
        return lacking("nobody was asked about these images")
    if len(study.images) < FEWEST_IMAGES:
        return lacking(f"{len(study.images)} images, and {FEWEST_IMAGES} are needed")
    return None


def _too_short(run: NetworkResults) -> Finding | None:
    if run.measured:
        return lacking("this network's training was not seen")
    epochs = len(run.training)
    return lacking(f"{epochs} epochs, and {FEWEST_EPOCHS} are needed") if epochs < FEWEST_EPOCHS else None


def _matrix(table: pd.DataFrame, column: str) -> Array:
    """A column of a table of probes as a row per image and a column per epoch or step: (N, E)."""
    time = table.columns[0]
    return table.pivot(index="image", columns=time, values=column).to_numpy(dtype=float)


def _curve(run: NetworkResults, column: str) -> Array:
    """The mean over images after each epoch from 1, of the images as they are and of resamples: (1 + B, E)."""
    return statistics.curves(_matrix(run.epochs, column)[:, 1:]).mean[:, 0]


def bins(
    study: StudyResults, archs: list[str], edges: Sequence[float] = EDGES, closed: Closed = "right"
) -> tuple[Array, dict[str, int]]:
    """Each image's bin of HSF, numbered without those of too few images (-1); and those bins' sizes by name.

    An image counts where all of the networks have an AVH of it.
    """
    index = statistics.bin_index(study.hsf, edges, closed)
    defined = np.all([study.runs[arch].scores["avh"].notna() for arch in archs], axis=0)
    sizes = np.bincount(index[(index >= 0) & defined], minlength=len(edges) - 1)
    kept = np.flatnonzero(sizes >= FEWEST_IN_BIN)
    renumbered = np.full(len(sizes) + 1, -1)  # the last is for -1
    renumbered[kept] = np.arange(len(kept))
    names = statistics.bin_names(edges, closed)
    return renumbered[index], {names[k]: int(sizes[k]) for k in kept}
