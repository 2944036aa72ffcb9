"""The body of a request as a picture: a file of any format, by itself or in a form, or numbers."""

import contextlib
import io
import json
import warnings
from typing import Any, NoReturn

import numpy as np
from PIL import Image

from minicnn.errors import PictureError, one_line
from minicnn.reader.picture import PictureSource

FORM = "multipart/form-data"
JSON = "application/json"


class MalformedError(ValueError):
    """The body is not what its content type says."""


def kind_of(content_type: str) -> str:
    """A content type without its parameters.

    >>> kind_of("Application/JSON; charset=utf-8")
    'application/json'
    """
    return content_type.partition(";")[0].strip().lower()


def picture(content_type: str, body: bytes, most_pixels: int) -> PictureSource:
    """What `open_picture` takes.

    - `content_type`: of `FORM`, `JSON`, or a picture.

    Raises `MalformedError` for what is no form or no JSON, `PictureError` for what is no picture.
    """
    kind = kind_of(content_type)
    if kind == JSON:
        return _pixels(body)
    if kind == FORM:
        body = _file(content_type, body)
    _refuse_large(body, most_pixels)
    return body


def _file(content_type: str, body: bytes) -> bytes:
    """The first file in a form."""
    from python_multipart import parse_form
    from python_multipart.exceptions import FormParserError

    found: list[Any] = []
    try:
        headers = {"Content-Type": content_type.encode("latin-1")}
        parse_form(headers, io.BytesIO(body), _ignore, found.append)
    except (FormParserError, ValueError) as error:
        raise MalformedError(f"the body is no form: {one_line(error)}") from error
    if not found:
        raise MalformedError("there is no file in the form; send one, as curl -F picture=@FILE")
    file = found[0].file_object
    file.seek(0)
    content: bytes = file.read()
    return content


def _ignore(_: object) -> None:
    """What is no file."""


def _pixels(body: bytes) -> np.ndarray:
    """The array in ``{"pixels": [[…], …]}``.

    >>> _pixels(b'{"pixels": [[0, 0.5], [1, 0]]}')
    array([[0. , 0.5],
           [1. , 0. ]])
    """
    value = json_object(body)
    if value.keys() != {"pixels"}:
        raise MalformedError('the JSON must be {"pixels": [[…], …]}, rows of numbers')
    try:
        return np.asarray(value["pixels"])
    except (ValueError, OverflowError) as error:
        raise PictureError("has rows of different lengths, or something that is no row") from error


def json_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object; `MalformedError` for anything else.

    >>> json_object(b'{"index": [1, 2]}')
    {'index': [1, 2]}
    """
    try:
        value = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise MalformedError(f"the body is no JSON: {reason}") from error
    if not isinstance(value, dict):
        raise MalformedError("the JSON must be an object, {…}")
    return value


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
