"""The positive control: its pictures, its people and its cache."""

import errno
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from analysis import datasets
from analysis.datasets import annotators, shapes, synthetic
from analysis.errors import InputError
from analysis.parameters import StudyParameters

CLASSES = len(shapes.CLASSES)
NAMES = range(CLASSES)


def load(folder, train_images=24, test_images=24, seed=0):
    return synthetic.load(
        StudyParameters(data_dir=str(folder), train_images=train_images, test_images=test_images, seed=seed)
    )


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """The default study's 1,000 test images."""
    return load(tmp_path_factory.mktemp("data"), test_images=None)


@pytest.fixture(scope="module")
def hsf(dataset):
    return dataset.human.selected / dataset.human.shown


def people(number=1, sensitivity=11.0, threshold=0.7, boundary=0.45, lapse=0.0):
    """Some who are all alike."""
    return annotators.People(*(np.full(number, value) for value in (sensitivity, threshold, boundary, lapse)))


def kept(folder):
    """The cache's own folders and whatever was left beside them, but for locks."""
    return sorted(path for path in (Path(folder) / "synthetic").iterdir() if path.suffix != ".lock")


# --- what a dataset holds


def test_shapes_and_types(dataset):
    assert dataset.train.images.shape == (24, 3, 32, 32)
    assert dataset.test.images.shape == (1000, 3, 32, 32)
    assert dataset.test.images.dtype == np.uint8
    assert dataset.test.labels.dtype == np.int64
    assert dataset.human.counts.shape == (1000, 12)
    assert dataset.human.counts.dtype == dataset.human.selected.dtype == dataset.human.shown.dtype == np.int64
    assert dataset.test.ids[42] == "test-00042"
    assert len(set(dataset.test.ids)) == 1000
    assert list(dataset.causes) == ["ambiguity", "degradation", "confusable"]
    assert dataset.human.simulated
    assert any("simulated" in note for note in dataset.notes)


def test_default_sizes(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "TRAIN_IMAGES", 5)
    monkeypatch.setattr(synthetic, "TEST_IMAGES", 3)
    made = load(tmp_path, None, None)
    assert (len(made.train), len(made.test)) == (5, 3)


def test_superclasses_are_seven_four_and_one(dataset):
    assert [len(members) for members in dataset.superclasses.values()] == [7, 4, 1]
    assert sorted(i for members in dataset.superclasses.values() for i in members) == list(NAMES)


@pytest.mark.parametrize("images", [2, 12, 31])
def test_classes_are_balanced(tmp_path, images):
    counts = np.bincount(load(tmp_path, images, images).train.labels, minlength=CLASSES)
    assert counts.max() - counts.min() <= 1


def test_confusion_is_mutual_and_mostly_within_a_superclass(dataset):
    superclass = {i: name for name, members in dataset.superclasses.items() for i in members}
    pairs = [(label, other) for label in NAMES for other in shapes.neighbours(label)]
    assert all((other, label) in pairs and label != other for label, other in pairs)
    assert sum(superclass[label] == superclass[other] for label, other in pairs) == 18  # of 24
    assert set(zip(dataset.test.labels, dataset.causes.confusable, strict=True)) == set(pairs)


def test_the_causes_are_in_range_skewed_and_independent(dataset):
    causes = dataset.causes
    assert causes.ambiguity.between(0, 0.5, inclusive="left").all()
    assert causes.degradation.between(0, 1).all()
    assert (causes.ambiguity < 0.25).mean() > 0.6
    assert (causes.degradation < 0.5).mean() > 0.6
    assert (causes.ambiguity > 0.4).sum() > 50
    assert (causes.degradation > 0.8).sum() > 50
    # Five standard errors of a correlation that is 0: so it is, unless the causes are tied.
    for cause, other in (("ambiguity", "degradation"), ("ambiguity", "label"), ("degradation", "label")):
        table = causes.assign(label=dataset.test.labels)
        assert abs(spearmanr(table[cause], table[other]).statistic) < 5 / np.sqrt(1000)


# --- the same from the same seed


def test_a_seed_gives_one_dataset_and_another_another(tmp_path):
    first, again, other = load(tmp_path / "a"), load(tmp_path / "b"), load(tmp_path / "c", seed=1)
    assert first.hash == again.hash
    np.testing.assert_array_equal(first.test.images, again.test.images)
    np.testing.assert_array_equal(first.human.counts, again.human.counts)
    assert first.hash != other.hash
    assert (first.test.images != other.test.images).mean() > 0.9


def test_a_second_process_gives_the_same(tmp_path):
    code = (
        "from analysis.datasets import synthetic; from analysis.parameters import StudyParameters;"
        f"print(synthetic.load(StudyParameters(data_dir={str(tmp_path / 'b')!r}, train_images=24,"
        "test_images=24)).hash)"
    )
    root = Path(synthetic.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == load(tmp_path / "a").hash
    assert done.stderr == ""  # no progress bar where nobody looks


def test_a_smaller_dataset_is_the_beginning_of_a_larger_one(tmp_path):
    small, large = load(tmp_path, 13, 17), load(tmp_path, 30, 40)
    np.testing.assert_array_equal(small.train.images, large.train.images[:13])
    np.testing.assert_array_equal(small.train.labels, large.train.labels[:13])
    np.testing.assert_array_equal(small.test.images, large.test.images[:17])
    np.testing.assert_array_equal(small.human.counts, large.human.counts[:17])
    assert small.causes.equals(large.causes[:17])


def test_no_picture_is_in_both_splits(tmp_path):
    made = load(tmp_path)
    pictures = np.concatenate([made.train.images, made.test.images]).reshape(48, -1)
    assert len(np.unique(pictures, axis=0)) == 48


# --- pictures


def test_contours_are_centred_scaled_and_run_the_same_way():
    for name, contour in zip(shapes.CLASSES, shapes.contours(), strict=True):
        following = np.roll(contour, -1, axis=0)
        area = (contour[:, 0] * following[:, 1] - contour[:, 1] * following[:, 0]).sum() / 2
        np.testing.assert_allclose(contour.mean(0), 0, atol=1e-12)
        assert (contour**2).sum(1).mean() == pytest.approx(1)
        assert area > 0.3, name  # clockwise on the screen, where y points down


def test_a_morph_runs_from_one_class_to_the_other():
    for label in NAMES:
        for other in shapes.neighbours(label):
            np.testing.assert_array_equal(shapes.morph(label, other, 0), shapes.contours()[label])
            end = shapes.morph(label, other, 1)
            assert {*map(tuple, end)} == {*map(tuple, shapes.contours()[other])}


def test_the_causes_change_nothing_but_their_own():
    def picture(ambiguity, degradation):
        return shapes.render(np.random.default_rng(3), 2, 3, ambiguity, degradation).astype(float)

    clean = picture(0, 0)
    assert (picture(0.4, 0) == clean).all(0).mean() > 0.8  # background, colours and pose are the same
    assert (picture(0.4, 0) != clean).any()
    distances = [abs(picture(0, d) - clean).mean() for d in (0, 0.3, 0.6, 0.9)]
    assert distances[0] == 0
    assert (np.diff(distances) > 0).all()
    assert picture(0, 1).mean((1, 2)) == pytest.approx(clean.mean((1, 2)), abs=6)  # faded to its own mean colour


# --- people


def test_answers_add_up(dataset):
    human = dataset.human
    assert (human.shown == annotators.SHOWN).all()
    assert (human.counts.sum(1) == human.shown).all()
    assert (human.counts[np.arange(1000), dataset.test.labels] == human.selected).all()


def test_hsf_is_skewed_to_one_with_every_bin_populated(hsf):
    bins = np.histogram(np.ceil(hsf * 5 - 1e-9).clip(1), bins=np.arange(0.5, 6))[0]  # [0,.2] (.2,.4] .. (.8,1]
    assert bins.sum() == 1000
    assert bins.min() >= 20
    assert 0.76 < hsf.mean() < 0.9
    assert 0.65 < (hsf > 0.8).mean() < 0.8


def test_each_cause_alone_lowers_hsf(dataset, hsf):
    ambiguity, degradation = dataset.causes.ambiguity, dataset.causes.degradation
    for cause, other in ((ambiguity, degradation / 0.5), (degradation, ambiguity / 0.25)):
        alone = other < 1
        assert spearmanr(cause[alone], hsf[alone]).statistic < -0.4
        worst = cause[alone] > 0.95 * cause.max()
        assert hsf[alone][worst].mean() < 0.5


def test_wrong_answers_name_the_confusable_class(dataset):
    counts, causes = dataset.human.counts, dataset.causes
    ambiguous = ((causes.ambiguity > 0.4) & (causes.degradation < 0.4)).to_numpy()
    taken = counts[np.arange(1000), causes.confusable][ambiguous].sum()
    wrong = (dataset.human.shown - dataset.human.selected)[ambiguous].sum()
    assert taken / wrong > 0.9


def test_halves_of_the_people_agree_but_not_wholly(dataset):
    human = dataset.human
    half = np.random.default_rng(0).hypergeometric(human.selected, human.shown - human.selected, annotators.SHOWN // 2)
    assert 0.7 < spearmanr(half, human.selected - half).statistic < 0.95


def test_only_lapses_answer_uniformly():
    np.testing.assert_allclose(annotators.probabilities(people(3, lapse=1.0), 12, 0, 1, 0.1, 0.1), 1 / 12)


def test_a_clean_picture_is_named_by_all_who_do_not_lapse():
    chances = annotators.probabilities(people(), 12, 4, 5, 0, 0)
    assert chances[0, 4] > 0.99


def test_probabilities_are_those_of_the_formula():
    """Against the docstring's formula, term by term."""
    s, t, b, lapse, a, d = 9.0, 0.6, 0.4, 0.1, 0.3, 0.5
    q = np.exp(-((d / t) ** annotators.SLOPE))
    strength = {7: np.exp(s * q * (0.5 + b - a)), 2: np.exp(s * q * (0.5 - b + a))}
    total = sum(strength.values()) + 10
    expected = [lapse / 12 + (1 - lapse) * strength.get(c, 1) / total for c in range(12)]
    chances = annotators.probabilities(people(1, s, t, b, lapse), 12, 7, 2, a, d)
    np.testing.assert_allclose(chances, [expected])
    assert chances.sum() == pytest.approx(1)


def test_at_the_boundary_two_classes_are_equally_likely():
    chances = annotators.probabilities(people(boundary=0.45), 12, 7, 2, 0.45, 0.2)[0]
    assert chances[7] == pytest.approx(chances[2])
    assert chances[7] > 0.4


def test_the_more_sensitive_are_more_often_right():
    able = annotators.People(np.linspace(2, 20, 10), *(np.full(10, value) for value in (0.7, 0.45, 0.02)))
    assert (np.diff(annotators.probabilities(able, 12, 0, 1, 0.2, 0.5)[:, 0]) > 0).all()
    able = annotators.People(np.full(10, 11.0), np.linspace(0.4, 0.9, 10), np.full(10, 0.45), np.full(10, 0.02))
    assert (np.diff(annotators.probabilities(able, 12, 0, 1, 0.2, 0.5)[:, 0]) > 0).all()


def test_answers_follow_their_probabilities():
    chances = np.tile([0.5, 0.3, 0.2, 0.0], (annotators.POOL, 1))
    rng = np.random.default_rng(0)
    counts = sum(annotators.draw_answers(rng, chances) for _ in range(400))
    error = np.sqrt(chances[0] * (1 - chances[0]) / counts.sum())
    assert counts.sum() == 400 * annotators.SHOWN
    assert (abs(counts / counts.sum() - chances[0]) <= 5 * error).all()


def test_nobody_is_asked_twice():
    """Each of the pool has an answer of their own, so no answer is counted twice."""
    counts = annotators.draw_answers(np.random.default_rng(0), np.eye(annotators.POOL))
    assert counts.sum() == annotators.SHOWN
    assert counts.max() == 1


# --- the cache


def test_the_second_load_maps_what_the_first_made(tmp_path, monkeypatch):
    first = load(tmp_path)
    monkeypatch.setattr(synthetic, "generate", None)  # calling it would fail
    again = load(tmp_path)
    assert again.hash == first.hash
    assert isinstance(again.test.images.base, np.memmap)
    assert not again.test.images.flags.writeable
    assert again.causes.equals(first.causes)
    assert len(kept(tmp_path)) == 1


def test_other_sizes_seeds_and_code_have_a_cache_of_their_own(tmp_path, monkeypatch):
    load(tmp_path)
    load(tmp_path, seed=1)
    load(tmp_path, train_images=25)
    load(tmp_path, test_images=25)
    monkeypatch.setattr(synthetic, "_version", lambda: "other")
    load(tmp_path)
    assert len(kept(tmp_path)) == 5


def truncate(folder):
    (folder / "test_images.npy").write_bytes((folder / "test_images.npy").read_bytes()[:-1])


def flip(folder):
    content = bytearray((folder / "test_counts.npy").read_bytes())
    content[-1] ^= 1
    (folder / "test_counts.npy").write_bytes(content)


def reshape(folder):
    np.save(folder / "train_images.npy", np.zeros((3, 3), dtype=np.uint8))


def empty(folder):
    (folder / "train_labels.npy").write_bytes(b"")


def remove(folder):
    (folder / "test_labels.npy").unlink()


def no_sums(folder):
    (folder / "sha256.json").unlink()


def broken_sums(folder):
    (folder / "sha256.json").write_text("[1, 2")


def foreign_sums(folder):
    (folder / "sha256.json").write_text("[]")


@pytest.mark.parametrize(
    "damage", [truncate, flip, reshape, empty, remove, no_sums, broken_sums, foreign_sums], ids=lambda f: f.__name__
)
def test_a_damaged_cache_is_made_again(tmp_path, monkeypatch, damage):
    expected = load(tmp_path).hash
    damage(kept(tmp_path)[0])
    assert load(tmp_path).hash == expected
    assert len(kept(tmp_path)) == 1  # neither the damaged one nor a temporary one is left
    monkeypatch.setattr(synthetic, "generate", None)
    assert load(tmp_path).hash == expected


def test_where_nothing_can_be_written_pictures_are_made_in_memory(tmp_path):
    (tmp_path / "file").write_text("")  # no folder can be made below a file, not even by root
    assert load(tmp_path / "file").hash == load(tmp_path / "folder").hash


def failing(code):
    def save(path, *_, **__):
        raise OSError(code, "refused", str(path))

    return save


def test_a_read_only_disk_is_no_error_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(np, "save", failing(errno.EROFS))
    assert len(load(tmp_path).test) == 24
    assert kept(tmp_path) == []


def test_a_full_disk_stops_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(np, "save", failing(errno.ENOSPC))
    with pytest.raises(InputError, match=rf"{tmp_path}.*the disk is full"):
        load(tmp_path)
    assert kept(tmp_path) == []


def test_a_kill_while_it_is_written_leaves_nothing_to_the_next_load(tmp_path):
    parameters = StudyParameters(data_dir=str(tmp_path), train_images=24, test_images=24)
    code = (
        "import os, signal; from analysis.datasets import synthetic; from analysis.parameters import StudyParameters;"
        "synthetic._sum = lambda path: os.kill(os.getpid(), signal.SIGKILL);"
        f"synthetic.load(StudyParameters(data_dir={str(tmp_path)!r}, train_images=24, test_images=24))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(synthetic.__file__).parents[2], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(kept(tmp_path)) == 1  # half of it
    datasets.load(parameters)
    assert [folder.name[0] for folder in kept(tmp_path)] == ["s"]  # of seed0-...: whole, and nothing beside it


def test_of_two_that_race_the_second_discards_its_own(tmp_path, monkeypatch):
    """While this process makes the pictures, another finishes the same ones."""
    generate = synthetic.generate

    def overtaken(*arguments):
        monkeypatch.setattr(synthetic, "generate", generate)
        load(tmp_path)
        (kept(tmp_path)[0] / "first").touch()
        return generate(*arguments)

    monkeypatch.setattr(synthetic, "generate", overtaken)
    assert load(tmp_path).hash == load(tmp_path).hash
    assert [folder.name for folder in kept(tmp_path)[0].glob("first")] == ["first"]
    assert len(kept(tmp_path)) == 1
