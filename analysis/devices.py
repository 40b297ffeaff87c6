"""Which device and which precision a run computes with."""

import warnings
from pathlib import Path

import torch

from analysis.errors import InputError


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


def take_turn(turn: int) -> None:
    """Let "auto" and "cuda" mean this of the GPUs here, counted around: networks side by side take one each."""
    if resolve_device("auto").type == "cuda":
        torch.cuda.set_device(turn % torch.cuda.device_count())


def resolve_precision(name: str, device: torch.device) -> str:
    """auto: bfloat16 where the device has units for it, where alone it pays."""
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    units = getattr(torch.cpu, "get_capabilities", dict)()  # older torch cannot tell
    return "bfloat16" if any(units.get(unit) for unit in ("avx512_bf16", "amx_bf16", "arm_bf16")) else "float32"


def device_name(device: torch.device) -> str:
    """The device's name as its maker gives it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "CPU")
