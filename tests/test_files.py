"""Files appear whole or not at all, whatever stands in the way."""

import contextlib
import json
import os
import resource
import threading

import pytest

from minicnn.errors import MinicnnError, WriteError
from minicnn.files import atomic, new_folder
from minicnn.plain_data import write_json


@contextlib.contextmanager
def largest_file(size: int):
    """Within this block the system lets no file grow beyond `size` bytes, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def as_nobody():
    """Within this block, root is stopped by permissions as everybody else is."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_json_is_written_indented_and_reads_back(tmp_path):
    value = {"accuracy": 0.1 + 0.2, "names": ["ä", "b"], "none": None}
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text) == value
    assert text.startswith('{\n  "accuracy"')
    assert text.endswith("}\n")


def test_what_is_no_json_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "a.json", [1])
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"key": object()})
    assert json.loads((tmp_path / "a.json").read_text()) == [1]
    assert os.listdir(tmp_path) == ["a.json"]


def test_the_partial_file_is_beside_the_target_with_its_ending(tmp_path):
    with atomic(tmp_path / "b.npz") as partial:
        assert (partial.parent, partial.suffix) == (tmp_path, ".npz")
        assert not partial.exists()
        partial.write_text("new")
        assert not (tmp_path / "b.npz").exists()
    assert (tmp_path / "b.npz").read_text() == "new"
    assert os.listdir(tmp_path) == ["b.npz"]


def _write_half(target, error):
    with atomic(target) as partial:
        partial.write_text("half")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_in_the_block_passes_through_and_leaves_the_old_file(tmp_path, error):
    target = tmp_path / "c"
    target.write_text("old")
    with pytest.raises(error):
        _write_half(target, error)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["c"]


@pytest.mark.parametrize("room", [0, 1, 4096, 99_999])
def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path, room):
    target = tmp_path / "d"
    target.write_text("old")
    message = rf"{target}: cannot be written: File too large"
    with largest_file(room), pytest.raises(WriteError, match=message), atomic(target) as partial:
        partial.write_bytes(b"x" * 100_000)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["d"]


def test_a_folder_that_is_not_ours_is_an_error_that_names_the_target(tmp_path):
    tmp_path.chmod(0o500)
    target = tmp_path / "e"
    message = rf"{target}: cannot be written: Permission denied"
    try:
        with as_nobody(), pytest.raises(WriteError, match=message):
            write_json(target, 1)
    finally:
        tmp_path.chmod(0o700)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("missing/f", "No such file or directory"),
        ("file/f", "Not a directory"),
        ("folder", "Is a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_place_that_cannot_be_is_an_error_that_names_it(tmp_path, place, reason):
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    if len(place) == 300:
        tmp_path = tmp_path / place  # the partial file's own name would be short enough
        place = "f"
    with pytest.raises(WriteError) as error:
        write_json(tmp_path / place, 1)
    assert str(error.value) == f"{tmp_path / place}: cannot be written: {reason}"
    assert isinstance(error.value, MinicnnError)
    assert isinstance(error.value, OSError)


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(WriteError, match="No such file"), atomic(tmp_path / "g"):
        pass


def test_threads_that_write_one_file_leave_one_of_theirs_whole(tmp_path):
    target, texts = tmp_path / "h.json", [[n] * 5000 for n in range(8)]
    threads = [threading.Thread(target=write_json, args=(target, text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert json.loads(target.read_text()) in texts
    assert os.listdir(tmp_path) == ["h.json"]


# Folders


def everything(folder) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_appears_with_all_that_was_put_into_it(tmp_path, there):
    target = tmp_path / "a" / "b"
    if there:
        target.mkdir(parents=True)
    with new_folder(target) as partial:
        (partial / "figures").mkdir()
        (partial / "figures" / "one.png").write_text("1")
        (partial / "page.html").write_text("2")
        assert not (target / "page.html").exists()
    assert everything(tmp_path) == [
        "a",
        "a/b",
        "a/b/figures",
        "a/b/figures/one.png",
        "a/b/page.html",
    ]


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_folder_that_was_not_finished_is_gone(tmp_path, there, failure):
    target = tmp_path / "report"
    if there:
        target.mkdir()
    with pytest.raises(failure), new_folder(target) as partial:  # noqa: PT012
        (partial / "page.html").write_text("half")
        raise failure
    assert everything(tmp_path) == (["report"] if there else [])


def test_a_full_disk_leaves_no_folder(tmp_path):
    with (
        pytest.raises(WriteError, match="report: cannot be written: File too large"),
        new_folder(tmp_path / "report") as partial,
        largest_file(1000),
    ):
        (partial / "page.html").write_text("x" * 5000)
    assert everything(tmp_path) == []


def test_a_folder_that_holds_something_is_not_touched(tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for taken in ("report", "file"):
        with pytest.raises(WriteError, match=f"{taken} exists already and is not overwritten"):
            new_folder(tmp_path / taken).__enter__()
    assert everything(tmp_path) == ["file", "report", "report/mine.txt"]


def test_a_folder_in_a_folder_that_is_not_ours_is_refused(tmp_path):
    (tmp_path / "theirs").mkdir(mode=0o555)
    with as_nobody(), pytest.raises(WriteError, match=r"report: .*Permission denied"):
        new_folder(tmp_path / "theirs" / "report").__enter__()
    assert everything(tmp_path) == ["theirs"]
