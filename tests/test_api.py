"""The page on the code: its examples run as they stand, and every name that it shows is there, with its docstring."""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "book/api.md").read_text()
SHOWN = re.findall(r"automodule:: (\S+)\n   :members:(.*)", PAGE)


def test_the_examples_run_one_after_the_other(tmp_path):
    """AVH of random arrays is about 1/C."""
    told = """
import json
values = {"avh": float(avh.mean()), "hardest": len(hardest), "found": sorted(found), "rows": len(table)}
print(json.dumps(values))
"""
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)) + told
    environment = os.environ | {"PYTHONPATH": str(ROOT), "AVH_DATA": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    values = json.loads(done.stdout.splitlines()[-1])
    assert abs(values["avh"] - 1 / 10) < 0.01
    assert values | {"avh": 0} == {"avh": 0, "hardest": 5, "found": ["avh", "confidence", "norm"], "rows": 40}


def test_every_name_that_is_shown_is_there_and_says_what_it_is():
    assert len(SHOWN) > 10
    for module, members in SHOWN:
        loaded = importlib.import_module(module)
        names = [name.strip() for name in members.split(",") if name.strip()]
        assert all(getattr(loaded, name).__doc__ for name in names), module


def test_floors_are_shown_in_their_order():
    floors = [3 if name.startswith("report") else 2 if ".study." in name else 1 for name, _ in SHOWN]
    assert floors == sorted(floors)
