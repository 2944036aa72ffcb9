"""Files of data to a data set: orientation, several sets, ranges, and what a set must have."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from minicnn.data import Dataset, idx, write_idx
from minicnn.errors import DataError, Notice

PARTS = {"train": 12, "t10k": 6}


def pictures(count: int, height: int = 6, width: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, height, width), np.uint8)


def write(folder: Path, prefix: str = "", seed: int = 0, end: str = "", **shape: int) -> Path:
    """A set of two classes in the names of MNIST."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in PARTS.items():
        name = folder / f"{prefix}{part}"
        write_idx(f"{name}-images-idx3-ubyte{end}", pictures(count, seed=seed, **shape))
        write_idx(f"{name}-labels-idx1-ubyte{end}", np.arange(count, dtype=np.uint8) % 2)
    return folder


def first(folder: Path, **options: str) -> np.ndarray:
    """The training pictures that are read, and no notice is given."""
    return idx(folder, **options)[0].images[..., 0]


# --- EMNIST


@pytest.mark.parametrize("prefix", ["emnist-letters-", "emnist-byclass-", "EMNIST-digits-"])
@pytest.mark.parametrize("shape", [{}, {"height": 5, "width": 9}])
def test_pictures_of_emnist_are_put_upright_and_it_is_said(tmp_path, prefix, shape):
    write(tmp_path, prefix, **shape)
    with pytest.warns(Notice, match=f"{prefix[:-1]} .*on their side.* upright") as said:
        train, test = idx(tmp_path)
    assert len(said) == 1
    for found, count in (train, 12), (test, 6):
        np.testing.assert_array_equal(
            found.images[..., 0], pictures(count, **shape).transpose(0, 2, 1)
        )


@pytest.mark.parametrize("prefix", ["", "qmnist-", "fashion-", "my-emnist-"])
def test_other_sets_stay_as_they_are(tmp_path, prefix):
    np.testing.assert_array_equal(first(write(tmp_path, prefix)), pictures(12))


def test_colour_pictures_of_emnist_keep_their_channels(tmp_path):
    write(tmp_path, "emnist-x-")
    colour = np.random.default_rng(1).integers(0, 256, (12, 6, 6, 3), np.uint8)
    for part, count in PARTS.items():
        (tmp_path / f"emnist-x-{part}-images-idx3-ubyte").unlink()
        write_idx(tmp_path / f"emnist-x-{part}-images-idx4-ubyte", colour[:count])
    with pytest.warns(Notice):
        train, _ = idx(tmp_path)
    np.testing.assert_array_equal(train.images, colour.transpose(0, 2, 1, 3))


# --- folders as others leave them


def test_a_file_beside_its_gzip_is_one_file(tmp_path):
    write(write(tmp_path), end=".gz")
    np.testing.assert_array_equal(first(tmp_path), pictures(12))


def test_a_folder_of_a_files_name_that_holds_it(tmp_path):
    """As zips are unpacked, alone and beside the same under another name."""
    write(tmp_path)
    for path in list(tmp_path.iterdir()):
        whole = path.read_bytes()
        path.unlink()
        path.mkdir()
        (path / path.name).write_bytes(whole)
    np.testing.assert_array_equal(first(tmp_path), pictures(12))
    for path in list(tmp_path.iterdir()):
        flat = tmp_path / path.name.replace("-idx", ".idx")
        flat.write_bytes((path / path.name).read_bytes())
    np.testing.assert_array_equal(first(tmp_path), pictures(12))


@pytest.mark.parametrize("place", ["MNIST/raw", "raw"])
def test_a_folder_of_torchvision(tmp_path, place):
    write(write(tmp_path / place), end=".gz")
    np.testing.assert_array_equal(first(tmp_path), pictures(12))


def test_several_sets_are_named_and_chosen(tmp_path):
    write(write(tmp_path), "other-", seed=1)
    with pytest.raises(DataError, match=r"several sets, '', 'other'.*--prefix"):
        idx(tmp_path)
    np.testing.assert_array_equal(first(tmp_path, prefix="other"), pictures(12, seed=1))
    np.testing.assert_array_equal(first(tmp_path, prefix=""), pictures(12))
    write(tmp_path / "root" / "MNIST" / "raw")
    write(tmp_path / "root" / "FashionMNIST" / "raw")
    with pytest.raises(DataError, match=r"several sets.*FashionMNIST/raw.*MNIST/raw"):
        idx(tmp_path / "root")


@pytest.mark.parametrize("twin", ["train-images-idx3-ubyte.gz", "train-labels.idx1-ubyte"])
def test_two_files_of_one_part_that_differ_are_refused(tmp_path, twin):
    write(tmp_path)
    images = pictures(12, seed=1) if "images" in twin else np.zeros(12, np.uint8)
    write_idx(tmp_path / twin, images)
    with pytest.raises(DataError, match="hold different data") as error:
        idx(tmp_path)
    assert twin in str(error.value)


@pytest.mark.parametrize("name", ["with space", "größe ✓", "new\nline", "[1]", "-x"])
def test_a_folder_may_have_any_name(tmp_path, name):
    np.testing.assert_array_equal(first(write(tmp_path / name)), pictures(12))


@pytest.mark.parametrize("name", ["", "file", "file/below", "a\0b", "x" * 300])
def test_what_is_no_folder_of_data_is_a_data_error(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(DataError):
        idx(f"{tmp_path}/{name}")


# --- ranges and labels


def floats(low: float, high: float, count: int = 12) -> np.ndarray:
    drawn = np.random.default_rng(0).uniform(low, high, (count, 4, 4, 1)).astype(np.float32)
    drawn.flat[:2] = low, high
    return drawn


RANGES = {
    "bytes as floats": (floats(0, 255), ["0 to 255", "0 to 1", "by 255"]),
    "from -1 to 1": (floats(-1, 1), ["-1 to 1", "0 to 1", "add 1"]),
    "from -0.5 to 0.5": (floats(-0.5, 0.5), ["-0.5 to 0.5"]),
    "standardised": (floats(-2.5, 3), ["-2.5 to 3"]),
    "12 bits": (floats(0, 4095), ["0 to 4095", "largest"]),
    "a little too high": (floats(0, 1.01), ["0 to 1.01"]),
    "scaled twice": (floats(0, 1 / 255), ["twice"]),
    "black and white bytes": (
        np.random.default_rng(0).integers(0, 2, (12, 4, 4, 1), np.uint8),
        ["0 to 1", "0 to 255"],
    ),
    "doubles": (floats(0, 1).astype(np.float64), ["float64", "float32"]),
    "halves": (floats(0, 1).astype(np.float16), ["float16", "float32"]),
    "signed": (np.zeros((12, 4, 4, 1), np.int8), ["int8", "uint8"]),
    "empty": (floats(0, 1)[:0], ["(0, 4, 4, 1)"]),
    "of different sizes": ([np.zeros((4, 4, 1)), np.zeros((5, 4, 1))], ["no array"]),
}


@pytest.mark.parametrize("case", RANGES)
def test_a_range_that_would_train_silently_wrong_is_refused(case):
    images, words = RANGES[case]
    with pytest.raises(DataError) as error:
        Dataset(images, np.arange(len(images)) % 2)
    assert [word for word in words if word not in str(error.value)] == []


@pytest.mark.parametrize("images", [floats(0, 1), floats(0, 1.00001), floats(0, 0.2), floats(0, 0)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_scaled_floats_in_any_byte_order_are_taken(images, order):
    found = Dataset(images.astype(f"{order}f4"), (np.arange(12) % 2).astype(f"{order}i4"))
    assert found.images.dtype == np.float32
    assert found.images.dtype.isnative
    np.testing.assert_array_equal(found.images, images)
    assert found.labels.tolist() == [0, 1] * 6


def test_a_part_of_a_set_is_not_judged_again():
    """A few pictures may all be dark: what was in order as a whole stays so."""
    images = floats(0, 1)
    images[3:6] /= 300
    assert Dataset(images, np.arange(12) % 2)[3:6].images.max() < 1 / 255


LABELS = {
    "none": (np.zeros(0, np.uint8), "labels"),
    "too few": (np.zeros(11, np.uint8), "12 images have 11 labels"),
    "too many": (np.zeros(13, np.uint8), "12 images have 13 labels"),
    "negative": (np.full(12, -1, np.int8), "from -1"),
    "floats": (np.zeros(12, np.float32), "float32"),
    "one-hot": (np.eye(12, dtype=np.uint8), "(12, 12)"),
    "huge": (np.full(12, 2**31 - 1, np.int32), "2,147,483,647"),
}


@pytest.mark.parametrize("case", LABELS)
def test_labels_that_do_not_fit_are_refused_and_the_file_is_named(tmp_path, case):
    labels, words = LABELS[case]
    write(tmp_path)
    path = tmp_path / "train-labels-idx1-ubyte"
    write_idx(path, labels, overwrite=True)
    with pytest.raises(DataError) as error:
        idx(tmp_path)
    assert words in str(error.value)
    assert path.name in str(error.value) or case == "huge"


# --- the checksum


def test_a_checksum_tells_sets_apart():
    images, labels = pictures(12)[..., None], np.arange(12) % 3
    first = Dataset(images, labels)
    others = {
        "another pixel": Dataset(images ^ (np.arange(12) == 5)[:, None, None, None], labels),
        "another label": Dataset(images, labels[::-1]),
        "another shape": Dataset(images.reshape(12, 9, 4, 1), labels),
        "another class": Dataset(images, labels, tuple("abcd")),
        "fewer": first[:11],
    }
    sums = {name: other.checksum() for name, other in others.items()}
    assert first.checksum() not in sums.values()
    assert len(set(sums.values())) == len(sums)
    same = Dataset(np.asfortranarray(images), labels.astype(">i2"), tuple("xyz"))
    assert first.checksum() == same.checksum(), "names are no matter, nor how memory lies"


def test_reading_upright_sets_gives_no_notice(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        idx(write(tmp_path))
