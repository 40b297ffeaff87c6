"""What a build shows while it runs: few lines that a person reads, and the error last."""

import io
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tqdm import tqdm

from report import console
from report.console import Console

ROOT = Path(__file__).parent.parent.parent


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Told:
    """A console with a clock that stands still, told of a build as Snakemake tells it."""

    def __init__(self, **options):
        self.stream, self.clock = io.StringIO(), Clock()
        self.console = Console(self.stream, self.clock, width=100, **options)

    def tell(self, event: str, message: str = "", level: int = logging.INFO, **more) -> None:
        record = {"msg": message, "levelno": level, "event": event} | more
        self.console.tell(logging.makeLogRecord(record))

    def start(self, number: int, rule: str, log: Path, **wildcards: str) -> None:
        self.tell("job_info", jobid=number, rule_name=rule, wildcards=wildcards, log=[str(log)])

    @property
    def said(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def log(tmp_path) -> Path:
    path = tmp_path / "train.log"
    path.write_text("started\n")
    with path.open("a") as file:
        bar = tqdm(total=90, unit="epoch", bar_format=console.BAR, mininterval=0, file=file)
        bar.set_postfix(accuracy="71.0%", refresh=False)
        bar.update(12)
    return path


def test_without_a_terminal_it_says_plain_lines_each_about_the_whole(log, tmp_path):
    told = Told()
    told.tell("run_info", stats={"train": 1, "chapter": 2, "pages": 1, "toc": 1, "book": 1, "total": 6})
    told.start(1, "train", log, study="synthetic", arch="alexnet")
    told.start(2, "chapter", tmp_path / "not yet", study="synthetic", chapter="norm")
    told.tell("job_finished", job_id=2)
    told.clock.now = 65
    told.console.say()
    head, line = told.said
    assert head.startswith("1 training, 2 chapters, 1 book: 4 steps on ")
    assert re.fullmatch(
        r"1:05 1 of 4 steps; train synthetic/alexnet epoch 12 of 90, accuracy=71.0%, \d\d:\d\d left", line
    )
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", told.stream.getvalue())


def test_a_line_of_rules_alone_is_passed_over(tmp_path):
    log = tmp_path / "pages.log"
    log.write_text(f"reading sources\n\n{'=' * 79}\n")
    assert console.last_line(log) == "reading sources"


def test_half_a_minute_is_between_two_plain_lines(monkeypatch):
    told, waited = Told(), []
    monkeypatch.setattr(told.console.closed, "wait", lambda seconds: waited.append(seconds) or len(waited) > 3)
    told.console.keep_saying()
    assert waited == [30] * 4
    assert len(told.said) == 3


def test_a_terminal_shows_a_line_for_each_running_step_and_one_for_the_whole(log):
    told = Told(force_terminal=True, _environ={"TERM": "xterm"})
    told.console.left, told.console.total = {"train": 2}, 2
    told.start(1, "train", log, study="synthetic", arch="alexnet")
    told.start(2, "train", log.with_name("other"), study="synthetic", arch="vgg19")
    told.clock.now = 130
    told.tell("job_finished", job_id=2)
    told.console.out.print(told.console.lines())
    done, first, whole = told.said
    assert done == "done: train synthetic/vgg19, 2 min"
    assert "train synthetic/alexnet  2:10  epoch 12 of 90, accuracy=71.0%" in first
    assert whole.split() == ["1", "of", "2", "steps", "2:10"]


def test_the_lines_stay_in_place_and_the_cursor_in_sight():
    told = Told(force_terminal=True, _environ={"TERM": "xterm"})
    told.tell("run_info", stats={"data": 1, "total": 1})
    told.console.close()
    hidden, shown = (told.stream.getvalue().rfind(f"\x1b[?25{end}") for end in "lh")
    assert hidden < shown


@pytest.mark.parametrize(
    ("printed", "sentence"),
    [
        ("warned\nerror: the disk is full\n", "the disk is full"),
        ("error: first\nerror: last\n", "last"),
        ("Traceback:\n  File x\nValueError: bad\n", "ValueError: bad"),
        ("10%\r\x1b[31merror: red\x1b[0m\n", "red"),
        ("", "it said nothing"),
    ],
)
def test_a_failed_steps_sentence_is_last_and_its_log_is_named(tmp_path, printed, sentence):
    log = tmp_path / "data.log"
    log.write_text(printed)
    told = Told()
    told.start(1, "data", log, study="synthetic")
    told.tell("job_error", level=logging.ERROR, jobid=1)
    told.tell("error", "WorkflowError:\nAt least one job did not complete", level=logging.ERROR)
    told.console.close()
    assert told.said == [f"failed: data synthetic; all that it said is in {log}", f"error: {sentence}"]


def test_an_exceptions_words_are_all_that_is_said_of_the_snakefile():
    told = Told()
    said = 'InputError in file "/x/Snakefile", line 25:\nunknown study\n  File "/x/Snakefile", line 25, in <module>'
    told.tell("error", said, level=logging.ERROR)
    told.console.close()
    told.console.close()
    assert told.said == ["error: unknown study"]


@pytest.mark.parametrize(("ends", "last"), [("true", "2 of 2 steps in"), ("false", "error: no more room")])
def test_snakemake_tells_it(tmp_path, ends, last):
    rules = f"""
rule book:
    input: "b"
rule first:
    output: "a"
    log: "build/log/first.log"
    shell: "(echo noise; touch a) > {{log}} 2>&1"
rule second:
    input: "a"
    output: "b"
    log: "build/log/second.log"
    shell: "(echo error: no more room; touch b; {ends}) > {{log}} 2>&1"
"""
    (tmp_path / "Snakefile").write_text(rules)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-m", "report.build", "--cores", "1"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == (ends == "true")
    assert done.stdout == ""
    said = done.stderr.splitlines()
    assert said[0].endswith("what they print is in build/log")
    assert said[-1].startswith(last)
    of_slow_machines = [line for line in said if re.match(r"\d+:\d\d \d of ", line)]
    assert len(said) <= 3 + len(of_slow_machines)
    assert "noise" not in done.stderr
