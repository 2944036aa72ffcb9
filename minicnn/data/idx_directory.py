"""Training and test set out of a folder of IDX files: MNIST, Fashion-MNIST, EMNIST, your own."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from minicnn.data.dataset import Dataset, numbered_classes
from minicnn.data.idx import read_idx
from minicnn.errors import DataError
from minicnn.files import StrPath

FILE_NAME = re.compile(
    r"((?P<prefix>.+)-)?(?P<part>train|t10k|test)-(?P<kind>images|labels)[-.]idx\d-\w+(\.gz)?"
)
ROLES = {  # and the name that MNIST gives to each
    "train images": "train-images-idx3-ubyte.gz",
    "train labels": "train-labels-idx1-ubyte.gz",
    "test images": "t10k-images-idx3-ubyte.gz",
    "test labels": "t10k-labels-idx1-ubyte.gz",
}


def idx(
    directory: StrPath,
    class_names: Sequence[str] | None = None,
    *,
    prefix: str | None = None,
) -> tuple[Dataset, Dataset]:
    """Read `(train, test)` from the four IDX files of a folder, gzipped or not.

    The files are known by their names: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the
    same with `t10k` or `test` for `train`; `.idx3-ubyte` for `-idx3-ubyte`; with `.gz` or without;
    and with a prefix, as in `emnist-letters-train-images-idx3-ubyte.gz`.

    - `class_names`: left out, the classes are "0" to the largest label of both sets. The letters
      of EMNIST start at label 1, so they have 27 classes, of which "0" has no picture.
    - `prefix`: which set to take where a folder holds several, for example `"emnist-letters"`.

    Images are (N, H, W, 1) from files of rank 3, (N, H, W, C) from files of rank 4, turned as they
    are stored: EMNIST stores every character transposed, `images.swapaxes(1, 2)` puts it upright.

    Raises `DataError` if a file is missing, damaged or ambiguous, is not what its name says, or if
    training and test pictures differ in shape.

    >>> import tempfile
    >>> from minicnn.data import write_idx
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for part, count in ("train", 3), ("t10k", 2):
    ...         file = f"{folder}/{part}-"
    ...         _ = write_idx(f"{file}images-idx3-ubyte", np.zeros((count, 8, 8), np.uint8))
    ...         _ = write_idx(f"{file}labels-idx1-ubyte", np.arange(count, dtype=np.uint8))
    ...     idx(folder)
    (Dataset(3 images (8, 8, 1) uint8, 3 classes), Dataset(2 images (8, 8, 1) uint8, 3 classes))
    """
    files = _find(Path(directory), prefix)
    images = [_read_images(files[f"{part} images"]) for part in ("train", "test")]
    labels = [_read_labels(files[f"{part} labels"]) for part in ("train", "test")]
    if class_names is None:
        with _about(directory):
            class_names = numbered_classes(max(int(each.max(initial=0)) for each in labels))
    with _about(files["train images"], files["train labels"]):
        train = Dataset(images[0], labels[0], tuple(class_names))
    with _about(files["test images"], files["test labels"]):
        test = Dataset(images[1], labels[1], tuple(class_names))
    if train.image_shape != test.image_shape:
        raise DataError(
            f"{directory}: training pictures are {train.image_shape}, test pictures "
            f"{test.image_shape}; need the same (H, W, C)"
        )
    return train, test


def _find(directory: Path, prefix: str | None) -> dict[str, Path]:
    """Give the one file of each role; `DataError` where there is none or a choice."""
    files = _idx_files(directory)
    prefixes = sorted({found for found, _, _ in files})
    if prefix is None and len(prefixes) > 1:
        raise DataError(
            f"{directory}: holds several sets, {', '.join(map(repr, prefixes))}; choose one with "
            f"prefix=…. Its files: {_listed(files)}"
        )
    chosen: dict[str, list[str]] = {role: [] for role in ROLES}
    for found, role, name in files:
        if prefix in (None, found):
            chosen[role].append(name)
    for role, names in chosen.items():
        if len(names) != 1:
            example = f"{prefix}-{ROLES[role]}" if prefix else ROLES[role]
            raise DataError(
                f"{directory}: needs exactly one file of {role}, named like {example}; found "
                f"{', '.join(names) or 'none'}. Its IDX files: {_listed(files) or 'none'}"
            )
    return {role: directory / names[0] for role, names in chosen.items()}


def _idx_files(directory: Path) -> list[tuple[str, str, str]]:
    """List the files that have the name of a part of a set, as (prefix, role, name)."""
    try:
        names = sorted(os.listdir(directory))
    except OSError as error:
        raise DataError(f"{directory}: cannot be read as a folder: {error.strerror}") from error
    matches = [match for name in names if (match := FILE_NAME.fullmatch(name))]
    return [(match["prefix"] or "", _role(match), match[0]) for match in matches]


def _role(match: re.Match[str]) -> str:
    part = "train" if match["part"] == "train" else "test"
    return f"{part} {match['kind']}"


def _listed(files: list[tuple[str, str, str]]) -> str:
    return ", ".join(name for _, _, name in files)


def _read_images(path: Path) -> np.ndarray:
    images = read_idx(path)
    if images.ndim == 3:
        return images[..., np.newaxis]  # (N, H, W) -> (N, H, W, 1)
    if images.ndim == 4:
        return images
    raise DataError(
        f"{path}: holds {images.dtype} of shape {images.shape}; images need (N, H, W) or "
        "(N, H, W, C). Is it a file of labels?"
    )


def _read_labels(path: Path) -> np.ndarray:
    labels = read_idx(path)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(
            f"{path}: holds {labels.dtype} of shape {labels.shape}; labels need (N,) whole "
            "numbers. Is it a file of images?"
        )
    return labels


@contextmanager
def _about(*paths: StrPath) -> Iterator[None]:
    """Name the files in a `DataError` that was raised about their arrays."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{' with '.join(map(str, paths))}: {error}") from error
