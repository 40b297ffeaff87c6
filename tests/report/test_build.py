"""One build at a time, and all of it ended by whatever ends it: with a program in Snakemake's place."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from analysis import runs

ROOT = Path(__file__).parent.parent.parent
# Starts a job that ends when it is interrupted and one that does not, and waits for both as Snakemake does, whatever
# it is asked.
STUBBORN = f"""#!{sys.executable}
import signal, subprocess, sys
job = "import os, signal; {{}}; os.write(1, b'job' + bytes([10])); signal.sigwait([signal.SIGUSR1])"
deaf = "signal.signal(signal.SIGINT, signal.SIG_IGN)"
jobs = [subprocess.Popen([sys.executable, "-c", job.format(ears)]) for ears in ("pass", deaf)]
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
[job.wait() for job in jobs]
"""


@pytest.fixture
def start(tmp_path):
    """Starts a build whose Snakemake is the given program, in a folder of its own; ends what is left of it."""
    started = []

    def start(program: str, **options) -> subprocess.Popen:
        snakemake = tmp_path / "bin/snakemake"
        snakemake.parent.mkdir(exist_ok=True)
        snakemake.write_text(program)
        snakemake.chmod(0o755)
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": f"{snakemake.parent}:{os.environ['PATH']}"}
        command = [sys.executable, "-m", "report.build", "--some", "words"]
        started.append(
            subprocess.Popen(
                command,
                cwd=tmp_path,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
                **options,
            )
        )
        return started[-1]

    yield start
    for build in started:
        with suppress(ProcessLookupError):
            os.killpg(build.pid, signal.SIGKILL)  # also what a killed build has left
        build.communicate()


def test_it_removes_what_killed_jobs_left_half_written_and_nothing_else(start, tmp_path):
    files = tmp_path / "book/runs/study/resnet18/files"
    files.mkdir(parents=True)
    page, figure = files.parent / "training.ipynb", files / "fig-t1.svg"
    half = [page.with_name(f".{page.name}.partial.ipynb"), files / f".{figure.name}.k3_x{runs.PARTIAL}"]
    for path in (page, figure, *half):
        path.touch()
    start("#!/bin/sh\n").communicate(timeout=60)
    assert [path.exists() for path in (page, figure, *half)] == [True, True, False, False]


@pytest.mark.parametrize("code", [0, 1, 3])
def test_it_is_given_snakemakes_words_and_gives_its_exit_code(start, code):
    build = start(f'#!/bin/sh\necho "$@"\nexit {code}\n')
    said, _ = build.communicate(timeout=60)
    assert (build.returncode, said) == (code, "--nolock --some words --logger book\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_of_it_and_says_how_to_go_on(start, number):
    build = start(STUBBORN)
    assert [build.stdout.readline(), build.stdout.readline()] == ["job\n", "job\n"]
    everything = psutil.Process(build.pid).children(recursive=True)
    assert len(everything) == 3
    build.send_signal(number)
    _, errors = build.communicate(timeout=20)
    assert build.returncode == 128 + number
    assert errors.splitlines()[-1] == "stopped: what is finished is kept, and the same command goes on from there"
    alive = [process for process in everything if process.is_running()]  # at once: none holds the lock
    assert all(process.status() == psutil.STATUS_ZOMBIE for process in alive)  # where nobody collects the dead


def test_a_second_build_says_which_one_is_there(start):
    first = start(STUBBORN)
    first.stdout.readline()
    second = start(STUBBORN)
    _, errors = second.communicate(timeout=60)
    assert second.returncode == 75
    assert errors.startswith(f"error: a book is being built here already, by process {first.pid}, since ")
    assert len(errors.splitlines()) == 1


def test_the_lock_is_held_until_snakemake_is_gone_too(start):
    first = start(STUBBORN)
    first.stdout.readline()
    snakemake = psutil.Process(first.pid).children()[0]
    first.kill()
    first.wait()
    second = start("#!/bin/sh\n")
    second.communicate(timeout=60)
    assert second.returncode == 75
    snakemake.kill()
    psutil.wait_procs([snakemake], 10)
    third = start("#!/bin/sh\n")
    third.communicate(timeout=60)
    assert third.returncode == 0


def test_what_nohup_ignores_does_not_end_it(start):
    build = start(STUBBORN, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    build.stdout.readline()
    build.send_signal(signal.SIGHUP)
    build.send_signal(signal.SIGTERM)
    build.communicate(timeout=20)
    assert build.returncode == 128 + signal.SIGTERM
