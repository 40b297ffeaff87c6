"""Decoding of photographs compared with ResNet50's forward pass: how many cores are needed to keep a device busy.

The photographs are ImageNet's validation images in the data folder. If they are smaller than the originals, as in some
samples, they are measured as they are, and again six at a time in one JPEG of ImageNet's usual size.
"""

import math
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from analysis import architectures
from analysis.datasets import Images, imagenet
from analysis.datasets.crops import Crops
from analysis.datasets.decoding import CORES, Files, Geometry
from analysis.datasets.imagenet_files import find_validation
from analysis.devices import device_name, resolve_device, resolve_precision
from analysis.errors import InputError
from analysis.extraction import Pictures, precise
from analysis.parameters import StudyParameters

SIZE, RESIZED, BATCH = 224, 256, 64
USUAL = (500, 375)  # width and height of most images in ImageNet


def report(most: int, repeat: int) -> None:
    """Print the rates for up to ``most`` photographs and for the forward pass, and the number of cores needed."""
    root = imagenet.folder_of(StudyParameters(dataset="imagenet", image_size=SIZE))
    try:
        found = find_validation(root)
    except InputError as error:
        print(f"\ndecoding is not measured: {error}")
        return
    photographs = Files(
        found.folder, found.names[:: -(-len(found.names) // most)], Geometry(SIZE, RESIZED, upright=False)
    )
    device, forward = forward_pass(repeat)
    print(f"\n{len(photographs):,} photographs to {SIZE} px on {CORES} cores; {device}: {forward:,.0f} images/s")
    print(f"{'images/s':<44} {'a core':>7} {'all':>7} {'all / device':>13}   cores to keep it busy")
    with tempfile.TemporaryDirectory() as folder:
        for source in sources(photographs, Path(folder)):
            for kind, images in (("evaluation", source), ("random crops", Crops(source, 0, 1))):
                core, every = (statistics.median(rates) for rates in zip(*rates_of(images, repeat), strict=True))
                name = f"{kind}, photographs of {' x '.join(map(str, usual_size(source)))}"
                needed = math.ceil(forward / core)
                print(f"{name:<44} {core:7,.0f} {every:7,.0f} {every / forward:13.2f} {needed:25d}", flush=True)


def forward_pass(repeat: int) -> tuple[str, float]:
    """The device, and its forward rate of ResNet50, in images per second, for images already in its memory."""
    device = resolve_device("auto")
    precision = resolve_precision("auto", device)
    network = architectures.build("resnet50", 1_000, image_size=SIZE).eval()
    network = network.to(device, memory_format=torch.channels_last)
    n = 512 if device.type == "cuda" else 16
    batch = torch.randint(0, 256, (n, 3, SIZE, SIZE), dtype=torch.uint8, device=device)
    seconds = []
    for _ in range(1 + repeat):
        start = time.perf_counter()
        with torch.inference_mode(), precise(device, precision):
            network(batch.contiguous(memory_format=torch.channels_last)).sum().item()  # waits for the device
        seconds.append(time.perf_counter() - start)
    return f"ResNet50 forward in {precision} on {device_name(device)}", n / statistics.median(seconds[1:])


def sources(photographs: Files, folder: Path) -> Iterator[Files]:
    """The photographs as they are and, if those are small, combined into larger ones in ``folder``."""
    yield photographs
    if math.prod(usual_size(photographs)) > math.prod(USUAL) / 2:
        return
    names = []
    for start in range(0, len(photographs) - 5, 6):
        joined = Image.new("RGB", USUAL)
        for k, name in enumerate(photographs.names[start : start + 6]):
            with Image.open(photographs.folder / name) as image:
                joined.paste(image.convert("RGB"), (k % 3 * USUAL[0] // 3, k // 3 * USUAL[1] // 2))
        names.append(f"{start}.jpg")
        joined.save(folder / names[-1], quality=92)
    yield Files(folder, names, Geometry(SIZE, RESIZED, upright=False))


def rates_of(images: Images, repeat: int) -> Iterator[tuple[float, float]]:
    """Images per second of CPU time, and per second with all threads, when batches are decoded ahead."""
    for _ in range(repeat):
        start, core = time.perf_counter(), time.process_time()
        for _ in Pictures(images, torch.device("cpu")).batches(torch.arange(len(images)), BATCH):
            pass
        yield len(images) / (time.process_time() - core), len(images) / (time.perf_counter() - start)


def usual_size(photographs: Files) -> tuple[int, int]:
    """Median width and height."""
    sizes = []
    for name in photographs.names:
        with Image.open(photographs.folder / name) as image:
            sizes.append(image.size)
    width, height = np.median(sizes, axis=0)
    return round(width), round(height)
