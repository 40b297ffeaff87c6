"""The device and the precision of a run."""

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from torch import Tensor, nn

from analysis.errors import InputError

AVX2_FLOATS = 8  # in a register
QUARTERS = 4  # of a GPU: number of networks with small images that compute on it at the same time


def resolve_device(name: str) -> torch.device:
    """The device that ``name`` refers to here. Raises InputError if there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # CUDA builds warn about a missing driver
        available = torch.cuda.is_available()
    if name == "auto":
        return torch.device("cuda" if available else "cpu")
    count = torch.cuda.device_count() if available else 0
    kind, _, index = name.partition(":")
    if kind == "cuda" and int(index or 0) >= count:  # torch.device itself takes cuda:999 for cuda:-25
        raise InputError(f"device {name} is not available: {count} CUDA devices found; allowed: auto, cpu")
    return torch.device(name)


@contextmanager
def reserved(quarters: int) -> Iterator[None]:
    """A context in which "auto" and "cuda" refer to a GPU with this many quarters not used by other networks.

    Processes on the same machine coordinate through locked files. Without a free or any GPU nothing is reserved and the
    first one is used.
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
    """A lock with the same name for all processes of a user, whichever GPUs each of them sees."""
    name = getattr(torch.cuda.get_device_properties(gpu), "uuid", gpu)
    return Path(tempfile.gettempdir(), f"avh-{os.getuid()}-gpu-{name}-{quarter}.lock")


def resolve_precision(name: str, device: torch.device) -> str:
    """auto: bfloat16 if the device has units for it; only then is it faster."""
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    units: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # older torch cannot tell
    return "bfloat16" if any(units.get(unit) for unit in ("avx512_bf16", "amx_bf16", "arm_bf16")) else "float32"


def tune(device: torch.device) -> None:
    """Let the GPU libraries find the fastest kernels for the shapes that occur, which do not change."""
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True


def memory_format(network: nn.Module, device: torch.device) -> torch.memory_format:
    """Channels last, which is faster, but not where oneDNN 3.13 writes out of bounds on CPUs that have AVX2 alone.

    It does so in the gradients of strided 1x1 convolutions of fewer channels than a register holds.
    """
    narrow = any(
        isinstance(layer, nn.Conv2d)
        and layer.kernel_size == (1, 1)
        and layer.stride != (1, 1)
        and layer.in_channels < AVX2_FLOATS
        for layer in network.modules()
    )
    return torch.contiguous_format if narrow and device.type == "cpu" else torch.channels_last


def keep_depthwise_float32(network: nn.Module, device: torch.device, precision: str) -> None:
    """Train depthwise convolutions in float32 where the other layers compute in bfloat16 on a CPU.

    oneDNN 3.13 has no bfloat16 kernels for their gradients there: those of 5x5 filters take five times as long as in
    float32. Without gradients they stay in bfloat16.
    """
    if device.type == "cpu" and precision == "bfloat16":
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d) and layer.groups == layer.in_channels > 1:
                layer.forward = partial(_in_float32, layer.forward)  # type: ignore[method-assign]


def _in_float32(forward: Callable[[Tensor], Tensor], pixels: Tensor) -> Tensor:
    """What a layer returns, computed in float32 if gradients are needed, in the precision of its input."""
    if not torch.is_grad_enabled():
        return forward(pixels)
    with torch.autocast("cpu", enabled=False):
        return forward(pixels.float()).to(pixels.dtype)


def device_name(device: torch.device) -> str:
    """The name of the device given by its manufacturer."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "CPU")
