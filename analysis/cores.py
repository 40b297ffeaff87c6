"""The number of cores that this process may use; where the system does not say, those of the machine."""

import os

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
