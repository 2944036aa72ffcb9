"""What a client sends, decoded: a picture of any format, by itself or in a form, or numbers."""

import contextlib
import io
import warnings
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError
from pydantic_core import from_json
from starlette.exceptions import HTTPException

from minicnn.errors import PictureError, one_line
from minicnn.nn import Sequential
from minicnn.reader.picture import PictureSource
from minicnn.reader.recognise import frame_shape
from minicnn.web.schemas import Numeric, Question, Seen, misfit

FORM = "multipart/form-data"
JSON = "application/json"

Asked = TypeVar("Asked", bound=Question)


def kind_of(content_type: str) -> str:
    """Return a content type without its parameters.

    >>> kind_of("Application/JSON; charset=utf-8")
    'application/json'
    """
    return content_type.partition(";")[0].strip().lower()


def picture(content_type: str, body: bytes, most_pixels: int) -> PictureSource:
    """Return what `open_picture` takes.

    - `content_type`: of `FORM`, `JSON`, or a picture.

    Raises `HTTPException` for what is no form, or not the JSON that it must be, `PictureError` for
    what is no picture.
    """
    kind = kind_of(content_type)
    if kind == JSON:
        rows = question(Numeric, body).pixels
        try:
            return np.asarray(rows)
        except (ValueError, OverflowError) as error:
            raise PictureError("has rows of different lengths, or what is no number") from error
    if kind == FORM:
        body = _file(content_type, body)
    width, height = _size(body)
    if width * height > most_pixels:
        raise PictureError(
            f"is {width:,} × {height:,} pixels; up to {most_pixels:,} pixels are read here"
        )
    return body


def seen(model: Sequential, asked: Seen) -> NDArray[np.float32]:
    """Return the picture of a question as the model takes it: (H, W, 1) in [0, 1].

    Raises `PictureError` if it is not of the model's own shape.
    """
    height, width = frame_shape(model)
    if len(asked.seen) != height or any(len(row) != width for row in asked.seen):
        raise PictureError(f"in `seen` must be {height} rows of {width} numbers, as of /predict")
    return (np.array(asked.seen) / 255).astype(np.float32)[..., np.newaxis]


def question(kind: type[Asked], body: bytes) -> Asked:
    """Return the JSON of a body; `HTTPException` 400 for what is none, 422 for JSON of another
    form.

    >>> question(Seen, b'{"seen": [[0, 255]], "label": "of /predict"}')
    Seen(seen=[[0.0, 255.0]])
    """
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise HTTPException(400, f"the body is no JSON: {error}") from error
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise HTTPException(422, misfit(error.errors())) from error


def _file(content_type: str, body: bytes) -> bytes:
    """Return the first file in a form."""
    from python_multipart import parse_form
    from python_multipart.exceptions import FormParserError

    found: list[Any] = []
    try:
        headers = {"Content-Type": content_type.encode("latin-1")}
        parse_form(headers, io.BytesIO(body), lambda _: None, found.append)
    except (FormParserError, ValueError) as error:
        raise HTTPException(400, f"the body is no form: {one_line(error)}") from error
    if not found:
        raise HTTPException(400, "there is no file in the form; send one: curl -F picture=@FILE")
    file = found[0].file_object
    file.seek(0)
    content: bytes = file.read()
    return content


def _size(body: bytes) -> tuple[int, int]:
    """Read the size from the first bytes, so that a bomb is known before it is decoded.

    0 if it cannot be told: then `open_picture` says what is wrong.
    """
    with contextlib.suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(body)) as image:
            return image.size
    return 0, 0
