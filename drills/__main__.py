"""What goes wrong on people's machines, done on purpose, and what came of it.

    python -m drills            parameters, downloads, pictures, archives; damage and a signal: under 2 minutes
    python -m drills --long     all of it: under half an hour

Each try must end in the undisturbed run's tables, byte for byte, or in one sentence and an exit code that is not zero,
after which a plain build gives the undisturbed book. The exit code is 1 if one does not.
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
    parser.add_argument("--long", action="store_true", help="all of it")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # small disks are unmounted
    began, lost = time.monotonic(), 0
    line("fault", "tries", "survived", "what was said, first or where it was lost")
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        for name in ("inside", "book"):
            (Path(folder) / name).mkdir()
        faults = books.long if arguments.long else books.quick
        for several in (inside.all_of_it(Path(folder, "inside")), faults(Path(folder, "book"))):
            for fault in several:
                failed = [outcome for outcome in fault.outcomes if not outcome.survived]
                said = (failed or fault.outcomes)[0].said if fault.outcomes else "not tried: no right to mount a disk"
                line(fault.name, str(len(fault.outcomes)), str(len(fault.outcomes) - len(failed)), said)
                lost += len(failed)
    print(f"{lost or 'none'} lost, {time.monotonic() - began:.0f} s")
    return min(lost, 1)


def line(*cells: str) -> None:
    print("| " + " | ".join([*map(str.ljust, cells, WIDTHS), cells[-1].replace("\n", " ")[:110]]) + " |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
