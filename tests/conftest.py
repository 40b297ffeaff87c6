"""What tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data that AVH_DATA names; tests that need it are skipped where there is none."""
    folder = os.environ.get("AVH_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs real data: AVH_DATA names no folder")
    return Path(folder)
