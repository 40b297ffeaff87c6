"""Debian's Chromium, headless: what prints built pages and takes their picture."""

import os
import shutil
import subprocess
from pathlib import Path

from analysis.errors import InputError

PATIENCE = 120  # seconds that a page may take


def program(command: str) -> str:
    """Where it is. Raises InputError where it is not, for the sake of this command."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        raise InputError(f"{command} needs Debian's chromium: apt install chromium")
    return found


def make(chromium: str, page: Path, made: Path, *words: str) -> Path:
    """Open a page and have a file made of it, as the words say. Raises InputError where there is none."""
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
