"""The book's HTML: made in a folder beside, then put in the place of the one before, which stays if anything fails.

python -m report.html build/_toc.yml build/pages _build/html
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

BUILT_BOOK = ["jupyter-book", "build", ".", "-W", "--keep-going", "--quiet"]
FAULT = re.compile(r"No space|WARNING|ERROR|Error:")


def replace_book(toc: str, beside: str, there: str) -> int:
    shutil.rmtree(beside, ignore_errors=True)
    words = [*BUILT_BOOK, "--toc", toc, "--path-output", beside]
    made = subprocess.run(words, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    sys.stdout.buffer.write(made.stdout)  # into the log
    lines = made.stdout.decode(errors="replace").splitlines() or ["it said nothing"]
    fault = next(filter(FAULT.search, lines), lines[-1]) if made.returncode else ""
    try:
        if not fault:
            put_in_place(Path(beside, "_build/html"), Path(there))
    except OSError as error:  # shutil's holds one for each file
        fault = "the disk is full" if "No space left" in str(error) else str(error)
    if fault:
        print(f"error: no HTML was made, and what was there is as it was: {fault}", file=sys.stderr)
    return 1 if fault else 0


def put_in_place(made: Path, there: Path) -> None:
    """Move a folder to where another may be. Raises OSError, and leaves that one as it is."""
    new, old = there.with_name(f"{there.name}.new"), there.with_name(f"{there.name}.old")
    if old.exists() and not there.exists():  # an earlier run was killed between the two
        old.rename(there)
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    there.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.move(made, new)  # copies, where build/ is on another disk
        if there.exists():
            there.rename(old)
        new.rename(there)
    except OSError:
        if old.exists() and not there.exists():
            old.rename(there)
        raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
        if there.exists():
            shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(replace_book(*sys.argv[1:]))
