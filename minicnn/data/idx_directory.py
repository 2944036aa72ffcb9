"""Training and test set out of a folder of IDX files: MNIST, Fashion-MNIST, EMNIST, your own."""

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minicnn.data.dataset import Dataset, numbered_classes
from minicnn.data.idx import read_idx
from minicnn.errors import DataError, Notice
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

TRANSPOSED = "emnist"
"""How the prefix of a set begins whose pictures are stored on their side."""


def idx(
    directory: StrPath,
    class_names: Sequence[str] | None = None,
    *,
    prefix: str | None = None,
) -> tuple[Dataset, Dataset]:
    """Read `(train, test)` from the four IDX files of a folder, gzipped or not.

    The files are known by their names: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the
    same with `t10k` or `test` for `train`; `.idx3-ubyte` for `-idx3-ubyte`; with `.gz` or without;
    and with a prefix, as in `emnist-letters-train-images-idx3-ubyte.gz`. A file may lie in a folder
    of such a name, and all of them in `raw` or `NAME/raw`, as torchvision leaves them. Several
    files of one part are read if they hold the same.

    - `class_names`: left out, the classes are "0" to the largest label of both sets. The letters
      of EMNIST start at label 1, so they have 27 classes, of which "0" has no picture.
    - `prefix`: which set to take where a folder holds several, for example `"emnist-letters"`.

    Images are (N, H, W, 1) from files of rank 3, (N, H, W, C) from files of rank 4. EMNIST stores
    every character transposed: where the prefix begins with `emnist`, they are put upright, and a
    `Notice` says so.

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
    found, files = _find(Path(directory), prefix)
    images = [_read(files[f"{part} images"], _read_images) for part in ("train", "test")]
    labels = [_read(files[f"{part} labels"], _read_labels) for part in ("train", "test")]
    if found.lower().startswith(TRANSPOSED):
        images = [each.swapaxes(1, 2) for each in images]
        warnings.warn(
            f"{directory}: the pictures of {found} are stored on their side, as EMNIST's are; they "
            "were put upright",
            Notice,
            stacklevel=2,
        )
    if class_names is None:
        with _about(directory):
            class_names = numbered_classes(max(int(each.max(initial=0)) for each in labels))
    sets = []
    for part, pictures, numbers in zip(("train", "test"), images, labels, strict=True):
        with _about(files[f"{part} images"][0], files[f"{part} labels"][0]):
            sets.append(Dataset(pictures, numbers, tuple(class_names)))
    train, test = sets
    if train.image_shape != test.image_shape:
        raise DataError(
            f"{directory}: training pictures are {train.image_shape}, test pictures "
            f"{test.image_shape}; need the same (H, W, C)"
        )
    return train, test


class _File(NamedTuple):
    """A file that has the name of a part of a set."""

    prefix: str
    role: str
    path: Path


def _find(directory: Path, prefix: str | None) -> tuple[str, dict[str, list[Path]]]:
    """Return the prefix of the set and the files of each role; `DataError` if one has none."""
    files = _idx_files(directory)
    prefixes = sorted({file.prefix for file in files})
    if prefix is None and len(prefixes) > 1:
        raise DataError(
            f"{directory}: holds several sets, {', '.join(map(repr, prefixes))}; choose one with "
            f"--prefix (prefix=…). Its files: {_listed(files)}"
        )
    chosen = [file for file in files if prefix in (None, file.prefix)]
    roles = {role: [file.path for file in chosen if file.role == role] for role in ROLES}
    for role, paths in roles.items():
        if not paths:
            example = f"{prefix}-{ROLES[role]}" if prefix else ROLES[role]
            raise DataError(
                f"{directory}: needs a file of {role}, named like {example}; found none. "
                f"Its IDX files: {_listed(files) or 'none'}"
            )
    return (prefixes[0] if prefix is None else prefix), roles


def _idx_files(directory: Path) -> list[_File]:
    """List the files of sets in a folder, or in the one `raw` that torchvision made below it."""
    files = _files_in(directory)
    if files:
        return files
    below = {}
    for raw in (directory / "raw", *sorted(directory.glob("*/raw"))):
        if raw.is_dir() and (found := _files_in(raw)):
            below[raw] = found
    if len(below) > 1:
        raise DataError(
            f"{directory}: holds several sets; give the folder of one: {', '.join(map(str, below))}"
        )
    return next(iter(below.values()), [])


def _files_in(directory: Path) -> list[_File]:
    files = []
    for path in _listdir(directory):
        if match := FILE_NAME.fullmatch(path.name):
            file = _File(match["prefix"] or "", _role(match), path)
            inside = _listdir(path) if path.is_dir() else [path]
            matches = [(FILE_NAME.fullmatch(each.name), each) for each in inside if each.is_file()]
            files += [
                file._replace(path=each) for m, each in matches if m and _role(m) == file.role
            ]
    return files


def _listdir(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{directory}: cannot be read as a folder: {reason}") from error


def _role(match: re.Match[str]) -> str:
    part = "train" if match["part"] == "train" else "test"
    return f"{part} {match['kind']}"


def _listed(files: list[_File]) -> str:
    return ", ".join(file.path.name for file in files)


def _read(paths: Sequence[Path], read: Callable[[Path], np.ndarray]) -> np.ndarray:
    """Read one file of several that are to hold the same: a file and its gzip, say."""
    first, *others = paths
    array = read(first)
    for other in others:
        if not np.array_equal(read(other), array):
            raise DataError(f"{first} and {other} hold different data; remove one of them")
    return array


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
