"""The fields of a form, as people write them down, and as they get them wrong."""

import json

import pytest
from PIL import Image

from minicnn.errors import DataError, PictureError
from minicnn.reader.fields import Field, load_fields


def test_boxes_and_counts_are_read_in_order(tmp_path):
    path = tmp_path / "form.json"
    content = {"year": [1, 2, 30, 40], "code": {"box": [0, 0, 5, 5], "expect": 5}}
    path.write_text(json.dumps(content))
    assert load_fields(path) == (
        Field("year", (1, 2, 30, 40)),
        Field("code", (0, 0, 5, 5), expect=5),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read as JSON"),
        ("{", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("[1, 2]", "holds no JSON object"),
        ("{}", "holds no fields"),
        ('{"year": [1, 2, 3]}', r"'year' is \[1, 2, 3\]; need"),
        ('{"year": [1, 2, 3, NaN]}', "NaN is no number"),
        ('{"year": [1, 2, 3, true]}', "'year' is"),
        ('{"year": "1,2,3,4"}', "'year' is"),
        ('{"year": {"box": [1, 2, 3, 4], "expect": 0}}', "'year' is"),
        ('{"year": {"box": [1, 2, 3, 4], "digits": 5}}', "'year' is"),
        ('{"a\\nb": [1, 2, 3, 4]}', r"'a\\nb' is no name of a field"),
        ('{"\\u0000": [1, 2, 3, 4]}', "is no name of a field"),
        ('{"\\ud800": [1, 2, 3, 4]}', "is no name of a field"),
        (json.dumps({"a" * 61: [1, 2, 3, 4]}), "need up to 60 letters"),
    ],
)
def test_what_is_no_form_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "form.json"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as error:
        load_fields(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_a_file_that_is_not_there_or_no_text(tmp_path):
    with pytest.raises(DataError, match="there is no such file"):
        load_fields(tmp_path / "none.json")
    (tmp_path / "form.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read as JSON"):
        load_fields(tmp_path / "form.json")


@pytest.mark.parametrize("box", [(0, 0, 21, 5), (-1, 0, 5, 5), (5, 0, 5, 5), (0, 6, 5, 2)])
def test_a_field_outside_the_picture_is_named(box):
    with pytest.raises(PictureError, match=r"the box \[.*\] is not all on the picture, .* 20 × 10"):
        Field("year", box).cut_out(Image.new("L", (20, 10)))
