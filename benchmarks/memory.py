"""Peak memory of AVH in addition to its inputs, measured in a separate process."""

import subprocess
import sys

PROGRAM = """
import resource, threading, torch
from analysis import scores
from benchmarks.products import inputs
x, w, y = inputs()
torch.mm(x[:100], w.T)  # allocates the libraries' own buffers, which do not count
scores.avh(x[:2], w, y[:2])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
pages = lambda: int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 1024
ballast = int(peak() - pages()) * 1024  # memory left free by earlier peaks, which would hide the score's use
held = torch.ones(max(0, ballast) // 4)
before = peak()
scores.avh(x, w, y)
print((peak() - before) / 1024)
"""


def peak() -> float:
    """Megabytes that scores.avh adds to its process, at most."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    return float(done.stdout)
