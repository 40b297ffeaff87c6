import hashlib
import io
import os
import re
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from analysis.datasets import cifar10h, load
from analysis.datasets.cifar10h import BATCHES, CLASSES, COUNTS, FOLDER, NAMES_FILE
from analysis.errors import InputError
from analysis.parameters import StudyParameters

SIZE = 20  # pictures per batch in the small copy
ARCHIVE, ANSWERS = "/cifar-10-binary.tar.gz", "/counts.npy"


def small_copy() -> tuple[dict[str, bytes], np.ndarray]:
    """CIFAR-10's files with 20 random pictures per batch, and 50 answers to each test picture."""
    rng = np.random.default_rng(0)
    contents = {NAMES_FILE: ("\n".join(CLASSES) + "\n\n").encode()}
    for name in (*BATCHES["train"], *BATCHES["test"]):
        records = rng.integers(0, 256, (SIZE, 3073), dtype=np.uint8)
        records[:, 0] = rng.permutation(SIZE) % 10
        contents[name] = records.tobytes()
    labels = np.frombuffer(contents["test_batch.bin"], np.uint8).reshape(SIZE, -1)[:, 0]
    counts = np.zeros((SIZE, 10), np.int64)
    counts[np.arange(SIZE), labels] = np.linspace(26, 50, SIZE).astype(int)
    counts[np.arange(SIZE), (labels + 1) % 10] = 50 - counts.sum(1)
    return contents, counts


def archive(contents: dict[str, bytes]) -> bytes:
    """The files packed as in the official archive, with a page and a link that nobody asked for."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, data in {**contents, "readme.html": b"<html>", "../evil": b"evil"}.items():
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo(f"{FOLDER}/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return stream.getvalue()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def parameters(data: Path, **more) -> StudyParameters:
    return StudyParameters(dataset="cifar10h", data_dir=str(data), **more)


@pytest.fixture
def small(tmp_path, monkeypatch) -> Path:
    """A data folder with the small copy."""
    monkeypatch.setattr(cifar10h, "PER_BATCH", SIZE)
    contents, counts = small_copy()
    data = tmp_path / "data"
    for name, content in contents.items():
        (data / FOLDER).mkdir(parents=True, exist_ok=True)
        (data / FOLDER / name).write_bytes(content)
    (data / COUNTS).parent.mkdir()
    np.save(data / COUNTS, counts)
    return data


@pytest.fixture
def site(server, monkeypatch):
    """A server with the small copy, in the place of the official ones."""
    contents, counts = small_copy()
    server.pages |= {ARCHIVE: archive(contents), ANSWERS: npy(counts)}
    monkeypatch.setattr(cifar10h, "PER_BATCH", SIZE)
    for prefix, page in (("CIFAR", ARCHIVE), ("COUNTS", ANSWERS)):
        monkeypatch.setattr(cifar10h, f"{prefix}_URL", server.url + page)
        monkeypatch.setattr(cifar10h, f"{prefix}_MD5", hashlib.md5(server.pages[page]).hexdigest())
    return server


# What is already there


def test_pictures_labels_and_answers_are_those_in_the_files(small):
    dataset = load(parameters(small))
    train = b"".join((small / FOLDER / name).read_bytes() for name in BATCHES["train"])
    test = (small / FOLDER / "test_batch.bin").read_bytes()
    for split, content in ((dataset.train, train), (dataset.test, test)):
        assert len(split) == len(content) // 3073
        for index in range(len(split)):
            record = content[3073 * index : 3073 * (index + 1)]
            assert split.labels[index] == record[0]
            assert split.images[index].tobytes() == record[1:]  # red plane, green plane, blue plane
            assert split.images[index, 1, 2, 3] == record[1 + 1024 + 2 * 32 + 3]
    assert dataset.train.ids[[0, 42]].tolist() == ["train-00000", "train-00042"]
    counts = np.load(small / COUNTS)
    assert (dataset.human.counts == counts).all()
    assert (dataset.human.selected == counts.max(1)).all()
    assert (dataset.human.shown == 50).all()
    assert not dataset.human.simulated
    assert {type_: len(members) for type_, members in dataset.superclasses.items()} == {
        "animals": 6,
        "vehicles on land or water": 3,
        "airplanes": 1,
    }
    assert {CLASSES[i] for i in dataset.superclasses["animals"]} == {"bird", "cat", "deer", "dog", "frog", "horse"}


def test_a_subset_keeps_ids_pictures_and_answers_together(small):
    whole, part = load(parameters(small)), load(parameters(small, train_images=30, test_images=10, seed=3))
    for one, split in ((whole.train, part.train), (whole.test, part.test)):
        index = np.array([int(id_[-5:]) for id_ in split.ids])
        assert (np.diff(index) > 0).all()
        assert (split.images == one.images[index]).all()
        assert (split.labels == one.labels[index]).all()
        assert (one.ids[index] == split.ids).all()
    assert (part.human.counts == whole.human.counts[index]).all()
    assert np.bincount(part.train.labels).tolist() == [3] * 10
    assert np.bincount(part.test.labels).tolist() == [1] * 10
    assert any("10 of the 20 test images" in note for note in part.notes)


def test_the_hash_tells_data_apart(small):
    first = load(parameters(small)).hash
    assert load(parameters(small)).hash == first
    hashes = {first, load(parameters(small, test_images=10)).hash}
    path = small / FOLDER / "data_batch_3.bin"
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    hashes.add(load(parameters(small)).hash)
    counts = np.load(small / COUNTS)
    counts[0, counts[0].argmax()] += 1
    np.save(small / COUNTS, counts)
    hashes.add(load(parameters(small)).hash)
    assert len(hashes) == 4


def test_whole_numbers_stored_as_floats_are_counts(small):
    expected = load(parameters(small))
    np.save(small / COUNTS, np.load(small / COUNTS).astype(np.float32))
    found = load(parameters(small))
    assert found.hash == expected.hash
    assert found.human.counts.dtype == np.int64


def shuffled(counts):
    return counts[np.random.default_rng(1).permutation(len(counts))]


def with_value(value, dtype=float):
    def change(counts):
        counts = counts.astype(dtype)
        counts[3, 3] = value
        return counts

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda counts: counts[:-1], r"holds int64\[19, 10\]; expected: numbers\[20, 10\]"),
        (lambda counts: counts.astype("U2"), r"holds <U2\[20, 10\]"),
        (lambda counts: counts / 50, "no counts"),
        (with_value(np.nan), "no counts"),
        (with_value(-1), "no counts"),
        (with_value(2**64 - 1, np.uint64), "no counts"),
        (lambda counts: counts // 2, "answers; allowed: 40 to 70"),
        (lambda counts: counts + 3, "answers; allowed: 40 to 70"),
        (shuffled, "does not fit the labels .* needed: more than 95%"),
        (lambda counts: np.roll(counts, 1, axis=1), "is the label on 0.0% of the images"),
    ],
)
def test_answers_that_are_none_or_do_not_fit_are_one_sentence(small, change, sentence):
    np.save(small / COUNTS, change(np.load(small / COUNTS)))
    with pytest.raises(InputError, match=sentence):
        load(parameters(small))


def test_a_batch_of_another_size_is_one_sentence(small):
    path = small / FOLDER / "data_batch_4.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"data_batch_4.bin has 61,459 bytes, not 61,460; replace it, or remove"):
        load(parameters(small))


def test_a_missing_batch_is_one_sentence_and_nothing_is_downloaded(small, site):
    (small / FOLDER / "data_batch_2.bin").unlink()
    with pytest.raises(InputError, match=r"data_batch_2.bin cannot be read \(No such file or directory\); replace"):
        load(parameters(small))
    assert not site.asked


def test_a_label_above_nine_is_one_sentence(small):
    path = small / FOLDER / "test_batch.bin"
    path.write_bytes(b"\x0a" + path.read_bytes()[1:])
    with pytest.raises(InputError, match=r"test_batch.bin has a label 10; allowed: 0 to 9"):
        load(parameters(small))


def zeroed(start: float, end: float):
    """Zeros in the place of a part of a batch's records."""

    def damage(content: bytearray) -> None:
        first, last = (int(share * SIZE) * 3073 for share in (start, end))
        content[first:last] = bytes(last - first)

    return damage


def one_label(content: bytearray) -> None:
    content[::3073] = bytes([3]) * SIZE


def pale(content: bytearray) -> None:
    for start in range(0, len(content), 3073):
        content[start + 1 : start + 3073] = bytes(200 + value % 50 for value in content[start + 1 : start + 3073])


def flat(content: bytearray) -> None:
    for start in range(0, len(content), 3073):
        content[start + 1 : start + 3073] = bytes(110 + value % 20 for value in content[start + 1 : start + 3073])


@pytest.mark.parametrize("batch", ["data_batch_1.bin", "data_batch_5.bin", "test_batch.bin"])
@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (zeroed(0, 1), "shows classes 0.0% to 100.0% of the time"),
        (zeroed(0.5, 1), "shows classes|blank pictures"),
        (zeroed(0.95, 1), "has 1 blank pictures, such as number 19"),
        (
            lambda content: content.__setitem__(slice(3074, 3074 + 1024), bytes(1024)),
            "has 1 blank pictures, such as number 1",
        ),
        (one_label, "shows classes 0.0% to 100.0% of the time; plausible: 5% to 20%"),
        (pale, "has pixels of mean 2.. *; plausible: 100 to 140"),
        (flat, "has pixels of spread .*; plausible: 50 to 80"),
    ],
)
def test_a_batch_that_cannot_be_cifars_is_refused_by_name(small, batch, damage, sentence):
    path = small / FOLDER / batch
    content = bytearray(path.read_bytes())
    damage(content)
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{batch} .*({sentence}).*replace it, or remove"):
        load(parameters(small))


def test_an_archive_that_is_there_is_unpacked_and_nothing_is_asked_for(site, tmp_path, capsys):
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(site.pages[ARCHIVE])
    assert len(load(parameters(tmp_path)).test) == SIZE
    assert site.asked == [ANSWERS]
    assert f"unpacking {tmp_path}/cifar-10-binary.tar.gz" in capsys.readouterr().err
    (tmp_path / "other").mkdir()
    (tmp_path / "other/cifar-10-binary.tar.gz").write_bytes(b"another")
    with pytest.raises(InputError, match=r"cifar-10-binary.tar.gz is not the published file \(MD5 .*\); replace it"):
        load(parameters(tmp_path / "other"))
    assert site.asked == [ANSWERS]


@pytest.mark.parametrize("name", ["cifar-10-batches-py", "cifar-10-python.tar.gz"])
def test_pickled_batches_that_are_there_are_mentioned_before_others_are_asked_for(site, tmp_path, capsys, name):
    (tmp_path / name).mkdir()
    site.pages.pop(ARCHIVE)
    with pytest.raises(InputError, match=rf"cannot be downloaded .*{name} in .* cannot be used: .* run code"):
        load(parameters(tmp_path))
    assert f"{name} in {tmp_path} cannot be used" in capsys.readouterr().err


def test_what_an_abandoned_download_left_is_removed_and_said(small, capsys):
    left = small / f".{FOLDER}.partial"
    left.mkdir()
    (left / "archive.tar.gz").write_bytes(bytes(2_000_000))
    left.with_suffix(".lock").touch()
    own = small / ".own.partial"  # the user's: no run had a lock on it
    own.mkdir()
    held = small / ".held.partial"  # another run's, which is at it
    held.mkdir()
    with FileLock(small / ".held.lock"):
        load(parameters(small))
    assert not left.exists() and held.exists() and own.exists()
    said = f"removed {left}, 2 MB that an earlier run had left unfinished"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("names", ["", "\n".join(sorted(CLASSES, reverse=True)), "\xff"])
def test_other_class_names_are_one_sentence(small, names):
    (small / FOLDER / NAMES_FILE).write_text(names, encoding="latin-1")
    with pytest.raises(InputError, match="expected: airplane, automobile"):
        load(parameters(small))


@pytest.mark.parametrize(("part", "there"), [("train", 100), ("test", 20)])
def test_more_images_than_there_are_is_one_sentence(small, part, there):
    with pytest.raises(InputError, match=f"{part}_images is 101, but there are {there} {part} images"):
        load(parameters(small, **{f"{part}_images": 101}))


# Downloads


def test_a_download_gives_what_a_copy_by_hand_gives(small, site, tmp_path, visible_files):
    dataset = load(parameters(tmp_path / "new"))
    assert dataset.hash == load(parameters(small)).hash
    assert visible_files(tmp_path / "new") == visible_files(small)  # nothing else, outside neither
    assert not list(tmp_path.rglob("*evil*"))
    assert sorted(site.asked) == sorted([ARCHIVE, ANSWERS])
    load(parameters(tmp_path / "new"))
    assert len(site.asked) == 2


def test_what_is_there_is_not_downloaded(small, site):
    load(parameters(small))
    assert not site.asked


@pytest.mark.parametrize("page", [ARCHIVE, ANSWERS])
@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda site, page: site.cut.add(page), r"cannot be downloaded \(ChunkedEncodingError\)"),
        (lambda site, page: site.pages.pop(page), r"cannot be downloaded \(HTTP status 404\)"),
        (lambda site, page: site.pages.update({page: b"other"}), "sent another file than the published one"),
    ],
    ids=["cut", "404", "checksum"],
)
def test_a_failed_download_is_one_sentence_and_leaves_nothing(site, tmp_path, visible_files, page, damage, sentence):
    damage(site, page)
    place = re.escape(str(tmp_path if page == ARCHIVE else tmp_path / "cifar-10h"))
    with pytest.raises(InputError, match=f"{sentence}.*; put .* into {place} by hand, or set AVH_DATA"):
        load(parameters(tmp_path))
    left = visible_files(tmp_path)
    assert not [path for path in left if "partial" in path]
    assert not [path for path in left if (COUNTS if page == ANSWERS else FOLDER) in path]


@pytest.mark.parametrize("content", ["cut", "not an archive", "without a batch"])
def test_a_damaged_archive_is_one_sentence_and_leaves_nothing(site, tmp_path, visible_files, monkeypatch, content):
    files, _ = small_copy()
    page = {
        "cut": archive(files)[:-2000],
        "not an archive": b"<html>",
        "without a batch": archive({name: data for name, data in files.items() if "3" not in name}),
    }[content]
    site.pages[ARCHIVE] = page
    monkeypatch.setattr(cifar10h, "CIFAR_MD5", hashlib.md5(page).hexdigest())
    with pytest.raises(InputError, match=r"sent (a damaged archive|an archive without data_batch_3.bin)"):
        load(parameters(tmp_path))
    assert not visible_files(tmp_path)


RUN = """
import os, shutil, signal, sys
from pathlib import Path
from analysis.datasets import cifar10h, files
target, cifar10h.CIFAR_URL, cifar10h.CIFAR_MD5, cifar10h.PER_BATCH, die_at = *sys.argv[1:4], *map(int, sys.argv[4:])
copy, copied = shutil.copyfileobj, []
def copyfileobj(source, target):
    copy(source, target)
    target.flush()
    copied.append(target)
    if len(copied) == die_at:
        os.kill(os.getpid(), signal.SIGKILL)
shutil.copyfileobj = copyfileobj
files.build_once(Path(target), cifar10h.unpack_official)
"""


def start(data: Path, die_at: int = 0) -> subprocess.Popen:
    """Download and unpack in another process, which kills itself after ``die_at`` unpacked files."""
    arguments = [data / FOLDER, cifar10h.CIFAR_URL, cifar10h.CIFAR_MD5, SIZE, die_at]
    root = Path(cifar10h.__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *map(str, arguments)], cwd=root, env={**os.environ, "NO_PROXY": "*"}
    )


def test_a_run_killed_in_mid_transfer_can_be_repeated(site, tmp_path, visible_files):
    site.hold.add(ARCHIVE)
    process = start(tmp_path)
    assert site.halfway.wait(60)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / FOLDER).exists()
    assert visible_files(tmp_path)  # the killed process could not tidy up

    site.hold.clear()
    assert len(load(parameters(tmp_path)).train) == 5 * SIZE
    assert not [path for path in visible_files(tmp_path) if "partial" in path]


COMMAND = """
import runpy, sys
from analysis.datasets import cifar10h
cifar10h.CIFAR_URL, data = sys.argv[1:]
sys.argv = ["analysis", "data", "-p", "dataset", "cifar10h", "-p", "data_dir", data, "-p", "results_dir", data]
runpy.run_module("analysis", run_name="__main__")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_mid_transfer_leaves_nothing_and_says_so(site, tmp_path, visible_files, number):
    site.hold.add(ARCHIVE)
    command = [sys.executable, "-c", COMMAND, cifar10h.CIFAR_URL, str(tmp_path)]
    root = Path(cifar10h.__file__).parents[2]
    process = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True)
    assert site.halfway.wait(60)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    sentence = "interrupted: the same command starts again, because nothing unfinished is left"
    assert said.strip().splitlines()[-1] == sentence
    assert not visible_files(tmp_path)


def test_a_run_killed_while_unpacking_can_be_repeated(site, tmp_path, visible_files):
    assert start(tmp_path, die_at=3).wait() == -signal.SIGKILL
    assert not (tmp_path / FOLDER).exists()
    assert len([path for path in visible_files(tmp_path) if FOLDER in path]) >= 3
    assert len(load(parameters(tmp_path)).train) == 5 * SIZE
    assert not [path for path in visible_files(tmp_path) if "partial" in path]


# The published data


@pytest.fixture(scope="module")
def published(real_data):
    if not ((real_data / FOLDER).is_dir() and (real_data / COUNTS).is_file()):
        pytest.skip("needs CIFAR-10 and CIFAR-10H in AVH_DATA")  # tests download nothing
    return load(parameters(real_data))


def test_the_published_answers_have_their_known_distribution(published):
    selected, shown = published.human.selected, published.human.shown
    hsf = selected / shown
    assert len(published.train) == 50_000
    assert len(published.test) == 10_000
    assert (shown.min(), shown.max()) == (47, 63)
    assert round(shown.mean(), 1) == 51.1
    assert round(hsf.mean(), 3) == 0.952
    assert round(hsf.std(), 3) == 0.100
    assert round((selected == shown).mean(), 3) == 0.439
    assert (10 * selected < 9 * shown).sum() == 1214
    assert (2 * selected < shown).sum() == 122
    assert (published.human.counts.argmax(1) != published.test.labels).sum() == 79
    bins = np.minimum(5 * selected // shown, 4)  # left-closed, without rounding
    assert np.bincount(bins).tolist() == [15, 49, 141, 404, 9391]


def test_the_published_pictures_are_those_in_the_files(published, real_data):
    for split, name, first in ((published.test, "test_batch.bin", 0), (published.train, "data_batch_5.bin", 40_000)):
        records = np.fromfile(real_data / FOLDER / name, np.uint8).reshape(10_000, 3073)
        assert (split.images[first : first + 10_000].reshape(10_000, 3072) == records[:, 1:]).all()
        assert (split.labels[first : first + 10_000] == records[:, 0]).all()
    assert np.bincount(published.train.labels).tolist() == [5000] * 10
    assert np.bincount(published.test.labels).tolist() == [1000] * 10


def test_notes_tell_whose_answers_these_are(published):
    notes = " ".join(published.notes)
    for expected in ("CC BY-NC-SA 4.0", "511,000 answers, 51.1 per test image (47 to 63)", "43.9%"):
        assert expected in notes


def test_real_subsets_are_even_and_keep_original_indices(published, real_data):
    part = load(parameters(real_data, train_images=1000, test_images=500, seed=1))
    assert np.bincount(part.train.labels).tolist() == [100] * 10
    assert np.bincount(part.test.labels).tolist() == [50] * 10
    index = [int(id_.removeprefix("test-")) for id_ in part.test.ids]
    assert (part.test.images == published.test.images[index]).all()
    assert (part.human.counts == published.human.counts[index]).all()
