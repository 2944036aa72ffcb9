"""The figures of a data report: balance, pixels, strokes, principal components.

As in `figures`, each function returns a `matplotlib.figure.Figure` made without pyplot.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from minicnn.experiments.explore import MEASURES, Balance, ClassPictures, Components, Pixels
from minicnn.experiments.report.mosaic import Colours, colours, mosaic, painted
from minicnn.experiments.report.mosaic import draw as draw_mosaic
from minicnn.experiments.report.mosaic import size as mosaic_size
from minicnn.insight import style

MOST_BARS = 40  # classes; beyond them a name under each bar would not be read
MOST_POINTS = 4_000
WIDTH = 6.6
NO_SHARE = 1e-9  # of the variance: rounding, no component
HEAT = colormaps["magma"]


def class_counts(balance: Balance, class_names: Sequence[str]) -> Figure:
    """Draw the share of each class in the training and the test set, beside equal shares."""
    figure = style.figure(WIDTH, 2.6 + _extra_height(class_names))
    axes = figure.subplots()
    places = np.arange(len(class_names))
    sets = (("training", balance.train, style.BLUE), ("test", balance.test, style.ORANGE))
    for offset, (name, counts, colour) in zip((-0.2, 0.2), sets, strict=True):
        axes.bar(places + offset, counts / counts.sum(), 0.38, label=name, color=colour)
    axes.axhline(
        1 / np.count_nonzero(balance.train),
        color=style.INK,
        linewidth=1,
        linestyle=":",
        label="equal shares",
    )
    name_places(axes, class_names)
    axes.set_ylabel("share of the set", **style.words())
    axes.yaxis.set_major_formatter(style.percent)
    style.quiet(axes)
    legend_above(axes)
    return figure


def name_places(axes: Axes, class_names: Sequence[str]) -> None:
    """Write the classes along the horizontal axis, or every so many of them if there are many."""
    names, step = _names(class_names)
    turn = 90 if _turned(names) else 0
    places = range(0, len(class_names), step)
    axes.set_xticks(places, names, rotation=turn, **style.words(style.SMALL))
    axes.set_xlim(-0.6, len(class_names) - 0.4)
    axes.set_xlabel("class", **style.words())
    axes.tick_params(axis="x", length=0)


def _names(class_names: Sequence[str]) -> tuple[list[str], int]:
    step = -(-len(class_names) // MOST_BARS)
    return [style.short(name) for name in class_names][::step], step


def _turned(names: Sequence[str]) -> bool:
    """Whether the names are too wide to stand side by side."""
    return _widest(names) > 0.9 * WIDTH / len(names)


def _widest(names: Sequence[str]) -> float:
    return max(style.inches(name, style.SMALL) for name in names)


def _extra_height(class_names: Sequence[str]) -> float:
    """Inches that names below a plot take beyond those of a line."""
    names, _ = _names(class_names)
    return _widest(names) if _turned(names) else 0.0


def legend_above(axes: Axes) -> None:
    """Put the legend above the plot, where it hides nothing."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=3,
        frameon=False,
        fontsize=style.TEXT,
        labelcolor=style.INK,
        borderaxespad=0.2,
    )


def intensities(train: Pixels, test: Pixels) -> Figure:
    """How often each brightness occurs, on a logarithmic scale."""
    figure = style.figure(WIDTH, 2.7)
    axes = figure.subplots()
    looks: tuple[tuple[str, Pixels, dict[str, Any]], ...] = (
        ("training", train, {"color": style.BLUE, "linewidth": 1.6}),
        ("test", test, {"color": style.ORANGE, "linewidth": 1.1, "linestyle": "--"}),
    )
    for name, found, look in looks:
        share = found.counts / found.counts.sum()
        axes.stairs(
            np.where(share > 0, share, np.nan), found.edges, baseline=None, label=name, **look
        )
    axes.set_yscale("log")
    axes.yaxis.set_minor_formatter(NullFormatter())
    low, high = axes.get_ylim()
    axes.set_ylim(bottom=min(low, high / 30))  # with less, noise would look like much
    axes.set_xlabel("value of a pixel", **style.words())
    axes.set_ylabel("share of all pixels", **style.words())
    style.quiet(axes)
    legend_above(axes)
    return figure


def mean_and_variance(classes: ClassPictures, class_names: Sequence[str]) -> Figure:
    """Draw the mean picture of each class and, below it, the variance of each pixel.

    A class without a picture is left out. Brighter is more variance, on one scale for all.
    """
    there = [i for i in range(len(class_names)) if np.isfinite(classes.mean[i]).all()]
    variance = classes.variance[there].mean(axis=3)  # of the channels
    heat = painted(variance, HEAT, 0, float(variance.max()) or 1)
    means = colours(classes.mean[there])
    rows: list[Colours] = []
    notes: list[list[str]] = []
    columns = 10
    for start in range(0, len(there), columns):
        part = slice(start, start + columns)
        rows += [means[part], heat[part]]
        named = [style.short(class_names[i]) for i in there[part]]
        notes += [named, [""] * len(named)]
    return mosaic(rows, ["mean", "variance"] * (len(rows) // 2), notes)


def quantiles(found: dict[str, NDArray[np.float64]], class_names: Sequence[str]) -> Figure:
    """Median, middle half and 5 to 95 % of each measure, class by class."""
    units = {"ink": "mean ink, 0 to 1", "slant": "slant, degrees", "aspect": "width / height"}
    figure = style.figure(WIDTH, 5.2 + _extra_height(class_names))
    places = np.arange(len(class_names))
    for axes, measure in zip(figure.subplots(len(MEASURES), 1, sharex=True), MEASURES, strict=True):
        low, first, middle, third, high = found[measure].T
        axes.vlines(places, low, high, color=style.BLUE, linewidth=1)
        axes.vlines(places, first, third, color=style.BLUE, linewidth=5, alpha=0.45)
        axes.plot(places, middle, "o", color=style.BLUE, markersize=4)
        axes.set_ylabel(units[measure], **style.words())
        style.quiet(axes)
    name_places(figure.axes[-1], class_names)
    for axes in figure.axes[:-1]:
        axes.tick_params(axis="x", length=0)
    return figure


def principal_plane(
    found: Components, labels: NDArray[np.int64], class_names: Sequence[str]
) -> Figure:
    """Draw the pictures in the plane of the first two components, each class in its colour.

    Up to 4,000 of them, taken evenly from the whole; the name of a class stands at its median.
    """
    figure = style.figure(WIDTH, 5.2)
    axes = figure.subplots()
    points = found.points[:, :2].astype(np.float64)
    if points.shape[1] == 1:  # pictures of one pixel have one component
        points = np.column_stack([points, np.zeros(len(points))])
    shown = np.unique(np.linspace(0, len(points) - 1, MOST_POINTS).round().astype(int))
    present = np.unique(labels)
    size = style.TITLE if len(present) <= 20 else 6.0
    palette = style.palette(len(class_names))
    x, y = points[shown].T
    axes.scatter(x, y, s=5, c=palette[labels[shown]], alpha=0.55, linewidths=0)
    for label in present:
        x, y = np.median(points[labels == label], axis=0)
        name = axes.text(
            x,
            y,
            style.short(class_names[label]),
            ha="center",
            va="center",
            weight="bold",
            **style.words(size, style.INK),
        )
        name.set_path_effects([withStroke(linewidth=3, foreground=style.PAPER)])
    shares = np.append(found.shares, 0)
    axes.set_xlabel(f"first component, {shares[0]:.1%} of the variance", **style.words())
    axes.set_ylabel(f"second component, {shares[1]:.1%} of the variance", **style.words())
    style.quiet(axes)
    return figure


def explained(found: Components) -> Figure:
    """How much of the variance the first components hold together."""
    figure = style.figure(WIDTH, 2.4)
    axes = figure.subplots()
    together = found.shares.cumsum()
    axes.plot(np.arange(1, len(together) + 1), together, color=style.BLUE, linewidth=1.6)
    if len(together) == 1:
        axes.plot(1, together[0], "o", color=style.BLUE, markersize=4)
    if len(together) > 50:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    axes.set_ylim(0, 1.03)
    axes.yaxis.set_major_formatter(style.percent)
    axes.set_xlabel("number of components", **style.words())
    axes.set_ylabel("variance, together", **style.words())
    style.quiet(axes)
    return figure


def component_pictures(found: Components, image_shape: tuple[int, int, int]) -> Figure:
    """Draw the first ten components as pictures: blue takes ink away, red adds it."""
    height, width, channels = image_shape
    small = (-(-height // found.block), -(-width // found.block), channels)
    real = int(np.count_nonzero(found.shares[:10] > NO_SHARE))
    axes = found.axes[:real].reshape(-1, *small).mean(axis=3)
    reach = float(np.abs(axes).max())
    titles = [f"{share:.1%}" for share in found.shares[: len(axes)]]
    return mosaic([painted(axes, style.SIGNED, -reach, reach)], (), [titles])


def augmented(pictures: NDArray[np.float32], class_names: Sequence[str]) -> Figure:
    """Each picture, and beside it what augmentation makes of it.

    - `pictures`: (N, 1 + versions, H, W, C), the original first; `class_names`: N of them.
    """
    count, each = pictures.shape[:2]
    painted_all = colours(pictures.reshape(count * each, *pictures.shape[2:]))
    rows = np.split(painted_all, count)
    names = [style.short(name) for name in class_names]
    width, height = mosaic_size(rows, names)
    figure = style.figure(width + 0.2, height + 0.3)
    left, right = figure.subplots(1, 2, width_ratios=(1, each - 1))
    draw_mosaic(left, [row[:1] for row in rows], names)
    draw_mosaic(right, [row[1:] for row in rows])
    for axes, title in ((left, "given"), (right, "what training may see")):
        axes.set_title(title, **style.words())
    return figure
