"""The body of a request as a picture: a file of any format, or JSON with numbers."""

import contextlib
import io
import json
import warnings
from typing import NoReturn

import numpy as np
from PIL import Image

from minicnn.errors import PictureError
from minicnn.reader.picture import Source

JSON = "application/json"


class MalformedError(ValueError):
    """The body is not what its content type says."""


def picture(kind: str, body: bytes, most_pixels: int) -> Source:
    """What `open_picture` takes.

    - `kind`: the content type: `JSON`, or that of a picture.

    Raises `MalformedError` for what is no JSON, `PictureError` for what is no picture.
    """
    if kind == JSON:
        return _pixels(body)
    _refuse_large(body, most_pixels)
    return body


def _pixels(body: bytes) -> np.ndarray:
    """The array in ``{"pixels": [[…], …]}``.

    >>> _pixels(b'{"pixels": [[0, 0.5], [1, 0]]}')
    array([[0. , 0.5],
           [1. , 0. ]])
    """
    try:
        value = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise MalformedError(f"the body is no JSON: {reason}") from error
    if not isinstance(value, dict) or value.keys() != {"pixels"}:
        raise MalformedError('the JSON must be {"pixels": [[…], …]}, rows of numbers')
    try:
        return np.asarray(value["pixels"])
    except (ValueError, OverflowError) as error:
        raise PictureError("has rows of different lengths, or something that is no row") from error


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _refuse_large(body: bytes, most_pixels: int) -> None:
    width, height = _size(body)
    if width * height > most_pixels:
        raise PictureError(
            f"is {width:,} × {height:,} pixels; up to {most_pixels:,} pixels are read here"
        )


def _size(body: bytes) -> tuple[int, int]:
    """It stands in the first bytes, so that a bomb is known before it is decoded.

    0 if it cannot be told: then `open_picture` says what is wrong.
    """
    with contextlib.suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(body)) as image:
            return image.size
    return 0, 0
