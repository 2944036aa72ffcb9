"""The fields of a form: where on a scan which number is written, from a file of JSON."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from minicnn.data.class_names import MOST_LETTERS
from minicnn.errors import DataError, PictureError
from minicnn.files import StrPath
from minicnn.plain_data import read_json

FORM = 'need {"name": [left, top, right, bottom], …}, or {"box": […], "expect": 5} for a box'

NAME = f"need up to {MOST_LETTERS} letters that can be printed"


@dataclass(frozen=True)
class Field:
    """A part of every scan of a form.

    - `box`: left, top, right and bottom, in pixels of the scan.
    - `expect`: how many digits are written there, if that is known.
    """

    name: str
    box: tuple[int, int, int, int]
    expect: int | None = None

    def cut_out(self, image: Image.Image) -> Image.Image:
        """Cut the field out of a scan; raise `PictureError` if it is not all on it.

        >>> Field("year", (2, 1, 9, 8)).cut_out(Image.new("L", (20, 10))).size
        (7, 7)
        """
        left, top, right, bottom = self.box
        if not (0 <= left < right <= image.width and 0 <= top < bottom <= image.height):
            raise PictureError(
                f"the box {list(self.box)} is not all on the picture, which is {image.width} × "
                f"{image.height} pixels"
            )
        return image.crop(self.box)


def load_fields(path: StrPath) -> tuple[Field, ...]:
    """Read the fields that a JSON file names, in its order.

    It holds an object: for each name a box, ``[left, top, right, bottom]``, or an object with the
    `box` and how many digits to `expect`. Raises `DataError` for everything else.
    """
    path = Path(path)
    content = read_json(path, DataError)
    if not content:
        raise DataError(f"{path}: holds no fields; {FORM}")
    return tuple(_fields(path, content))


def _fields(path: Path, content: dict[str, Any]) -> Iterator[Field]:
    for name, value in content.items():
        if not name.isprintable() or len(name) > MOST_LETTERS:
            raise DataError(f"{path}: {name[:80]!r} is no name of a field; {NAME}")
        about = value if isinstance(value, dict) else {"box": value}
        box, expect = about.get("box", ()), about.get("expect")
        if about.keys() - {"box", "expect"} or not _is_box(box) or not _is_count(expect):
            raise DataError(f"{path}: the field {name!r} is {json.dumps(value)[:80]}; {FORM}")
        left, top, right, bottom = box
        yield Field(name, (left, top, right, bottom), expect)


def _is_box(box: Any) -> bool:
    return isinstance(box, list) and len(box) == 4 and all(type(n) is int for n in box)


def _is_count(expect: Any) -> bool:
    return expect is None or (type(expect) is int and expect > 0)
