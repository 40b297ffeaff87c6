"""Extraction of all scores compared with the bare forward pass on images in memory, in the same precision."""

import torch

from analysis import architectures
from analysis.devices import resolve_device, resolve_precision
from analysis.extraction import Pictures, extract, precise

CASES = (("resnet50", 224, 1_000, 48, 16), ("resnet50", 32, 12, 2_000, 500))  # arch, px, classes, images, batch


def pairs():
    device = resolve_device("auto")
    precision = resolve_precision("auto", device)
    for arch, size, classes, n, batch in CASES:
        width = 1.0 if size > 64 else 0.25
        network = architectures.build(arch, classes, image_size=size, stem="imagenet", width=width)
        network = network.to(device, memory_format=torch.channels_last).eval()
        pixels = torch.randint(0, 256, (n, 3, size, size), dtype=torch.uint8)
        pictures, targets = Pictures(pixels.numpy(), device), torch.randint(0, classes, (n,))
        ready = [p.to(device).contiguous(memory_format=torch.channels_last) for p in pixels.split(batch)]

        def ours(network=network, pictures=pictures, targets=targets, batch=batch):
            extract(network, pictures, targets, precision=precision, batch_size=batch)

        @torch.inference_mode()
        def theirs(network=network, ready=ready):
            for part in ready:
                with precise(device, precision):
                    embeddings = network.embed(part)
                network.classify(embeddings)

        name = f"extraction / forward pass, images/s, {arch}, {size} px, {precision}"
        yield name, "at least .95", theirs, ours  # images/s: the inverse of seconds
