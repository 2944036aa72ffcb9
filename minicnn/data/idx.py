"""The IDX format, in which MNIST and its relatives are kept.

A file is the bytes `00 00`, one byte for the element type, one for the number of dimensions, each
dimension as a big-endian 32-bit count, then the elements in C order, big-endian. Source: "The IDX
file format" on Yann LeCun's MNIST page, http://yann.lecun.com/exdb/mnist/.
"""

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from minicnn.errors import DataError
from minicnn.files import StrPath, atomic

ELEMENT_TYPES: dict[int, np.dtype] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
TYPE_NAMES = ", ".join(f"{code:02x} {dtype.name}" for code, dtype in ELEMENT_TYPES.items())
GZIP_MAGIC = b"\x1f\x8b"
CHUNK = 1 << 20


def read_idx(path: StrPath) -> np.ndarray:
    """Read the array of an IDX file, gzipped or not; the content decides, not the name.

    The array has the shape of the file's header and the native dtype of its element type: uint8,
    int8, int16, int32, float32 or float64. Raises `DataError`, naming the file, if it cannot be
    read, is not IDX, or holds less or more than its header says.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_idx(Path(folder, "steps.gz"), np.array([[1, 2, 3]], np.int16))
    ...     read_idx(path)
    array([[1, 2, 3]], dtype=int16)
    """
    with _unpacked(path) as stream:
        dtype, shape = _read_header(stream, path)
        needed = math.prod(shape) * dtype.itemsize
        payload = _read_at_most(stream, needed + 1)
    if len(payload) != needed:
        short = len(payload) < needed
        found = f"{len(payload):,}: it is truncated" if short else "more: bytes follow the data"
        raise DataError(
            f"{path}: the header says {dtype.name} {shape}, {needed:,} bytes of data; found {found}"
        )
    try:
        array = np.frombuffer(payload, dtype).reshape(shape)
    except ValueError as error:  # more than 64 dimensions, or (0, 2**32 - 1, 2**32 - 1)
        raise DataError(f"{path}: no array can have the header's {shape}: {error}") from error
    return array.astype(dtype.newbyteorder("="), copy=False)


def write_idx(
    path: StrPath,
    array: np.ndarray,
    *,
    compress: bool | None = None,
    overwrite: bool = False,
) -> Path:
    """Write an array as an IDX file and give its path; the file appears whole or not at all.

    `compress` is yes for a name that ends in `.gz`, unless given. Equal arrays give equal bytes.
    Raises `DataError` for a dtype that IDX does not have, for a scalar, and for a file that is
    there already unless `overwrite`; `WriteError` for a place that cannot be written.

    >>> write_idx("labels", np.array([1, 2]))
    Traceback (most recent call last):
    minicnn.errors.DataError: labels: IDX cannot hold int64 of shape (2,); it needs at least one \
dimension and one of uint8, int8, int16, int32, float32, float64 (see .astype)
    """
    path, array = Path(path), np.asarray(array)
    header = idx_header(array, path)
    content = header + array.astype(array.dtype.newbyteorder(">"), copy=False).tobytes()
    if compress is None:
        compress = path.suffix == ".gz"
    if compress:
        content = gzip.compress(content, compresslevel=6, mtime=0)
    with atomic(path, overwrite) as partial:
        if path.exists() and not overwrite:
            raise DataError(f"{path}: is there already; overwrite=True would replace it")
        partial.write_bytes(content)
    return path


def idx_header(array: np.ndarray, path: StrPath) -> bytes:
    """Give the header of an array's IDX file, or raise the `DataError` of one that has none.

    >>> idx_header(np.zeros((2, 28, 28), np.uint8), "digits").hex(" ", 4)
    '00000803 00000002 0000001c 0000001c'
    """
    codes = [code for code, dtype in ELEMENT_TYPES.items() if dtype.name == array.dtype.name]
    if not codes or array.ndim == 0:
        known = ", ".join(dtype.name for dtype in ELEMENT_TYPES.values())
        raise DataError(
            f"{path}: IDX cannot hold {array.dtype} of shape {array.shape}; it needs at least one "
            f"dimension and one of {known} (see .astype)"
        )
    return struct.pack(f">HBB{array.ndim}I", 0, codes[0], array.ndim, *array.shape)


@contextmanager
def _unpacked(path: StrPath) -> Iterator[BinaryIO]:
    """Open the file for reading, through gzip where it is gzip; turn failures into `DataError`."""
    try:
        with open(path, "rb") as file:
            if file.peek(2)[:2] == GZIP_MAGIC:
                with gzip.GzipFile(fileobj=file) as unzipped:
                    yield cast(BinaryIO, unzipped)
            else:
                yield file
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: needs whole gzip data; found it damaged: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _read_header(stream: BinaryIO, path: StrPath) -> tuple[np.dtype, tuple[int, ...]]:
    magic = stream.read(4)
    if not magic:
        raise DataError(f"{path}: is empty (0 bytes); need an IDX file")
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in ELEMENT_TYPES or not magic[3]:
        raise DataError(
            f"{path}: starts with {magic.hex(' ')}; an IDX file starts with 00 00, an element type "
            f"({TYPE_NAMES}) and the number of dimensions"
        )
    rank = magic[3]
    dimensions = stream.read(4 * rank)
    if len(dimensions) < 4 * rank:
        raise DataError(
            f"{path}: the header says {rank} dimensions, which need {4 * rank} bytes; found "
            f"{len(dimensions)}: the file is truncated"
        )
    return ELEMENT_TYPES[magic[2]], struct.unpack(f">{rank}I", dimensions)


def _read_at_most(stream: BinaryIO, limit: int) -> bytearray:
    """Read chunk by chunk, so that memory follows what is there and not what a header promises."""
    content = bytearray()
    while chunk := stream.read(min(CHUNK, limit - len(content))):
        content += chunk
    return content
