"""`make book`: runs Snakemake, one build at a time per checkout, and ends all its processes when it is ended.

    python -m report.build --config studies=cifar10h

Snakemake waits for its jobs when asked to end, and its own lock outlives a killed run; a lock of the kernel does not.
"""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import TextIO

import psutil

LOCK = Path("build/lock")
PLUGINS = Path(__file__).parent / "plugins"
BUSY = 75  # exit code, as of sysexits.h's EX_TEMPFAIL
PATIENCE = 6  # seconds after which processes that have not ended are killed: all end within 10 on a busy machine
ROOM = 200_000  # bytes, below which a disk is full
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Snakemake's exit code; BUSY if another build is running; 128 plus the signal number after a signal."""
    if fault := fault_of_words(sys.argv[1:]):
        print(f"error: {fault}", file=sys.stderr)
        return 2
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("a+") as lock:
        if not taken(lock):
            lock.seek(0)
            print(f"error: a book is being built here already, by {lock.read().strip()}", file=sys.stderr)
            return BUSY
        remove_half_written()
        caught: list[int] = []
        for number in SIGNALS:
            if signal.getsignal(number) == signal.SIG_IGN:  # by nohup, for example
                continue
            signal.signal(number, lambda number, _: caught.append(number))
        # Snakemake inherits the lock: it is held as long as either process lives.
        build = subprocess.Popen(
            ["snakemake", "--nolock", *sys.argv[1:], "--logger", "book"], pass_fds=[lock.fileno()], env=environment()
        )
        while build.poll() is None and not caught:
            try:
                build.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
        if caught:
            end(psutil.Process(os.getpid()), told=caught[0] == signal.SIGINT)
            print("stopped: what is finished is kept, and the same command goes on from there", file=sys.stderr)
            return 128 + caught[0]
        if build.returncode and (full := full_disks()):
            print(
                f"error: the disk under {' and '.join(full)} is full: make room, and the same command goes on",
                file=sys.stderr,
            )
        return build.returncode


def remove_half_written() -> None:
    """Remove half-written files beside executed pages: a killed job leaves them, and while building no other runs."""
    for leftover in Path("book/runs").rglob(".*.partial*"):
        leftover.unlink(missing_ok=True)


def full_disks() -> list[str]:
    """The folders that a build writes into that are full."""
    folders = [folder for folder in ("_build", "build", "results", "book/runs") if Path(folder).is_dir()]
    return [folder for folder in folders if shutil.disk_usage(folder).free < ROOM]


def fault_of_words(words: list[str]) -> str:
    """The error in what follows --config, for which Snakemake would print a traceback; empty if there is none."""
    entries = words[words.index("--config") + 1 :] if "--config" in words else []
    for entry in takewhile(lambda word: not word.startswith("--"), entries):
        if not re.match(r"[A-Za-z_]\w+=", entry):
            return f"CONFIG has {entry!r}; allowed: NAME=VALUE, such as archs=resnet18, in quotes if it has spaces"
    return ""


def environment() -> dict[str, str]:
    """An environment in which Snakemake finds ``--logger book``."""
    paths = [str(PLUGINS), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def taken(lock: TextIO) -> bool:
    """Whether the lock was acquired; the file names its holder."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    lock.truncate(0)
    print(f"process {os.getpid()}, since {datetime.now():%H:%M}", file=lock, flush=True)
    return True


def end(process: psutil.Process, *, told: bool) -> None:
    """Ask all processes that a process has started to end, and kill those that do not. told: Ctrl-C already asked."""
    started = process.children(recursive=True)
    if told:
        _, started = psutil.wait_procs(started, PATIENCE - 1)
    for child in reversed(started):  # the jobs before Snakemake, which would start others
        send(child, signal.SIGINT)
    psutil.wait_procs(started, PATIENCE / 2)
    killed = process.children(recursive=True)
    for child in killed:
        send(child, signal.SIGKILL)
    psutil.wait_procs(killed, 1)  # the lock is free when this process ends


def send(process: psutil.Process, number: int) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)


if __name__ == "__main__":
    sys.exit(main())
