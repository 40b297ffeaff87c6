"""Debian's Chromium, headless: what prints built pages and takes their picture."""

import os
import shutil
import subprocess
from pathlib import Path

from analysis.errors import InputError

PATIENCE = 120  # seconds that a page may take


def program(command: str) -> str:
    """The path of Chromium. Raises InputError, which names the command that needs it, if there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        raise InputError(f"{command} needs Debian's chromium: apt install chromium")
    return found


def make(chromium: str, page: Path, made: Path, *words: str) -> Path:
    """Make a file of a page; words: options of Chromium. Raises InputError if it makes none."""
    made.unlink(missing_ok=True)
    profile = made.parent / "profile"
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    command = [chromium, "--headless", "--disable-gpu", f"--user-data-dir={profile}", *root, *words]
    done = subprocess.run(
        [*command, page.resolve().as_uri()], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    if done.returncode or not made.is_file():
        raise InputError(f"chromium could not open {page}: {done.stderr.strip()[-500:]}")
    return made
