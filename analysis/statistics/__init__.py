"""Statistics of scores and human selection frequency (HSF): arrays in, numbers with intervals out.

Letters:  N images, B bootstrap resamples at a time, K distinct values or groups of images, C classes, E epochs or
steps, A architectures.

The paper plots its correlations but reports no coefficients (Sec. 2). Here, each coefficient has a percentile bootstrap
interval over images, and comparisons of scores are paired: all scores see the same resamples of the images.
A resample is represented by how often each image was drawn. Spearman's ranks can then be computed within each resample
(tied and repeated images share their mean rank) for a whole batch at once, without sorting again. B is chosen so that
the arrays of a batch fit into a processor's cache, however many images there are.

NaN marks an undefined score: the image is left out, and n counts the images that were used.

``estimates`` is what the others share; ``once`` caches results. Then: correlations (``coefficients``, ``associations``,
``comparison``), how well scores detect an event (``detection``), several seeds of a network (``starts``), the
reliability of human labels (``reliability``), curves over epochs or steps (``curves``), bins and group means (``bins``,
``groups``). scipy's ``stats`` and ``optimize`` take a second to import, so functions import them when they are called.
"""

from analysis.statistics.associations import correlation, correlation_difference, correlations, partial, within_bins
from analysis.statistics.bins import (
    EDGES,
    FEWEST_SCALED,
    Closed,
    bin_index,
    bin_names,
    binned,
    histogram,
    scaled,
    scaled_within,
)
from analysis.statistics.coefficients import Kind
from analysis.statistics.comparison import Test, compare_scores, steiger
from analysis.statistics.curves import (
    Curves,
    cohens_f,
    curve_correlation,
    curves,
    kendall_tau,
    order_share,
    slope,
    slope_ratio,
    time_to_plateau,
)
from analysis.statistics.detection import (
    MEASURES,
    Measure,
)
from analysis.statistics.estimates import LEVEL, RESAMPLES, Array, Estimate, bootstrap, defined, estimate, interval
from analysis.statistics.groups import means, medians, proportion, wilson
from analysis.statistics.reliability import (
    SPLITS,
    BetaBinomial,
    model_ceiling,
    noise_ceiling,
    reliability_model,
)
from analysis.statistics.starts import (
    OverStarts,
    correlation_difference_over_starts,
    correlation_over_starts,
    detection_over_starts,
    of_starts,
)
