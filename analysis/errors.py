"""The only error that users see: a sentence that states what is wrong, where, and what is allowed."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager


class InputError(ValueError):
    """Bad input: an unknown parameter, a damaged file, labels that do not fit.

    Commands print the sentence and exit with 2; notebooks show it in place of a traceback.
    """

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: show only the sentence."""
        return [f"{type(self).__name__}: {self}"]


@contextmanager
def as_one_sentence() -> Iterator[None]:
    """Print an InputError as one sentence and exit with status 2."""
    try:
        yield
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def one_of(what: str, value: object, allowed: Iterable[object]) -> InputError:
    """The error for a value outside a fixed set of choices."""
    return InputError(f"unknown {what} {value!r}; allowed: {', '.join(map(str, allowed))}")


def first_of(names: Sequence[str], most: int = 3) -> str:
    """The first of many names, and the number of the others."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
