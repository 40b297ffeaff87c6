"""Run the command line in child processes that kill themselves at chosen moments.

    python tests/killing.py '{"job": {"words": ["train", ...], "moments": ["step:5:9", ..., "none"]}, ...}'

A job is a command that is started once for each of its moments. A moment is EVENT:COUNT:SIGNAL, the COUNT-th EVENT
of its process. Each child is a fork of this process, which has imported everything and computed nothing; it dies by a
real signal, with no chance to tidy up if that is SIGKILL. With "none" it is left alone. Prints JSON: for each job, how
each child ended (minus the signal, or its exit code) and what it wrote to stderr.
"""

import json
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path

import torch

from analysis import __main__ as command
from analysis import runs, study, training  # noqa: F401  imported once, for all children


class Killer:
    """Counts events, and kills this process at the chosen one."""

    def __init__(self, moment: str):
        self.event, count, number = moment.split(":") if moment != "none" else ("", 0, 0)
        self.left, self.signal = int(count), int(number)

    def happens(self, event: str) -> None:
        if event == self.event:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), self.signal)

    def before(self, owner, name: str, event: str) -> None:
        function = getattr(owner, name)

        def wrapped(*args, **options):
            self.happens(event)
            return function(*args, **options)

        setattr(owner, name, wrapped)


def child(moment: str, words: list[str]) -> None:
    """The command, which may die on the way."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which jobs in a shell's background ignore
    killer = Killer(moment)
    killer.before(training.Training, "train_step", "step")
    killer.before(training.Training, "probe", "probe")
    killer.before(os, "replace", "replace")  # all of a file is written, under its temporary name
    killer.before(runs, "write_table", "table")
    write = Path.write_bytes

    def write_bytes(path: Path, content) -> int:
        if killer.event == "half":  # of a checkpoint, a model or a stamp
            write(path, bytes(content)[: len(content) // 2])
            killer.happens("half")
        return write(path, content)

    Path.write_bytes = write_bytes
    unlink = Path.unlink

    def unlinked(path: Path, *args, **options) -> None:
        if path.name.startswith("checkpoint"):
            killer.happens("unlink")
        unlink(path, *args, **options)

    Path.unlink = unlinked
    sys.argv = ["analysis", *words]
    code = command.main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def end(moment: str, words: list[str]) -> tuple[int, str]:
    """How one child ended, and its errors."""
    with tempfile.TemporaryFile("w+") as errors, tempfile.TemporaryFile() as output:
        pid = os.fork()
        if pid == 0:
            os.dup2(errors.fileno(), 2)
            os.dup2(output.fileno(), 1)
            try:
                child(moment, words)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(99)
        _, status = os.waitpid(pid, 0)
        errors.seek(0)
        return os.waitstatus_to_exitcode(status), errors.read()


def main() -> None:
    torch.set_num_threads(1)
    jobs = json.loads(sys.argv[1]).items()
    print(json.dumps({name: [end(moment, job["words"]) for moment in job["moments"]] for name, job in jobs}))


if __name__ == "__main__":
    main()
