"""Faults that need no book: parameters, downloads, images, archives and tables, in this process."""

import hashlib
import io
import os
import random
import shutil
import struct
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image
from pooch import get_logger

from analysis import datasets
from analysis.datasets import files
from analysis.parameters import StudyParameters
from drills import ways
from drills.outcome import Fault, Outcome, analysis, refused, refused_command

MALFORMED = [
    *(("epoch", "3"), ("lr", "0.1"), ("Arch", "resnet18"), ("epochs2", "3"), ("batchsize", "8")),
    *(("epochs", text) for text in ("0", "-1", "1.5", "many", "1e999", "nan", "[1]", "0x10", "10001", "3 4")),
    *(("width", text) for text in ("0", "2", "nan", "-1", "wide", "inf")),
    *(("learning_rate", text) for text in ("0", "-1", "nan", "high", "-inf")),
    *(("seed", text) for text in ("-1", "2147483648", "1.5", "yes", "null")),
    *(("start_seed", text) for text in ("-1", "2147483648", "x")),
    *(("study", text) for text in ("../x", "/etc", "A", "a b", ".hidden", "a/b", "-x", "ü", "x;y", "$(id)")),
    *(("label", text) for text in ("a/b", "..", "a b", ".x", "$(id)")),
    *(("arch", text) for text in ("ResNet50!", "../x", "resnet50; id", "a:b:c", "timm/", ":x")),
    *(("device", text) for text in ("gpu", "cuda:x", "cuda:-1", "CPU")),
    *(("dataset", text) for text in ("mnist", "Synthetic", "synthetic ", "imagefolder", "imagenet")),
    *(("stem", "big"), ("head", "Own"), ("precision", "fp16"), ("corrupt", "ignore"), ("raters_selected", "no")),
    *(("augment", text) for text in ("perhaps", "2", "null")),
    *(("batch_size", "1"), ("accumulate", "0"), ("momentum", "1"), ("momentum", "-0.1"), ("weight_decay", "-1")),
    *(("input_size", "4"), ("input_size", "4096"), ("image_size", "7"), ("image_size", "1025"), ("image_size", "x")),
    *(("train_images", "0"), ("test_images", "-5"), ("test_images", "all"), ("calibration_images", "-1")),
]


def parameters(folder: Path) -> Iterator[Fault]:
    """Each malformed parameter, given in all four ways."""
    study = folder / "studies"
    study.mkdir()
    for way in (ways.command_line, ways.snakemake, ways.papermill):
        outcomes = [refused(lambda given={name: text}, way=way: way(given)) for name, text in MALFORMED]
        yield Fault(f"malformed parameter: {way.__name__.replace('_', ' ')}", outcomes)
    outcomes = [refused(lambda given={name: text}: ways.study_file(given, study)) for name, text in MALFORMED]
    yield Fault("malformed parameter: study file", outcomes)


# --- failed downloads


class FaultyServer(BaseHTTPRequestHandler):
    """Answers with the fault that the path names, never with the file."""

    def do_GET(self):
        name = self.path.strip("/")
        if name.isdigit():
            self.send_error(int(name))
            return
        if name == "redirects":
            self.send_response(302)
            self.send_header("Location", self.path)
            self.end_headers()
            return
        page = {"empty": b"", "page": b"<html>log in first</html>", "other": bytes(2**16), "cut": SERVED}[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page[: len(page) // 2] if name == "cut" else page)

    def log_message(self, *_):
        pass


SERVED = random.Random(0).randbytes(2**16)
FAULTS = ["404", "403", "500", "redirects", "empty", "page", "other", "cut", "no server"]


def downloads(folder: Path) -> Fault:
    def failed(name: str, address: str) -> Outcome:
        path = folder / name / "file"
        asked = f"{address}/{name}" if name != "no server" else "http://127.0.0.1:1/file"
        md5 = hashlib.md5(SERVED).hexdigest()
        outcome = refused(lambda: files.build_once(path, lambda part: files.download(asked, md5, part, "or copy it")))
        left = [file.name for file in path.parent.rglob("*") if file.is_file() and file.suffix != ".lock"]
        return outcome._replace(survived=outcome.survived and not left)

    with ThreadingHTTPServer(("127.0.0.1", 0), FaultyServer) as server, mock.patch.dict(os.environ, NO_PROXY="*"):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        outcomes = [failed(name, f"http://127.0.0.1:{server.server_port}") for name in FAULTS]
        server.shutdown()
    return Fault("failed or wrong download", outcomes)


# --- images and archives


def write_png(path: Path, size: tuple[int, int] = (32, 32), seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path.read_bytes()


def pictures_folder(folder: Path, classes: tuple[str, ...] = ("cat", "dog"), each: int = 4) -> Path:
    """A folder of class folders with images of noise."""
    for k, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for i in range(each):
            write_png(folder / name / f"{i}.png", seed=10 * k + i)
    return folder


def claims_to_be_huge(whole: bytes) -> bytes:
    """A PNG whose header claims 60,000 x 60,000 pixels."""
    return whole[:16] + struct.pack(">II", 60_000, 60_000) + whole[24:]


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "cut": lambda whole: whole[: len(whole) // 2],
    "header only": lambda whole: whole[:33],
    "text": lambda whole: b"not a picture",
    "zeros": lambda whole: bytes(len(whole)),
    "flipped": lambda whole: whole[:60] + bytes([whole[60] ^ 255]) + whole[61:],
    "huge": claims_to_be_huge,
    "program": lambda whole: b"\x7fELF" + whole,
    "page": lambda whole: b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
}


def broken_pictures(folder: Path) -> Fault:
    outcomes = []
    for name, damage in BROKEN.items():
        root = pictures_folder(folder / name)
        broken = root / "dog/2.png"
        broken.write_bytes(damage(broken.read_bytes()))
        given = StudyParameters(dataset="imagefolder", root=str(root), data_dir=str(folder / "data"))
        outcome = refused(lambda given=given: decode_folder(given))
        outcomes.append(outcome._replace(survived=outcome.survived and "dog/2.png" in outcome.said))
    for name in ("folder", "link to itself", "no classes", "one class", "empty class"):
        root = pictures_folder(folder / name)
        if name == "folder":
            (root / "dog/x.png").mkdir()
            (root / "dog/2.png").unlink()
            (root / "dog/2.png").mkdir()
        elif name == "link to itself":
            (root / "dog/2.png").unlink()
            (root / "dog/2.png").symlink_to("2.png")
        elif name == "empty class":
            shutil.rmtree(root / "dog")
            (root / "dog").mkdir()
        else:
            shutil.rmtree(root / "dog")
            if name == "no classes":
                shutil.rmtree(root / "cat")
        given = StudyParameters(dataset="imagefolder", root=str(root), data_dir=str(folder / "data"))
        outcome = refused(lambda given=given: decode_folder(given))
        # Anything that is not an image file may be ignored, as long as all image files are used.
        left_out = name in ("folder", "link to itself") and outcome.said == "passed: 7"
        outcomes.append(outcome._replace(survived=outcome.survived or left_out))
    return Fault("malformed images", outcomes)


def decode_folder(parameters: StudyParameters) -> int:
    """Decode all images and return their number."""
    test = datasets.load(parameters).test
    return len(test.images[np.arange(len(test))])


def archives(folder: Path) -> Fault:
    """Malformed files instead of those of CIFAR-10 and CIFAR-10H, which cannot be downloaded."""

    def tar(name: str) -> bytes:
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz") as archive:
            member = tarfile.TarInfo(name)
            member.size = 3
            archive.addfile(member, io.BytesIO(b"abc"))
        return content.getvalue()

    def zipped(name: str) -> bytes:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr(name, "abc")
        return content.getvalue()

    contents = {"empty": b"", "text": b"no archive", "outside": tar("../outside"), "absolute": tar("/tmp/outside")}
    contents |= {"cut": tar("cifar-10-batches-bin/data_batch_1.bin")[:60], "zip": zipped("../outside")}
    outcomes = []
    with mock.patch.dict(
        os.environ, {"NO_PROXY": "", "HTTPS_PROXY": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"}
    ):
        for name, content in contents.items():
            for file in ("cifar-10-binary.tar.gz", "cifar10h-counts.npy"):
                data = folder / name / file.partition(".")[0]
                data.mkdir(parents=True)
                (data / file).write_bytes(content)
                outcomes.append(
                    refused(lambda data=data: datasets.load(StudyParameters(dataset="cifar10h", data_dir=str(data))))
                )
    return Fault("malformed archives", outcomes)


# --- missing data

NETWORK = ["-p", "arch", "resnet18", "-p", "width", "0.0625", "-p", "stem", "half"]
SIZES = {"train_images": 24, "test_images": 24, "calibration_images": 4, "epochs": 1, "batch_size": 8}


def missing(folder: Path) -> Fault:
    """Images and weights that are missing or damaged when they are needed."""
    places = ["-p", "results_dir", str(folder / "results"), "-p", "data_dir", str(folder / "data")]
    outcomes = []
    sizes = [word for name, value in SIZES.items() for word in ("-p", name, str(value))]
    analysis("train", *NETWORK, *sizes, "-p", "study", "trained", *places)
    weights = folder / "results/trained/resnet18/model.safetensors"
    root = pictures_folder(folder / "pictures", tuple("abcdefghijkl"), 1)
    measure = ["measure", *NETWORK, *places, "-p", "dataset", "imagefolder", "-p", "root", str(root), "-p", "weights"]
    outcomes.append(refused_command(*measure, str(folder / "gone.safetensors"), "-p", "study", "a"))
    outcomes.append(refused_command(*measure, "package:no_such_package", "-p", "study", "a"))
    whole = weights.read_bytes()
    for damage in (b"", whole[: len(whole) // 2], b"x" * 100, whole[:8] + bytes(len(whole) - 8)):
        (folder / "damaged.safetensors").write_bytes(damage)
        outcomes.append(refused_command(*measure, str(folder / "damaged.safetensors"), "-p", "study", "a"))
    shutil.rmtree(root / "l")
    outcomes.append(refused_command(*measure, str(weights), "-p", "study", "a"))
    shutil.rmtree(root)
    outcomes.append(refused_command(*measure, str(weights), "-p", "study", "a"))
    outcomes.append(refused_command("data", *places, "-p", "dataset", "imagefolder", "-p", "root", str(root)))
    return Fault("missing or damaged images and weights", outcomes)


def all_faults(folder: Path) -> Iterator[Fault]:
    get_logger().setLevel("ERROR")
    yield from parameters(folder)
    for fault in (downloads, broken_pictures, archives, missing):
        place = folder / fault.__name__
        place.mkdir()
        yield fault(place)
