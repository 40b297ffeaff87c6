"""A copy of the project with one tiny study, and its results."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parent.parent
TINY = """dataset: synthetic
train_images: 36
test_images: 24
calibration_images: 4
batch_size: 8
epochs: 2
chapters: [hardness, training, explorer]
architectures: {resnet18: {width: 0.0625, stem: half}}
"""
RECORDED_STUDY = "heads"  # the only recorded study in the copy
RESULTS = Path("results/tiny")
PAGES = Path("book/runs/tiny")
TIMEOUT = 1200  # seconds, of a build


def timeless(path: Path) -> bytes:
    return pd.read_parquet(path).drop(columns="seconds").to_csv().encode()


class Project:
    """A folder in which `make book` works."""

    def __init__(self, folder: Path):
        self.folder = folder
        words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in filter(None, listed.split("\0")):
            other = name.startswith(("recorded/", "book/runs/")) and f"/{RECORDED_STUDY}/" not in name
            if (ROOT / name).is_file() and not other and not name.startswith("tests/"):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        (folder / "studies/tiny.yaml").write_text(TINY)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "AVH_DATA"}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return kept | {"PYTHONPATH": str(self.folder), "PATH": path, "OMP_NUM_THREADS": "1"}

    def start(self, *config: str, **environment: str) -> subprocess.Popen:
        """Start a build in its own session."""
        words = [sys.executable, "-m", "report.build", "--cores", "2"]
        return subprocess.Popen(
            [*words, "--config", *(config or ("studies=tiny",))],
            cwd=self.folder,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def book(self, *config: str, **environment: str) -> tuple[int, str]:
        """The exit code of a build, and its messages."""
        build = self.start(*config, **environment)
        try:
            said, _ = build.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(build.pid, signal.SIGKILL)
            return 124, f"still running after {TIMEOUT} s: {build.communicate()[0]}"
        return build.returncode, said

    def tables(self) -> dict[str, str]:
        """SHA-256 of each table of the study; for training tables, without the duration of each epoch."""

        def content(path: Path) -> bytes:
            return path.read_bytes() if path.name != "training.parquet" else timeless(path)

        return {
            str(path.relative_to(self.folder)): hashlib.sha256(content(path)).hexdigest()
            for path in sorted((self.folder / RESULTS).rglob("*.parquet"))
        }

    def html(self) -> set[str]:
        """The files of the book."""
        folder = self.folder / "_build/html"
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
