"""Which device and which precision a run computes with."""

import getpass
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from analysis.errors import InputError

QUARTERS = 4  # of a GPU: how many networks of small pictures compute on it side by side


def resolve_device(name: str) -> torch.device:
    """The device that ``name`` means here. Raises InputError where there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # CUDA builds warn about a missing driver
        available = torch.cuda.is_available()
    if name == "auto":
        return torch.device("cuda" if available else "cpu")
    count = torch.cuda.device_count() if available else 0
    kind, _, index = name.partition(":")
    if kind == "cuda" and int(index or 0) >= count:  # torch.device itself takes cuda:999 for cuda:-25
        raise InputError(f"device {name} is not here: {count} CUDA devices found; allowed: auto, cpu")
    return torch.device(name)


@contextmanager
def reserved(quarters: int) -> Iterator[None]:
    """Where "auto" and "cuda" mean a GPU of which so many quarters are free of other networks, as long as this lasts.

    Processes that share a machine know of each other by locked files. Where there is no room, or no GPU, nothing is
    reserved: then it is the first one.
    """
    with ExitStack() as held:
        gpus = range(torch.cuda.device_count() if resolve_device("auto").type == "cuda" else 0)
        places = [(gpu, range(first, first + quarters)) for first in range(0, QUARTERS, quarters) for gpu in gpus]
        for gpu, wanted in places:
            with ExitStack() as taken, suppress(Timeout):
                for quarter in wanted:
                    taken.enter_context(FileLock(_file(gpu, quarter)).acquire(timeout=0))
                held.enter_context(taken.pop_all())
                torch.cuda.set_device(gpu)
                break
        yield


def _file(gpu: int, quarter: int) -> Path:
    """Of one name for all processes of a user, whichever of the GPUs each of them sees."""
    name = getattr(torch.cuda.get_device_properties(gpu), "uuid", gpu)
    return Path(tempfile.gettempdir(), f"avh-{getpass.getuser()}-gpu-{name}-{quarter}.lock")


def resolve_precision(name: str, device: torch.device) -> str:
    """auto: bfloat16 where the device has units for it, where alone it pays."""
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    units: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # older torch cannot tell
    return "bfloat16" if any(units.get(unit) for unit in ("avx512_bf16", "amx_bf16", "arm_bf16")) else "float32"


def tune(device: torch.device) -> None:
    """Let a GPU's libraries try which kernels are fastest for the shapes that they meet, which stay the same."""
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True


def device_name(device: torch.device) -> str:
    """The device's name as its maker gives it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "CPU")
