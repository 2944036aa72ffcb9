"""Any picture as grey numbers: a file that Pillow can read, or an array.

The file may be anyone's: its pixels are limited, and whatever a decoder raises for a damaged file
becomes a `PictureError` of one line.
"""

import contextlib
import io
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from minicnn.errors import PictureError
from minicnn.files import StrPath

Grey = NDArray[np.float32]
T = TypeVar("T")
PictureSource = StrPath | bytes | Image.Image | ArrayLike

MOST_PIXELS = 2**26  # 67 million, the largest that a phone makes; RGBA of it takes 270 MB
LARGEST_SIDE = 1600  # beyond it a picture is reduced: a digit needs 20 pixels, not 2,000
SMALLEST_SIDE = 5
LEVELS = (1, 255, 65535)  # what white may be, in an array of numbers

# Pillow hands these to another program, which is no place for a stranger's file.
REFUSED_FORMATS = {"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"}  # Pillow cannot draw the last four


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture in grey.

    - `grey`: float32, `(H, W)`, from 0 (black) to 1 (white).
    - `notes`: what the reader of the answer should know, such as that it was animated.
    """

    grey: Grey
    notes: tuple[str, ...] = ()


def open_picture(source: PictureSource) -> Picture:
    """Open a picture in grey, upright, on white where transparent, at most 1600 pixels a side.

    - `source`: a path, a file's bytes, a Pillow image, or an array: `(H, W)`, `(H, W, 1)`,
      `(H, W, 3)` or `(H, W, 4)`, where white is 255 in uint8, 65535 in uint16, and otherwise the
      first of 1, 255 and 65535 that no number exceeds.

    Raises `PictureError` for what cannot be read, has more than 67 million pixels, or is less than
    5 pixels wide or high.

    >>> open_picture(np.array([[0, 51, 255, 255, 255]] * 5, np.uint8)).grey[0]
    array([0. , 0.2, 1. , 1. , 1. ], dtype=float32)
    """
    if isinstance(source, str | os.PathLike):
        return _from_file(source, _from_image)
    if isinstance(source, bytes):
        return _decoded(io.BytesIO(source), _from_image)
    if isinstance(source, Image.Image):
        return _from_image(source)
    return Picture(_checked_size(_from_array(np.asarray(source))))


def open_image(path: StrPath) -> Image.Image:
    """Open a picture file with Pillow, upright, in full size: to crop parts from.

    Raises `PictureError` as `open_picture` does.
    """
    return _from_file(path, _upright)


def is_picture(path: Path) -> bool:
    """Whether a file is a picture, by the ending of its name or by how it begins."""
    if path.suffix.lower() in endings():
        return True
    try:
        _from_file(path, lambda image: None)
    except PictureError:
        return False
    return True


def _from_file(path: StrPath, then: Callable[[Image.Image], T]) -> T:
    path = Path(path)
    try:
        if not path.exists():
            raise PictureError("there is no such file")
        if not path.is_file():  # nor a pipe, which would be waited for
            raise PictureError("is a folder" if path.is_dir() else "is not a regular file")
        with open(path, "rb") as file:
            return _decoded(file, then)
    except OSError as error:  # not ours to read, or a name too long
        raise PictureError(f"cannot be opened: {error.strerror or error}") from error


def _decoded(file: BinaryIO, then: Callable[[Image.Image], T]) -> T:
    """Return what `then` makes of the picture in a file, which is open only as long."""
    if not file.read(1):
        raise PictureError("is empty: 0 bytes")
    file.seek(0)
    try:
        # Pillow only warns of sizes between its own limit and twice that; ours is below both.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(file, formats=_formats()) as image:
                return then(image)
    except PictureError:
        raise
    except UnidentifiedImageError as error:
        raise PictureError("is not a picture of a format that can be read") from error
    except Image.DecompressionBombError as error:
        raise PictureError(_too_large()) from error
    except MemoryError as error:
        raise PictureError("does not fit into the memory") from error
    except Exception as error:  # a damaged file leads decoders to errors of a dozen kinds
        reason = " ".join(f"{error}".split()) or type(error).__name__
        raise PictureError(f"is damaged or cut off: {reason}") from error


def endings() -> set[str]:
    """Return the endings of the names of picture files, in small letters: ".png", ".jpg", …"""
    formats = _formats()
    return {ending for ending, name in Image.registered_extensions().items() if name in formats}


def _formats() -> list[str]:
    Image.init()
    return [name for name in Image.OPEN if name not in REFUSED_FORMATS]


def _too_large(size: tuple[int, int] | None = None) -> str:
    pixels = f"is {size[0]:,} × {size[1]:,} pixels" if size else "is too large"
    return f"{pixels}; up to {MOST_PIXELS:,} pixels are read"


def _from_image(image: Image.Image) -> Picture:
    _refuse_huge(image)
    notes = _animation(image)
    image.draft("L", (LARGEST_SIDE, LARGEST_SIDE))  # a JPEG is decoded smaller at once
    return Picture(_checked_size(_grey(_upright(image))), notes)


def _refuse_huge(image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise PictureError(_too_large(image.size))


def _upright(image: Image.Image) -> Image.Image:
    _refuse_huge(image)
    image.load()
    with contextlib.suppress(Exception):  # damaged EXIF data are no reason to refuse a picture
        image = ImageOps.exif_transpose(image)
    return image


def _animation(image: Image.Image) -> tuple[str, ...]:
    """Note if there are several pictures; an MPO has but the same one in several sizes."""
    frames = getattr(image, "n_frames", 1) if image.format != "MPO" else 1
    return (f"the first of its {frames} pictures was read",) if frames > 1 else ()


def _grey(image: Image.Image) -> Grey:
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits and more, which Pillow would cut
        return _from_array(np.asarray(image, np.uint16 if "16" in image.mode else np.float32))
    if image.has_transparency_data:
        return _on_paper(image if image.mode == "RGBA" else image.convert("RGBA"))
    if image.mode == "LAB":
        image = image.getchannel("L")
    if image.mode not in ("L", "RGB", "1"):
        image = image.convert("RGB")
    return _reduced(image.convert("L"))


def _on_paper(image: Image.Image) -> Grey:
    """Over white; over black if white on white would show nothing."""
    ink, alpha = image.convert("L"), image.getchannel("A")
    on_white, on_black = (
        _reduced(Image.composite(ink, Image.new("L", image.size, paper), alpha))
        for paper in (255, 0)
    )
    return on_white if np.ptp(on_white) > 0.02 or np.ptp(on_black) == 0 else on_black


def _reduced(image: Image.Image) -> Grey:
    """Averages over squares of pixels, if it is larger than need be."""
    factor = -(-max(image.size) // LARGEST_SIDE)
    image = image.reduce(factor) if factor > 1 else image
    return np.asarray(image, np.float32) / np.float32(255)


def _from_array(array: NDArray[Any]) -> Grey:
    if array.dtype.kind not in "buif":
        raise PictureError(f"an array of {array.dtype} is no picture; need numbers")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise PictureError(
            f"an array of shape {array.shape} is no picture; need (H, W), (H, W, 1), (H, W, 3) or "
            "(H, W, 4)"
        )
    if array.shape[0] * array.shape[1] > MOST_PIXELS:
        raise PictureError(_too_large(array.shape[1::-1]))
    scaled = _scaled(array)
    if array.ndim == 3:
        return _grey(Image.fromarray(np.round(255 * scaled).astype(np.uint8)))
    factor = -(-max(array.shape) // LARGEST_SIDE)
    return np.asarray(Image.fromarray(scaled).reduce(factor)) if factor > 1 else scaled


def _scaled(array: NDArray[Any]) -> NDArray[np.float32]:
    """Scale to 0…1, in the same shape."""
    if array.dtype in (np.uint8, np.uint16):
        return (array / np.float32(np.iinfo(array.dtype).max)).astype(np.float32)
    values = array.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    white = next((level for level in LEVELS if high <= level), None)
    if not low >= 0 or white is None:  # NaN compares as False
        raise PictureError(f"its numbers go from {low:g} to {high:g}; need 0 to 1, 255 or 65535")
    return values / np.float32(white)


def _checked_size(grey: Grey) -> Grey:
    height, width = grey.shape
    if min(height, width) < SMALLEST_SIDE:
        raise PictureError(
            f"is {width} × {height} pixels; need at least {SMALLEST_SIDE} × {SMALLEST_SIDE}"
        )
    return grey
