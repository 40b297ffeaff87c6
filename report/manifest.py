"""The files of a finished book: size and SHA-256 of each, written at the end and checked before the next build.

    python -m report.manifest _build/html/index.html _build/html book/runs/synthetic results/synthetic ...

Snakemake compares times of files, not their contents, and checks no file that none of its jobs needs: a truncated page
or a missing table would go unnoticed. Networks and checkpoints are not part of a book.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from analysis import runs
from analysis.errors import InputError
from analysis.runs import DATASET
from report.contents import EXPLORER

NETWORK_FILES = (".pt", ".safetensors")
FILES = "files"  # beside pages: their figures and data


class Manifest:
    """The manifest of the book with its first page at ``index``."""

    def __init__(self, index: str | Path):
        self.index, self.html = str(index), Path(index).parent
        self.path = self.html.with_suffix(".json")

    def note(self, folders: Iterable[str | Path]) -> None:
        """Record all files in these folders, and keep the entries of other folders."""
        folders = [Path(folder) for folder in folders]
        others = {name: was for name, was in self.noted.items() if not any(map(Path(name).is_relative_to, folders))}
        made = {str(file): [file.stat().st_size, runs.sha256(file)] for folder in folders for file in shown(folder)}
        runs.write_bytes(self.path, json.dumps(others | made).encode())

    @cached_property
    def noted(self) -> dict[str, list]:
        """Size and SHA-256 of each file; empty if there is no readable manifest."""
        try:
            return runs.read_json(self.path)
        except InputError:
            return {}

    @cached_property
    def differing(self) -> list[Path]:
        """The files that are missing or have changed."""
        return [Path(name) for name in self.noted if not self.as_written(Path(name))]

    def as_written(self, path: Path) -> bool:
        size, content = self.noted.get(str(path), (-1, ""))
        return path.is_file() and path.stat().st_size == size and runs.sha256(path) == content

    def made_again(self, made: Iterable[str]) -> set[str]:
        """Of the files that jobs make, and of the book, those that must be made again for the book to be complete.

        The figures and data of a page are made with the page. A run that was repeated by hand since, and matches its
        own description, counts as complete. Without a manifest, every readable file is trusted.
        """
        made = set(made)
        wanted = {name for name in made if Path(name).exists() and not self_consistent(Path(name))}
        if not self.noted:
            wanted.add(self.index)
        for path in self.differing:
            if path.is_relative_to(self.html):
                wanted.add(self.index)
            elif str(path) in made and not self.made_since(path):
                wanted.add(str(path))
            elif path.parent.name == FILES:
                pages = {page for page in made if Path(page).parent == path.parent.parent and page.endswith(".ipynb")}
                wanted |= {page for page in pages if Path(page).stem == EXPLORER} if of_explorer(path) else pages
        return wanted

    def made_since(self, path: Path) -> bool:
        """Whether a table belongs to a complete run or dataset that is newer than the book."""
        description = path.with_name(runs.RUN if runs.is_finished(path.parent) else DATASET)
        if path.suffix == ".ipynb" or not (path.exists() and description.exists()):
            return False
        return description.stat().st_mtime_ns > self.path.stat().st_mtime_ns and self_consistent(description)

    def check_recorded(self, folders: list[str], made: Iterable[str]) -> None:
        """Raises InputError if a file of the project is missing or differs from both git and the last build.

        made: files that are made here. Without git, files must be as they were when the last book was built.
        """
        changed = changed_in_git(folders)
        again = "git restore {0} puts it back, git add {0} keeps what is there"
        if changed is None:
            changed = [path for path in self.differing if any(map(path.is_relative_to, folders))]
            again = f"unpack the project again, or rm {self.path} to keep what is there"
        made = set(made)
        for path in changed:
            if not (str(path) in made or of_explorer(path) or self.as_written(path)):
                fault = "not what was recorded" if path.exists() else "missing"
                raise InputError(f"{path} is {fault}: {again.format(path)}")


def self_consistent(path: Path) -> bool:
    """Whether a page, or a description of tables, is readable, and the tables beside it match their description."""
    if path.suffix not in (".json", ".ipynb"):
        return True
    try:
        written = runs.read_json(path) if path.suffix == ".ipynb" else runs.read_stamp(path)
        for name in written.get(runs.TABLES_OF, ()):
            if not name.endswith(NETWORK_FILES):
                runs.sha256(path.with_name(name))  # raises an error for a missing one
                runs.check_file(path.with_name(name), written, path.name)
    except InputError:
        return False
    return True


def shown(folder: Path) -> list[Path]:
    """The files in a folder that belong to a book: none that is hidden, unfinished or a network."""
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and file.suffix not in NETWORK_FILES
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]


def of_explorer(path: Path) -> bool:
    """Whether a file belongs to an explorer, whose images are never recorded."""
    return path.name.startswith(EXPLORER)


def changed_in_git(folders: list[str]) -> list[Path] | None:
    """The files in these folders that differ from git; None if the project is not in git."""

    def git(*words: str) -> list[str]:
        done = subprocess.run(("git", *words, "--", *folders), capture_output=True, text=True, check=True)
        return [name for name in done.stdout.split("\0") if name]

    try:
        known = git("ls-files", "-z")
        return [Path(name) for name in git("diff", "--name-only", "--relative", "-z")] if known else None
    except (OSError, subprocess.CalledProcessError):
        return None


if __name__ == "__main__":
    Manifest(sys.argv[1]).note(sys.argv[2:])
