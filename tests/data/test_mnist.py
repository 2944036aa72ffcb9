"""MNIST as shipped, against what is published about it."""

import gzip
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import minicnn.data
from minicnn.data import idx, mnist
from minicnn.errors import DataError

# The package's attribute `mnist` is the function; its module is only found here.
MODULE = sys.modules["minicnn.data.mnist"]
SHIPPED = Path(minicnn.data.__path__[0]) / "mnist_idx"


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the shipped folder that `mnist` reads instead, without what it remembers."""
    folder = tmp_path / "mnist_idx"
    shutil.copytree(SHIPPED, folder)
    monkeypatch.setattr(MODULE, "FOLDER", folder)
    MODULE.both_parts.cache_clear()
    yield folder
    MODULE.both_parts.cache_clear()


def test_shapes_types_and_names():
    train, test = mnist()
    for dataset, count in (train, 60_000), (test, 10_000):
        assert dataset.images.shape == (count, 28, 28, 1)
        assert dataset.images.dtype == np.uint8
        assert dataset.labels.dtype == np.int64
        assert dataset.class_names == tuple("0123456789")


def test_published_counts_per_class():
    train, test = mnist()
    assert np.bincount(train.labels).tolist() == [
        *(5923, 6742, 5958, 6131, 5842),
        *(5421, 5918, 6265, 5851, 5949),
    ]
    assert np.bincount(test.labels).tolist() == [
        *(980, 1135, 1032, 1010, 982),
        *(892, 958, 1028, 974, 1009),
    ]


def test_published_mean_and_deviation():
    train, _ = mnist()
    scaled = train.scaled()
    assert (scaled.min(), scaled.max()) == (0, 1)
    assert round(float(scaled.mean(dtype=np.float64)), 4) == 0.1307
    assert round(float(scaled.std(dtype=np.float64)), 4) == 0.3081


def test_pictures_and_labels_keep_their_order():
    train, test = mnist()
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    # A 1 has the least ink of the digits, a 0 the most: true only while each keeps its label.
    ink = [test.images[test.labels == digit].mean() for digit in range(10)]
    assert (np.argmin(ink), np.argmax(ink)) == (1, 0)


def test_read_only_and_kept():
    assert mnist() is mnist()
    for dataset in mnist():
        for array in dataset.images, dataset.labels:
            assert array.flags.c_contiguous
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0


def test_the_shipped_folder_is_an_idx_folder_too():
    for mine, theirs in zip(mnist(), idx(SHIPPED), strict=True):
        np.testing.assert_array_equal(mine.images, theirs.images)
        np.testing.assert_array_equal(mine.labels, theirs.labels)


def test_authors_and_licence_are_beside_the_files():
    text = (SHIPPED / "LICENSE.md").read_text()
    for words in "Yann LeCun", "Corinna Cortes", "CC BY-SA 3.0", *MODULE.MD5.values():
        assert words in text


@pytest.mark.parametrize(
    "name", ["train-images-idx3-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
)
@pytest.mark.parametrize("place", [4 + 2, -1])
def test_one_changed_byte_is_found(copy, name, place):
    """In the data it is the checksum that tells, in the header the length."""
    path = copy / f"{name}.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[place] ^= 1
    path.write_bytes(gzip.compress(bytes(content), compresslevel=0))
    message = "its content has MD5" if place == -1 else "bytes of data; found"
    with pytest.raises(DataError, match=rf"{name}\.gz: .*{message}"):
        mnist()


def test_another_shape_of_the_same_bytes_is_found(copy):
    path = copy / "t10k-images-idx3-ubyte.gz"
    content = gzip.decompress(path.read_bytes())
    sides = b"\0\0\0\x0e" + b"\0\0\0\x38"  # 14 by 56 pixels, as many as 28 by 28
    path.write_bytes(gzip.compress(content[:8] + sides + content[16:], compresslevel=0))
    with pytest.raises(DataError, match="its content has MD5"):
        mnist()


def test_files_zipped_in_another_way_are_still_mnist(copy):
    path = copy / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=1))
    assert len(mnist()[1]) == 10_000


def test_a_missing_file_and_swapped_files(copy):
    images, labels = copy / "train-images-idx3-ubyte.gz", copy / "train-labels-idx1-ubyte.gz"
    shutil.copy(labels, images)
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz: its content has MD5 a25b"):
        mnist()
    images.unlink()
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz: cannot be read: No such"):
        mnist()
