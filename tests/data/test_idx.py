"""The IDX format, against bytes that are put together by hand here."""

import contextlib
import gzip
import os
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minicnn.data import read_idx, write_idx
from minicnn.errors import DataError, WriteError

# element type, its struct letter, its dtype: the table of the format's description
TYPES = [
    (0x08, "B", np.uint8),
    (0x09, "b", np.int8),
    (0x0B, "h", np.int16),
    (0x0C, "i", np.int32),
    (0x0D, "f", np.float32),
    (0x0E, "d", np.float64),
]
PLAIN = struct.pack(">BBBB 2I 6B", 0, 0, 0x08, 2, 2, 3, 10, 20, 30, 40, 50, 60)
ARRAY = np.array([[10, 20, 30], [40, 50, 60]], np.uint8)


def idx_bytes(*dimensions: int, payload: bytes = b"", code: int = 0x08) -> bytes:
    count = len(dimensions)
    return struct.pack(f">BBBB {count}I", 0, 0, code, count, *dimensions) + payload


@pytest.fixture
def file(tmp_path):
    """Write bytes to a file whose name says nothing, and give its path."""

    def write(content: bytes):
        path = tmp_path / "some-file"
        path.write_bytes(content)
        return path

    return write


# --- reading what is whole


@pytest.mark.parametrize(("code", "letter", "dtype"), TYPES)
def test_every_element_type(file, code, letter, dtype):
    values = [0, 1, 2, 100, 3, 120]
    payload = struct.pack(f">6{letter}", *values)
    array = read_idx(file(idx_bytes(3, 2, payload=payload, code=code)))
    assert array.dtype == dtype
    assert array.dtype.isnative
    np.testing.assert_array_equal(array, np.reshape(values, (3, 2)))


@pytest.mark.parametrize("name", ["plain", "plain.gz", "zipped", "zipped.gz"])
def test_the_content_decides_what_is_gzip(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(PLAIN) if name.startswith("zipped") else PLAIN)
    np.testing.assert_array_equal(read_idx(path), ARRAY)
    np.testing.assert_array_equal(read_idx(str(path)), ARRAY)


def test_gzip_of_several_members(file):
    content = gzip.compress(PLAIN[:7]) + gzip.compress(PLAIN[7:])
    np.testing.assert_array_equal(read_idx(file(content)), ARRAY)


def test_data_of_more_than_one_chunk(file):
    array = np.random.default_rng(0).integers(0, 256, (3, 1 << 20), np.uint8)
    content = idx_bytes(*array.shape, payload=array.tobytes())
    np.testing.assert_array_equal(read_idx(file(content)), array)


def test_an_array_without_elements(file):
    assert read_idx(file(idx_bytes(0, 28, 28))).shape == (0, 28, 28)


def test_the_array_can_be_written_to(file):
    array = read_idx(file(PLAIN))
    array[0, 0] = 99
    assert array[0, 0] == 99


# --- reading what is damaged


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("length", range(len(PLAIN)))
def test_truncated_anywhere(file, pack, length):
    path = file(pack(PLAIN[:length]))
    expected = "empty" if length == 0 else "starts with" if length < 4 else "truncated"
    with pytest.raises(DataError, match=f"some-file: .*{expected}"):
        read_idx(path)


@pytest.mark.parametrize("length", range(1, len(gzip.compress(PLAIN))))
def test_gzip_truncated_anywhere(file, length):
    expected = "starts with 1f" if length == 1 else "gzip data; found it damaged"
    with pytest.raises(DataError, match=f"some-file: .*{expected}"):
        read_idx(file(gzip.compress(PLAIN)[:length]))


def test_gzip_with_any_byte_changed_is_damaged_or_the_same(file):
    """Some header bytes (time, operating system) carry no data; no change may give other data."""
    whole = gzip.compress(PLAIN, mtime=0)
    passed = []
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 0x55
        with contextlib.suppress(DataError):
            np.testing.assert_array_equal(read_idx(file(bytes(changed))), ARRAY)
            passed.append(place)
    assert set(passed) <= {3, 4, 5, 6, 7, 8, 9}  # flags, four bytes of time, level, system


@pytest.mark.parametrize("tail", [b"\0", b"abc", bytes(1 << 21)])
def test_trailing_bytes(file, tail):
    for content in PLAIN + tail, gzip.compress(PLAIN + tail):
        with pytest.raises(DataError, match=r"uint8 \(2, 3\), 6 bytes .* found more: bytes follow"):
            read_idx(file(content))


def test_bytes_after_the_gzip_data(file):
    with pytest.raises(DataError, match="some-file: needs whole gzip data"):
        read_idx(file(gzip.compress(PLAIN) + b"tail"))


def test_missing_data_says_what_was_found_and_needed(file):
    content = idx_bytes(60000, 28, 28, payload=bytes(1000))
    message = r"uint8 \(60000, 28, 28\), 47,040,000 bytes of data; found 1,000: it is truncated"
    with pytest.raises(DataError, match=message):
        read_idx(file(content))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    "content",
    [
        idx_bytes(2**32 - 1, 2**32 - 1, 2**32 - 1, payload=bytes(100), code=0x0E),
        idx_bytes(2**32 - 1, payload=bytes(100), code=0x0E),
        idx_bytes(0, 2**32 - 1, 2**32 - 1, 2**32 - 1),
        idx_bytes(*[1] * 255, payload=b"x"),
        idx_bytes(*[2**32 - 1] * 255, payload=bytes(100)),
    ],
    ids=["huge cube", "huge vector", "empty cube", "255 dimensions", "255 huge dimensions"],
)
def test_absurd_headers(file, pack, content):
    with pytest.raises(DataError, match=r"some-file: .*(truncated|no array can have)"):
        read_idx(file(pack(content)))


@pytest.mark.parametrize(
    ("content", "start"),
    [
        (b"\x89PNG\r\n\x1a\n", "89 50 4e 47"),
        (b"PK\x03\x04 a zip archive", "50 4b 03 04"),
        (b"<!DOCTYPE html>", "3c 21 44 4f"),
        (b"\0\1" + PLAIN[2:], "00 01 08 02"),
        (b"\1\0" + PLAIN[2:], "01 00 08 02"),
        (idx_bytes(1, payload=b"x", code=0x0A), "00 00 0a 01"),
        (idx_bytes(payload=b"x"), "00 00 08 00"),
        (b"\0\0", "00 00"),
    ],
)
def test_not_idx(file, content, start):
    with pytest.raises(DataError, match=f"some-file: starts with {start}; an IDX file starts with"):
        read_idx(file(content))


def test_a_file_that_cannot_be_opened(tmp_path):
    with pytest.raises(DataError, match="nowhere: cannot be read: No such file"):
        read_idx(tmp_path / "nowhere")
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read_idx(tmp_path)


# --- writing


@given(
    array=st.sampled_from([dtype for _, _, dtype in TYPES]).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(max_dims=5, min_side=0, max_side=4))
    ),
    compress=st.booleans(),
)
def test_round_trip(tmp_path_factory, array, compress):
    path = tmp_path_factory.mktemp("round") / "array"
    again = read_idx(write_idx(path, array, compress=compress))
    assert (again.dtype, again.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(again, array)


def test_the_bytes_are_those_of_the_format(tmp_path):
    assert write_idx(tmp_path / "a", ARRAY).read_bytes() == PLAIN
    values = np.array([1, -2], "<i2")
    content = write_idx(tmp_path / "b", values).read_bytes()
    assert content == idx_bytes(2, payload=b"\0\1\xff\xfe", code=0x0B)
    assert write_idx(tmp_path / "c", values.astype(">i2")).read_bytes() == content
    assert write_idx(tmp_path / "d", ARRAY.T).read_bytes()[12:] == bytes([10, 40, 20, 50, 30, 60])


@pytest.mark.parametrize(
    ("name", "compress", "zipped"),
    [("a", None, False), ("a.gz", None, True), ("a", True, True), ("a.gz", False, False)],
)
def test_the_name_decides_compression_unless_told(tmp_path, name, compress, zipped):
    content = write_idx(tmp_path / name, ARRAY, compress=compress).read_bytes()
    assert (gzip.decompress(content) if zipped else content) == PLAIN


def test_equal_arrays_give_equal_files(tmp_path, monkeypatch):
    first = write_idx(tmp_path / "one.gz", ARRAY).read_bytes()
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert write_idx(tmp_path / "two.gz", ARRAY).read_bytes() == first


def test_a_file_is_replaced_only_when_told(tmp_path):
    path = write_idx(tmp_path / "a", ARRAY)
    with pytest.raises(DataError, match="a: is there already; overwrite=True"):
        write_idx(path, ARRAY + 1)
    np.testing.assert_array_equal(read_idx(path), ARRAY)
    write_idx(path, ARRAY + 1, overwrite=True)
    np.testing.assert_array_equal(read_idx(path), ARRAY + 1)
    assert os.listdir(tmp_path) == ["a"]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = write_idx(tmp_path / "a", ARRAY)

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(WriteError, match="a: cannot be written: No space left"):
        write_idx(path, ARRAY + 1, overwrite=True)
    np.testing.assert_array_equal(read_idx(path), ARRAY)
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("place", ["no/such/folder", "file/inside"])
def test_a_place_that_cannot_be_written(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match=f"{place}: cannot be written: "):
        write_idx(tmp_path / place, ARRAY)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(3, np.int64),
        np.zeros(3, np.uint16),
        np.zeros(3, np.float16),
        np.zeros(3, bool),
        np.array(["a"]),
        np.uint8(3),
    ],
)
def test_what_the_format_cannot_hold(tmp_path, array):
    with pytest.raises(DataError, match=r"a: IDX cannot hold .* uint8, int8, int16, int32, float"):
        write_idx(tmp_path / "a", array)
    assert os.listdir(tmp_path) == []
