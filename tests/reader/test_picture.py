"""Pictures of every kind become the same grey numbers; what is none is refused in one line."""

import contextlib
import gzip
import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from minicnn.errors import PictureError
from minicnn.reader.picture import LARGEST_SIDE, open_picture

PATTERN = np.random.default_rng(0).integers(0, 256, (6, 9), np.uint8)


def saved(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def test_grey_is_the_brightness():
    grey = open_picture(saved(Image.fromarray(PATTERN))).grey
    assert grey.dtype == np.float32
    np.testing.assert_allclose(grey, PATTERN / 255, atol=1e-6)


def test_colour_becomes_its_luma():
    colours = np.random.default_rng(1).integers(0, 256, (6, 9, 3), np.uint8)
    expected = colours @ [0.299, 0.587, 0.114] / 255  # ITU-R BT.601
    for source in (saved(Image.fromarray(colours)), colours, colours / 255.0):
        np.testing.assert_allclose(open_picture(source).grey, expected, atol=0.5 / 255 + 1e-3)


def test_cmyk_palette_lab_and_black_and_white():
    grey = Image.fromarray(PATTERN)
    cmyk = saved(grey.convert("CMYK"), "TIFF")
    np.testing.assert_allclose(open_picture(cmyk).grey, PATTERN / 255, atol=1.5 / 255)
    palette = saved(grey.convert("RGB").quantize(256), "GIF")
    np.testing.assert_allclose(open_picture(palette).grey, PATTERN / 255, atol=8 / 255)
    bilevel = saved(Image.fromarray(PATTERN > 127), "TIFF")
    assert np.array_equal(open_picture(bilevel).grey, PATTERN > 127)
    lab = Image.merge("LAB", [grey, Image.new("L", grey.size, 128), Image.new("L", grey.size, 128)])
    np.testing.assert_allclose(open_picture(saved(lab, "TIFF")).grey, PATTERN / 255, atol=1e-6)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_keep_their_range(kind):
    deep = PATTERN.astype(np.uint16) * 257
    np.testing.assert_allclose(
        open_picture(saved(Image.fromarray(deep), kind)).grey, PATTERN / 255, atol=1e-6
    )
    np.testing.assert_allclose(open_picture(deep).grey, PATTERN / 255, atol=1e-6)


def test_what_is_transparent_is_white_paper():
    ink = np.zeros((6, 9, 4), np.uint8)
    ink[2:4, 3:5] = (40, 40, 40, 255)
    ink[5, 5] = (0, 0, 0, 51)
    expected = np.ones((6, 9))
    expected[2:4, 3:5] = 40 / 255
    expected[5, 5] = 0.8
    for source in (saved(Image.fromarray(ink)), ink):
        np.testing.assert_allclose(open_picture(source).grey, expected, atol=0.5 / 255 + 1e-6)


def test_white_ink_on_nothing_is_seen_on_black():
    ink = np.zeros((6, 9, 4), np.uint8)
    ink[2:4, 3:5] = 255
    assert np.array_equal(open_picture(ink).grey, ink[..., 3] / 255)


def test_a_transparent_palette():
    image = Image.new("P", (8, 8), 0)
    image.putpalette([0, 0, 0, 90, 90, 90])
    image.paste(1, (3, 3, 5, 5))
    grey = open_picture(saved(image, transparency=0)).grey
    assert (grey[0, 0], round(float(grey[4, 4]) * 255)) == (1, 90)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_picture_upright(orientation):
    # What the sensor's rows and columns are, by the EXIF standard, table of tag 0x0112.
    stored = {
        1: PATTERN,
        2: PATTERN[:, ::-1],
        3: PATTERN[::-1, ::-1],
        4: PATTERN[::-1],
        5: PATTERN.T,
        6: np.rot90(PATTERN, 1),
        7: PATTERN[::-1, ::-1].T,
        8: np.rot90(PATTERN, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(Image.fromarray(np.ascontiguousarray(stored)), exif=exif)
    np.testing.assert_allclose(open_picture(content).grey, PATTERN / 255, atol=1e-6)


def test_damaged_exif_is_passed_over():
    content = saved(Image.fromarray(PATTERN), exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    np.testing.assert_allclose(open_picture(content).grey, PATTERN / 255, atol=1e-6)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_picture_is_read_and_said_so(kind):
    frames = [Image.new("L", (9, 6), grey) for grey in (0, 100, 255)]
    lossless = {"lossless": True} if kind == "WEBP" else {}
    content = saved(frames[0], kind, save_all=True, append_images=frames[1:], **lossless)
    picture = open_picture(content)
    assert picture.grey.max() < 0.02
    assert picture.notes == ("the first of its 3 pictures was read",)


def test_a_large_picture_is_reduced_by_averages():
    tall = np.zeros((LARGEST_SIDE * 3, 60), np.uint8)
    tall[:, ::3] = 255
    for source in (saved(Image.fromarray(tall)), tall, tall / 255.0):
        grey = open_picture(source).grey
        assert grey.shape == (LARGEST_SIDE, 20)
        np.testing.assert_allclose(grey, 1 / 3, atol=1 / 255)


def test_a_large_jpeg_is_reduced_too():
    content = saved(Image.new("RGB", (4000, 3000), (90, 90, 90)), "JPEG")
    grey = open_picture(content).grey
    assert max(grey.shape) <= LARGEST_SIDE
    assert grey.shape[1] / grey.shape[0] == pytest.approx(4 / 3, abs=0.01)
    np.testing.assert_allclose(grey, 90 / 255, atol=1 / 255)


ARRAYS = {
    "bool": PATTERN > 127,
    "0 to 1": (PATTERN > 127).astype(float),
    "0 to 255 in floats": np.where(PATTERN > 127, 255.0, 0),
    "integers": np.where(PATTERN > 127, 255, 0),
    "a channel": np.where(PATTERN > 127, 255, 0).astype(np.uint8)[..., None],
    "nested lists": (PATTERN > 127).tolist(),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_scaled_by_what_they_hold(name):
    assert np.array_equal(open_picture(ARRAYS[name]).grey, PATTERN > 127)


# --- what is refused


def bomb(width: int, height: int) -> bytes:
    """A PNG of some hundred bytes whose header promises so many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(bytes(999))), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


PHOTO = saved(Image.fromarray(np.tile(PATTERN, (30, 30))), "JPEG")
SCAN = saved(Image.fromarray(np.random.default_rng(4).integers(0, 256, (90, 90), np.uint8)))
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n%%EndComments\nshowpage\n"

REFUSED = {
    "nothing": (b"", "is empty: 0 bytes"),
    "text": (b"7\n", "is not a picture of a format that can be read"),
    "gzip": (gzip.compress(b"7"), "is not a picture"),
    "PostScript, which is a program": (EPS, "is not a picture"),
    "half a PNG": (SCAN[: len(SCAN) // 2], "is damaged or cut off: .*truncated"),
    "half a JPEG": (PHOTO[: len(PHOTO) // 2], "is damaged or cut off: .*truncated"),
    "a header alone": (bomb(9, 9)[:20], "is not a picture|is damaged"),
    "too many pixels": (bomb(9999, 9999), r"is 9,999 × 9,999 pixels; up to 67,108,864 pixels"),
    "a bomb": (bomb(60000, 60000), "is too large; up to 67,108,864 pixels are read"),
    "one pixel": (saved(Image.new("L", (1, 1))), "is 1 × 1 pixels; need at least 5 × 5"),
    "a line": (saved(Image.new("L", (400, 2))), "is 400 × 2 pixels; need at least 5 × 5"),
    "letters": (np.array([["a", "b"]]), "an array of <U1 is no picture"),
    "a batch": (np.zeros((2, 28, 28)), r"shape \(2, 28, 28\) is no picture; need \(H, W\)"),
    "no pixels": (np.zeros((0, 9)), r"shape \(0, 9\)"),
    "NaN": (np.full((9, 9), np.nan), "its numbers go from nan to nan"),
    "numbers below 0": (np.full((9, 9), -1.0), "its numbers go from -1 to -1"),
    "numbers beyond 65535": (np.full((9, 9), 1e6), r"its numbers go from 1e\+06 to 1e\+06"),
    "an endless array": (np.broadcast_to(np.uint8(0), (9000, 9000)), "is 9,000 × 9,000 pixels"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused(name):
    source, message = REFUSED[name]
    with pytest.raises(PictureError, match=message) as error:
        open_picture(source)
    assert "\n" not in str(error.value)


def test_paths_that_are_no_files(tmp_path):
    for path, message in {
        tmp_path: "is a folder",
        tmp_path / "none.png": "there is no such file",
        "/dev/zero": "is not a regular file",
    }.items():
        with pytest.raises(PictureError, match=message):
            open_picture(path)
    with pytest.raises(PictureError, match="cannot be opened: File name too long"):
        open_picture(tmp_path / ("x" * 300))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PictureError, match="is not a regular file"):
        open_picture(tmp_path / "pipe")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "TGA", "ICO"])
def test_a_damaged_file_is_read_or_refused_but_nothing_else(kind):
    whole = saved(Image.fromarray(np.tile(PATTERN, (8, 8))), kind)
    rng = np.random.default_rng(3)
    for _ in range(60):
        content = bytearray(whole[: rng.integers(1, len(whole) + 1)])
        for place in rng.integers(0, len(content), rng.integers(0, 9)):
            content[place] = rng.integers(0, 256)
        with contextlib.suppress(PictureError):
            grey = open_picture(bytes(content)).grey
            assert 0 <= grey.min() <= grey.max() <= 1
            assert max(grey.shape) <= LARGEST_SIDE
