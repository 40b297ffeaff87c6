"""Verdicts: what a claim's rule concludes from the numbers.

A rule has parts. Each part requires a number to lie in a range, and considers its 95 % bootstrap interval over test
images:

    supported       the number and its whole interval lie inside the range
    not supported   the number and its whole interval lie outside the range
    inconclusive    the interval lies partly inside and partly outside the range, or there is no number

A claim is not supported if any part is not supported, supported if all parts are, and inconclusive otherwise.
"""

from typing import Any, Literal, NamedTuple

import numpy as np

from analysis.statistics import Estimate

Verdict = Literal["supported", "not supported", "inconclusive"]
VERDICTS: tuple[Verdict, Verdict, Verdict] = ("supported", "not supported", "inconclusive")
SUPPORTED, NOT_SUPPORTED, INCONCLUSIVE = VERDICTS
UNDECIDED = "undecided"  # begins the reason of a verdict that is inconclusive because of an interval


class Part(NamedTuple):
    """A number and the range that the rule requires. Without a range the number is reported but decides nothing."""

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

    @property
    def row(self) -> dict[str, Any]:
        """The part in a table: quantity, value, low, high, n, and the range's ends above and below, NaN for none."""
        above, below = (end if np.isfinite(end) else np.nan for end in self.range or (np.nan, np.nan))
        return {"quantity": self.quantity, **self.estimate._asdict(), "above": above, "below": below}


class Finding(NamedTuple):
    """The verdict on a claim for one network, or for all; ``why`` if it is inconclusive."""

    verdict: Verdict
    parts: tuple[Part, ...] = ()
    why: str = ""


def conclude(*parts: Part) -> Finding:
    """The verdict that follows from all parts of a rule."""
    asked = [part for part in parts if part.verdict]
    verdicts = {part.verdict for part in asked}
    if NOT_SUPPORTED in verdicts:
        return Finding(NOT_SUPPORTED, parts)
    if verdicts == {SUPPORTED}:
        return Finding(SUPPORTED, parts)
    open_ = [part.quantity for part in asked if part.verdict == INCONCLUSIVE]
    return Finding(INCONCLUSIVE, parts, f"{UNDECIDED}: {', '.join(open_)}")


def lacking(why: str) -> Finding:
    """An inconclusive verdict, because evidence is missing."""
    return Finding(INCONCLUSIVE, (), why)
