"""The output of `make book` while it runs, from Snakemake's events and the last lines of job logs.

On a terminal one line for each running step and one for the whole, which are updated, and one line for each finished
step; elsewhere a plain line every half minute. The output of a step is in its log. Errors come last.
"""

import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from logging import ERROR, LogRecord
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, NamedTuple, TextIO

import rich.console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from analysis.cores import CORES

EVERY = 30.0  # seconds between two lines without a terminal
SILENT = {"book", "toc", "total"}  # rules that take no time, and Snakemake's total
STEP_KINDS = {  # of steps, as counted in the first line
    "datasets": ("data",),
    "trainings": ("train", "train_another_start"),
    "measurements": ("measure",),
    "chapters": ("chapter", "comparison", "explorer"),
    "books": ("pages", "read"),
}
SECONDS = {  # of one core, approximately, for a step of the default study
    **{"data": 20, "train": 230, "train_another_start": 230},
    **{"chapter": 10, "comparison": 10, "explorer": 8, "read": 30, "pages": 40},
}
BAR = "{unit} {n_fmt} of {total_fmt}{postfix}, {remaining} left"  # written by tqdm into a log
TAIL = 50_000  # bytes at the end of a log that contain its last line and an error


class RunningStep(NamedTuple):
    """A running job: its title, its log, and when it began."""

    title: str
    log: Path
    began: float


class Console:
    """stream, clock: output and time; sys.stderr and the system's, except in tests."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic, **rich_options: Any):
        self.out = rich.console.Console(file=stream or sys.stderr, highlight=False, soft_wrap=True, **rich_options)
        self.terminal = self.out.is_terminal and not self.out.is_dumb_terminal
        self.clock, self.began = clock, clock()
        self.running: dict[int, RunningStep] = {}
        self.failed: list[RunningStep] = []
        self.errors: list[str] = []
        self.left: dict[str, int] = {}  # steps that have not ended, by rule
        self.total = 0
        self.lock, self.closed = Lock(), Event()
        self.live: Live | None = None
        self.stopped = False
        os.environ |= {"TQDM_BAR_FORMAT": BAR, "TQDM_MININTERVAL": "1"}  # of the jobs that Snakemake starts

    # --- events of Snakemake

    def tell(self, record: LogRecord) -> None:
        """One event of Snakemake."""
        event, said = getattr(record, "event", None), vars(record)
        with self.lock:
            if event == "run_info":
                self.plan(said["stats"])
            elif event == "job_info" and said["log"]:
                title = " ".join(filter(None, [said["rule_name"], "/".join(said["wildcards"].values())]))
                self.running[said["jobid"]] = RunningStep(title, Path(said["log"][0]), self.clock())
            elif event == "job_finished" and said["job_id"] in self.running:
                self.finish(self.running.pop(said["job_id"]))
            elif event == "job_error" and said["jobid"] in self.running:
                self.failed.append(self.running.pop(said["jobid"]))
            elif record.levelno >= ERROR and event != "job_error":
                self.errors.append(what_failed(record.getMessage()))
            elif record.getMessage().startswith("Nothing to be done"):
                self.line("nothing to do: the book is what its sources make")

    def plan(self, stats: Mapping[str, int]) -> None:
        """The first line, once the number of steps is known."""
        self.left = {rule: n for rule, n in stats.items() if rule not in SILENT}
        self.total = sum(self.left.values())
        counts = {what: sum(self.left.get(rule, 0) for rule in rules) for what, rules in STEP_KINDS.items()}
        kinds = ", ".join(f"{n} {what if n > 1 else what.removesuffix('s')}" for what, n in counts.items() if n)
        steps = f"{self.total} {'steps' if self.total > 1 else 'step'}"
        self.line(f"{kinds}: {steps} on {CORES} cores{self.about(CORES)}; what they print is in build/log")
        if self.terminal:
            self.live = Live(get_renderable=self.lines, console=self.out, refresh_per_second=2, transient=True)
            self.live.start()
            self.out.show_cursor(True)  # so that the cursor is visible if this is killed
        else:
            Thread(target=self.keep_saying, daemon=True).start()

    def about(self, cores: int) -> str:
        """The expected duration; for studies named by the user, known only from the progress of training."""
        if "--config" in sys.argv and not self.left.keys().isdisjoint({"train", "train_another_start", "measure"}):
            return ""
        seconds = sum(n * SECONDS.get(rule, 10) for rule, n in self.left.items()) / cores
        return f", about {spoken(max(seconds, 10))}"

    def finish(self, step: RunningStep) -> None:
        self.left[step.title.partition(" ")[0]] -= 1
        if self.terminal:
            self.line(f"done: {step.title}, {spoken(self.clock() - step.began)}")
        if step.title == "read" and self.running:
            self.line(f"to be read meanwhile: {Path('_build/read/index.html').resolve().as_uri()}")

    # --- output

    def line(self, text: str) -> None:
        self.out.print(Text(text))

    def lines(self) -> Table:
        """The lines that are updated in place."""
        table = Table.grid(padding=(0, 2), expand=False)
        for name in ("step", "time", "where"):
            table.add_column(name, no_wrap=True, overflow="ellipsis")
        for step in list(self.running.values()):
            table.add_row(step.title, clocked(self.clock() - step.began), last_line(step.log))
        table.add_row(self.whole(), clocked(self.clock() - self.began), "")
        return table

    def whole(self) -> str:
        return f"{self.total - sum(self.left.values())} of {self.total} steps"

    def keep_saying(self) -> None:
        while not self.closed.wait(EVERY):
            self.say()

    def say(self) -> None:
        """The plain line."""
        with self.lock:
            steps = [" ".join(filter(None, [step.title, last_line(step.log)])) for step in self.running.values()]
            self.line("; ".join([f"{clocked(self.clock() - self.began)} {self.whole()}", *steps]))

    def stop(self) -> None:
        """Somebody has stopped the build, and need not be told that its steps have failed."""
        self.stopped = True

    def close(self) -> None:
        """The last lines: what was made, or what went wrong."""
        if self.closed.is_set():
            return
        self.closed.set()
        with self.lock:
            if self.live:
                self.live.stop()
            if self.stopped:
                return
            for step in self.failed:
                self.line(f"failed: {step.title}; all that it said is in {step.log}")
            for error in [what_failed(printed(step.log)) for step in self.failed] or self.errors[-1:]:
                self.line(f"error: {error}")
            if self.total and not any(self.left.values()):
                self.line(f"{self.whole()} in {spoken(self.clock() - self.began)}")


def printed(log: Path) -> str:
    """The last output of a job, without control characters."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[^\S\n]*[\x00-\x08\x0b\x0c\x0e-\x1f]", "", text.replace("\r", "\n"))


def last_line(log: Path) -> str:
    """The last line that says something: rules of Sphinx's do not."""
    return next((line.strip() for line in reversed(printed(log).splitlines()) if re.search(r"\w", line)), "")


def what_failed(said: str) -> str:
    """The error in an output: a command's "error: ...", the message of an exception, or the last line."""
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith("  File ")]
    marked = [i for i, line in enumerate(lines) if line.startswith("error: ")]
    if marked:
        return "\n".join(lines[marked[-1] :]).removeprefix("error: ")
    if lines and re.fullmatch(r"\w+ in .*line \d+:", lines[0]):  # Snakemake's, for an exception in the Snakefile
        return "\n".join(lines[1:])
    return lines[-1] if lines else "it said nothing"


def clocked(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes}:{seconds:02d}"


def spoken(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
