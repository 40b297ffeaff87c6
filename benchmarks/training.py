"""Training against a plain float32, channels-first loop, and what probing costs.

Both train the same network on the same pictures at the same batch size, for one epoch. The plain loop has its pictures
in memory and no augmentation, so that what is compared is the training itself.
"""

import tempfile

import torch
from torch.nn import functional as F

from analysis import architectures, study
from analysis.parameters import RunParameters
from analysis.training import Run

CASES = (("resnet50", "imagenet", 0.02), ("vgg19", "small", 0.01), ("alexnet", "small", 0.01))
IMAGES = 1_024


def pairs():
    for arch, stem, rate in CASES:
        with tempfile.TemporaryDirectory() as folder:
            parameters = RunParameters(
                arch=arch, stem=stem, learning_rate=rate, width=0.25, train_images=IMAGES, calibration_images=0,
                test_images=1_000, results_dir=folder,
            )  # fmt: skip
            run = Run(parameters, study.prepare(study.study_of(parameters)))
            run.progress.step = 1_000  # beyond the first steps, which are probed one by one
            plain = plain_loop(parameters, run)
            # images/s are the inverse of seconds, so the plain loop's time stands above
            name = f"training / plain float32 loop, images/s, {arch}"
            yield name, "at least 1.6", plain, lambda r=run: r.train_epoch(1)
            yield (
                f"an epoch with its probe / without, {arch}, 1,024 + 1,000",
                "reported",
                lambda r=run: (r.train_epoch(1), r.probe()),
                lambda r=run: r.train_epoch(1),
            )


def plain_loop(parameters: RunParameters, run: Run):
    """What one would write first: float32, channels first, torch's default SGD, .item() at each step."""
    network = architectures.build(
        parameters.arch, len(run.dataset.classes), image_size=32, width=0.25, stem=parameters.stem
    ).to(run.device)
    optimiser = torch.optim.SGD(network.parameters(), lr=run.rate, momentum=0.9, weight_decay=1e-4)
    pixels, labels = torch.tensor(run.dataset.train.images[:]), torch.tensor(run.dataset.train.labels[:])

    def epoch():
        network.train()
        for part in torch.randperm(len(labels)).split(parameters.batch_size):
            logits = network(pixels[part].to(run.device))
            loss = F.cross_entropy(logits, labels[part].to(run.device))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss.item()

    return epoch
