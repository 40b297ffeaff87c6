"""Reliability of human labels: the largest correlation with HSF that any score can be expected to reach.

Both methods need only (selected, shown) for each image. Split halves of the annotators assume nothing about how images
differ. The beta-binomial model assumes a distribution but needs no halves, which matters if there are few annotators.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from analysis.statistics.coefficients import Kind, coefficients
from analysis.statistics.estimates import Array, Estimate, bootstrap, interval
from analysis.statistics.once import once

SPLITS = 200  # of annotators into halves, and resamples to which a model is fitted: each takes milliseconds
NODES = 100  # quantiles of p over which the rank correlation of the model is summed: accurate to 1e-4


@once
def noise_ceiling(
    selected: ArrayLike, shown: ArrayLike, kind: Kind = "spearman", *, resamples: int = SPLITS, seed: int = 0
) -> Estimate:
    """The largest correlation with HSF that any score can be expected to reach, given how few annotators there are.

    The annotators of each image are split at random into halves, and r is the correlation between the HSF of the two
    halves. By Spearman and Brown, the reliability of all annotators together is 2r / (1 + r); its square root is an
    upper bound for correlations (the reliability itself bounds the explained variance). The value is the mean over
    splits; the interval is a percentile bootstrap over images, with a new split in each resample.

    Args: selected, shown (N,) integers: how many annotators chose the label of the image, out of how many. The HSF of a
        half depends on nothing else: the number in a random half who chose the label is hypergeometric. Images shown to
        fewer than two annotators are left out.
    """
    selected, shown = np.asarray(selected), np.asarray(shown)
    usable = shown >= 2
    selected, shown = selected[usable], shown[usable]
    n, half = len(selected), shown // 2
    if n < 3:
        return Estimate(np.nan, np.nan, np.nan, n)
    random = np.random.default_rng([seed, 1])

    def ceilings(counts: Array) -> Array:
        return np.array([ceiling(row) for row in counts])

    def ceiling(counts: Array) -> float:
        first = random.hypergeometric(selected, shown - selected, half)  # (N,)
        halves = first / half, (selected - first) / (shown - half)
        r = coefficients(halves[:1], halves[1], kind)(counts[None])[0, 0]
        return np.nan if np.isnan(r) else np.sqrt(max(2 * r / (1 + r), 0)) if r > -1 else 0.0

    value = float(ceilings(np.ones((resamples, n), dtype=np.int32)).mean())
    return Estimate(value, *interval(bootstrap(ceilings, n, resamples, seed)[1:]), n)


class BetaBinomial(NamedTuple):
    """The probability p that an annotator chooses the label is Beta(alpha, beta) over images; answers to the same image
    are independent."""

    alpha: float
    beta: float

    @property
    def mean(self) -> float:
        """The mean of p, and so of HSF."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def variance(self) -> float:
        """The variance of p over images."""
        return self.mean * (1 - self.mean) / (self.alpha + self.beta + 1)


def reliability_model(selected: ArrayLike, shown: ArrayLike) -> BetaBinomial:
    """The maximum-likelihood beta-binomial model, given how many of its annotators chose the label of each image.

    selected, shown (N,) integers; images without annotators are left out. NaN if all answers are the same, because the
    model is then not identified.
    """
    return _fit(*_distinct(np.asarray(selected), np.asarray(shown)))


@once
def model_ceiling(
    selected: ArrayLike, shown: ArrayLike, kind: Kind = "spearman", *, resamples: int = SPLITS, seed: int = 0
) -> Estimate:
    """The same bound from the beta-binomial model: the correlation of p itself, the best possible score, with HSF.

    Pearson's is sqrt(var p / var HSF), where var HSF = var p + E[p (1 - p)] times the mean of 1 / shown. Spearman's is
    summed over quantiles of p and all numbers of answers that are possible for each number of annotators. The interval
    is a percentile bootstrap over images; the model is fitted to each resample. The bound is only as good as the model:
    for CIFAR-10H, Pearson's is below that of split halves, because no beta distribution has both its many unanimous
    images and its few very hard ones, which account for much of the variance.

    Args: as ``reliability_model``. Raises ValueError for a kind other than "spearman" and "pearson".
    """
    ceilings = {"spearman": _spearman, "pearson": _pearson}
    if kind not in ceilings:
        raise ValueError(f"unknown kind {kind!r}; allowed: {', '.join(ceilings)}")
    selected, shown, images = _distinct(np.asarray(selected), np.asarray(shown))
    n = int(images.sum())
    if n < 3:
        return Estimate(np.nan, np.nan, np.nan, n)
    random = np.random.default_rng(seed)
    resampled = random.multinomial(n, images / n, resamples)  # images with the same two numbers are pooled
    values = np.array([ceilings[kind](_fit(selected, shown, w), shown, w) for w in (images, *resampled)])
    return Estimate(float(values[0]), *interval(values[1:]), n)


def _distinct(selected: Array, shown: Array) -> tuple[Array, Array, Array]:
    """The distinct pairs (selected, shown), each (K,), and the number of images with each pair."""
    pairs, images = np.unique(np.stack([selected, shown])[:, shown > 0], axis=1, return_counts=True)
    return pairs[0], pairs[1], images


def _fit(selected: Array, shown: Array, images: Array) -> BetaBinomial:
    """Maximum likelihood in log alpha and log beta, from distinct pairs (K,) and the number of images of each (K,)."""
    share = (selected * images).sum() / max((shown * images).sum(), 1)
    if not 0 < share < 1:
        return BetaBinomial(np.nan, np.nan)

    def loss(logs: Array) -> tuple[float, Array]:
        a, b = np.exp(logs)
        likelihood = special.betaln(selected + a, shown - selected + b) - special.betaln(a, b)
        whole = special.digamma(shown + a + b) - special.digamma(a + b)
        by_a = special.digamma(selected + a) - special.digamma(a) - whole
        by_b = special.digamma(shown - selected + b) - special.digamma(b) - whole
        slope = np.array([a * (images * by_a).sum(), b * (images * by_b).sum()])
        return -(images * likelihood).sum() / images.sum(), -slope / images.sum()

    from scipy import optimize  # noqa: PLC0415

    start = np.log([2 * share, 2 * (1 - share)])
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(-10, 12)] * 2)
    return BetaBinomial(*map(float, np.exp(found.x)))


def _pearson(model: BetaBinomial, shown: Array, images: Array) -> float:
    noise = model.mean * (1 - model.mean) - model.variance  # E[p (1 - p)]
    return float(np.sqrt(model.variance / (model.variance + noise * np.average(1 / shown, weights=images))))


def _spearman(model: BetaBinomial, shown: Array, images: Array) -> float:
    """12 cov(F(p), G(HSF)) / sqrt(1 - sum t^3) over the population of images: F, G mean ranks, t shares of ties."""
    from scipy import stats  # noqa: PLC0415

    if np.isnan(model.alpha):
        return np.nan
    ranks = (np.arange(NODES) + 0.5) / NODES  # of p, in the population of images
    p = np.clip(stats.beta.ppf(ranks, *model), 1e-9, 1 - 1e-9)  # closer to 0 and 1, answers do not differ
    people, which = np.unique(shown, return_inverse=True)
    share = np.bincount(which, images) / images.sum()
    chances = [s * stats.binom.pmf(np.arange(m + 1), m, p[:, None]) for m, s in zip(people, share, strict=True)]
    hsf, value = np.unique(np.concatenate([np.arange(m + 1) / m for m in people]), return_inverse=True)
    joint = np.zeros((len(hsf), NODES))
    np.add.at(joint, value, np.concatenate(chances, axis=1).T / NODES)
    tied = joint.sum(1)
    of_hsf = np.cumsum(tied) - tied / 2
    return float((joint * (ranks - 0.5) * (of_hsf[:, None] - 0.5)).sum() * 12 / np.sqrt(1 - (tied**3).sum()))
