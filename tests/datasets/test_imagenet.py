"""ImageNet: every layout, made small in its original form, and the real pictures and raters where they are."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import io
from torchvision.models import _meta
from torchvision.transforms import v2

from analysis import datasets, pipeline, runs
from analysis.datasets import decoding, imagenet, imagenet_files, wordnet
from analysis.datasets.crops import Crops
from analysis.errors import InputError
from analysis.parameters import RunParameters, StudyParameters

WNIDS, NAMES = imagenet_files.classes()
SIZE = 64


def parameters(folder, **more) -> StudyParameters:
    given = {"dataset": "imagenet", "root": str(folder), "data_dir": str(folder.parent / "data"), "image_size": SIZE}
    return StudyParameters(**(given | more))


def absent(wnids):
    raise InputError("WordNet is not available")


@pytest.fixture(autouse=True)
def one_superclass(monkeypatch):
    """Without WordNet, which takes seconds to read."""
    monkeypatch.setattr(wordnet, "superclasses", absent)


def save(path, value, size=(90, 80)):
    """A picture of one grey, which its pixels tell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).save(path, "PNG" if path.suffix == ".png" else "JPEG")


def greys(images) -> list[int]:
    return images[:, 0, 5, 5].tolist()


def name(number: int) -> str:
    return f"ILSVRC2012_val_{number:08d}.JPEG"


@pytest.fixture
def folders(tmp_path):
    """torchvision's layout with 4 of the classes; classes 2, 10 and 100 come in another order as text."""
    for k, number in ((2, 7), (10, 3), (100, 9), (999, 1)):
        save(tmp_path / "imagenet" / "val" / WNIDS[k] / name(number), number * 20)
    return tmp_path / "imagenet"


# --- classes


def test_there_are_a_thousand_classes_in_wnid_order_with_torchvisions_names():
    assert len(set(WNIDS)) == 1000
    assert list(WNIDS) == sorted(WNIDS)
    assert list(NAMES) == _meta._IMAGENET_CATEGORIES
    assert (WNIDS[0], NAMES[0], WNIDS[999], NAMES[999]) == ("n01440764", "tench", "n15075141", "toilet tissue")


# --- layouts


def test_class_folders_are_labelled_by_wnid(folders):
    dataset = datasets.load(parameters(folders))
    assert dataset.test.labels.tolist() == [2, 10, 100, 999]
    assert dataset.test.ids[1] == f"{WNIDS[10]}/{name(3)}"
    assert greys(dataset.test.images) == [140, 60, 180, 20]
    assert dataset.classes == NAMES
    assert dataset.train is None
    assert dataset.human is None
    assert "No human labels are used" in " ".join(dataset.notes)
    assert list(dataset.superclasses) == ["all"]
    assert "All classes are one superclass: WordNet is not available." in dataset.notes


def test_class_folders_may_stand_at_the_root(folders):
    assert datasets.load(parameters(folders / "val")).hash == datasets.load(parameters(folders)).hash


@pytest.mark.parametrize("named", [WNIDS.__getitem__, str], ids=["by wnid", "by number"])
def test_training_pictures_and_the_devkit_may_stand_beside_class_folders_at_the_root(tmp_path, named):
    root = tmp_path / "imagenet"
    for k in (2, 10):
        save(root / named(k) / f"{k}.jpeg", k)
    alone = datasets.load(parameters(root)).test
    save(root / "train" / WNIDS[3] / "1.JPEG", 5)
    (root / "ILSVRC2012_devkit_t12").mkdir()
    dataset = datasets.load(parameters(root))
    assert dataset.test.ids.tolist() == alone.ids.tolist()
    assert sorted(greys(dataset.test.images)) == [2, 10]
    assert dataset.train.labels.tolist() == [3]


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [
        ("val", r"allowed: folders named by wnid \(n01440764, \.\.\.\)$"),
        (".", r"allowed: folders named by wnid \(n01440764, \.\.\.\) and train/ and ILSVRC2012_devkit_t12/$"),
        ("train", r"allowed: folders named by wnid \(n01440764, \.\.\.\)$"),
    ],
)
@pytest.mark.parametrize("stray", ["cats", "12"])
def test_a_stray_folder_among_class_folders_is_one_sentence(tmp_path, folder, allowed, stray):
    root = tmp_path / "imagenet"
    save(root / folder / WNIDS[2] / "1.JPEG", 1)
    if folder == "train":
        save(root / "val" / WNIDS[2] / "1.JPEG", 1)
    save(root / folder / stray / "1.JPEG", 1)
    with pytest.raises(InputError, match=rf"^{root / folder} holds {stray} among its class folders; {allowed}"):
        datasets.load(parameters(root))


def test_training_folders_that_are_all_strays_are_told(folders):
    for stray in "abcdefg":
        save(folders / "train" / stray / "1.JPEG", 1)
    with pytest.raises(InputError, match=r"train holds a, b, c, d, e and 2 more among its class folders; allowed"):
        datasets.load(parameters(folders))


@pytest.mark.parametrize("below", ["", "val"])
def test_imagenetv2s_folders_are_mapped_by_number_not_by_their_order(tmp_path, below):
    """As text they sort 0, 1, 10, 100, 2, 999."""
    root = tmp_path / "imagenetv2-matched-frequency-format-val"
    for k in (0, 1, 2, 10, 100, 999):
        save(root / below / str(k) / f"{k:040x}.jpeg", k % 256)
    dataset = datasets.load(parameters(root))
    assert sorted(zip(dataset.test.labels.tolist(), greys(dataset.test.images), strict=True)) == [
        (k, k % 256) for k in (0, 1, 2, 10, 100, 999)
    ]
    assert "ImageNetV2's numbered class folders" in dataset.notes[0]


@pytest.mark.parametrize("wrong", ["1000", "007", "00"])
def test_other_numbers_are_refused(tmp_path, wrong):
    save(tmp_path / "v2" / wrong / "a.jpeg", 1)
    with pytest.raises(InputError, match=f"class folder {wrong}; allowed: 0 to 999, as in ImageNetV2"):
        datasets.load(parameters(tmp_path / "v2"))


def make_devkit(folder, truth):
    """The development kit's two files: ids in another order than wnids, and broader synsets after the leaves."""
    folder.mkdir(parents=True)
    order = np.random.default_rng(0).permutation(1000)  # id i + 1 is class order[i]
    kinds = [("ILSVRC2012_ID", object), ("WNID", object), ("words", object), ("num_children", object)]
    rows = [(i + 1, WNIDS[k], NAMES[k], 0) for i, k in enumerate(order)] + [(1001, "n00001740", "entity", 2)]
    io.savemat(folder / "meta.mat", {"synsets": np.array(rows, dtype=kinds).reshape(-1, 1)})
    ids = np.argsort(order)[truth] + 1
    (folder / imagenet_files.TRUTH).write_text("".join(f"{i}\n" for i in ids))


@pytest.fixture
def flat(tmp_path):
    """A flat folder with pictures 1, 3 and 50000, and the kit's labels of all 50,000."""
    truth = np.arange(50_000) * 7 % 1000
    make_devkit(tmp_path / "imagenet" / "ILSVRC2012_devkit_t12" / "data", truth)
    for number in (1, 3, 50_000):
        save(tmp_path / "imagenet" / "val" / name(number), number % 200)
    return tmp_path / "imagenet"


def test_a_flat_folder_is_labelled_by_the_devkit_in_wnid_order(flat):
    dataset = datasets.load(parameters(flat))
    assert dataset.test.labels.tolist() == [0, 14, 49_999 * 7 % 1000]
    assert dataset.test.ids.tolist()[1] == f"{WNIDS[14]}/{name(3)}"
    assert greys(dataset.test.images) == [1, 3, 0]


def test_pictures_may_lie_beside_the_devkit(flat):
    for path in (flat / "val").iterdir():
        path.rename(flat / path.name)
    (flat / "val").rmdir()
    assert datasets.load(parameters(flat)).test.labels.tolist() == [0, 14, 993]


def test_a_flat_folder_without_labels_says_what_is_missing(flat):
    kit = flat / "ILSVRC2012_devkit_t12"
    (kit / "data" / "meta.mat").rename(flat / "meta.mat")
    with pytest.raises(InputError, match=r"meta\.mat cannot be read .*belongs to the development kit"):
        datasets.load(parameters(flat))
    kit.rename(flat / "kit")
    with pytest.raises(InputError, match=r"no labels for them: put ILSVRC2012_devkit_t12/data/.*ground_truth.txt"):
        datasets.load(parameters(flat))
    (flat / "ILSVRC2012_devkit_t12.tar.gz").touch()
    with pytest.raises(InputError, match=r"no labels for them: unpack .*ILSVRC2012_devkit_t12\.tar\.gz"):
        datasets.load(parameters(flat))


def test_damaged_labels_are_one_sentence(flat):
    data = flat / "ILSVRC2012_devkit_t12" / "data"
    truth = (data / imagenet_files.TRUTH).read_text()
    for text in (truth[: len(truth) // 2], truth.replace("\n7\n", "\n1001\n", 1), truth.replace("\n7\n", "\nx\n", 1)):
        (data / imagenet_files.TRUTH).write_text(text)
        with pytest.raises(InputError, match="needed: 50,000 numbers from 1 to 1000"):
            datasets.load(parameters(flat))
    (data / imagenet_files.TRUTH).write_text(truth)
    (data / "meta.mat").write_bytes((data / "meta.mat").read_bytes()[:5000])
    with pytest.raises(InputError, match=r"meta\.mat (is damaged|cannot be read)"):
        datasets.load(parameters(flat))
    io.savemat(data / "meta.mat", {"synsets": np.zeros(3)})
    with pytest.raises(InputError, match=r"meta\.mat (is damaged|cannot be read)"):
        datasets.load(parameters(flat))


def test_a_number_beyond_the_validation_set_is_refused(flat):
    save(flat / "val" / name(50_001), 1)
    with pytest.raises(InputError, match="numbered 1 to 50001; allowed: 1 to 50000"):
        datasets.load(parameters(flat))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda root: None, "which is not a folder; allowed: val/ with a folder per class named by its wnid"),
        (lambda root: root.mkdir(), "it is empty; allowed: val/"),
        (lambda root: save(root / "cats" / "1.jpg", 1), "it holds cats; allowed: val/"),
        (lambda root: save(root / "train" / WNIDS[3] / "1.JPEG", 1), "it holds train; allowed: val/"),
        (
            lambda root: (root.mkdir(), (root / "ILSVRC2012_img_val.tar").touch()),
            "ILSVRC2012_img_val.tar must be unpacked first",
        ),
        (lambda root: save(root / "val" / "n99999999" / "1.JPEG", 1), "n99999999, which is none of ILSVRC2012's 1,000"),
    ],
)
def test_what_is_not_recognised_is_explained(tmp_path, make, sentence):
    make(tmp_path / "imagenet")
    with pytest.raises(InputError, match=sentence) as caught:
        datasets.load(parameters(tmp_path / "imagenet"))
    assert "\n" not in str(caught.value)


def test_without_a_root_it_is_looked_for_in_the_data_folder(folders):
    given = parameters(folders, root="", data_dir=str(folders.parent))
    assert datasets.load(given).hash == datasets.load(parameters(folders)).hash


def test_small_pictures_must_be_asked_for():
    with pytest.raises(InputError, match="dataset imagenet needs image_size, such as 224"):
        StudyParameters.parse({"dataset": "imagenet"})


def test_other_datasets_results_do_not_depend_on_imagenets_parameters():
    assert StudyParameters().unused == {"human_labels", "raters_selected"}
    assert StudyParameters(dataset="imagenet", image_size=224).unused == set()


# --- pictures


def noise(path, size, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, "JPEG", quality=95)


EVALUATION = v2.Compose([v2.Resize(256, antialias=True), v2.CenterCrop(224)])


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (333, 251), (227, 227), (100, 80), (225, 901)])
def test_pictures_are_those_of_torchvisions_evaluation(tmp_path, size):
    path = tmp_path / "imagenet" / "val" / WNIDS[5] / name(1)
    noise(path, size)
    image = datasets.load(parameters(tmp_path / "imagenet", image_size=224)).test.images[0]
    expected = np.asarray(EVALUATION(Image.open(path).convert("RGB"))).transpose(2, 0, 1)
    assert (image == expected).all()


def test_a_picture_that_would_be_immense_is_corrupt(folders):
    Image.new("RGB", (40_000, 2)).save(folders / "val" / WNIDS[2] / "ILSVRC2012_val_00000008.JPEG")
    with pytest.raises(InputError, match=r"1 of 5 pictures .* are corrupt: .*pixels when resized, more than"):
        datasets.load(parameters(folders))
    dataset = datasets.load(parameters(folders, corrupt="skip"))
    assert len(dataset.test) == 4
    assert any("1 left out as corrupt" in note for note in dataset.notes)


# --- training pictures


@pytest.fixture
def trained(folders):
    for k, value in ((2, 50), (10, 90), (10, 92), (999, 130)):
        save(folders / "train" / WNIDS[k] / f"{WNIDS[k]}_{value}.JPEG", value)
    return folders


def test_training_pictures_are_decoded_when_asked_for(trained, monkeypatch):
    dataset = datasets.load(parameters(trained))
    assert dataset.train.labels.tolist() == [2, 10, 10, 999]
    assert len(dataset.train.images) == 4
    batch = dataset.train.images[np.array([3, 0, 3])]
    assert batch.shape == (3, 3, SIZE, SIZE)
    assert greys(batch) == [130, 50, 130]
    assert greys(dataset.train.subset(np.array([2])).images) == [92]
    assert datasets.load(parameters(trained, train_images=3)).train.labels.tolist() == [2, 10, 999]


def test_a_corrupt_training_picture_is_one_sentence(trained):
    (trained / "train" / WNIDS[999] / f"{WNIDS[999]}_130.JPEG").write_text("no picture")
    images = datasets.load(parameters(trained)).train.images
    images[np.arange(3)]
    with pytest.raises(InputError, match=rf"are corrupt: {WNIDS[999]}/.*cannot identify.*; repair or remove them"):
        images[np.arange(4)]


def test_corrupt_training_pictures_are_left_out_from_the_start(trained):
    """Of two of a class, one: what is left is as if it had never been there."""
    (trained / "train" / WNIDS[10] / f"{WNIDS[10]}_92.JPEG").write_text("no picture")
    dataset = datasets.load(parameters(trained, corrupt="skip"))
    assert dataset.train.labels.tolist() == [2, 10, 999]
    assert dataset.train.ids.tolist() == [
        f"{WNIDS[k]}/{WNIDS[k]}_{value}.JPEG" for k, value in ((2, 50), (10, 90), (999, 130))
    ]
    assert greys(dataset.train.images[np.arange(3)]) == [50, 90, 130]
    assert Crops(dataset.train.images, 0, 1)[np.arange(3)].shape == (3, 3, SIZE, SIZE)
    told = [note for note in dataset.notes if "corrupt" in note]
    assert len(told) == 1
    assert told[0].startswith(f"Training pictures left out as corrupt, 1: {WNIDS[10]}/{WNIDS[10]}_92.JPEG (")
    (trained / "train" / WNIDS[10] / f"{WNIDS[10]}_92.JPEG").unlink()
    assert datasets.load(parameters(trained)).hash == dataset.hash


def test_training_pictures_are_tried_once_and_again_when_they_change(trained, monkeypatch):
    skipping, tried = parameters(trained, corrupt="skip"), []

    def counted(path, geometry):
        tried.append(path.name)
        return decode(path, geometry)

    decode = decoding.decode
    monkeypatch.setattr(decoding, "decode", counted)
    whole = datasets.load(skipping)
    assert len([name for name in tried if "val" not in name]) == 4
    tried.clear()
    assert datasets.load(skipping).hash == whole.hash
    assert not tried
    (trained / "train" / WNIDS[2] / f"{WNIDS[2]}_50.JPEG").write_text("no picture")
    assert len(datasets.load(skipping).train) == 3
    tried.clear()
    datasets.load(parameters(trained))
    assert not tried


def test_only_corrupt_training_pictures_are_one_sentence(trained):
    for path in (trained / "train").rglob("*.JPEG"):
        path.write_text("no picture")
    for _ in range(2):  # nothing is kept of the first attempt
        with pytest.raises(InputError, match=r"^4 of 4 pictures in .*train are corrupt: .*; repair or remove them$"):
            datasets.load(parameters(trained, corrupt="skip"))


@pytest.mark.parametrize("augment", [True, False])
def test_training_stops_at_a_corrupt_picture_or_skips_it(trained, augment):
    bad = f"{WNIDS[999]}_130.JPEG"
    (trained / "train" / WNIDS[999] / bad).write_text("no picture")
    network = {
        "arch": "resnet18",
        "width": 1 / 64,
        "epochs": 1,
        "batch_size": 2,
        "calibration_images": 0,
        "device": "cpu",
    }
    results = {"results_dir": str(trained.parent / "results"), "augment": augment}
    stopping = RunParameters(**parameters(trained).model_dump() | network | results)
    with pytest.raises(
        InputError, match=rf"^pictures in .*train are corrupt: {WNIDS[999]}/{bad} \(.*corrupt set to skip$"
    ):
        pipeline.complete(stopping, progress=False)
    stamp = pipeline.complete(stopping.model_copy(update={"corrupt": "skip"}), progress=False)
    assert stamp["images"]["train"] == 3


def test_without_training_pictures_the_sentence_says_what_imagenet_needs(folders):
    given = parameters(folders).model_dump() | {"results_dir": str(folders.parent / "results"), "device": "cpu"}
    with pytest.raises(
        InputError, match=r"imagenet has no training images; put train/ with .*wnid.* into .*imagenet, or"
    ):
        pipeline.complete(RunParameters(**given), progress=False)


def test_the_hash_knows_the_training_pictures_names(trained):
    first = datasets.load(parameters(trained)).hash
    save(trained / "train" / WNIDS[7] / "more.JPEG", 9)
    assert datasets.load(parameters(trained)).hash != first


def test_training_pictures_that_are_not_there_are_one_sentence(folders):
    with pytest.raises(InputError, match=r"train_images is 5, but .* has no train/<wnid>/"):
        datasets.load(parameters(folders, train_images=5))


# --- people


def answers(folder, rows, file="human_labels.csv"):
    pd.DataFrame(rows, columns=["file", "selected", "shown"]).to_csv(folder / file, index=False)


def test_only_pictures_that_people_were_asked_about_are_tested(folders):
    answers(folders, [(name(9), 4, 10), (name(7), 9, 9), (name(44), 1, 2)])
    dataset = datasets.load(parameters(folders))
    assert dataset.test.labels.tolist() == [2, 100]
    assert greys(dataset.test.images) == [140, 180]
    assert dataset.human.selected.tolist() == [9, 4]
    assert dataset.human.shown.tolist() == [9, 10]
    assert not dataset.human.simulated
    notes = " ".join(dataset.notes)
    assert "2 images without human labels are left out" in notes
    assert "Two fifths" in notes
    table = pipeline.images_table(dataset)
    assert table[["label", "selected", "shown"]].to_numpy().tolist() == [[2, 9, 9], [100, 4, 10]]


def test_answers_follow_the_pictures_through_subsets_and_corrupt_files(folders):
    rows = [(name(number), number, 10) for number in (7, 3, 9, 1)]
    answers(folders, rows)
    (folders / "val" / WNIDS[10] / name(3)).write_text("no picture")
    dataset = datasets.load(parameters(folders, corrupt="skip"))
    assert dataset.human.selected.tolist() == [7, 9, 1]
    for seed in range(5):
        some = datasets.load(parameters(folders, corrupt="skip", test_images=3, seed=seed))
        found = [int(one[-13:-5]) for one in some.test.ids]
        assert some.human.selected.tolist() == found
        assert [grey // 20 for grey in greys(some.test.images)] == found


def test_the_file_of_answers_may_be_named_or_left_aside(folders):
    answers(folders, [(name(9), 4, 10), (name(7), 9, 9)])
    answers(folders, [(name(1), 4, 10), (name(7), 9, 9)], "others.csv")
    assert datasets.load(parameters(folders)).test.labels.tolist() == [2, 100]
    other = datasets.load(parameters(folders, human_labels=str(folders / "others.csv")))
    assert other.test.labels.tolist() == [2, 999]
    assert datasets.load(parameters(folders, human_labels="none")).human is None


def test_the_hash_knows_peoples_answers(folders):
    answers(folders, [(name(9), 4, 10)])
    first = datasets.load(parameters(folders)).hash
    answers(folders, [(name(9), 5, 10)])
    assert datasets.load(parameters(folders)).hash != first


def test_answers_for_other_pictures_are_one_sentence(folders):
    answers(folders, [("another.JPEG", 4, 10)])
    with pytest.raises(InputError, match=r"human_labels\.csv labelled none of the 4 pictures"):
        datasets.load(parameters(folders))


def test_answers_are_had_without_the_pictures(folders):
    answers(folders, [(name(9), 4, 10), (name(7), 9, 9)])
    dataset = datasets.load(parameters(folders))
    for path in folders.rglob("*.JPEG"):
        path.unlink()
    human = datasets.answers(parameters(folders), dataset.test.ids, dataset.test.labels)
    assert human.selected.tolist() == dataset.human.selected.tolist()
    answers(folders, [(name(9), 4, 10)])
    with pytest.raises(InputError, match="no labels for 1 of 2 images"):
        datasets.answers(parameters(folders), dataset.test.ids, dataset.test.labels)
    (folders / "human_labels.csv").unlink()
    with pytest.raises(InputError, match=r"no file of human labels in .*; name one with human_labels"):
        datasets.answers(parameters(folders), dataset.test.ids, dataset.test.labels)


# --- what is there


def test_what_is_there_is_told_without_raising(folders):
    given = parameters(folders)
    assert datasets.present(given) == (True, False)
    answers(folders, [(name(9), 4, 10)])
    assert datasets.present(given) == (True, True)
    assert datasets.present(parameters(folders, human_labels="none")) == (True, False)
    assert datasets.present(parameters(folders, human_labels=str(folders / "human_labels.csv"))) == (True, True)
    assert datasets.present(parameters(folders, human_labels=str(folders / "gone.csv"))) == (True, False)
    (folders / "val").rename(folders / "elsewhere")
    assert datasets.present(given) == (False, True)
    assert datasets.present(parameters(folders / "nowhere")) == (False, False)


def test_flat_pictures_are_there_with_their_labels_only(flat):
    assert datasets.present(parameters(flat)) == (True, False)
    (flat / "ILSVRC2012_devkit_t12").rename(flat / "kit")
    assert datasets.present(parameters(flat)) == (False, False)


# --- WordNet, which may come and go


def test_a_study_goes_on_whether_wordnet_is_here_or_not(folders, monkeypatch):
    given = parameters(folders, results_dir=str(folders.parent / "results"))
    pipeline.prepare(given)
    runs.write_json(given.study_dir / "resnet18" / runs.RUN, {})
    halves = {"one": tuple(range(500)), "other": tuple(range(500, 1000))}

    def told():
        return runs.read_stamp(given.study_dir / runs.DATASET)

    one = told()
    monkeypatch.setattr(wordnet, "superclasses", lambda wnids: halves)
    pipeline.prepare(given)
    two = told()
    assert two["superclasses"] == {group: list(members) for group, members in halves.items()}
    assert len(two["notes"]) == len(one["notes"]) - 1
    assert not any("one superclass" in note for note in two["notes"])
    assert {k: v for k, v in two.items() if k not in ("superclasses", "notes")} == {
        k: v for k, v in one.items() if k not in ("superclasses", "notes")
    }
    monkeypatch.setattr(wordnet, "superclasses", absent)
    pipeline.prepare(given)
    assert told() == two


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.rename(path.with_name("gone.csv"))])
def test_answers_that_have_gone_are_no_other_study(folders, damage):
    """Without them it would be a study of all pictures, in which nobody was asked."""
    answers(folders, [(name(7), 4, 10), (name(3), 9, 9)], "human_labels.csv")
    given = parameters(folders, results_dir=str(folders.parent / "results"))
    pipeline.prepare(given)
    before = (given.study_dir / runs.IMAGES).read_bytes()
    damage(folders / "human_labels.csv")
    with pytest.raises(InputError, match=r"was prepared with the answers of .*human_labels.csv, which are gone: put"):
        pipeline.prepare(given)
    assert (given.study_dir / runs.IMAGES).read_bytes() == before
    pipeline.prepare(given.model_copy(update={"human_labels": "none"}))


def test_answers_none_of_which_select_anything_are_refused(folders):
    answers(folders, [(name(7), 0, 50), (name(3), 0, 50)], "human_labels.csv")
    with pytest.raises(InputError, match="of 100 answers none selects anything"):
        datasets.load(parameters(folders))


# --- the real pictures and raters


@pytest.fixture
def real(real_data, tmp_path):
    if not (real_data / "imagenet" / "val").is_dir() or not (real_data / "imagenet" / "raters.npz").is_file():
        pytest.skip("needs imagenet/ in AVH_DATA")
    return parameters(real_data / "imagenet", data_dir=str(tmp_path), image_size=224)


def test_the_raters_were_asked_about_the_labels_of_480_of_the_1300_pictures(real):
    """A wrong order of the classes would leave nearly none: raters were asked about an image's own label."""
    dataset = datasets.load(real)
    assert len(dataset.test) == 480
    assert set(dataset.human.shown) == {5}
    assert dataset.test.images.shape == (480, 3, 224, 224)
    assert "820 images without human labels are left out" in " ".join(dataset.notes)
    for id_, label in zip(dataset.test.ids, dataset.test.labels, strict=True):
        assert id_.split("/")[0] == WNIDS[label]


def test_all_real_pictures_are_there_without_people(real):
    every = imagenet_files.find_validation(imagenet.folder_of(real))
    assert len(every.names) == 1300
    assert len(set(every.labels)) == 725
    dataset = datasets.load(real.model_copy(update={"human_labels": "none", "test_images": 60}))
    assert len(dataset.test) == 60
    for id_, image in zip(dataset.test.ids[:10], dataset.test.images, strict=False):
        photograph = Image.open(imagenet.folder_of(real) / "val" / id_).convert("RGB")
        assert (image == np.asarray(EVALUATION(photograph)).transpose(2, 0, 1)).all()
