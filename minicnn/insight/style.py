"""How every figure of the report looks: the one place for colours, sizes and fonts.

Matplotlib's global settings are left alone, because they are shared by all threads: what a figure
needs is set on the figure. The colours are those of Okabe and Ito ("Color universal design", 2008),
which stay apart for the colour-blind; lines differ in their dashes too, shades in their lightness.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from minicnn.errors import WriteError, printable
from minicnn.files import StrPath, atomic

INK = "#222222"
FAINT = "#8a8a8a"
GRID = "#e4e4e4"
PAPER = "#ffffff"
BLUE = "#0072b2"
ORANGE = "#d55e00"
# The diagonal of a confusion matrix: right answers, held back so that the mistakes stand out.
RIGHT = "#dbe9f3"
WRONG = LinearSegmentedColormap.from_list("wrong", [PAPER, "#f6c9a4", ORANGE, "#7a2f00"])

# Numbers below and above zero, paper at zero.
SIGNED = LinearSegmentedColormap.from_list("signed", [BLUE, PAPER, ORANGE])

TITLE, TEXT, SMALL = 11.0, 9.0, 8.0
DOTS_PER_INCH = 150

# What red, green and blue add to the brightness of a colour: ITU-R BT.601.
LUMA = (0.299, 0.587, 0.114)

# The width of a letter as a part of the font size, a little above the average of DejaVu Sans.
LETTER = 0.64
POINTS_PER_INCH = 72
LONGEST_NAME = 25  # letters, of a class


def palette(count: int) -> NDArray[np.float64]:
    """Return a colour for each of `count` classes, RGBA `(count, 4)`: distinct up to 20.

    >>> palette(10).shape, palette(62).shape
    ((10, 4), (62, 4))
    """
    name = "tab10" if count <= 10 else "tab20" if count <= 20 else "turbo"
    places = range(count) if count <= 20 else np.linspace(0, 1, count)
    return np.array([colormaps[name](place) for place in places])


def figure(width: float, height: float, arranged: bool = False) -> Figure:
    """Make an empty figure of this size in inches, whose parts are arranged so that none is cut.

    - `arranged`: the caller does that, which takes half the time, since it is drawn only once.
    """
    empty = Figure(figsize=(width, height), facecolor=PAPER)
    empty.set_layout_engine("none" if arranged else "constrained")  # whatever the global setting is
    return empty


def words(size: float = TEXT, colour: str = INK) -> dict[str, Any]:
    """Return the settings of a text. Dollar signs stay dollar signs: a class may have that name.

    >>> words(8)
    {'fontsize': 8, 'color': '#222222', 'parse_math': False}
    """
    return {"fontsize": size, "color": colour, "parse_math": False}


def short(name: object) -> str:
    """Shorten the name of a class or a file if it is too long to stand in a figure.

    What cannot be drawn, as a line break in the name of a file, becomes a question mark.

    >>> short("dog"), short("a dog that has slept on the sofa"), short("a\\nb")
    ('dog', 'a dog that has slept on…', 'a?b')
    """
    text = printable(str(name))
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 2].rstrip()}…"


def ticks(most: int, integer: bool = False) -> MaxNLocator:
    """Up to `most` steps between the marks of an axis, each 1, 2 or 5 times a power of ten.

    >>> ticks(10, integer=True).tick_values(0.5, 1.5)
    array([0., 1., 2.])
    """
    return MaxNLocator(most, integer=integer, steps=[1, 2, 5, 10], min_n_ticks=1)


def percent(share: float, position: float = 0) -> str:
    """Format a tick's label with no more digits than needed; matplotlib also passes its position.

    >>> percent(0.925), percent(0.07)
    ('92.5%', '7%')
    """
    return f"{100 * share:g}%"


def inches(text: str, size: float) -> float:
    """About how wide the longest line of `text` is when set in `size` points.

    >>> round(inches("predicted", 9), 2)
    0.72
    """
    letters = max((len(line) for line in text.splitlines()), default=0)
    return LETTER * letters * size / POINTS_PER_INCH


def fitting(text: str, width: float, largest: float = TEXT, smallest: float = 4.0) -> float:
    """Return the font size at which the longest line of `text` fits into `width` inches.

    >>> fitting("7", 1.0), round(fitting("a class with a very long name", 1.0), 1)
    (9.0, 4.0)
    """
    if not text.strip():
        return largest
    return min(largest, max(smallest, width / inches(text, size=1)))


def readable_on(colour: ArrayLike) -> str:
    """Dark or light ink, whichever reads better on this colour (RGBA, 0 to 1).

    >>> readable_on((1, 1, 1, 1)), readable_on((0.2, 0.1, 0, 1))
    ('#222222', '#ffffff')
    """
    luminance = np.dot(np.asarray(colour)[:3], LUMA)
    return INK if luminance > 0.55 else PAPER


def title(axes: Axes, text: str, size: float = TITLE, **place: Any) -> None:
    """Write the title of a plot above its left end, unless `place` (`loc`, `pad`) says otherwise.

    Its height is said, or matplotlib would measure all marks of the axes to find out.
    """
    axes.set_title(text, y=1, **{"loc": "left", **place}, **words(size))


def quiet(axes: Axes) -> None:
    """Strip a plot of its box: two thin axes and horizontal lines behind the data remain."""
    axes.set_facecolor(PAPER)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(labelsize=SMALL, labelcolor=INK, color=FAINT)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def legend(axes: Axes) -> None:
    """Explain each line, on a background of its own so that no grid line crosses the words."""
    box = axes.legend(fontsize=TEXT, labelcolor=INK, facecolor=PAPER, edgecolor="none")
    box.get_frame().set_alpha(1)


def legend_above(figure: Figure, axes: Axes, columns: int) -> None:
    """Explain each mark in a line at the top right of the figure, outside of all axes."""
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside upper right",
        ncols=columns,
        fontsize=TEXT,
        labelcolor=INK,
        frameon=False,
    )


FORMATS = ("png", "svg", "pdf")


class Drawing(Figure):
    """A figure made without pyplot; a notebook draws it when it is the last value of a cell."""

    def _repr_png_(self) -> bytes:
        """Return the PNG that Jupyter asks for."""
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=DOTS_PER_INCH)
        return file.getvalue()

    def save(self, path: StrPath) -> None:
        """Write it as the name ends, .png, .svg or .pdf, whole or not at all.

        Raises `WriteError` for another ending, or what the operating system refuses.
        """
        ending = Path(path).suffix.lower().lstrip(".")
        if ending not in FORMATS:
            raise WriteError(f"{path}: cannot be drawn; the name must end in .png, .svg or .pdf")
        with atomic(path) as partial:
            self.savefig(partial, format=ending, dpi=DOTS_PER_INCH)


def drawing(width: float, height: float) -> Drawing:
    """Make an empty drawing of this size in inches."""
    return Drawing(figsize=(width, height), facecolor=PAPER, layout="constrained")
