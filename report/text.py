"""Formatting of numbers and names for captions, alternative texts and prose."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

MINUS, THIN, SPACE = "\u2212", "\u202f", "\u00a0"  # the spaces do not allow a line break


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
    """0.534 -> "53 %", with a no-break space."""
    return "undefined" if np.isnan(float(share)) else f"{100 * float(share):.0f}{THIN}%"


def bracketed(low: Any, high: Any, digits: int = 2) -> str:
    """0.49, 0.57 -> "[0.49, 0.57]", with a no-break space; -0.2, -0.0017 -> "[−0.20, −0.002]"."""
    return f"[{_end(low, digits)},{SPACE}{_end(high, digits)}]"


def _end(value: Any, digits: int) -> str:
    """The end of an interval, with as many more digits as show on which side of 0 it lies, up to five in all."""
    while digits < 5 and value != 0 and round(float(value), digits) == 0:
        digits += 1
    return number(value, digits)


def with_interval(value: Any, digits: int = 2, n: bool = True) -> str:
    """The value of an estimate or a table's row with its interval and n: "0.53 [0.49, 0.57], n = 1,000"."""
    text = number(value.value, digits)
    if not np.isnan(value.low):
        text += f" {bracketed(value.low, value.high, digits)}"
    return f"{text}, n{SPACE}={SPACE}{count(value.n)}" if n else text


def percent_with_interval(value: Any) -> str:
    """The same for a share: "53 % [49 %, 57 %]"."""
    return f"{percent(value.value)} [{percent(value.low)},{SPACE}{percent(value.high)}]"


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
    """Text of several source lines as one line, with no-break spaces before percent signs."""
    return re.sub(r"(\d) %", rf"\1{THIN}%", re.sub(r"[ \n]+", " ", text).strip())


def captioned(caption: str | Callable[..., str]) -> Callable[[Callable], Callable]:
    """Attaches a caption to a function that formats a table; the caption may depend on its arguments."""

    def decorate(tell: Callable) -> Callable:
        tell.caption = caption if callable(caption) else lambda *_: caption
        return tell

    return decorate


def sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def cut_at_sentence(sentences: list[str], most: int, pointer: str) -> str:
    """A text of as many of these sentences as fit into ``most`` characters, and a pointer to the others."""
    whole = " ".join(sentences)
    if len(whole) <= most:
        return whole
    kept, *others = sentences
    for other in others:
        if len(f"{kept} {other} {pointer}") > most:
            break
        kept = f"{kept} {other}"
    return f"{kept[: most - len(pointer) - 1].rstrip()} {pointer}"


def escape(text: Any) -> str:
    """Text from users (class names, file names) escaped for Markdown."""
    printable = "".join(c if c.isprintable() or c in (THIN, SPACE) else " " for c in str(text))
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", re.sub(" +", " ", printable).strip(" "))
