"""The cost of each depth on ImageNet, and at 100 times its size: the tables of book/costs.md, with their arithmetic.

    python -m benchmarks.costs

GPU throughputs are published by others, in pytorch-image-models'
results/benchmark-{train,infer}-amp-nhwc-pt112-cu113-rtx3090.csv: one RTX 3090, mixed precision, channels last,
224 pixels. All other numbers were measured for this project or follow from its code.
"""

import sys
from typing import NamedTuple

from report import styles

TRAIN, TEST, CLASSES = 1_281_167, 50_000, 1_000  # images and classes of ImageNet
JPEG = 150e9 / (TRAIN + TEST)  # mean size of its files, in bytes
EPOCHS, STEPS = 90, 60  # Sec. 3, App. A
PROBES = 1 + STEPS + EPOCHS  # of the initial network, and after each of the first steps and each epoch
TIMES = 100  # times as many images, with the same number of classes

PICTURE = 3 * 224 * 224  # bytes per decoded image
KEPT = 4 * 4 + 1  # bytes per image and probe in memory: four float32 and a boolean
INDEXED = 2 + 4 + KEPT  # the same in a table, with epoch and image number
PROBED = 22  # bytes per row of epochs.parquet and iterations.parquet, at most: 16 to 22 measured
SCORED = 65  # bytes per row of scores.parquet, at most: 62 to 65 measured
LISTED = 32 + 8 + 4 * 29 + 86  # bytes in memory per image: SHA-256, label, id of 29 characters and file name
IN_FLIGHT = 4 * 500  # images in memory at a time during extraction, at most: four batches
LOGITS = 3 * 8  # bytes per logit during calibration: three copies in double precision
DECODED = 450  # JPEG files of 500 x 375 pixels decoded and resized per second on one core, measured
BOOK = 41e6  # bytes of the book of the default study, measured
CHAPTERS = 80  # seconds on one core for all chapters, with one network and 10,000 images, measured
GPUS, EFFICIENCY = 64, 0.9  # an example of a cluster, and its assumed efficiency per GPU

NBSP = "\N{NO-BREAK SPACE}"


class NetworkRates(NamedTuple):
    """Number of weights; images per second on a GPU, forward and in training; and forward on a CPU core, measured."""

    arch: str
    weights: int
    forward: float
    training: float
    core: float


# The source does not include AlexNet: ResNet50's rates, multiplied by the ratio of the two on a CPU core.
NETWORKS = (
    NetworkRates("alexnet", 61_100_840, 3_676 * 114 / 18.4, 1_218 * 114 / 18.4, 114),
    NetworkRates("vgg19", 143_667_240, 1_412, 457, 4.7),
    NetworkRates("densenet121", 7_978_856, 2_936, 914, 21.2),
    NetworkRates("resnet50", 25_557_032, 3_676, 1_218, 18.4),
)
RESNET50 = NETWORKS[-1]


def training(network: NetworkRates, images: int) -> float:
    """GPU seconds for all epochs of training."""
    return EPOCHS * images / network.training


def probing(network: NetworkRates, images: int) -> float:
    """GPU seconds for all probes."""
    return PROBES * images / network.forward


def depths() -> list[list[str]]:
    """A row per depth, for all four networks together."""
    n = len(NETWORKS)
    extraction = sum(TEST / network.forward for network in NETWORKS)
    whole = sum(training(network, TRAIN) + probing(network, TEST) for network in NETWORKS)
    return [
        ["depth", "arithmetic", "cost"],
        ["read", "the default study's book", f"{size(BOOK)} of disk"],
        [
            "analyse again",
            f"{CHAPTERS} s × {n} networks × {TEST:,} / 10,000 images",
            f"{hours(CHAPTERS * n * TEST / 10_000)} of a core",
        ],
        ["run again, Section 2", f"{TEST:,} images / each network's forward rate", f"{hours(extraction)} of a GPU"],
        ["run again, Section 3", "the sum of the next table's last column", f"{hours(whole)} of a GPU"],
    ]


def networks() -> list[list[str]]:
    """A row per network: its rates, Section 2 with given weights, and Section 3."""
    head = ["network", "forward, images/s", "training, images/s"]
    rows = [[*head, "Section 2, a GPU", "Section 2, a core", "training", "probes", "Section 3"]]
    for network in NETWORKS:
        trained, probed = training(network, TRAIN), probing(network, TEST)
        rates = [f"{network.forward:,.0f}", f"{network.training:,.0f}"]
        once = [hours(TEST / network.forward), hours(TEST / network.core)]
        rows.append([label(network), *rates, *once, hours(trained), hours(probed), hours(trained + probed)])
    return rows


def files() -> list[list[str]]:
    """A row per network: the files of a run. The probe of the initial network is in both tables of probes."""
    tables = (PROBES + 1) * TEST * PROBED + TEST * SCORED
    rows = [["network", "weights", "model file", "last checkpoint", "tables"]]
    for network in NETWORKS:
        model = 4 * network.weights
        checkpoint = 2 * model + PROBES * TEST * KEPT
        rows.append([label(network), f"{network.weights:,}", size(model), size(checkpoint), size(tables)])
    return rows


def needs(train: int, test: int) -> list[tuple[str, str, str]]:
    """What ResNet50 needs for these numbers of images: resource, arithmetic, amount."""
    network, images = RESNET50, train + test
    forward, rate = f"{network.forward:,.0f} a second", f"{network.training:,.0f} a second"
    return [
        ("JPEG files", f"{images:,} × {JPEG:,.0f} bytes", size(images * JPEG)),
        ("decoded test pictures", f"{test:,} × {PICTURE:,} bytes", size(test * PICTURE)),
        ("decoding test pictures, on a core", f"{test:,} / {DECODED} a second", hours(test / DECODED)),
        (
            "decoding training pictures, on a core",
            f"{EPOCHS} × {train:,} / {DECODED} a second",
            hours(EPOCHS * train / DECODED),
        ),
        ("lists of images, in memory", f"{images:,} × {LISTED} bytes", size(images * LISTED)),
        ("Section 2", f"{test:,} / {forward}", hours(test / network.forward)),
        ("training", f"{EPOCHS} × {train:,} / {rate}", hours(training(network, train))),
        ("probes", f"{PROBES} × {test:,} / {forward}", hours(probing(network, test))),
        ("probes, in memory and in checkpoints", f"{PROBES} × {test:,} × {KEPT} bytes", size(PROBES * test * KEPT)),
        ("tables of probes", f"{PROBES + 1} × {test:,} × {PROBED} bytes", size((PROBES + 1) * test * PROBED)),
        ("scores.parquet", f"{test:,} × {SCORED} bytes", size(test * SCORED)),
        ("final logits, on the GPU", f"{test:,} × {CLASSES:,} × {LOGITS} bytes", size(test * CLASSES * LOGITS)),
        ("pictures in extraction, in memory", f"{IN_FLIGHT:,} × {PICTURE:,} bytes", size(IN_FLIGHT * PICTURE)),
        (
            "epochs of four networks, in a chapter's memory",
            f"4 × {EPOCHS + 1} × {test:,} × {INDEXED} bytes",
            size(4 * (EPOCHS + 1) * test * INDEXED),
        ),
    ]


def growth() -> list[list[str]]:
    """What ResNet50 needs on ImageNet, and on TIMES as many images."""
    pairs = zip(needs(TRAIN, TEST), needs(TIMES * TRAIN, TIMES * TEST), strict=True)
    return [
        ["need", "arithmetic, ImageNet", "ImageNet", f"{TIMES} times"],
        *([*small, large[-1]] for small, large in pairs),
    ]


def changed() -> list[list[str]]:
    """What ResNet50 needs on TIMES as many images if only a fixed subset of the test images is probed."""
    network, images = RESNET50, TIMES * TRAIN
    trained, probed, scored = training(network, images), probing(network, TEST), TIMES * TEST / network.forward
    fed = GPUS * EFFICIENCY * network.training  # pictures a second
    stored = TIMES * (TRAIN + TEST)
    return [
        ["step", "arithmetic", "amount"],
        ["training, a GPU", f"{EPOCHS} × {images:,} / {network.training:,.0f} a second", hours(trained)],
        ["probes of a fixed subset", f"{PROBES} × {TEST:,} / {network.forward:,.0f} a second", hours(probed)],
        ["scores of all test images, once", f"{TIMES * TEST:,} / {network.forward:,.0f} a second", hours(scored)],
        ["the three together", "their sum", hours(trained + probed + scored)],
        ["training, a cluster", f"{hours(trained)} / ({GPUS} GPUs × {EFFICIENCY})", hours(trained / GPUS / EFFICIENCY)],
        [
            "pictures that it takes in",
            f"{GPUS} × {EFFICIENCY} × {network.training:,.0f} a second",
            f"{fed:,.0f} a second",
        ],
        ["reading them decoded", f"{fed:,.0f} × {PICTURE:,} bytes", f"{size(fed * PICTURE)} a second"],
        ["reading them as JPEG", f"{fed:,.0f} × {JPEG:,.0f} bytes", f"{size(fed * JPEG)} a second"],
        ["decoding them on the way", f"{fed:,.0f} / {DECODED} a second", f"{fed / DECODED:.0f} cores"],
        ["shards of 1 GB", f"{stored:,} × {JPEG:,.0f} bytes / 1 GB", f"{stored * JPEG / 1e9:,.0f} files"],
        ["a correlation's 95 % interval", f"1.96 / sqrt({TEST:,} - 3)", f"± {1.96 / (TEST - 3) ** 0.5:.3f}"],
    ]


def label(network: NetworkRates) -> str:
    return styles.architecture(network.arch).label


def hours(seconds: float) -> str:
    """A duration in seconds, or in hours if it is long."""
    if seconds < 300:
        return f"{seconds:.0f}{NBSP}s"
    return f"{seconds / 3_600:,.{2 if seconds < 3_600 else 1}f}{NBSP}h"


def size(count: float) -> str:
    """A number of bytes in decimal units, with three digits."""
    unit, scale = next(pair for pair in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)) if count >= pair[1])
    return f"{float(f'{count / scale:.3g}'):,g}{NBSP}{unit}"


def markdown(rows: list[list[str]]) -> str:
    """A table in Markdown; the first row is its header."""
    head, *body = rows
    lines = [head, [":---", *["---:"] * (len(head) - 1)], *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def tables() -> list[str]:
    """The tables of the page, in order."""
    return [markdown(table()) for table in (depths, networks, files, growth, changed)]


if __name__ == "__main__":
    sys.stdout.write("\n".join(tables()))
