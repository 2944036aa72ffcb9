"""MNIST as it is shipped with minicnn: 70,000 handwritten digits."""

import functools
import hashlib
from importlib import resources

import numpy as np

from minicnn.data.dataset import Dataset, numbered_classes
from minicnn.data.idx import idx_header, read_idx
from minicnn.errors import DataError

FOLDER = resources.files("minicnn.data") / "mnist_idx"

# Of the unzipped files, so that another way of zipping them is not taken for damage.
MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def mnist() -> tuple[Dataset, Dataset]:
    """Give `(train, test)`: 60,000 and 10,000 pictures (28, 28, 1) uint8, white on black.

    They come from the files inside the package, checked by their MD5 and kept for the next call.
    Raises `DataError` if a file is missing or is not MNIST's.

    >>> mnist()  # doctest: +NORMALIZE_WHITESPACE
    (Dataset(60000 images (28, 28, 1) uint8, 10 classes),
     Dataset(10000 images (28, 28, 1) uint8, 10 classes))
    """
    return both_parts()


@functools.cache
def both_parts() -> tuple[Dataset, Dataset]:
    """Read `(train, test)` once; `both_parts.cache_clear()` lets the bytes go."""
    return _part("train"), _part("t10k")


def _part(part: str) -> Dataset:
    images = _verified(f"{part}-images-idx3-ubyte")[..., np.newaxis]  # (N, 28, 28, 1)
    return Dataset(images, _verified(f"{part}-labels-idx1-ubyte"), numbered_classes(9))


def _verified(name: str) -> np.ndarray:
    with resources.as_file(FOLDER / f"{name}.gz") as path:
        array = read_idx(path)
    # An array has one header only, so these are the bytes of the unzipped file.
    md5 = hashlib.md5(idx_header(array, path), usedforsecurity=False)
    md5.update(array.ravel().data)
    if md5.hexdigest() != MD5[name]:
        raise DataError(
            f"{path}: its content has MD5 {md5.hexdigest()}, that of MNIST is {MD5[name]}; "
            "install minicnn again"
        )
    return array
