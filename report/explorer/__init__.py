"""The explorer: every test image with its scores and human labels, as files that a page opens from disk.

    explorer-data.js    window.explorerData = {...}: columns with a value per image, in the tables' order
    explorer-<m>.webp   mosaic m: images m * PER_MOSAIC, ..., in rows of TILES_ACROSS, left to right

Without the image files there is only the first; the page then shows the table and the scatter plot.
A page opened from disk may load scripts and images but not fetch JSON, so the data is in a script.
Scores are little-endian float32 in base64: exact, and shorter than digits. Text from users is escaped twice: the file
contains no "<", and ``explorer.js`` shows text as text.
"""

import base64
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from analysis import datasets
from analysis.datasets import Images
from analysis.errors import InputError
from analysis.parameters import StudyParameters
from analysis.pipeline import study_of
from analysis.studies import in_record
from analysis.study.results import StudyResults
from report import styles
from report.wording.forms import annotators

TILE = 32  # largest side of an image in a mosaic, in pixels
TILES_ACROSS = 32  # images per row of a mosaic
PER_MOSAIC = 1024  # images
MOST_BYTES = 2_600_000  # bytes of all files, so that the page with everything it loads is under 3 MB
QUALITIES = (90, 80, 70, 60, 50, 40, 30, 20, 10)  # of WebP, tried in this order until the files fit the budget

# The scores offered, if a table has them; AVH first.
OFFERED = tuple(name for name, style in styles.SHOWN_AS.items() if style.meaning)


def available_images(parameters: StudyParameters, study: StudyResults) -> tuple[Images | None, str]:
    """The test images of a study, or None and a sentence that states why they are not available.

    They are never downloaded for this; the sentence states how to get them.
    """
    there, answers = datasets.present(parameters)
    to_see = datasets.DECLARATIONS[parameters.dataset].to_see
    where = parameters.root or parameters.data_path
    if not there:
        return None, (
            "The images are not available here, only their recorded scores: "
            f"folder {where} does not contain this dataset. To see them, {to_see}; then run make book again."
        )
    if study.dataset["people"] and not answers:  # the hash of the data includes them
        where = parameters.human_labels or where
        return None, f"The images cannot be verified without the human labels, which {where} does not contain."
    try:
        dataset = datasets.load(study_of(parameters))
    except InputError as error:
        return None, f"The images are not available here, only their recorded scores: {error}"
    if dataset.hash != study.dataset["hash"]:
        return None, "The images here are not those of the recorded study: their hash differs."
    return dataset.test.images, ""


def images_to_print(parameters: StudyParameters, study: StudyResults) -> tuple[Images | None, str]:
    """The same for images in figures; None for recorded pages if the terms of the dataset forbid redistribution."""
    images = datasets.DECLARATIONS[parameters.dataset].not_passed_on
    if images and in_record(parameters.study_dir):
        return None, f"{images} may not be redistributed, so recorded pages do not show them."
    return available_images(parameters, study)


def files(study: StudyResults, arch: str, images: Images | None, budget: int = MOST_BYTES) -> dict[str, bytes]:
    """All files of the explorer of a network by name, within ``budget`` bytes in total if any quality allows it."""
    if images is None:
        return {"explorer-data.js": data_script(data(study, arch))}
    tiles = thumbnails(images)
    script = data_script(data(study, arch) | {"tile": tiles.shape[1], "across": TILES_ACROSS, "perMosaic": PER_MOSAIC})
    for quality in QUALITIES:
        mosaics = [encode(mosaic, quality) for mosaic in tiled(tiles)]
        if len(script) + sum(map(len, mosaics)) <= budget:
            break
    return {"explorer-data.js": script} | {f"explorer-{m}.webp": content for m, content in enumerate(mosaics)}


def data(study: StudyResults, arch: str) -> dict[str, Any]:
    """The data of every image, in columns; human labels only if there are any.

    A score that no image has is left out, such as the calibrated confidence without calibration images.
    """
    table, images = study.runs[arch].scores, study.images
    columns = {name: (table if name in table else images) for name in OFFERED if name in table or name in images}
    columns = {name: source for name, source in columns.items() if source[name].notna().any()}
    content = {
        "network": styles.label(arch),
        "classes": study.classes(arch),
        "id": list(map(str, table["id"])),
        "label": integers(table["label"]),
        "predicted": integers(table["predicted"]),
        "correct": integers(table["correct"]),
        "scores": [
            {"name": name, **_described(name), "values": packed(source[name])} for name, source in columns.items()
        ],
    }
    if study.has_people:
        content |= {
            "people": annotators(study),
            "selected": integers(images["selected"]),
            "shown": integers(images["shown"]),
        }
        if study.counts is not None:
            content["answers"] = _named_classes(study.counts)
    return content


def _described(score: str) -> dict[str, str]:
    style = styles.SHOWN_AS[score]
    return {"label": style.label, "meaning": style.meaning}


def _named_classes(counts: np.ndarray) -> list[list[tuple[int, int]]]:
    """Counts (N, C) -> for each image (class, n) for each class chosen at least once, the most frequent first."""
    return [[(int(k), int(row[k])) for k in np.argsort(-row, kind="stable") if row[k]] for row in counts]


def integers(column: pd.Series) -> list[int]:
    return column.astype(int).tolist()


def packed(column: pd.Series) -> str:
    """Numbers as base64 of little-endian float32."""
    return base64.b64encode(column.to_numpy(dtype="<f4").tobytes()).decode()


def data_script(content: Mapping[str, Any]) -> bytes:
    """A script that only holds the data, safe for any text in it."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")  # ASCII
    return f"window.explorerData = {text};\n".encode()


def thumbnails(images: Images) -> np.ndarray:
    """All images (N, tile, tile, 3) uint8, reduced to TILE if larger, never enlarged."""
    return np.concatenate([_smaller(images[part]) for part in _parts(len(images))])


def _parts(n: int) -> Iterator[np.ndarray]:
    """Indices of the images of one mosaic at a time, so that large images need not all fit into memory."""
    for start in range(0, n, PER_MOSAIC):
        yield np.arange(start, min(n, start + PER_MOSAIC))


def _smaller(batch: np.ndarray) -> np.ndarray:
    """(B, 3, H, W) -> (B, tile, tile, 3)."""
    batch = batch.transpose(0, 2, 3, 1)
    size = min(TILE, *batch.shape[1:3])
    if batch.shape[1:3] == (size, size):
        return batch
    resized = [Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS) for picture in batch]
    return np.stack([np.asarray(picture) for picture in resized])


def tiled(tiles: np.ndarray) -> Iterator[np.ndarray]:
    """The mosaics (rows * tile, TILES_ACROSS * tile, 3), the last one only as high as necessary."""
    size = tiles.shape[1]
    for part in _parts(len(tiles)):
        rows = -(-len(part) // TILES_ACROSS)
        mosaic = np.zeros((rows * TILES_ACROSS, size, size, 3), np.uint8)
        mosaic[: len(part)] = tiles[part]
        mosaic = mosaic.reshape(rows, TILES_ACROSS, size, size, 3).swapaxes(1, 2)  # (rows, size, TILES_ACROSS, size, 3)
        yield mosaic.reshape(rows * size, TILES_ACROSS * size, 3)


def encode(mosaic: np.ndarray, quality: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(mosaic).save(file, "WEBP", quality=quality, method=4)
    return file.getvalue()


# The markup before the script fills it. It contains no text from users.
PAGE_HTML = Path(__file__).with_name("page.html").read_text("utf-8")
