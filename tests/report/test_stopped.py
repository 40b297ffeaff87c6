"""Ctrl-C on a terminal, through make, while the lines of a running build stay in place: one line says so, the last."""

import os
import pty
import re
import shutil
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
RULES = """
rule read:
    output: "a"
    log: "build/log/read.log"
    shell: "(echo page 1 of 3; touch begun; sleep 600; touch a) > {log} 2>&1"
"""
ERASED = re.compile(r"\r?(?:\x1b\[1A)*\x1b\[2K")  # a line, or some above, that rich takes away


def until(terminal: int, ended: str = "") -> str:
    """What is written to a terminal up to these words, or all of it."""
    said = ""
    while not ended or ended not in said:
        try:
            part = os.read(terminal, 65536).decode()
        except OSError:  # as Linux tells the end
            break
        if not part:
            break
        said += part
    return said


def test_one_line_says_what_is_kept(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "Snakefile").write_text(RULES)
    (tmp_path / "profiles").symlink_to(ROOT / "profiles")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.environ |= {"PYTHONPATH": str(ROOT), "TERM": "xterm"}
        os.execvp("make", ["make", "read", "-o", ".venv/.ready-default"])  # which is not made
    assert "page 1 of 3" in until(terminal, "page 1 of 3")
    os.write(terminal, b"\x03")
    left = ERASED.split(until(terminal))[-1].split("\r\n")
    assert left == ["stopped: what is finished is kept, and the same command goes on from there", ""]
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGINT
    assert (tmp_path / "begun").exists()
    assert not (tmp_path / "a").exists()
