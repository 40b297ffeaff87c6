"""Statistics of scores and human selection frequency (HSF): arrays in, numbers with intervals out.

Letters:  N images, B bootstrap resamples at a time, K distinct values or groups of images, C classes, E epochs or
steps, A architectures.

The paper draws its correlations and gives no coefficient (Sec. 2). Here each coefficient has a percentile bootstrap
interval over images, and differences between scores are paired: both scores see the same resampled images.
A resample is held as how often each image was drawn, so that Spearman's ranks can be made anew within each resample
(ties and repeated images share their mean rank) for a whole batch at once without sorting again. B is chosen so that a
batch holds at most BUDGET numbers per array, however many images there are.

NaN means an undefined score: its image is left out, and n counts the images that were used.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

BUDGET = 2**20  # numbers in one array of a bootstrap batch: 8 MB
RESAMPLES = 1000
SPLITS = 200  # of people into halves: each costs two sorts
LEVEL = 0.95

# The paper's bins of HSF (Sec. 3). Written out: linspace's 0.6 is not the float that 3 of 5 people give.
EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

Array = np.ndarray
Kind = Literal["spearman", "pearson", "kendall"]
Closed = Literal["right", "left"]


class Estimate(NamedTuple):
    """A number, its interval, and the images behind it."""

    value: float
    low: float
    high: float
    n: int


def correlation(
    x: Array, y: Array, kind: Kind = "spearman", *, resamples: int = RESAMPLES, seed: int = 0, level: float = LEVEL
) -> Estimate:
    """Correlation of x and y, both (N,), with a percentile bootstrap interval over images.

    kind: "spearman", "pearson" or "kendall" (tau-b). NaN where one of them is constant or fewer than 3 pairs are left.
    """
    x, y = _defined(x, y)
    draws = _bootstrap(lambda w: _correlations(x, y, w, kind), len(x), resamples, seed)
    return Estimate(_correlation(x, y, kind), *interval(draws, level), len(x))


def difference(
    a: Array,
    b: Array,
    y: Array,
    kind: Kind = "spearman",
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> Estimate:
    """How much more strongly a goes with y than b does: |r(a, y)| - |r(b, y)|, paired over images; all (N,).

    Paired because both correlations share the images and y; a test that takes them for independent is wrong.
    """
    a, b, y = _defined(a, b, y)

    def drawn(w: Array) -> Array:
        return np.abs(_correlations(a, y, w, kind)) - np.abs(_correlations(b, y, w, kind))

    value = abs(_correlation(a, y, kind)) - abs(_correlation(b, y, kind))
    return Estimate(value, *interval(_bootstrap(drawn, len(y), resamples, seed), level), len(y))


def noise_ceiling(
    selected: Array,
    shown: Array,
    kind: Kind = "spearman",
    *,
    resamples: int = SPLITS,
    seed: int = 0,
    level: float = LEVEL,
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
    random = np.random.default_rng([seed, 1])

    def ceiling(weights: Array) -> float:
        first = random.hypergeometric(selected, shown - selected, half)  # (N,)
        r = _correlations(first / half, (selected - first) / (shown - half), weights[None], kind)[0]
        return np.nan if np.isnan(r) else np.sqrt(max(2 * r / (1 + r), 0)) if r > -1 else 0.0

    value = float(np.mean([ceiling(np.ones(n)) for _ in range(resamples)])) if n >= 3 else np.nan
    draws = _bootstrap(lambda w: np.array([ceiling(row) for row in w]), n, resamples, seed)
    return Estimate(value, *interval(draws, level), n)


def interval(draws: Array, level: float = LEVEL) -> tuple[float, float]:
    """The percentile interval of bootstrap draws; NaN where too few of them are defined to say."""
    draws = draws[np.isfinite(draws)]
    if len(draws) < 2:
        return np.nan, np.nan
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def estimate(draws: Array, n: int, level: float = LEVEL) -> Estimate:
    """From a statistic of the images as they are, draws[0], and of resamples of them, draws[1:]: (1 + B,).

    Draws may be infinite, as a ratio to nothing is; ends are draws, not means between them. Without ends where the
    value, or over half of the draws, are undefined.
    """
    rest = draws[1:][~np.isnan(draws[1:])]
    if np.isnan(draws[0]) or len(rest) < max(2, len(draws) // 2):
        return Estimate(float(draws[0]), np.nan, np.nan, n)
    low, high = np.quantile(rest, [(1 - level) / 2, (1 + level) / 2], method="closest_observation")
    return Estimate(float(draws[0]), float(low), float(high), n)


class Curves(NamedTuple):
    """Groups' curves over time: of the images as they are, [0], and of B resamples of them, [1:]."""

    n: Array  # (1 + B, K, E): defined values
    mean: Array  # (1 + B, K, E); NaN where n is 0
    variance: Array  # (1 + B, K, E): within the group


def curves(values: Array, groups: Array | None = None, *, resamples: int = RESAMPLES, seed: int = 0) -> Curves:
    """Means over images at each time, and of bootstrap resamples of the images: values (N, E).

    An image is drawn with all of its times. The same seed and N draw the same images, so that statistics of two
    measures, or of two networks, are paired. groups (N,): a group's number from 0 for each image, -1 for none.
    """
    values = np.asarray(values, dtype=float)
    groups = np.zeros(len(values), dtype=int) if groups is None else np.asarray(groups)
    members = [np.flatnonzero(groups == k) for k in range(groups.max(initial=0) + 1)]
    defined = ~np.isnan(values)
    filled = np.where(defined, values, 0.0)
    middle = filled.sum(0) / np.maximum(defined.sum(0), 1)  # taken off before squaring: squares of large norms cancel
    filled = np.where(defined, values - middle, 0.0)

    def sums(weights: Array) -> Array:
        columns = (defined.astype(float), filled, filled**2)
        return np.stack([[weights[:, i] @ c[i] for i in members] for c in columns]).transpose(
            2, 0, 1, 3
        )  # (B, 3, K, E)

    drawn = _bootstrap(sums, len(values), resamples, seed)
    whole = sums(np.ones((1, len(values))))
    n, first, second = np.concatenate([whole, drawn.reshape(-1, *whole.shape[1:])]).transpose(1, 0, 2, 3)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = first / n
        return Curves(n, mean + middle, np.maximum(second / n - mean**2, 0))


def curve_correlation(a: Array, b: Array) -> Array:
    """Spearman's correlation of two curves over time: (..., E), (..., E) -> (...); NaN for a flat one."""
    a, b = (stats.rankdata(x, axis=-1, nan_policy="propagate") for x in (a, b))
    a, b = (x - x.mean(-1, keepdims=True) for x in (a, b))
    with np.errstate(divide="ignore", invalid="ignore"):
        return (a * b).sum(-1) / np.sqrt((a * a).sum(-1) * (b * b).sum(-1))


def fallen(curve: Array, share: float = 0.95) -> Array:
    """When a curve has first made this share of its total fall, from its start to its lowest point: (..., E) -> (...).

    In steps from 0. NaN where it never falls below its start. A rise is the fall of the curve's negative.
    """
    start, lowest = curve[..., :1], curve.min(-1, keepdims=True)
    when = (curve <= start - share * (start - lowest)).argmax(-1).astype(float)
    return np.where((lowest < start)[..., 0], when, np.nan)


def slope(curve: Array) -> Array:
    """Least-squares slope of a curve over its times, per step: (..., E) -> (...)."""
    time = np.arange(curve.shape[-1]) - (curve.shape[-1] - 1) / 2
    return (curve * time).sum(-1) / (time * time).sum()


def slope_ratio(before: Array, after: Array) -> Array:
    """How many times as steep a curve climbs over one stretch as over the one before: (..., E), (..., E') -> (...).

    Infinite where it climbs after and did not climb before; NaN where it does neither.
    """
    before, after = slope(before), slope(after)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(before > 0, after / before, np.where(after > 0, np.inf, np.nan))


def order_share(means: Array) -> Array:
    """Share of the times at which the groups' means fall from each group to the next: (..., K, E) -> (...)."""
    return (np.diff(means, axis=-2) < 0).all(-2).mean(-1)


def separation(groups: Curves) -> Array:
    """How far apart groups lie, in standard deviations within them, at each time: Cohen's f, (1 + B, E).

    The root of the variance between the groups' means over the pooled variance within them, both weighted by images
    (Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, ch. 8). It has no unit, so scores compare.
    """
    total = groups.n.sum(-2)
    mean = np.where(groups.n > 0, groups.mean, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        grand = (groups.n * mean).sum(-2) / total
        between = (groups.n * (mean - grand[..., None, :]) ** 2).sum(-2) / total
        within = (groups.n * np.where(groups.n > 0, groups.variance, 0.0)).sum(-2) / total
        return np.where(within > 0, np.sqrt(between / within), np.nan)


def kendall(x: Array, y: Array) -> Array:
    """Kendall's tau-b over the last axis: (..., A), (..., A) -> (...); NaN where one of them is constant."""
    a, b = (np.sign(v[..., :, None] - v[..., None, :]) for v in (x, y))  # (..., A, A)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (a * b).sum((-2, -1)) / np.sqrt((a * a).sum((-2, -1)) * (b * b).sum((-2, -1)))


def bin_index(values: Array, edges: Sequence[float] = EDGES, closed: Closed = "right") -> Array:
    """Which bin each value falls in: (N,) integers from 0; -1 for NaN and beyond the edges.

    The paper's bins share their edges, on which many HSF fall. Right-closed, (.2, .4], fits its reported counts best;
    the outermost edge belongs to its bin either way.
    """
    values, edges = np.asarray(values, dtype=float), np.asarray(edges)
    side: Literal["left", "right"] = "left" if closed == "right" else "right"
    index = np.searchsorted(edges, values, side=side) - 1
    index = np.clip(index, 0, len(edges) - 2)
    return np.where((values >= edges[0]) & (values <= edges[-1]), index, -1)


def bin_names(edges: Sequence[float] = EDGES, closed: Closed = "right") -> list[str]:
    """The bins in interval notation: "[0, 0.2]", "(0.2, 0.4]", ..."""
    last = len(edges) - 2
    names = []
    for i in range(last + 1):
        opening = "[" if closed == "left" or i == 0 else "("
        names.append(f"{opening}{edges[i]:g}, {edges[i + 1]:g}{']' if closed == 'right' or i == last else ')'}")
    return names


def binned(values: Array, edges: Sequence[float] = EDGES, closed: Closed = "right") -> pd.Categorical:
    """Each value's bin by name, ordered, with all bins as categories, the empty ones too; (N,)."""
    return pd.Categorical.from_codes(
        bin_index(values, edges, closed), categories=bin_names(edges, closed), ordered=True
    )


def means(table: pd.DataFrame, by: list[str], value: str, level: float = LEVEL) -> pd.DataFrame:
    """Mean of a column within groups, with its interval: a row per group with ``mean``, ``low``, ``high``, ``n``.

    The interval is Student's for numbers and Wilson's for a boolean column, which stays within 0..1 where all are
    right. It tells how well the mean over images of this kind is known for this one trained network; it does not
    tell how another seed would turn out. Empty bins of a categorical column are kept, with n = 0.
    """
    column = table[value]
    groups = table[by].assign(**{value: column.astype(float)}).groupby(by, observed=False)[value]
    result = groups.agg(mean="mean", deviation="std", n="count").reset_index()
    if column.dtype == bool:
        result["low"], result["high"] = wilson(result["mean"].to_numpy(), result["n"].to_numpy(), level)
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            half = stats.t.ppf((1 + level) / 2, result["n"] - 1) * result["deviation"] / np.sqrt(result["n"])
        result["low"], result["high"] = result["mean"] - half, result["mean"] + half
    return result[[*by, "mean", "low", "high", "n"]]


def wilson(share: Array, n: Array, level: float = LEVEL) -> tuple[Array, Array]:
    """Wilson's interval of a share out of n; NaN where n is 0."""
    z = stats.norm.ppf((1 + level) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def histogram(x: Array, y: Array, x_edges: Array, y_edges: Array) -> pd.DataFrame:
    """Images per cell of a grid: a row per cell with its edges and ``n``. Right-closed, as the bins of HSF are.

    x, y: (N,); pairs with a NaN are in no cell.
    """
    x, y = _defined(x, y)
    i, j = bin_index(x, x_edges), bin_index(y, y_edges)
    inside = (i >= 0) & (j >= 0)
    columns, rows = len(x_edges) - 1, len(y_edges) - 1
    return pd.DataFrame(
        {
            "x_low": np.repeat(x_edges[:-1], rows),
            "x_high": np.repeat(x_edges[1:], rows),
            "y_low": np.tile(y_edges[:-1], columns),
            "y_high": np.tile(y_edges[1:], columns),
            "n": np.bincount(i[inside] * rows + j[inside], minlength=columns * rows),
        }
    )


def scaled(values: Array) -> Array:
    """Values scaled linearly to 0..1 (Sec. 2.2, "we linear scale the range of AVH(x)"); NaN where all are equal."""
    values = np.asarray(values, dtype=float)
    defined = values[~np.isnan(values)]
    if len(defined) == 0 or defined.min() == defined.max():
        return np.full_like(values, np.nan)
    return (values - defined.min()) / (defined.max() - defined.min())


def scaled_within(values: Array, groups: Array) -> Array:
    """Values scaled to 0..1 within each group (Sec. 2.2, the norm "within each class"); (N,), (N,) -> (N,).

    NaN in a group whose values are all equal, such as a class with one image.
    """
    return pd.Series(np.asarray(values, dtype=float)).groupby(np.asarray(groups)).transform(scaled).to_numpy()


def _defined(*columns: Array) -> list[Array]:
    """The columns without the images at which any of them is NaN, as float64."""
    arrays: list[Any] = [np.asarray(column, dtype=float) for column in columns]
    if len({array.shape for array in arrays}) != 1 or arrays[0].ndim != 1:
        raise ValueError(f"columns must have one shape (N,); got {', '.join(str(array.shape) for array in arrays)}")
    keep = ~np.any([np.isnan(array) for array in arrays], axis=0)
    return [array[keep] for array in arrays]


def _bootstrap(statistic: Callable[[Array], Array], n: int, resamples: int, seed: int) -> Array:
    """The statistic under resamples of n images: it takes how often each was drawn (B, N) and gives (B,)."""
    if n < 3:
        return np.array([])
    random = np.random.default_rng(seed)
    batch = max(1, BUDGET // n)
    draws = []
    for start in range(0, resamples, batch):
        size = min(batch, resamples - start)
        drawn = random.integers(0, n, (size, n)) + n * np.arange(size)[:, None]  # (B, N)
        draws.append(statistic(np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(float)))
    return np.concatenate(draws)


def _correlation(x: Array, y: Array, kind: Kind) -> float:
    """The correlation of the images as they are."""
    return float(_correlations(x, y, np.ones((1, len(x))), kind)[0]) if len(x) >= 3 else np.nan


def _correlations(x: Array, y: Array, weights: Array, kind: Kind) -> Array:
    """The correlation in each resample: x, y (N,), weights (B, N) -> (B,)."""
    match kind:
        case "spearman":
            return _weighted_pearson(_ranks(x, weights), _ranks(y, weights), weights)
        case "pearson":
            return _weighted_pearson(x, y, weights)
        case "kendall":
            drawn = (np.repeat(np.arange(len(x)), row.astype(int)) for row in weights)
            return np.array([_kendall(x[i], y[i]) for i in drawn])
    raise ValueError(f"unknown kind {kind!r}; allowed: spearman, pearson, kendall")


def _kendall(x: Array, y: Array) -> float:
    return stats.kendalltau(x, y).statistic if np.ptp(x) > 0 and np.ptp(y) > 0 else np.nan


def _ranks(values: Array, weights: Array) -> Array:
    """Each image's rank in each resample, ties at their mean: values (N,), weights (B, N) -> (B, N)."""
    distinct, group = np.unique(values, return_inverse=True)  # (K,), (N,)
    order = np.argsort(group, kind="stable")
    last = np.cumsum(np.bincount(group, minlength=len(distinct))) - 1  # (K,): where each group ends in that order
    upto = np.cumsum(weights[:, order], axis=1)[:, last]  # (B, K): images up to and with the group
    before = np.concatenate([np.zeros((len(weights), 1)), upto[:, :-1]], axis=1)
    return ((before + upto + 1) / 2)[:, group]


def _weighted_pearson(x: Array, y: Array, weights: Array) -> Array:
    """Pearson's correlation in each resample: x, y (N,) or (B, N), weights (B, N) -> (B,); NaN for a constant."""
    (x, xx), (y, yy) = _centred(x, weights), _centred(y, weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.clip((weights * x * y).sum(1) / np.sqrt(xx * yy), -1, 1)


def _centred(x: Array, weights: Array) -> tuple[Array, Array]:
    """x less its mean in each resample (B, N), and the sum of its squares (B,), NaN where only rounding is left."""
    total = weights.sum(1)
    smallest = 1e-20 * total * np.square(x).max()
    x = x - ((weights * x).sum(1) / total)[:, None]
    squares = (weights * x * x).sum(1)
    return x, np.where(squares > smallest, squares, np.nan)
