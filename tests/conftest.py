"""What tests share: one thread, examples that repeat, tiny datasets and a tiny disk."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # also of the processes that tests start

import hypothesis
import pytest
from squares import coloured_squares

from analysis.cores import CORES
from analysis.datasets.base import Dataset

# What tests start hears signals, also where the suite runs in the background, whose shell has it ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

hypothesis.settings.register_profile("project", deadline=None, derandomize=True, max_examples=40, database=None)
hypothesis.settings.load_profile("project")


# The files that take longest, in the order in which they are begun, so that workers end together.
LONGEST = (
    "test_book",
    "test_consistency",
    "test_slurm",
    "test_lab",
    "test_distributed",
    "test_resume",
    "test_chapters",
    "test_notebooks",
    "test_readme",
    "test_build",
    "test_training",
    "test_explorer",
    "test_front",
)
# What `make test FAST=1` leaves out: tests that train, execute chapters, build books or open a browser.
SLOW = {
    *LONGEST,
    "test_additions", "test_api", "test_associations", "test_crops", "test_definition", "test_given", "test_light",
    "test_drill", "test_manifest", "test_once", "test_read", "test_synthetic", "test_workflows", "test_architectures",
    "test_cli", "test_contributing", "test_devices", "test_evaluation", "test_extraction", "test_fake_gpu", "test_gpu",
    "test_pipeline", "test_published", "test_weights", "test_selections", "test_coverage", "test_console",
    "test_hardness", "test_starts", "test_stopped",
}  # fmt: skip
SLOW_FIXTURES = {"chromium", "printed_by"}  # open a browser; start a Python that imports torch


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="leave out what trains, executes, builds or opens a browser")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return True if config.getoption("--fast") and collection_path.stem in SLOW else None


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A worker per core, and one more where files wait: for a cluster, a server, for what was killed to begin again."""
    return CORES if config.getoption("--fast") else CORES + 1


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data that AVH_DATA names; tests that need it are skipped where there is none."""
    folder = os.environ.get("AVH_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs real data: AVH_DATA names no folder")
    return Path(folder)


@pytest.fixture(scope="session")
def squares() -> Callable[..., Dataset]:
    """Makes datasets of noisy squares whose colour is their class, by numbers of images."""
    return coloured_squares


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; fast tests without slow fixtures; tests marked gpu are skipped where there is none."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONGEST)))
    if items and items[0].config.getoption("--fast"):
        items[:] = [item for item in items if not SLOW_FIXTURES & set(item.fixturenames)]
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked:
        import torch  # noqa: PLC0415

        if not torch.cuda.is_available():
            for item in marked:
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


PEAK = """
import re, sys, torch
torch.set_num_threads(1)
def peak():  # MB; getrusage would begin with the parent's
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
"""


@pytest.fixture
def printed_by() -> Callable[[str], float]:
    """Runs code in a process of its own, where ``peak()`` is its most memory so far, and returns what it prints."""

    def run(code: str) -> float:
        if not Path("/proc/self/status").exists():
            pytest.skip("needs Linux to measure memory")
        command = [sys.executable, "-c", PEAK + code]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    return run


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A disk of 64 KiB, a real one, where the system lets us mount it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs the right to mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Debian's Chromium is. Tests that ask for it open it, and are no fast ones."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("Debian's chromium is not installed")
    return found


@pytest.fixture(scope="module")
def browser(chromium) -> Iterator:
    """Chromium, headless."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()
