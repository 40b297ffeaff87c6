"""`make read`: the recorded book, of which nothing is trained or executed."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from analysis.studies import with_recorded
from report import contents

ROOT = Path(__file__).parent.parent.parent


def test_nothing_is_made_but_the_pages():
    words = ["-n", "--nolock", "--forceall", "read"]
    snakemake = Path(sys.executable).with_name("snakemake")
    done = subprocess.run([snakemake, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    stats = (done.stdout + done.stderr).split("Job stats:")[1].split("\n\n")[0]
    assert dict(re.findall(r"^(\w+) +(\d+)$", stats, re.MULTILINE)) == {"read": "1", "toc": "1", "total": "2"}
    assert (done.stdout + done.stderr).count("priority: 1000") == 2  # before whatever `make book` trains


def test_its_contents_are_the_recorded_notebooks():
    listed = yaml.safe_load(contents.table_of_contents(with_recorded({}), without=contents.NOT_RECORDED))
    pages = {page["file"] for part in listed["parts"] for page in part["chapters"] if "/runs/" in page["file"]}
    words = ["git", "ls-files", "book/runs/*.ipynb"]
    tracked = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert pages == {path.removesuffix(".ipynb") for path in tracked}
