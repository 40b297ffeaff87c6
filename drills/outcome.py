"""The outcome of a trial: whether the project survived it, that is, ended as it should, and its message."""

import contextlib
import io
import sys
import traceback
from collections.abc import Callable
from typing import NamedTuple
from unittest import mock

from analysis import __main__ as command
from analysis.errors import InputError


class Outcome(NamedTuple):
    survived: bool
    said: str


class Fault(NamedTuple):
    """One row of the table: a fault, and the outcome of each trial."""

    name: str
    outcomes: list[Outcome]


def one_sentence(text: str) -> Outcome:
    """Survived if the text is a single line and not a traceback."""
    return Outcome(bool(text.strip()) and "\n" not in text.strip() and "Traceback" not in text, text.strip())


def refused(function: Callable[[], object]) -> Outcome:
    """Survived if the function refuses with one sentence."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            value = function()
    except InputError as error:
        return one_sentence(str(error))
    except SystemExit as error:  # from argparse: its usage, and a sentence
        return Outcome(error.code == 2, said.getvalue().strip().splitlines()[-1])
    except Exception:
        return Outcome(False, traceback.format_exc().strip().splitlines()[-1])
    return Outcome(False, f"passed: {value!r}"[:200])


def analysis(*words: str) -> tuple[int, str]:
    """``python -m analysis`` in this process: its exit code and its messages."""
    said = io.StringIO()
    quiet = contextlib.redirect_stdout(io.StringIO())
    with mock.patch.object(sys, "argv", ["analysis", *words]), contextlib.redirect_stderr(said), quiet:
        try:
            code = command.main()
        except SystemExit as error:
            code = int(error.code or 0)
        except Exception:
            code, _ = 1, said.write(traceback.format_exc())
    return code, said.getvalue()


def refused_command(*words: str) -> Outcome:
    """Survived if the command ends with one sentence and a non-zero exit code."""
    code, said = analysis(*words)
    last = (said.strip().splitlines() or [""])[-1]
    sentence = last.startswith("error: ") and "Traceback" not in said
    return Outcome(code != 0 and sentence, last.removeprefix("error: ") or f"exit code {code}, no message")
