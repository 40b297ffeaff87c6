import os
import shutil
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from analysis.datasets import decoding, load
from analysis.errors import InputError
from analysis.parameters import StudyParameters

RED, GREEN, BLUE = (250, 10, 20), (10, 240, 30), (5, 15, 230)
LOSSLESS = (".png", ".bmp", ".ppm", ".pnm", ".tif", ".TIFF")


def save(path: Path, colour=RED, size=(20, 20), **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **options)


def noise(path: Path, size=(48, 32)) -> None:
    """Random pixels: no format can make them small, so half a file is half a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)).save(path)


def cut(path: Path, share: float = 0.5) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two classes of three pictures each."""
    root = tmp_path / "shots"
    for number in range(3):
        save(root / "apple" / f"{number}.png", (200 + number, 0, 0))
        save(root / "berry" / f"{number}.png", (0, 0, 200 + number))
    return root


@pytest.fixture
def split(folder) -> Path:
    """The same with train/ and val/."""
    root = folder.parent / "split"
    shutil.copytree(folder, root / "train")
    shutil.copytree(folder, root / "val")
    return root


def parameters(root: Path, **more) -> StudyParameters:
    more = {"data_dir": str(root.parent / "data"), "image_size": 8, **more}
    return StudyParameters(dataset="imagefolder", root=str(root), **more)


def decoded_files(root: Path) -> list[Path]:
    return [path for path in (root.parent / "data").rglob("*") if path.is_file() and path.suffix != ".lock"]


# Folders


def test_class_folders_are_a_test_split(folder):
    dataset = load(parameters(folder))
    assert dataset.train is None
    assert dataset.human is None
    assert dataset.classes == ("apple", "berry")
    assert dataset.superclasses == {"all": (0, 1)}
    assert dataset.test.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert dataset.test.ids.tolist() == [f"{name}/{n}.png" for name in ("apple", "berry") for n in range(3)]
    assert dataset.test.images.shape == (6, 3, 8, 8)
    assert dataset.test.images.dtype == np.uint8
    colours = [[200 + n, 0, 0] for n in range(3)] + [[0, 0, 200 + n] for n in range(3)]
    assert (dataset.test.images == np.array(colours)[:, :, None, None]).all()
    assert any("no human labels" in note for note in dataset.notes)


@pytest.mark.parametrize("name", ["test", "val"])
def test_train_and_test_folders_are_two_splits(split, name):
    if name != "val":
        (split / "val").rename(split / name)
    (split / "train" / "apple" / "3.png").write_bytes((split / "train" / "apple" / "2.png").read_bytes())
    dataset = load(parameters(split))
    assert len(dataset.train) == 7
    assert len(dataset.test) == 6


def test_a_validation_folder_alone_will_do(split):
    shutil.rmtree(split / "train")
    (split / "classes.txt").write_text("")
    dataset = load(parameters(split))
    assert dataset.train is None
    assert dataset.classes == ("apple", "berry")


def test_a_class_may_be_called_train(folder):
    (folder / "berry").rename(folder / "train")
    assert load(parameters(folder)).classes == ("apple", "train")


def test_numbered_classes_are_in_the_order_of_their_numbers(tmp_path):
    """So that they meet a network's outputs, which are numbered too; other names are in alphabetical order."""
    for number in range(12):
        save(tmp_path / "numbered" / str(number) / "a.png")
        save(tmp_path / "named" / f"c{number}" / "a.png")
    assert load(parameters(tmp_path / "numbered")).classes == tuple(map(str, range(12)))
    assert load(parameters(tmp_path / "named")).classes[:3] == ("c0", "c1", "c10")


def test_class_folders_beside_a_leftover_test_are_not_left_out_silently(folder):
    save(folder / "test" / "apple" / "a.png")
    save(folder / "test" / "berry" / "b.png")
    (folder / "notes").mkdir()
    sentence = r"has folders of pictures \(apple, berry\) beside test/, which would be left out"
    with pytest.raises(InputError, match=sentence):
        load(parameters(folder))


@pytest.mark.parametrize("form", ["GIF", "JPEG2000", "PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("name", ["x", "x.data", "x.gif", "x.jpg", "x.JFIF"])
def test_what_can_be_read_is_a_picture_whatever_it_is_called(folder, form, name):
    save(folder / "apple" / "y", RED, format=form)
    (folder / "apple" / "y").rename(folder / "apple" / name)
    dataset = load(parameters(folder))
    assert f"apple/{name}" in dataset.test.ids
    assert not dataset.left_out
    found = dataset.test.images[dataset.test.ids.tolist().index(f"apple/{name}"), :, 4, 4].astype(int)
    assert np.abs(found - RED).max() <= 12


@pytest.mark.parametrize("deep", ["more", "more/and/more"])
@pytest.mark.parametrize("alone", [True, False])
def test_pictures_in_a_folder_of_a_class_folder_are_not_left_out_silently(folder, deep, alone):
    if alone:
        shutil.move(folder / "apple", folder / "moved")
        (folder / "apple" / deep).parent.mkdir(parents=True)
        (folder / "moved").rename(folder / "apple" / deep)
    else:
        shutil.copytree(folder / "berry", folder / "apple" / deep)
    with pytest.raises(InputError, match=rf"apple holds a folder of pictures, {deep}/ \(3\), which would be left out"):
        load(parameters(folder))


def test_a_link_to_a_folder_of_pictures_in_a_class_folder_is_not_left_out_silently(folder):
    (folder / "apple" / "more").symlink_to(folder / "berry")
    with pytest.raises(InputError, match=r"apple holds a folder of pictures, more/ \(3\), which would be left out"):
        load(parameters(folder))


def test_a_link_back_to_its_class_folder_ends(folder):
    (folder / "apple" / "again").symlink_to(folder / "apple")
    assert len(load(parameters(folder)).test) == 6


@pytest.mark.parametrize("where", ["", "apple"])
@pytest.mark.parametrize("target", ["/nowhere", "star"])
def test_a_link_to_nothing_is_not_left_out_silently(folder, where, target):
    (folder / where / "star").symlink_to(target)
    with pytest.raises(InputError, match=r"star is a link to nothing; mend it, or remove it$"):
        load(parameters(folder))


def test_a_picture_that_is_a_link_to_nothing_is_corrupt(folder):
    (folder / "apple" / "star.png").symlink_to("/nowhere")
    with pytest.raises(InputError, match=r"star\.png"):
        load(parameters(folder))
    assert len(load(parameters(folder, corrupt="skip")).test) == 6


def test_classes_beside_train_and_test_are_not_left_out_silently(split):
    shutil.copytree(split / "val", split / "extra")
    with pytest.raises(
        InputError, match=r"has folders of pictures \(extra\) beside train/ and val/, which would be left"
    ):
        load(parameters(split))


def test_a_validation_folder_beside_a_test_folder_is_said_to_be_left_out(split):
    shutil.copytree(split / "val", split / "test")
    dataset = load(parameters(split))
    assert dataset.left_out == ("val/ is left out because there is test/.",)
    assert dataset.left_out[0] in dataset.notes


def test_an_empty_class_says_what_its_folder_holds_instead(folder):
    (folder / "cherry").mkdir()
    for name in ("a.txt", "b.txt", "c"):
        (folder / "cherry" / name).write_text("no picture")
    with pytest.raises(InputError, match=r"cherry contains no images \(.txt \(2\), without a suffix \(1\)\); allowed"):
        load(parameters(folder))


def test_a_subset_that_leaves_a_class_without_a_picture_is_one_sentence(tmp_path):
    for number in range(3):
        save(tmp_path / "three" / str(number) / "a.png")
    with pytest.raises(InputError, match="test_images is 2, but there are 3 classes: each needs a picture, at least"):
        load(parameters(tmp_path / "three", test_images=2))


def test_all_suffixes_hidden_and_other_files(folder):
    more = (".jpg", ".JPEG", ".webp", ".jfif", ".jpe")
    for suffix in (*LOSSLESS, *more):
        save(folder / "apple" / f"x{suffix}", RED)
    (folder / "apple" / ".hidden.png").write_bytes(b"")
    (folder / ".git").mkdir()
    (folder / "apple" / "labels.txt").write_text("")
    (folder / "apple" / "nested").mkdir()
    (folder / "README").write_text("")
    dataset = load(parameters(folder))
    assert len(dataset.test) == 6 + len(LOSSLESS) + len(more)
    left = "Test: files left out because they are not images of a class: .txt (1), folders (1), without a suffix (1)."
    assert dataset.left_out == (left,)
    assert left in dataset.notes
    for id_, image in zip(dataset.test.ids, dataset.test.images, strict=True):
        if "x." in id_:
            error = np.abs(image.astype(int) - np.array(RED)[:, None, None]).max()
            assert error <= (0 if id_.endswith(LOSSLESS) else 8), id_


def without_classes(root):
    shutil.rmtree(root)
    root.mkdir()
    (root / "a.png").write_bytes(b"")


def with_other_class(root):
    (root / "val" / "berry").rename(root / "val" / "cherry")


@pytest.mark.parametrize(
    ("which", "change", "sentence"),
    [
        ("folder", shutil.rmtree, "shots, which is not a folder"),
        ("folder", without_classes, "shots holds no class folders"),
        ("folder", lambda root: (root / "cherry").mkdir(), "class folder .*cherry contains no images; allowed: .jpg"),
        ("folder", lambda root: shutil.rmtree(root / "berry"), "has 1 class folder; at least 2"),
        ("split", with_other_class, "must have the same classes; in one only: berry, cherry$"),
        ("split", lambda root: shutil.rmtree(root / "val"), "has train/, but neither test/ nor val/"),
    ],
)
def test_folders_that_do_not_fit_are_one_sentence(request, which, change, sentence):
    root = request.getfixturevalue(which)
    change(root)
    with pytest.raises(InputError, match=sentence):
        load(parameters(root))
    assert not decoded_files(root)


def test_training_images_without_a_training_folder_are_one_sentence(folder):
    with pytest.raises(InputError, match=r"train_images is 4, but .* has no train/"):
        load(parameters(folder, train_images=4))


def test_more_images_than_there_are_is_one_sentence(split):
    with pytest.raises(InputError, match="train_images is 7, but there are 6 train images"):
        load(parameters(split, train_images=7))


def test_a_subset_is_even_and_reads_nothing_else(split):
    noise(split / "train" / "apple" / "0.png")
    cut(split / "train" / "apple" / "0.png")
    whole = load(parameters(split, corrupt="skip"))
    seeds = [load(parameters(split, corrupt="skip", train_images=4, test_images=2, seed=seed)) for seed in range(4)]
    assert len({tuple(dataset.train.ids) for dataset in seeds}) > 1
    for dataset in seeds:
        assert np.bincount(dataset.test.labels).tolist() == [1, 1]
        index = [whole.test.ids.tolist().index(id_) for id_ in dataset.test.ids]
        assert (dataset.test.images == whole.test.images[index]).all()
        corrupt = any("apple/0.png" in note for note in dataset.notes)
        assert len(dataset.train) == 4 - corrupt


# Pixels


def one(root: Path, **more) -> np.ndarray:
    """The first picture of class "apple"."""
    return np.asarray(load(parameters(root, **more)).test.images[0])


def test_the_short_side_is_resized_and_the_centre_kept(folder):
    wide = Image.new("RGB", (60, 20), RED)
    wide.paste(GREEN, (17, 0, 43, 20))  # more than the square: the filter looks beyond it
    wide.save(folder / "apple" / "0.png")
    assert (one(folder) == np.array(GREEN)[:, None, None]).all()
    wide.transpose(Image.Transpose.ROTATE_90).save(folder / "apple" / "0.png")
    assert (one(folder) == np.array(GREEN)[:, None, None]).all()


def test_rows_and_columns_keep_their_places(folder):
    picture = Image.new("RGB", (20, 20), RED)
    picture.paste(GREEN, (10, 0, 20, 10))  # top right
    picture.paste(BLUE, (0, 10, 10, 20))  # bottom left
    picture.save(folder / "apple" / "0.png")
    image = one(folder)
    assert image[:, 0, 0].tolist() == list(RED)
    assert image[:, 0, 7].tolist() == list(GREEN)
    assert image[:, 7, 0].tolist() == list(BLUE)


def test_fine_stripes_become_grey_not_moire(folder):
    stripes = np.tile(np.array([0, 255], np.uint8), (64, 32))
    Image.fromarray(stripes).save(folder / "apple" / "0.png")
    assert np.abs(one(folder)[:, :, 1:-1].astype(int) - 127).max() <= 6


def test_pictures_are_turned_upright(folder):
    picture = Image.new("RGB", (20, 20), RED)
    picture.paste(GREEN, (0, 0, 20, 10))  # green above red, stored lying on its side
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    picture.transpose(Image.Transpose.ROTATE_90).save(folder / "apple" / "0.png", exif=exif)
    image = one(folder)
    assert image[:, 0, 4].tolist() == list(GREEN)
    assert image[:, 7, 4].tolist() == list(RED)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK"])
def test_every_eight_bit_mode_becomes_rgb(folder, mode):
    path = folder / "apple" / ("0.tif" if mode == "CMYK" else "0.png")
    (folder / "apple" / "0.png").unlink()
    Image.new("RGB", (20, 20), (255, 255, 255)).convert(mode).save(path)
    assert (one(folder) == 255).all()


def test_a_tall_thin_picture_needs_no_more_memory(folder):
    save(folder / "apple" / "0.png", GREEN, (1, 20_000))
    assert (one(folder, image_size=256) == np.array(GREEN)[:, None, None]).all()


# Corrupt pictures


@pytest.mark.filterwarnings("ignore:Truncated File Read")
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".ppm", ".tif"])
def test_a_picture_cut_short_is_found(folder, suffix, share):
    noise(folder / "apple" / f"cut{suffix}")
    cut(folder / "apple" / f"cut{suffix}", share)
    with pytest.raises(InputError, match=rf"1 of 7 pictures in .*shots are corrupt: apple/cut\{suffix} \("):
        load(parameters(folder))
    assert not decoded_files(folder)


def with_text(path):
    path.write_text("no picture")


def with_postscript(path):
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n")


def with_sixteen_bits(path):
    Image.fromarray(np.full((20, 20), 40_000, np.uint16)).save(path)


def with_a_bomb(path):
    Image.new("1", (10_000, 9_000)).save(path)  # 90 million pixels, 11 KB


def with_a_great_bomb(path):
    Image.new("1", (20_000, 9_000)).save(path)


def with_a_link_to_nothing(path):
    path.unlink()
    path.symlink_to("nowhere.png")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (with_text, "cannot identify"),
        (with_postscript, "cannot identify"),
        (with_sixteen_bits, "not 8 bits per channel"),
        (with_a_bomb, "10000x9000 pixels, more than 89,478,485"),
        (with_a_great_bomb, "DecompressionBombError"),
        (with_a_link_to_nothing, "No such file"),
    ],
)
def test_what_is_no_usable_picture_is_found_or_skipped(folder, spoil, reason):
    spoil(folder / "apple" / "1.png")
    with pytest.raises(InputError, match=rf"apple/1.png \(.*{reason}.*; repair or remove them, or set corrupt to skip"):
        load(parameters(folder))
    assert not decoded_files(folder)
    dataset = load(parameters(folder, corrupt="skip"))
    assert dataset.test.ids.tolist() == ["apple/0.png", "apple/2.png", *(f"berry/{n}.png" for n in range(3))]
    assert dataset.test.labels.tolist() == [0, 0, 1, 1, 1]
    assert dataset.test.images[:, :, 0, 0].tolist() == [[200, 0, 0], [202, 0, 0], *([0, 0, 200 + n] for n in range(3))]
    assert any("Test: 1 left out as corrupt: apple/1.png (" in note for note in dataset.notes)


def test_many_corrupt_pictures_are_counted_and_five_named(folder):
    for number in range(7):
        (folder / "berry" / f"bad{number}.jpg").write_bytes(b"")
    with pytest.raises(InputError, match=r"7 of 13 pictures .*bad0.*bad4.* and 2 more") as caught:
        load(parameters(folder))
    assert "bad5" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_skipping_once_does_not_silence_stopping_later(folder):
    with_text(folder / "apple" / "1.png")
    load(parameters(folder, corrupt="skip"))
    with pytest.raises(InputError, match="1 of 6 pictures"):
        load(parameters(folder))


def test_a_class_without_a_whole_picture_is_one_sentence(folder):
    for number in range(3):
        with_text(folder / "apple" / f"{number}.png")
    with pytest.raises(InputError, match=r"every picture of class apple in .*shots is corrupt"):
        load(parameters(folder, corrupt="skip"))


def test_nothing_but_corrupt_pictures_is_one_sentence(folder):
    for path in folder.rglob("*.png"):
        with_text(path)
    with pytest.raises(InputError, match=r"6 of 6 pictures .*; repair or remove them$"):
        load(parameters(folder, corrupt="skip"))
    assert not decoded_files(folder)


# The decoded array on disk


def test_pictures_are_decoded_once_and_again_after_a_change(folder, monkeypatch):
    calls = []
    decode = decoding.decode
    monkeypatch.setattr(decoding, "decode", lambda path, *sizes: calls.append(path.name) or decode(path, *sizes))
    first = load(parameters(folder))
    assert len(calls) == 6
    again = load(parameters(folder))
    assert len(calls) == 6
    assert again.hash == first.hash
    assert isinstance(again.test.images, np.memmap)
    assert not again.test.images.flags.writeable
    save(folder / "apple" / "1.png", GREEN)
    changed = load(parameters(folder))
    assert len(calls) == 12
    assert changed.hash != first.hash
    assert changed.test.images[1, :, 0, 0].tolist() == list(GREEN)
    assert load(parameters(folder, image_size=16)).test.images.shape == (6, 3, 16, 16)
    assert len(calls) == 18


def test_the_hash_is_that_of_pictures_and_labels_wherever_they_are(folder):
    first = load(parameters(folder)).hash
    moved = folder.rename(folder.parent / "moved")
    assert load(parameters(moved)).hash == first
    (moved / "apple" / "2.png").rename(moved / "berry" / "!.png")  # same pictures in the same order
    assert load(parameters(moved)).hash != first


def test_batches_of_any_length_keep_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "AT_ONCE", 3)
    for number in range(20):
        save(tmp_path / "many" / "ab"[number % 2] / f"{number:02d}.png", (number, 2 * number, 3 * number))
    dataset = load(parameters(tmp_path / "many"))
    for id_, image in zip(dataset.test.ids, dataset.test.images, strict=True):
        number = int(id_[2:4])
        assert image[:, 3, 3].tolist() == [number, 2 * number, 3 * number]


def test_memory_does_not_grow_with_the_number_of_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "AT_ONCE", 4)
    for number in range(80):
        save(tmp_path / "many" / "ab"[number % 2] / f"{number:02d}.png")
    tracemalloc.start()
    load(parameters(tmp_path / "many", image_size=256))  # 80 x 0.2 MB
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4e6


@pytest.mark.parametrize("name", ["pictures.npy", "digests.npy"])
@pytest.mark.parametrize("place", [0.3, 0.6, 1])
def test_a_flipped_bit_in_the_decoded_pictures_is_one_sentence(folder, name, place):
    load(parameters(folder))
    (path,) = (folder.parent / "data").rglob(name)
    content = bytearray(path.read_bytes())
    content[128 + int(place * (len(content) - 129))] ^= 1  # after the header
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"is damaged \(a picture is not the one that was decoded\); remove it"):
        load(parameters(folder))


@pytest.mark.parametrize("name", ["pictures.npy", "digests.npy", "corrupt.json"])
def test_a_damaged_array_is_one_sentence(folder, name):
    load(parameters(folder))
    cut(next(path for path in decoded_files(folder) if path.name == name))
    with pytest.raises(InputError, match=f"{name} is damaged.*remove"):
        load(parameters(folder))


def test_a_lack_of_room_is_said_before_decoding(folder, small_disk, monkeypatch):
    monkeypatch.setattr(decoding, "decode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(InputError, match=r"6 pictures need 1 MB and .* has 0 MB left; make room or set AVH_DATA"):
        load(parameters(folder, image_size=256, data_dir=str(small_disk)))


def test_a_disk_that_fills_while_decoding_is_one_sentence(folder, small_disk, monkeypatch):
    monkeypatch.setattr(decoding.shutil, "disk_usage", lambda path: SimpleNamespace(free=10**9))
    with pytest.raises(InputError, match="cannot be written: the disk is full"):
        load(parameters(folder, image_size=256, data_dir=str(small_disk)))
    assert not [path for path in small_disk.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_names_that_are_no_utf8_can_be_written_down(folder):
    try:
        save(folder / os.fsdecode(b"caf\xe9") / "0.png")
    except OSError:
        pytest.skip("this file system demands UTF-8")
    dataset = load(parameters(folder))
    assert dataset.classes[2] == r"caf\xe9"
    "".join(dataset.test.ids).encode()


# Photographs


@pytest.fixture
def photographs(real_data) -> Path:
    if not (real_data / "imagenet" / "val").is_dir():
        pytest.skip("needs imagenet/val in AVH_DATA")
    return real_data / "imagenet"


def test_photographs_are_resized_as_torchvision_does(photographs, tmp_path):
    some = tmp_path / "some"
    some.mkdir()
    for place in sorted((photographs / "val").iterdir())[::18]:  # 41 of the class folders
        (some / place.name).symlink_to(place)
    dataset = load(parameters(some, image_size=64, test_images=41))
    assert len(dataset.test) == 41
    resize = v2.Compose([v2.Resize(64, antialias=True), v2.CenterCrop(64)])
    for id_, image in zip(dataset.test.ids, dataset.test.images, strict=True):
        photograph = np.array(Image.open(photographs / "val" / id_).convert("RGB"))
        expected = resize(torch.from_numpy(photograph).permute(2, 0, 1)).numpy()
        assert np.abs(image.astype(int) - expected).max() <= 2, id_


def test_all_photographs_are_found_and_whole(photographs, tmp_path):
    dataset = load(parameters(photographs / "val", data_dir=str(tmp_path)))
    assert len(dataset.test) == 1300
    assert len(dataset.classes) == 725
    assert dataset.train is None
    for index in (0, 700, 1299):
        assert dataset.test.ids[index].split("/")[0] == dataset.classes[dataset.test.labels[index]]
    assert dataset.test.images[:].std(axis=(1, 2, 3)).min() > 1  # none is blank
