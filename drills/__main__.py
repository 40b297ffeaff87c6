"""Provokes failures that happen on users' machines, and prints a table of the outcomes.

    python -m drills            parameters, downloads, images, archives, damaged files: under 2 minutes
    python -m drills --long     all of them, with kills and full disks: under half an hour

Each trial must end with the tables of the undisturbed run, byte for byte, or with one sentence and a non-zero exit
code, after which a plain build gives the undisturbed book. If any trial does not, the exit code is 1.
"""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from drills import books, inside

WIDTHS = (58, 6, 9)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m drills", description=__doc__.splitlines()[0])
    parser.add_argument("--long", action="store_true", help="run all drills")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that small disks are unmounted
    for number in (signal.SIGINT, signal.SIGHUP):  # nohup and & ignore these, and builds would inherit that
        signal.signal(number, signal.SIG_DFL)
    began, lost = time.monotonic(), 0
    line("fault", "trials", "survived", "message of the first trial, or of the first that failed")
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        for name in ("inside", "book"):
            (Path(folder) / name).mkdir()
        faults = books.long if arguments.long else books.quick
        for several in (inside.all_faults(Path(folder, "inside")), faults(Path(folder, "book"))):
            for fault in several:
                failed = [outcome for outcome in fault.outcomes if not outcome.survived]
                said = (failed or fault.outcomes)[0].said if fault.outcomes else "skipped: mounting is not permitted"
                line(fault.name, str(len(fault.outcomes)), str(len(fault.outcomes) - len(failed)), said)
                lost += len(failed)
    print(f"{lost or 'none'} failed, {time.monotonic() - began:.0f} s")
    return min(lost, 1)


def line(*cells: str) -> None:
    print("| " + " | ".join([*map(str.ljust, cells, WIDTHS), cells[-1].replace("\n", " ")[:110]]) + " |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
