"""What is no digit, drawn at random: letters, scribbles, shapes.

What the judge of the reader learnt from, beside digits, and what its refusals are measured on.
"""

import numpy as np
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont

from minicnn.reader.picture import Grey

FONTS = ("DejaVuSans", "DejaVuSans-Oblique", "DejaVuSerif", "STIXGeneral", "DejaVuSans-Bold")
LETTERS = [*"ABCDEFGHJKLMNPQRTUVWXYabcdefhkmnpqrtuvwxyz?!#%&*+=@/$€<>~:;"]  # like no digit
KINDS = ("letters", "scribble", "shapes")

_HEIGHT, _WIDTH, _MARGIN = 140, 400, 20


def doodle(rng: np.random.Generator) -> Grey:
    """The ink of one to five letters, scribbled lines, or shapes: float32, `(180, 440)`, 0 to 1.

    >>> doodle(np.random.default_rng(0)).shape
    (180, 440)
    """
    kind = rng.choice(KINDS)
    image = Image.new("F", (_WIDTH, _HEIGHT))
    draw = ImageDraw.Draw(image)
    if kind == "letters":
        _letters(draw, rng)
    for _ in range(rng.integers(1, 6)):
        start, size = rng.uniform((20, 20), (330, 80)), rng.uniform(8, 60, 2)
        if kind == "scribble":
            points = start + np.cumsum(rng.normal(0, size[0] / 2, (rng.integers(3, 12), 2)), 0)
            draw.line([*map(tuple, points)], fill=1, width=int(rng.integers(3, 10)))
        elif kind == "shapes":
            shape = draw.rectangle if rng.random() < 0.5 else draw.ellipse
            shape([*start, *(start + size)], fill=int(rng.random() < 0.6), outline=1, width=4)
    return np.pad(np.asarray(image), _MARGIN)


def _letters(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    file = f"{get_data_path()}/fonts/ttf/{rng.choice(FONTS)}.ttf"
    font = ImageFont.truetype(file, int(rng.integers(40, 80)))
    draw.text((15, 15), "".join(rng.choice(LETTERS, rng.integers(1, 5))), font=font, fill=1)
