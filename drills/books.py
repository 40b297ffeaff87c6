"""Faults while a book is built: damaged files, killed builds, full disks, two builds at once, hostile names."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from safetensors.torch import load_file, save_file

from drills.inside import pictures_folder
from drills.outcome import Fault, Outcome
from drills.project import PAGES, RECORDED_STUDY, RESULTS, TIMEOUT, Project

END_WITHIN = 10  # seconds, within which all processes of a build end after a signal
TINY_RUN = RESULTS / "resnet18"
DAMAGED = {  # files of each kind in a finished book
    "the HTML of a page": Path("_build/html/book/runs/tiny/resnet18/hardness.html"),
    "a style sheet": Path("_build/html/_static/book.css"),
    "the first page": Path("_build/html/index.html"),
    "the manifest": Path("_build/html.json"),
    "an executed page": PAGES / "resnet18/training.ipynb",
    "the data of a page": PAGES / "resnet18/files/ranking.csv",
    "the images of the explorer": PAGES / "resnet18/files/explorer-0.webp",
    "a table": TINY_RUN / "scores.parquet",
    "a table of probes": TINY_RUN / "epochs.parquet",
    "the provenance of a run": TINY_RUN / "run.json",
    "the table of images": RESULTS / "images.parquet",
    "the description of the dataset": RESULTS / "dataset.json",
}
REMOVED = {
    "style sheets": Path("_build/html/_static"),
    "a run": TINY_RUN,
    "a study": RESULTS,
    "pages": PAGES / "resnet18",
}
COMMITTED = {
    "a recorded page": Path(f"book/runs/{RECORDED_STUDY}/heads.ipynb"),
    "the data of a recorded figure": Path(f"book/runs/{RECORDED_STUDY}/files/fig-l1.csv"),
    "a recorded table": Path(f"recorded/{RECORDED_STUDY}/linear/scores.parquet"),
}


def rewritten(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """A function that changes a file but keeps its modification time."""

    def rewrite(path: Path) -> None:
        times = path.stat()
        path.write_bytes(change(path.read_bytes()))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    return rewrite


DAMAGES = {
    "deleted": Path.unlink,
    "truncated": rewritten(lambda whole: whole[: len(whole) // 2]),
    "a bit flipped": rewritten(
        lambda whole: whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1 :]
    ),
    "zeros": rewritten(lambda whole: bytes(len(whole))),
}


class Books:
    """A project with its undisturbed book, and the faults that are tried on it."""

    def __init__(self, folder: Path):
        self.project = Project(folder)
        code, said = self.project.book()
        if code:
            raise RuntimeError(f"the undisturbed book cannot be built: {said[-2000:]}")
        self.tables, self.html = self.project.tables(), self.project.html()

    def whole(self) -> bool:
        """Whether the tables equal those of the undisturbed run, byte for byte, and the book has all of its files."""
        return self.project.tables() == self.tables and self.project.html() == self.html

    def mended(self, *config: str, **environment: str) -> Outcome:
        """Build, and build again if that ends with an error; then everything must be as if nothing had happened."""
        code, said = self.project.book(*config, **environment)
        last = said.strip().splitlines()[-1] if said.strip() else ""
        if code:
            if not last.startswith("error: ") or "Traceback" in said:
                return Outcome(False, last or "nothing")
            code, again = self.project.book()
            last = last if not code else again.strip().splitlines()[-1]
        return Outcome(
            not code and self.whole(), last.removeprefix("error: ") if code or "error" in last else "rebuilt"
        )

    # --- damage

    def damaged(self, kinds: dict[str, Path], shift: int = 0) -> Fault:
        """All kinds of files at once, each damaged in the next way; shift: where to start."""
        names = [*DAMAGES][shift:] + [*DAMAGES][:shift]
        for i, path in enumerate(kinds.values()):
            DAMAGES[names[i % len(names)]](self.project.folder / path)
        return Fault(f"{len(kinds)} kinds of files at once: {', '.join(names)}", [self.mended()] * len(kinds))

    def deleted(self) -> Fault:
        """Folders are deleted, one at a time."""
        outcomes = []
        for path in REMOVED.values():
            shutil.rmtree(self.project.folder / path)
            outcomes.append(self.mended())
        return Fault(f"a deleted folder: {', '.join(REMOVED)}", outcomes)

    def committed(self) -> Fault:
        """Files that came with the project cannot be rebuilt: the error says how to restore them."""
        outcomes = []
        for path in COMMITTED.values():
            file = self.project.folder / path
            content, times = file.read_bytes(), file.stat()
            for damage in (DAMAGES["deleted"], DAMAGES["truncated"]):
                damage(file)
                code, said = self.project.book()
                last = said.strip().splitlines()[-1]
                file.write_bytes(content)
                os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
                named = last.startswith(f"error: {path} is ")
                outcomes.append(Outcome(code != 0 and named and self.whole(), last.removeprefix("error: ")))
        return Fault("files of the project: deleted, truncated", outcomes)

    # --- kills

    def killed(self, number: int, moments: list[float]) -> Fault:
        """A build that starts without results receives a signal after some seconds; then the book is built."""
        outcomes = []
        for seconds in moments:
            for folder in (RESULTS, PAGES):
                shutil.rmtree(self.project.folder / folder, ignore_errors=True)
            build = self.project.start()
            everything = []
            with suppress(subprocess.TimeoutExpired):
                build.wait(seconds)
            with suppress(psutil.NoSuchProcess):
                whole = psutil.Process(build.pid)
                everything = whole.children(recursive=True)
                for process in (whole, *everything) if number == signal.SIGKILL else (whole,):
                    with suppress(psutil.NoSuchProcess):
                        process.send_signal(number)
            began = time.monotonic()
            said, _ = build.communicate(timeout=TIMEOUT)
            lasted = time.monotonic() - began
            _, left = psutil.wait_procs(everything, max(0, END_WITHIN - lasted))
            last = said.strip().splitlines()[-1] if said.strip() else ""
            outcome = self.mended()
            told = number == signal.SIGKILL or build.returncode == 0 or last.startswith("stopped: ")
            wrong = {
                f"it took {lasted:.0f} s to end": lasted >= END_WITHIN,
                f"{len(left)} processes are still running": left,
                f"its last line is {last!r}": not told,
                f"then: {outcome.said}": not outcome.survived,
            }
            lost = "; ".join(fault for fault, found in wrong.items() if found)
            outcomes.append(Outcome(not lost, lost or (last if number != signal.SIGKILL else "rebuilt")))
        return Fault(f"{signal.Signals(number).name} during a build", outcomes)

    def two_at_once(self) -> Fault:
        (self.project.folder / TINY_RUN / "run.json").unlink()
        first = self.project.start()
        lock = self.project.folder / "build/lock"
        while first.poll() is None and f"process {first.pid}," not in lock.read_text():
            time.sleep(0.05)
        code, said = self.project.book()
        first.communicate(timeout=TIMEOUT)
        sentence = said.strip()
        survived = code == 75 and f"process {first.pid}" in sentence and "\n" not in sentence
        return Fault("two builds at once", [Outcome(survived and self.whole(), sentence.removeprefix("error: "))])

    # --- disks and homes

    def full_disks(self) -> Fault:
        outcomes = []
        html = self.project.folder / "_build"
        size = sum(path.stat().st_size for path in html.rglob("*") if path.is_file())
        for place, room in (("_build", int(size * 1.4)), ("results", 600_000), ("build", 500_000)):
            folder = self.project.folder / place
            with small_disk(folder, room) as mounted:
                if not mounted:
                    continue
                (self.project.folder / PAGES / "resnet18/training.ipynb").unlink()
                if place == "results":
                    shutil.rmtree(folder / "tiny")
                code, said = self.project.book()
                last = said.strip().splitlines()[-1] if said.strip() else ""
                there = self.project.html() == self.html
            outcome = self.mended()
            full = code != 0 and last.startswith("error: ") and there
            outcomes.append(Outcome(full and outcome.survived, last.removeprefix("error: ")))
        return Fault("full disk: for the book, results, build", outcomes)

    def other_settings(self) -> Fault:
        """A user's matplotlibrc, a home directory that cannot be written to, and another locale."""
        home = self.project.folder / "home"
        home.mkdir()
        (home / "matplotlibrc").write_text("text.usetex: True\nfont.size: 40\n")
        settings = [
            {"MATPLOTLIBRC": str(home / "matplotlibrc")},
            {"HOME": "/proc/no-home", "XDG_CACHE_HOME": "/proc/no-cache"},
            {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1", "JUPYTER_PATH": "/nowhere"},
        ]
        outcomes = []
        for environment in settings:
            shutil.rmtree(self.project.folder / PAGES)
            code, said = self.project.book(**environment)
            last = said.strip().splitlines()[-1] if said.strip() else ""
            outcomes.append(Outcome(code == 0 and self.whole(), last))
        return Fault("usetex, read-only home directory, another locale", outcomes)

    # --- names

    def hostile_names(self) -> Fault:
        """Class folders with unusual names, and the network that the tiny study has trained."""
        classes = [*HOSTILE[:11], "12"]
        root = pictures_folder(self.project.folder / "pics #2 'q'", tuple(classes), 2)
        weights = self.project.folder / TINY_RUN / "model.safetensors"
        save_file(load_file(weights), root.parent / "net #1.safetensors")  # without its class names
        study = "dataset: imagefolder\narchitectures: {resnet18: {width: 0.0625, stem: half}}\n"
        (self.project.folder / "studies/names.yaml").write_text(study)
        words = ("studies=names", f"root={root.name}", "weights=net #1.safetensors", "chapters=hardness,explorer")
        code, said = self.project.book(*words)
        page = self.project.folder / "_build/html/book/runs/names/resnet18/hardness.html"
        shown = page.read_text() if page.exists() else ""
        last = said.strip().splitlines()[-1] if said.strip() else ""
        outcomes = [Outcome(code == 0 and "<script>alert" not in shown, last)] * len(classes)
        return Fault("unusual names of classes, folders and files", outcomes)


HOSTILE = [
    "cat #2",
    "<script>alert(1)</script>".replace("/", "\u2215"),
    "**bold** _it_",
    "{ref}`x`",
    "$x^2$",
    "a|b",
    'say "it"',
    "日本語",
    "עברית",
    "😀",
    "{x}%s$HOME",
    "-p",
]


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[bool]:
    """Move a folder with its contents to a disk of this size. Yields whether the disk could be mounted."""
    aside = folder.with_name(f"{folder.name}.aside")
    folder.mkdir(exist_ok=True)
    shutil.copytree(folder, aside, symlinks=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        shutil.rmtree(aside)
        yield False
        return
    try:
        with suppress(shutil.Error, OSError):
            shutil.copytree(aside, folder, dirs_exist_ok=True, symlinks=True)
        yield True
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        shutil.rmtree(aside)


def quick(folder: Path) -> Iterator[Fault]:
    """Under two minutes."""
    yield Books(folder).damaged(DAMAGED)


def long(folder: Path, seed: int = 0) -> Iterator[Fault]:
    """Under half an hour."""
    books = Books(folder)
    random_moments = random.Random(seed)

    def moments(n: int) -> list[float]:
        return [random_moments.uniform(1, 30) for _ in range(n)]

    for shift in range(len(DAMAGES)):
        yield books.damaged(DAMAGED, shift)
    yield books.deleted()
    yield books.committed()
    yield books.two_at_once()
    yield books.full_disks()
    yield books.other_settings()
    yield books.hostile_names()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        yield books.killed(number, moments(2))
    yield books.killed(signal.SIGKILL, moments(4))
