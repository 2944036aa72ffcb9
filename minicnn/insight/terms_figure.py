"""Terms as pictures: all of the one factor, the window that matters, and the products."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from minicnn.insight import style
from minicnn.insight.formatting import number
from minicnn.insight.style import Drawing, drawing
from minicnn.insight.terms import Plane, Terms
from minicnn.tape import Array

MOST_ROWS = 4
MOST_NUMBERED = 7  # rows and columns of cells with their number in them
SIDE = 2.3  # inches, of a picture
LINE = 40  # cells, after which a vector is broken


def terms_figure(title: str, terms: Sequence[Terms]) -> Drawing:
    """Draw a row for each of the first four: the whole, then left × right = products."""
    shown = [(each, each.plane()) for each in terms[:MOST_ROWS]]
    heights = [_height(plane) for _, plane in shown] or [1.0]
    figure = drawing(4 * (SIDE + 0.25), 0.4 + sum(SIDE * h + 0.55 for h in heights))
    figure.suptitle(title, x=0.01, ha="left", **style.words(style.TITLE))
    figure.set_layout_engine("constrained", w_pad=0.06, h_pad=0.08)
    panels = figure.subplots(len(heights), 4, squeeze=False, height_ratios=heights)
    for axes in panels.ravel():
        _bare(axes)
    for row, (each, plane) in zip(panels, shown, strict=False):
        _draw_terms(row, each, plane)
    return figure


def _height(plane: Plane) -> float:
    """Of a row, as a part of its width: enough for its tallest picture."""
    shapes = [_lines(each).shape for each in (plane.whole, plane.left) if each.size]
    return min(1.0, max(0.12, *(height / width for height, width in shapes)))


def _draw_terms(row: Sequence[Axes], terms: Terms, plane: Plane) -> None:
    whole, left, right, products = row
    title = f"{style.short(terms.name)} {terms.left.shape}"
    if not plane.left.size:
        _paint(whole, _lines(plane.whole), f"{title}\nnothing in it matters", numbers=False)
        return
    if plane.left.shape == plane.whole.shape:  # the same picture twice says no more
        whole.set_title(f"{title}\n{plane.where or 'all of it'}", **_title())
    else:
        window = f"{plane.where or 'a window of it'}"
        _paint(whole, _lines(plane.whole), f"{title}\n{window}", numbers=False)
        _outline(whole, plane)
    _paint(left, _lines(plane.left), f"{terms.left_name}\n ")
    _paint(right, _lines(plane.right), f"× {terms.right_name}\n ")
    total = float(plane.products.sum(dtype=np.float64))
    rest = f", of all parts {number(terms.total)}" if plane.where else ""
    _paint(products, _lines(plane.products), f"= products\nsum {number(total)}{rest}")


def _paint(axes: Axes, values: Array, title: str, numbers: bool = True) -> None:
    """Numbers as cells, blue below zero and orange above, paper at zero."""
    axes.set_title(title, **_title())
    if not values.size:
        return
    reach = float(np.nanmax(np.abs(values))) or 1.0
    shown = axes.imshow(values, cmap=style.SIGNED, vmin=-reach, vmax=reach)
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(style.FAINT)
    if not numbers or max(values.shape) > MOST_NUMBERED:
        return
    size = style.fitting("-0.000", 0.9 * SIDE / max(values.shape), style.TEXT)
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = style.readable_on(shown.to_rgba(value))
            text = style.words(size, colour)
            axes.text(j, i, f"{value:.2g}", ha="center", va="center", **text)


def _outline(axes: Axes, plane: Plane) -> None:
    """Frame what matters, unless the whole is broken into lines."""
    if _lines(plane.whole).shape != plane.whole.shape:
        return
    height, width = plane.left.shape
    corner = (plane.left_edge - 0.5, plane.top - 0.5)
    look: dict[str, Any] = {"fill": False, "edgecolor": style.INK, "linewidth": 1.5}
    axes.add_patch(Rectangle(corner, width, height, **look))


def _lines(values: Array) -> Array:
    """Break a long vector into lines, its end filled up with NaN, which stays blank."""
    if values.shape[0] > 1 and values.shape[1] == 1 and values.shape[0] > LINE:
        values = values.T
    if values.shape[0] != 1 or values.shape[1] <= LINE:
        return values
    missing = -values.shape[1] % LINE
    return np.append(values, np.full(missing, np.nan)).reshape(-1, LINE)


def _bare(axes: Axes) -> None:
    axes.set_facecolor(style.PAPER)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _title() -> dict[str, Any]:
    return {"loc": "left", **style.words(style.SMALL)}
