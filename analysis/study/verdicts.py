"""What a claim's rule makes of numbers: a verdict.

A rule is made of parts. Each part asks whether a number lies in a range, and looks at the number's 95 % bootstrap
interval over test images:

    supported       the number and its whole interval lie in the range
    not supported   the number and its whole interval lie outside
    inconclusive    the interval straddles the range's end, or the number cannot be had

A claim is not supported if any part is not, supported if all parts are, else inconclusive.
"""

from typing import Literal, NamedTuple

import numpy as np

from analysis.statistics import Estimate

Verdict = Literal["supported", "not supported", "inconclusive"]
SUPPORTED, NOT_SUPPORTED, INCONCLUSIVE = VERDICTS = ("supported", "not supported", "inconclusive")
UNDECIDED = "undecided"  # how the reason of an inconclusive verdict begins where its numbers straddle a range's end


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


def conclude(*parts: Part) -> Finding:
    """The verdict of a rule's parts together."""
    asked = [part for part in parts if part.verdict]
    verdicts = {part.verdict for part in asked}
    if NOT_SUPPORTED in verdicts:
        return Finding(NOT_SUPPORTED, parts)
    if verdicts == {SUPPORTED}:
        return Finding(SUPPORTED, parts)
    open_ = [part.quantity for part in asked if part.verdict == INCONCLUSIVE]
    return Finding(INCONCLUSIVE, parts, f"{UNDECIDED}: {', '.join(open_)}")


def lacking(why: str) -> Finding:
    """No verdict, for want of something."""
    return Finding(INCONCLUSIVE, (), why)
