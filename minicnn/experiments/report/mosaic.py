"""Many small pictures in rows, drawn as one, which is quick for hundreds of them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from minicnn.errors import ShapeError
from minicnn.experiments.explore.blocks import block_mean
from minicnn.insight import style

Colours = NDArray[np.float64]

CELL = 0.56  # inches, of the longer side of a picture
MOST_DOTS = 112  # of a side; more would not be seen at that size
GAP = 0.07  # between two pictures, as a part of the longer side
NOTE = 0.3  # for the letters below a picture, likewise


def colours(images: ArrayLike) -> Colours:
    """Pictures (N, H, W, C) as RGB from 0 to 1 (N, H, W, 3), made smaller if they are large.

    >>> colours(np.full((2, 500, 300, 1), 255, np.uint8)).shape
    (2, 100, 60, 3)
    """
    pictures = drawable(np.asarray(images))
    full_scale = 255 if pictures.dtype.kind in "iu" else 1
    values = brightness(grey_or_rgb(_small(pictures.astype(np.float64) / full_scale)))
    return values if values.ndim == 4 else np.repeat(values[..., np.newaxis], 3, axis=3)


def painted(values: ArrayLike, colour_map: Colormap, low: float, high: float) -> Colours:
    """Numbers (N, H, W) as RGB (N, H, W, 3), by a colour map from `low` to `high`."""
    numbers = _small(np.asarray(values, np.float64)[..., np.newaxis])[..., 0]
    share = (numbers - low) / ((high - low) or 1)
    return np.asarray(colour_map(share.clip(0, 1))[..., :3], np.float64)


def _small(images: Colours) -> Colours:
    return block_mean(images, -(-max(images.shape[1:3]) // MOST_DOTS))


def draw(
    axes: Axes,
    rows: Sequence[Colours],
    names: Sequence[str] = (),
    notes: Sequence[Sequence[str]] = (),
) -> None:
    """Draw rows of RGB pictures (n, H, W, 3), all of one size, with a name beside each row.

    - `notes`: for each row a few letters below each of its pictures.
    """
    height, width, wide = _cell(rows, bool(notes))
    gap = GAP * max(height, width)
    columns = max(len(row) for row in rows)
    sizes = [style.fitting(note, CELL, style.SMALL) for written in notes for note in written]
    text = style.words(min(sizes, default=style.SMALL))
    top, middles = 0.0, []
    for row, written in zip(rows, notes or [()] * len(rows), strict=True):
        middles.append(top + height / 2)
        if len(row):
            across = len(row) * (wide + gap) - gap
            show(axes, _joined(row, wide, gap), 0, across, top, height)
        for place, note in enumerate(written if any(written) else ()):
            middle, foot = place * (wide + gap) + wide / 2, top + height + 0.6 * gap
            shown = axes.text(middle, foot, note, ha="center", va="top", **text)
            shown.set_in_layout(False)  # it is inside the axes; to measure hundreds takes long
        top += height + gap + (NOTE * max(height, width) if any(written) else 0)
    frame(axes, columns * (wide + gap) - gap, top - gap)
    axes.set_yticks(middles if names else [], list(names), **style.words())


def _cell(rows: Sequence[Colours], noted: bool) -> tuple[float, float, float]:
    """Height and width of a picture, and the width of its cell: a note needs its own."""
    height, width = next(row.shape[1:3] for row in rows if len(row))
    return height, width, max(height, width) if noted else width


def _joined(row: Colours, wide: float, gap: float) -> Colours:
    """Pictures (n, H, W, 3) side by side as one, each in the middle of its cell on white paper."""
    count, height, width, _ = row.shape
    times = max(1, round(CELL * style.DOTS_PER_INCH / max(height, width)))  # as dots on paper
    cell, pitch = round(wide * times), round((wide + gap) * times)
    joined = np.ones((height * times, count * pitch - (pitch - cell), 3))
    for place, picture in enumerate(row):
        left = place * pitch + (cell - width * times) // 2
        large = picture.repeat(times, axis=0).repeat(times, axis=1)
        joined[:, left : left + width * times] = large
    return joined


def show(
    axes: Axes, picture: Colours, left: float, width: float, top: float, height: float
) -> None:
    """One RGB picture (H, W, 3) at its place, however many dots it has."""
    extent = (left, left + width, top + height, top)
    axes.imshow(picture, extent=extent, interpolation="nearest").set_in_layout(False)


def frame(axes: Axes, width: float, height: float) -> None:
    """Nothing around the pictures, and y counted downwards."""
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def mosaic(
    rows: Sequence[Colours],
    names: Sequence[str] = (),
    notes: Sequence[Sequence[str]] = (),
) -> Figure:
    """Draw a figure of rows of pictures, as `draw` takes them.

    >>> figure = mosaic([np.zeros((3, 8, 8, 3)), np.ones((2, 8, 8, 3))], ["cat", "dog"])
    >>> len(figure.axes[0].images)
    2
    """
    names = [style.short(name) for name in names]
    figure = style.figure(*size(rows, names, sum(map(any, notes))))
    draw(figure.subplots(), rows, names, notes)
    return figure


def size(rows: Sequence[Colours], names: Sequence[str] = (), noted: int = 0) -> tuple[float, float]:
    """Return the width and height in inches that such rows take, so many of them with notes."""
    height, width, wide = _cell(rows, noted > 0)
    cell = CELL / max(height, width)
    beside = max((style.inches(name, style.TEXT) for name in names), default=0.0) + 0.3
    columns = max(len(row) for row in rows)
    gap = GAP * CELL
    tall = len(rows) * (height * cell + gap) + noted * NOTE * CELL
    return columns * (wide * cell + gap) + beside, tall + 0.15


def drawable(images: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return what can be shown of (N, H, W, C): all of it if grey or RGB, else the first channel.

    >>> drawable(np.zeros((5, 8, 8, 2))).shape
    (5, 8, 8, 1)
    """
    return images if images.shape[3] in (1, 3) else images[..., :1]


def grey_or_rgb(images: ArrayLike) -> NDArray[np.generic]:
    """`(N, H, W)` if grey, `(N, H, W, 3)` if RGB; `ShapeError` if neither."""
    pictures = np.asarray(images)
    grey = pictures.ndim == 3 or (pictures.ndim == 4 and pictures.shape[3] == 1)
    if pictures.size == 0 or not (grey or (pictures.ndim == 4 and pictures.shape[3] == 3)):
        need = "(N, H, W), (N, H, W, 1) or (N, H, W, 3), none of them 0"
        raise ShapeError(f"images: got shape {pictures.shape}, need {need}")
    return pictures.reshape(pictures.shape[:3]) if grey else pictures


def brightness(pictures: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the same shape in float64, from 0 (black) to 1 (white).

    Integers are read as 0 to 255. Floats outside of 0 to 1 are stretched, all pictures alike.
    """
    values = pictures.astype(np.float64)
    if not np.isfinite(values).all():
        raise ShapeError("images: there are pixels that are not finite numbers")
    if pictures.dtype.kind in "iu":
        values /= 255
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 1:
        return values
    return (values - low) / ((high - low) or 1)
