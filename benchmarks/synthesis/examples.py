"""Draw the example pictures again: ``python -m benchmarks.synthesis.examples FOLDER``.

Each is a digit as somebody may hand it in: written with some pen on some paper, then scanned or
photographed, and saved in some format. All chance comes from one seed for each picture.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from minicnn.data import mnist
from minicnn.reader.canvas import enlarged

Floats = NDArray[np.float64]
Colour = tuple[int, int, int]

BLACK, GRAPHITE, BLUE, RED = (25, 25, 28), (95, 95, 100), (30, 50, 150), (170, 30, 40)
WHITE, CREAM, YELLOW, BOARD, NIGHT = (
    (252, 252, 250),
    (240, 232, 212),
    (245, 225, 110),
    (42, 62, 52),
    (20, 22, 60),
)

# Points that the pen passes, x to the right and y down, in a box of 1 × 1.
STROKES: dict[str, list[list[tuple[float, float]]]] = {
    "0": [[(0.55, 0.02), (0.25, 0.2), (0.15, 0.55), (0.35, 0.95), (0.7, 0.85), (0.85, 0.45),
           (0.75, 0.1), (0.5, 0.03)]],
    "1": [[(0.35, 0.25), (0.55, 0.02)], [(0.55, 0.02), (0.52, 0.5), (0.48, 0.98)]],
    "2": [[(0.18, 0.25), (0.4, 0.03), (0.75, 0.15), (0.72, 0.4), (0.4, 0.75), (0.15, 0.95)],
          [(0.15, 0.95), (0.5, 0.9), (0.88, 0.93)]],
    "3": [[(0.2, 0.12), (0.5, 0.02), (0.78, 0.2), (0.65, 0.42), (0.42, 0.48)],
          [(0.42, 0.48), (0.75, 0.55), (0.8, 0.8), (0.5, 0.98), (0.18, 0.88)]],
    "4": [[(0.5, 0.02), (0.35, 0.35), (0.15, 0.62)], [(0.15, 0.62), (0.5, 0.6), (0.88, 0.58)],
          [(0.7, 0.3), (0.66, 0.65), (0.6, 0.98)]],
    "5": [[(0.8, 0.05), (0.5, 0.05), (0.3, 0.07)], [(0.3, 0.07), (0.27, 0.25), (0.24, 0.42)],
          [(0.24, 0.42), (0.55, 0.38), (0.78, 0.6), (0.65, 0.9), (0.35, 0.97), (0.15, 0.85)]],
    "6": [[(0.68, 0.03), (0.38, 0.25), (0.22, 0.65), (0.4, 0.95), (0.7, 0.88), (0.75, 0.65),
           (0.5, 0.53), (0.25, 0.7)]],
    "7": [[(0.15, 0.08), (0.5, 0.06), (0.85, 0.05)], [(0.85, 0.05), (0.6, 0.45), (0.42, 0.98)]],
    "8": [[(0.68, 0.15), (0.45, 0.03), (0.25, 0.2), (0.48, 0.45), (0.75, 0.7), (0.55, 0.96),
           (0.25, 0.82), (0.42, 0.52), (0.7, 0.28), (0.66, 0.12)]],
    "9": [[(0.75, 0.2), (0.45, 0.05), (0.22, 0.25), (0.42, 0.48), (0.72, 0.3), (0.77, 0.18)],
          [(0.77, 0.18), (0.72, 0.6), (0.6, 0.97)]],
}  # fmt: skip


class Scene(NamedTuple):
    """A file, its digit, and who draws it: from a generator and the digit to a picture."""

    file: str
    digit: str
    draw: Callable[[str, np.random.Generator], Image.Image]
    options: dict[str, object] = {}  # noqa: RUF012 - never changed


# ------------------------------------------------------------------ pens


def written(
    digit: str, rng: np.random.Generator, shape: tuple[int, int], height: int, pen: float,
    at: tuple[float, float] = (0.5, 0.5), lean: float = 0.0,
) -> Floats:  # fmt: skip
    """The ink of a digit written by hand with a pen of this width, `shape`, 0 to 1.

    - `height`: of the digit; `at`: its middle, as shares of the picture's height and width.
    - `lean`: degrees, to the right.
    """
    fine = 3  # drawn larger and reduced, for smooth edges
    image = Image.new("L", (shape[1] * fine, shape[0] * fine))
    draw = ImageDraw.Draw(image)
    turn = np.deg2rad(lean)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    for stroke in STROKES[digit]:
        for x, y in _curve(np.array(stroke), rng) @ rotation.T:
            middle = fine * (shape[1] * at[1] + height * x), fine * (shape[0] * at[0] + height * y)
            radius = fine * pen / 2 * rng.uniform(0.9, 1.1)
            corners = [c + sign * radius for sign in (-1, 1) for c in middle]
            draw.ellipse(corners, fill=255)
    return np.asarray(image.reduce(fine)) / 255


def _curve(points: Floats, rng: np.random.Generator) -> Floats:
    """A smooth line past slightly shaken points, `(400, 2)`, around (0, 0)."""
    shaken = points + rng.normal(0, 0.012, points.shape) - 0.5
    shaken[:, 0] *= 0.75
    steps = np.linspace(0, len(points) - 1, 400)
    if len(points) == 2:
        return np.stack([np.interp(steps, [0, 1], axis) for axis in shaken.T], axis=1)
    from scipy.interpolate import CubicSpline

    return CubicSpline(np.arange(len(points)), shaken)(steps)


def from_mnist(digit: str, rng: np.random.Generator, shape: tuple[int, int], height: int) -> Floats:
    """The ink of a digit of MNIST's training set in the middle of a picture of this `shape`."""
    ink = enlarged(_training_digit(digit, rng), height)
    canvas = np.zeros(shape)
    top, left = ((n - m) // 2 for n, m in zip(shape, ink.shape, strict=True))
    canvas[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return ndimage.gaussian_filter(canvas, height / 60)


def _training_digit(digit: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    train, _ = mnist()
    return train.images[rng.choice(np.flatnonzero(train.labels == int(digit)))]


# ------------------------------------------------------------------ paper, light, camera


def on_paper(ink: Floats, pen: Colour, paper: Colour) -> Floats:
    """The pen's colour where there is ink, the paper's elsewhere: `(H, W, 3)`, 0 to 255."""
    return np.array(paper) + ink[..., None] * (np.array(pen) - np.array(paper, float))


def grainy(shape: tuple[int, int], rng: np.random.Generator, size: float) -> Floats:
    """Noise with a deviation of 1 and grains of about this size."""
    noise = ndimage.gaussian_filter(rng.normal(size=shape), size)
    return noise / noise.std()


def lit(scene: Floats, rng: np.random.Generator, fall: float) -> Floats:
    """Under light that falls off by this share from one corner to the opposite, and outwards."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in scene.shape[:2]), indexing="ij")
    angle = rng.uniform(0, 2 * np.pi)
    slope = (np.cos(angle) * x + np.sin(angle) * y) / 2
    light = 1 - fall * (0.5 + slope / 1.5) - 0.1 * (x * x + y * y)
    return scene * light[..., None]


def shaded(scene: Floats, strength: float) -> Floats:
    """With the shadow of a hand or head across one side, its edge soft."""
    height, width = scene.shape[:2]
    y, x = np.mgrid[:height, :width]
    shadow = ndimage.gaussian_filter((x > 0.55 * width + 0.25 * y).astype(float), width / 50)
    return scene * (1 - strength * shadow[..., None])


def photographed(scene: Floats, rng: np.random.Generator, turn: float = 0) -> Image.Image:
    """Turned by some degrees, a little out of focus, with a sensor's noise."""
    image = Image.fromarray(scene.clip(0, 255).astype(np.uint8))
    corner = tuple(int(c) for c in np.median(scene[:20, :20], axis=(0, 1)))
    image = image.rotate(turn, Image.Resampling.BICUBIC, fillcolor=corner)
    blurred = ndimage.gaussian_filter(np.asarray(image, float), (0.8, 0.8, 0))
    return picture(blurred + rng.normal(0, 4, blurred.shape))


def picture(pixels: Floats) -> Image.Image:
    """Numbers from 0 to 255 as a picture, `(H, W)` grey or `(H, W, 3)` in colour."""
    return Image.fromarray(np.round(pixels.clip(0, 255)).astype(np.uint8))


# ------------------------------------------------------------------ the scenes


def pencil(digit: str, rng: np.random.Generator) -> Image.Image:
    ink = written(digit, rng, (240, 200), 120, 4, at=(0.45, 0.6), lean=6)
    rubbed = ink * (0.75 + 0.25 * grainy(ink.shape, rng, 0.7)).clip(0, 1)
    return picture(on_paper(rubbed, GRAPHITE, WHITE).mean(-1) + rng.normal(0, 2, ink.shape))


def ballpoint_photo(digit: str, rng: np.random.Generator) -> Image.Image:
    ink = written(digit, rng, (480, 640), 130, 5, at=(0.4, 0.3))
    scene = on_paper(ink, BLUE, CREAM) + 3 * grainy(ink.shape, rng, 1.5)[..., None]
    return photographed(lit(scene, rng, 0.5), rng, turn=-8)


def marker_photo(digit: str, rng: np.random.Generator) -> Image.Image:
    ink = written(digit, rng, (480, 480), 300, 34)
    return photographed(lit(on_paper(ink, BLACK, YELLOW), rng, 0.4), rng, turn=7)


def shadow_photo(digit: str, rng: np.random.Generator) -> Image.Image:
    ink = written(digit, rng, (480, 640), 220, 11, at=(0.5, 0.52))
    scene = on_paper(ink, BLACK, WHITE) + 2 * grainy(ink.shape, rng, 1)[..., None]
    return photographed(shaded(lit(scene, rng, 0.25), 0.45), rng, turn=4)


def chalk(digit: str, rng: np.random.Generator) -> Image.Image:
    ink = written(digit, rng, (320, 420), 200, 13, at=(0.48, 0.42), lean=-5)
    dust = ink * (0.7 + 0.4 * grainy(ink.shape, rng, 1.2)).clip(0, 1)
    scene = on_paper(dust, (235, 235, 230), BOARD) + 5 * grainy(ink.shape, rng, 6)[..., None]
    return photographed(lit(scene, rng, 0.3), rng)


def ruled_scan(digit: str, rng: np.random.Generator) -> Image.Image:
    ink = written(digit, rng, (360, 480), 130, 7, at=(0.5, 0.6))
    scene = on_paper(ink, BLACK, WHITE)
    for y in range(40, 360, 55):
        scene[y : y + 2] = np.minimum(scene[y : y + 2], (120, 150, 205))
    scene[:, 70:73] = np.minimum(scene[:, 70:73], (215, 110, 120))
    return picture(scene).rotate(0.5, Image.Resampling.BICUBIC, fillcolor=WHITE)


def squared_paper(digit: str, rng: np.random.Generator) -> Image.Image:
    ink = written(digit, rng, (300, 300), 150, 8, at=(0.52, 0.45))
    scene = on_paper(ink, BLUE, WHITE)
    for n in range(15, 300, 30):
        scene[n] = np.minimum(scene[n], (165, 185, 215))
        scene[:, n] = np.minimum(scene[:, n], (165, 185, 215))
    return picture(scene)


def transparent(digit: str, rng: np.random.Generator) -> Image.Image:
    ink = written(digit, rng, (256, 256), 170, 16)
    pixels = np.zeros((*ink.shape, 4), np.uint8)
    pixels[..., :3], pixels[..., 3] = RED, np.round(255 * ink)
    return Image.fromarray(pixels)


def lying(digit: str, rng: np.random.Generator) -> Image.Image:
    """On its side, as a camera saves it that was held upright; the EXIF data say so."""
    ink = written(digit, rng, (480, 360), 220, 12, lean=4)
    upright = photographed(lit(on_paper(ink, BLUE, WHITE), rng, 0.3), rng)
    return upright.transpose(Image.Transpose.ROTATE_90)


def palette(digit: str, rng: np.random.Generator) -> Image.Image:
    ink = from_mnist(digit, rng, (200, 260), 130)
    return picture(on_paper(ink, (250, 210, 80), NIGHT)).quantize(16)


def fax(digit: str, rng: np.random.Generator) -> Image.Image:
    """Black and white alone, with specks."""
    ink = from_mnist(digit, rng, (330, 250), 140) + (rng.random((330, 250)) > 0.9993)
    return picture(np.where(ink < 0.5, 255.0, 0.0)).convert("1", dither=Image.Dither.NONE)


def tablet(digit: str, rng: np.random.Generator) -> Image.Image:
    ink = written(digit, rng, (600, 400), 330, 26, at=(0.4, 0.5))
    return picture(on_paper(ink, (80, 220, 200), (18, 18, 18)))


def framed(digit: str, rng: np.random.Generator) -> Image.Image:
    """A training digit of MNIST as it is, dark on light."""
    return picture(255 - _training_digit(digit, rng)[..., 0].astype(float))


LEFT_SIDE_UP = 6
"""EXIF's orientation of a picture that must be turned clockwise by 90° to be upright."""

JPEG: dict[str, object] = {"quality": 80}

SCENES = (
    Scene("pencil.png", "2", pencil),
    Scene("ballpoint_photo.jpg", "7", ballpoint_photo, JPEG),
    Scene("marker_photo.jpg", "5", marker_photo, JPEG),
    Scene("shadow_photo.jpg", "9", shadow_photo, JPEG),
    Scene("chalk.jpg", "3", chalk, JPEG),
    Scene("ruled_scan.png", "8", ruled_scan),
    Scene("squared_paper.png", "6", squared_paper),
    Scene("transparent.png", "4", transparent),
    Scene("lying_photo.jpg", "2", lying, JPEG),
    Scene("palette.gif", "0", palette),
    Scene("fax.tif", "1", fax, {"compression": "group4"}),
    Scene("tablet.webp", "3", tablet, {"quality": 80}),
    Scene("mnist.png", "4", framed),
)


def draw(folder: Path) -> None:
    """Write all pictures and `labels.json`; files that were there are replaced."""
    for seed, scene in enumerate(SCENES):
        image = scene.draw(scene.digit, np.random.default_rng(seed))
        options: dict[str, Any] = dict(scene.options)
        if scene.draw is lying:
            exif = Image.Exif()
            exif[0x0112] = LEFT_SIDE_UP
            options["exif"] = exif
        image.save(folder / scene.file, **options)
    labels = {scene.file: scene.digit for scene in SCENES}
    (folder / "labels.json").write_text(json.dumps(labels, indent=2) + "\n")


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
