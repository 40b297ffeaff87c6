"""The parameters of images and labels, which all networks of a study share. Datasets read them."""

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

SEEDS = 2**31
# Only some datasets read these, and declare it: where pictures are files, and where human labels are.
OF_PICTURES = frozenset({"root", "image_size", "corrupt"})
OF_LABELS = frozenset({"human_labels", "raters_selected"})


class DataParameters(BaseModel):
    """Which images and labels, and where they are. ``analysis.parameters`` checks them."""

    dataset: str = Field("synthetic", description="source of the images and of their human labels")
    study: str = Field("", description="folder under results/; empty: the dataset's name")
    results_dir: str = Field("results", description="folder with the tables of all studies")
    data_dir: str = Field("", description="folder for data and downloads; empty: $AVH_DATA, else data/")
    root: str = Field(
        "",
        description="imagefolder: a folder with one folder per class, or train/ and test/; "
        "imagenet: the folder with val/",
    )
    image_size: int = Field(
        32, ge=8, le=1024, description="imagefolder, imagenet: width and height of the images, in pixels"
    )
    corrupt: Literal["stop", "skip"] = Field(
        "stop", description="imagefolder, imagenet: stop at a corrupt image, or skip it"
    )
    human_labels: str = Field("", description="imagenet: file of human labels; empty: look for one; none: use none")
    raters_selected: Literal["yes", "maybe"] = Field(
        "yes", description="imagenet: answers of ReaL's annotators that count as selected; maybe: both maybe and yes"
    )
    train_images: int | None = Field(None, ge=2, description="number of training images; None: all")
    test_images: int | None = Field(None, ge=2, description="number of test images; None: all")
    seed: int = Field(
        0, ge=0, lt=SEEDS, description="random seed for images, initial weights, data order and augmentation"
    )

    @property
    def data_path(self) -> Path:
        """The folder of data and downloads."""
        return Path(self.data_dir or os.environ.get("AVH_DATA") or "data").expanduser()
