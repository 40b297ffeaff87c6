"""How far people's answers can be trusted: the largest correlation with HSF that any score can be expected to reach.

Both ways need only (selected, shown) of each image. Halves of the people assume nothing of how images differ; the
beta-binomial model assumes a shape of that, and needs no halves, which matters where few people were asked.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from analysis.statistics.coefficients import Kind, coefficients
from analysis.statistics.estimates import Array, Estimate, bootstrap, interval
from analysis.statistics.once import once

SPLITS = 200  # of people into halves, and resamples that a model is fitted to: each takes milliseconds
NODES = 100  # quantiles of p at which the model's rank correlation is summed: right to 1e-4


@once
def noise_ceiling(
    selected: ArrayLike, shown: ArrayLike, kind: Kind = "spearman", *, resamples: int = SPLITS, seed: int = 0
) -> Estimate:
    """The largest correlation with HSF that any score can be expected to reach, given how few people were asked.

    Each image's people are split at random into halves; r correlates the halves' HSF; Spearman-Brown gives the
    reliability of all people together, 2r / (1 + r); its square root bounds a correlation (the reliability itself
    bounds explained variance). The value is the mean over splits, the interval a percentile bootstrap over images
    with a new split in each resample.

    Args: selected, shown (N,) integers: how many people chose the image's label, of how many. That is all that a half's
        HSF depends on: drawing half of the people leaves a hypergeometric number of those who chose the label. Images
        that fewer than two people saw are left out.
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
    """Images' probabilities p of being recognised are Beta(alpha, beta); an image's people answer independently."""

    alpha: float
    beta: float

    @property
    def mean(self) -> float:
        """Of p, and so of HSF."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def variance(self) -> float:
        """Of p over images."""
        return self.mean * (1 - self.mean) / (self.alpha + self.beta + 1)


def reliability_model(selected: ArrayLike, shown: ArrayLike) -> BetaBinomial:
    """The beta-binomial model of the highest likelihood, given how many of the people shown an image chose its label.

    selected, shown (N,) integers; images that nobody saw are left out. NaN where all answers are the same, from which
    nothing can be told.
    """
    return _fit(*_distinct(np.asarray(selected), np.asarray(shown)))


@once
def model_ceiling(
    selected: ArrayLike, shown: ArrayLike, kind: Kind = "spearman", *, resamples: int = SPLITS, seed: int = 0
) -> Estimate:
    """The same bound from the beta-binomial model: how p itself, the best score there can be, correlates with HSF.

    Pearson's is sqrt(var p / var HSF), where var HSF = var p + E[p (1 - p)] times the mean of 1 / shown. Spearman's is
    summed over quantiles of p and all answers that the model gives each image's number of people. The interval is a
    percentile bootstrap over images, the model fitted anew to each resample. It is as good as the model: with
    CIFAR-10H's people Pearson's comes out below that of halves, because no beta law has both its many unanimous images
    and its few very hard ones, which make up much of the variance.

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
    resampled = random.multinomial(n, images / n, resamples)  # images alike in both numbers are one
    values = np.array([ceilings[kind](_fit(selected, shown, w), shown, w) for w in (images, *resampled)])
    return Estimate(float(values[0]), *interval(values[1:]), n)


def _distinct(selected: Array, shown: Array) -> tuple[Array, Array, Array]:
    """The distinct pairs (selected, shown), each (K,), and how many images have each."""
    pairs, images = np.unique(np.stack([selected, shown])[:, shown > 0], axis=1, return_counts=True)
    return pairs[0], pairs[1], images


def _fit(selected: Array, shown: Array, images: Array) -> BetaBinomial:
    """Maximum likelihood over log alpha and log beta, from distinct pairs (K,) and the images of each (K,)."""
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
    """12 cov(F(p), G(HSF)) / sqrt(1 - sum t^3) of all images there could be: F, G mean ranks, t the shares tied."""
    from scipy import stats  # noqa: PLC0415

    if np.isnan(model.alpha):
        return np.nan
    ranks = (np.arange(NODES) + 0.5) / NODES  # of p, in all images
    p = np.clip(stats.beta.ppf(ranks, *model), 1e-9, 1 - 1e-9)  # answers do not tell the rest apart
    people, which = np.unique(shown, return_inverse=True)
    share = np.bincount(which, images) / images.sum()
    chances = [s * stats.binom.pmf(np.arange(m + 1), m, p[:, None]) for m, s in zip(people, share, strict=True)]
    hsf, value = np.unique(np.concatenate([np.arange(m + 1) / m for m in people]), return_inverse=True)
    joint = np.zeros((len(hsf), NODES))
    np.add.at(joint, value, np.concatenate(chances, axis=1).T / NODES)
    tied = joint.sum(1)
    of_hsf = np.cumsum(tied) - tied / 2
    return float((joint * (ranks - 0.5) * (of_hsf[:, None] - 0.5)).sum() * 12 / np.sqrt(1 - (tied**3).sum()))
