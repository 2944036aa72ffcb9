"""HDF5 files of somebody else, read with care: no links to elsewhere, no giants."""

import io
from typing import Any

import numpy as np

from minicnn.bridge.extras import required
from minicnn.errors import FileError
from minicnn.files import Room
from minicnn.tape import Array

BFLOAT16 = "V2"
"""The first half of a float32, for which HDF5 has no type: two bytes of any meaning."""


def opened(content: bytes) -> Any:
    """Return the `h5py.File` of a file's content.

    Raises `ValueError` if one of its heaps, in which texts are, is said to be longer than all of
    it: HDF5 would make room for as much before it looks.
    """
    h5py = required("h5py")
    start = -1
    while (start := content.find(b"GCOL\1\0\0\0", start + 1)) >= 0:  # its name and version
        size = int.from_bytes(content[start + 8 : start + 16], "little")
        if size > len(content):
            raise ValueError(f"a heap of texts of {size:,} bytes")
    return h5py.File(io.BytesIO(content), "r")


def contents(h5: Any) -> dict[str, Any]:
    """Return the groups and datasets by path, each once; links to elsewhere are not followed.

    Keras 2 on Windows has put its own separator, ``\\``, into some names.
    """
    found: dict[str, Any] = {}
    h5.visititems(lambda name, each: found.__setitem__(name.replace("\\", "/"), each))
    return found


def array_of(dataset: Any, room: Room) -> Array:
    """Return the numbers of a dataset, as float32.

    Raises `FileError` if it is none, if they lie in another file, or there is no room.
    """
    shape = getattr(dataset, "shape", None)
    kind = getattr(dataset, "dtype", np.dtype("O")).str[1:]
    if shape is None or (kind[0] not in "fiu" and kind != BFLOAT16):
        raise FileError(f"{dataset.name} must be numbers")
    if dataset.external is not None or dataset.is_virtual:
        raise FileError(f"{dataset.name} lies in another file")
    largest = max(dataset.size, int(np.prod(dataset.chunks or (), dtype=object)))
    room.take(largest * dataset.dtype.itemsize, dataset.name)
    array = dataset[()]
    if kind == BFLOAT16:
        array = (array.view("<u2").astype("<u4") << 16).view("<f4")
    with np.errstate(over="ignore"):  # it is infinite then, and refused as that
        return np.asarray(array, np.float32)
