"""A training and a test set out of a folder of IDX files, by their names."""

from pathlib import Path

import numpy as np
import pytest

from minicnn.data import idx, write_idx
from minicnn.errors import DataError

MNIST_NAMES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
ARRAYS = {
    "train_images": np.random.default_rng(0).integers(0, 256, (6, 5, 4), np.uint8),
    "train_labels": np.array([0, 1, 2, 3, 1, 0], np.uint8),
    "test_images": np.random.default_rng(1).integers(0, 256, (3, 5, 4), np.uint8),
    "test_labels": np.array([2, 4, 0], np.uint8),
}


def fill(folder: Path, pattern: str = "{}", **changed: np.ndarray | None) -> Path:
    """Write the four files, each named by the pattern; None leaves one out."""
    for role, array in (ARRAYS | changed).items():
        if array is not None:
            write_idx(folder / pattern.format(MNIST_NAMES[role]), array)
    return folder


def check(train, test):
    for dataset, part in (train, "train"), (test, "test"):
        np.testing.assert_array_equal(dataset.images[..., 0], ARRAYS[f"{part}_images"])
        np.testing.assert_array_equal(dataset.labels, ARRAYS[f"{part}_labels"])


# --- names


@pytest.mark.parametrize(
    "pattern", ["{}", "{}.gz", "my-letters-{}.gz", "my-letters-{}", "my.own_set-{}"]
)
def test_canonical_and_prefixed_names(tmp_path, pattern):
    check(*idx(fill(tmp_path, pattern)))


@pytest.mark.parametrize("prefix", ["", "my-digits-"])
@pytest.mark.parametrize("old", ["t10k-", "test-"])
@pytest.mark.parametrize("dot", [".", "-"])
@pytest.mark.parametrize("end", ["", ".gz"])
def test_every_spelling(tmp_path, prefix, old, dot, end):
    for role, name in MNIST_NAMES.items():
        spelt = name.replace("t10k-", old).replace("-idx", f"{dot}idx")
        write_idx(tmp_path / f"{prefix}{spelt}{end}", ARRAYS[role])
    check(*idx(str(tmp_path)))


def test_other_files_are_passed_over(tmp_path):
    fill(tmp_path, "{}.gz")
    for name in (
        "README.md",
        "train-images.png",
        "train-images-idx3-ubyte.gz.part",
        "emnist-letters-mapping.txt",
        "train-images-idx3-ubyte.zip",
    ):
        (tmp_path / name).touch()
    check(*idx(tmp_path))


def test_a_prefix_chooses_among_several_sets(tmp_path):
    fill(tmp_path, "{}")
    fill(tmp_path, "my-letters-{}", train_labels=ARRAYS["train_labels"] + 1)
    fill(tmp_path, "my-digits-{}", train_labels=ARRAYS["train_labels"] + 2)
    expected = ARRAYS["train_labels"]
    for prefix, more in ("", 0), ("my-letters", 1), ("my-digits", 2):
        assert idx(tmp_path, prefix=prefix)[0].labels.tolist() == (expected + more).tolist()
    with pytest.raises(DataError, match="several sets, '', 'my-digits', 'my-letters'") as e:
        idx(tmp_path)
    assert "my-letters-t10k-labels-idx1-ubyte" in str(e.value)
    with pytest.raises(DataError, match="a file of train images, named like other-train-images"):
        idx(tmp_path, prefix="other")


@pytest.mark.parametrize("role", MNIST_NAMES)
def test_a_missing_file(tmp_path, role):
    fill(tmp_path, **{role: None})
    words = role.replace("_", " ")
    message = rf"needs a file of {words}, named like {MNIST_NAMES[role]}.gz; found none"
    with pytest.raises(DataError, match=message):
        idx(tmp_path)


def test_a_folder_that_holds_nothing_or_is_none(tmp_path):
    with pytest.raises(DataError, match=r"found none\. Its IDX files: none"):
        idx(tmp_path)
    with pytest.raises(DataError, match="nowhere: cannot be read as a folder: No such file"):
        idx(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="file: cannot be read as a folder: Not a directory"):
        idx(tmp_path / "file")


# --- content


def test_classes_come_from_the_labels_of_both(tmp_path):
    train, test = idx(fill(tmp_path))
    assert train.class_names == test.class_names == ("0", "1", "2", "3", "4")


def test_letters_start_at_one_and_class_zero_stays_empty(tmp_path):
    letters = np.array([1, 26, 3, 4, 5, 6], np.uint8)
    train, _ = idx(fill(tmp_path, train_labels=letters))
    assert train.classes == 27
    assert train.class_names[26] == "26"


def test_class_names_are_given(tmp_path):
    train, test = idx(fill(tmp_path), ["a", "b", "c", "d", "e", "f"])
    assert train.class_names == test.class_names == tuple("abcdef")


def test_colour_pictures_keep_their_channels(tmp_path):
    colour = {
        f"{part}_images": np.random.default_rng(2).integers(0, 256, (count, 5, 4, 3), np.uint8)
        for part, count in [("train", 6), ("test", 3)]
    }
    train, test = idx(fill(tmp_path, **colour))
    np.testing.assert_array_equal(train.images, colour["train_images"])
    np.testing.assert_array_equal(test.images, colour["test_images"])


def test_float_images_and_wide_labels(tmp_path):
    images = np.random.default_rng(3).random((6, 5, 4), np.float32)
    train, _ = idx(
        fill(tmp_path, train_images=images, train_labels=np.array([0, 1, 300, 0, 0, 0], np.int32))
    )
    np.testing.assert_array_equal(train.scaled()[..., 0], images)
    assert train.labels[2] == 300


@pytest.mark.parametrize(
    ("changed", "names", "message"),
    [
        (
            {"train_images": ARRAYS["train_labels"]},
            None,
            r"train-images-idx3-ubyte: holds uint8 of shape \(6,\); .* a file of labels\?",
        ),
        (
            {"test_labels": ARRAYS["test_images"]},
            None,
            r"t10k-labels-idx1-ubyte: holds uint8 of shape \(3, 5, 4\); .* a file of images\?",
        ),
        (
            {"test_labels": np.zeros(3, np.float32)},
            None,
            r"t10k-labels-idx1-ubyte: holds float32 of shape \(3,\); labels need",
        ),
        (
            {"train_images": np.zeros((6, 5, 4), np.float64)},
            None,
            "train-images-idx3-ubyte with .*train-labels-idx1-ubyte: images are float64",
        ),
        (
            {"train_labels": np.zeros(5, np.uint8)},
            None,
            "train-images-idx3-ubyte with .*: 6 images have 5 labels",
        ),
        (
            {"test_images": np.zeros((0, 5, 4), np.uint8), "test_labels": np.zeros(0, np.uint8)},
            None,
            "t10k-images-idx3-ubyte with .* empty",
        ),
        (
            {"test_images": np.zeros((3, 4, 5), np.uint8)},
            None,
            r"training pictures are \(5, 4, 1\), test pictures \(4, 5, 1\); need the same",
        ),
        (
            {"test_images": np.zeros((3, 5, 4, 3), np.uint8)},
            None,
            r"training pictures are \(5, 4, 1\), test pictures \(5, 4, 3\)",
        ),
        ({}, "abcd", r"t10k-images.*: labels go from 0 to 4; the 4 classes \(a, b, c, d\)"),
        (
            {"test_labels": np.array([0, -1, 0], np.int8)},
            None,
            "t10k-images.*: labels go from -1 to 0",
        ),
        (
            {"train_labels": np.array([0, 2**31 - 1, 0, 0, 0, 0], np.int32)},
            None,
            "labels go up to 2,147,483,647",
        ),
    ],
)
def test_refuses(tmp_path, changed, names, message):
    with pytest.raises(DataError, match=message) as error:
        idx(fill(tmp_path, **changed), names)
    assert str(tmp_path) in str(error.value)


def test_damage_names_the_file(tmp_path):
    path = fill(tmp_path) / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte: .* found 59: it is truncated"):
        idx(tmp_path)
