import hashlib
import pickle
import threading

import numpy as np
import pytest

from analysis.datasets import files
from analysis.errors import InputError


def test_what_is_there_is_not_made_again(tmp_path):
    (tmp_path / "there").write_text("mine")
    files.build_once(tmp_path / "there", lambda path: pytest.fail("made again"))
    assert (tmp_path / "there").read_text() == "mine"


def test_a_failure_leaves_nothing_and_can_be_repeated(tmp_path, visible_files):
    def fail(path):
        path.write_text("half")
        raise InputError("no")

    with pytest.raises(InputError, match=r"^no$"):
        files.build_once(tmp_path / "a" / "b", fail)
    assert not visible_files(tmp_path)
    files.build_once(tmp_path / "a" / "b", lambda path: path.write_text("whole"))
    assert (tmp_path / "a" / "b").read_text() == "whole"


def test_parallel_runs_make_it_once(tmp_path):
    started, go_on, calls = threading.Event(), threading.Event(), []

    def make(path):
        calls.append(path)
        started.set()
        go_on.wait(10)
        path.write_text("whole")

    threads = [threading.Thread(target=files.build_once, args=(tmp_path / "file", make)) for _ in range(3)]
    threads[0].start()
    assert started.wait(10)
    for thread in threads[1:]:
        thread.start()
    assert not (tmp_path / "file").exists()
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert (tmp_path / "file").read_text() == "whole"


def test_a_data_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot be written: .*AVH_DATA"):
        files.build_once(tmp_path / "file" / "target", lambda path: path.write_text(""))


def test_a_full_disk_is_one_sentence(small_disk, visible_files):
    (small_disk / "earlier").write_text("mine")
    with pytest.raises(InputError, match="big cannot be written: the disk is full"):
        files.build_once(small_disk / "big", lambda path: path.write_bytes(bytes(2**20)))
    assert visible_files(small_disk) == {"earlier"}


def test_a_download_on_a_full_disk_is_one_sentence(small_disk, server, visible_files):
    page = server.pages["/file"] = bytes(2**20)
    with pytest.raises(InputError, match="the disk is full"):
        files.build_once(
            small_disk / "file",
            lambda path: files.download(f"{server.url}/file", hashlib.md5(page).hexdigest(), path, "advice"),
        )
    assert not visible_files(small_disk)


def test_no_connection_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(InputError, match=r"cannot be downloaded \(ConnectionError\); advice"):
        files.download("http://127.0.0.1:1/file", "0" * 32, tmp_path / "file", "advice")


@pytest.mark.parametrize(
    "contents",
    [b"", b"text", np.lib.format.magic(1, 0) + b"\x10\x00nonsense"],
    ids=["empty", "text", "broken header"],
)
def test_what_is_no_array_is_one_sentence(tmp_path, contents):
    (tmp_path / "a.npy").write_bytes(contents)
    with pytest.raises(InputError, match=r"a.npy is damaged"):
        files.load_array(tmp_path / "a.npy")


def test_objects_are_never_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return pytest.fail, ("unpickled",)

    np.save(tmp_path / "a.npy", np.array([Trap()], object), allow_pickle=True)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Trap()))
    for name in ("a.npy", "b.npy"):
        with pytest.raises(InputError, match="is damaged or no NumPy array"):
            files.load_array(tmp_path / name)


def test_an_array_cut_short_or_claiming_too_much_is_an_error(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(1000))
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(whole[:-1])
    (tmp_path / "b.npy").write_bytes(whole.replace(b"(1000,), }     ", b"(9" + b"9" * 12 + b",), }")[: len(whole)])
    for name in ("a.npy", "b.npy"):
        with pytest.raises(InputError, match="is damaged"):
            files.load_array(tmp_path / name)


def test_a_zip_of_arrays_is_an_error(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    with pytest.raises(InputError, match="is not one NumPy array"):
        files.load_array(tmp_path / "a.npz")


def test_the_hash_follows_values_types_and_shapes_only():
    a = np.arange(24, dtype=np.uint8)
    b = np.stack([a, a])
    assert files.hash_arrays(a) == files.hash_arrays(b[0]) == files.hash_arrays(np.asfortranarray(b)[0])
    different = [a[::-1], a.astype(np.int64), a.reshape(4, 6), np.append(a, 1)]
    assert len({files.hash_arrays(x) for x in (a, *different)}) == 5
    assert files.hash_arrays(a[:12], a[12:]) != files.hash_arrays(a[:6], a[6:])


def test_what_a_killed_run_has_left_is_removed_with_a_sentence(tmp_path, capsys, visible_files):
    partial = tmp_path / ".file.partial"
    partial.mkdir()
    (partial / "file").write_bytes(bytes(3_000_000))
    files.build_once(tmp_path / "file", lambda path: path.write_text("whole"))
    assert capsys.readouterr().err == f"removed {partial}, 3 MB that an earlier run had left unfinished\n"
    assert visible_files(tmp_path) == {"file"}
