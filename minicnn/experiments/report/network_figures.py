"""The figures of a trained network: how far to trust it, its filters, maps and saliency.

As in `figures`, each function returns a `matplotlib.figure.Figure` made without pyplot.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from numpy.typing import NDArray

from minicnn.data.corruption import CORRUPTIONS
from minicnn.experiments.report import figures
from minicnn.experiments.report.mosaic import (
    CELL,
    GAP,
    MOST_DOTS,
    Colours,
    colours,
    drawable,
    frame,
    mosaic,
    painted,
    show,
)
from minicnn.insight import style
from minicnn.insight.inspection import LayerOutput
from minicnn.insight.robustness import Robustness
from minicnn.metrics import Reliability
from minicnn.tape import Array

Numbers = NDArray[np.floating]

COLUMNS = 10  # pictures in a row
MOST_FILTERS = 60
MOST_NAMED_UNITS = 20
HEAT = colormaps["magma"]


def reliability(found: Reliability) -> Figure:
    """Draw the accuracy of the answers by the probability that the model gave them, and how
    many.
    """
    figure = style.figure(5.2, 4.6)
    above, below = figure.subplots(2, 1, height_ratios=(3, 1), sharex=True)
    edges = np.linspace(0, 1, len(found.count) + 1)
    above.bar(
        edges[:-1],
        np.nan_to_num(found.accuracy),
        1 / len(found.count),
        align="edge",
        color=style.BLUE,
        edgecolor=style.PAPER,
        label="share of right answers",
    )
    filled = found.count > 0
    above.plot(
        found.confidence[filled],
        found.confidence[filled],
        "o",
        color=style.ORANGE,
        markersize=4,
        label="mean probability",
    )
    above.plot([0, 1], [0, 1], color=style.FAINT, linewidth=1, linestyle="--", label="calibrated")
    above.set_ylim(0, 1.03)
    above.set_ylabel("accuracy", **style.words())
    below.bar(edges[:-1], found.count, 1 / len(found.count), align="edge", color=style.FAINT)
    below.set_yscale("symlog", linthresh=1)
    below.yaxis.set_minor_locator(NullLocator())
    below.set_ylabel("pictures", **style.words())
    below.set_xlabel("probability of the answer", **style.words())
    below.set_xlim(0, 1)
    for axes in (above, below):
        style.quiet(axes)
    style.legend(above)
    for axis in (above.xaxis, above.yaxis):
        axis.set_major_formatter(style.percent)
    return figure


def predictions(images: NDArray[np.generic], notes: Sequence[str]) -> Figure:
    """Pictures (N, H, W, C) in rows of ten, a note below each."""
    pictures = colours(images)
    starts = range(0, len(pictures), COLUMNS)
    rows = [pictures[start : start + COLUMNS] for start in starts]
    return mosaic(rows, (), [notes[start : start + COLUMNS] for start in starts])


def filters(weight: Numbers) -> Figure:
    """Draw the kernels (KH, KW, C, F) of a convolution, up to 60 of them.

    Of RGB in their colours, stretched from the lowest to the highest weight; else the mean over
    the channels, blue below zero and red above.
    """
    kernels = weight.transpose(3, 0, 1, 2)[:MOST_FILTERS]  # (F, KH, KW, C)
    if kernels.shape[3] == 3:
        low, high = float(kernels.min()), float(kernels.max())
        shown = (kernels.astype(np.float64) - low) / ((high - low) or 1)
    else:
        shown = signed(kernels.mean(axis=3))
    return mosaic([shown[start : start + COLUMNS] for start in range(0, len(shown), COLUMNS)])


def signed(values: Numbers) -> Colours:
    """Numbers (N, H, W) as RGB: paper at zero, blue below it, red above, on one scale for all."""
    reach = float(np.abs(values).max()) or 1.0
    return painted(values, style.SIGNED, -reach, reach)


def _heat(values: Numbers) -> Colours:
    """Signed if there are numbers below zero, else from black at zero to bright."""
    return signed(values) if values.min() < 0 else painted(values, HEAT, 0, float(values.max()))


def saliency(images: NDArray[np.generic], gradients: Numbers, notes: Sequence[str]) -> Figure:
    """Pictures (N, H, W, C) above the size of their gradients, each on a scale of its own."""
    size = np.abs(gradients).max(axis=3)
    highest = size.max(axis=(1, 2), keepdims=True)
    heat = painted(size / np.where(highest > 0, highest, 1), HEAT, 0, 1)
    return mosaic([colours(images), heat], ["picture", "saliency"], [list(notes), [""] * len(heat)])


def feature_maps(
    picture: Numbers, outputs: Sequence[LayerOutput], class_names: Sequence[str]
) -> Figure:
    """One picture (H, W, C) on its way through the net, a row for each layer.

    Of images the ten maps with the most activity, of vectors all numbers side by side; each layer
    has a scale of its own. The last layer's numbers have the names of the classes.
    """
    aspect = picture.shape[0] / picture.shape[1]
    width, height = (1.0, aspect) if aspect <= 1 else (1 / aspect, 1.0)
    wide = COLUMNS * (width + GAP) - GAP
    figure = style.figure(1, 1)
    axes = figure.subplots()
    top, middles, names = 0.0, [], []
    for name, values in [("picture", picture), *((_title(each), each.values) for each in outputs)]:
        tall = height if values.ndim == 3 else 0.4
        if values.ndim == 3:
            row = colours(values[np.newaxis]) if name == "picture" else _strongest(values)
            for place, shown in enumerate(row):
                show(axes, shown, place * (width + GAP), width, top, tall)
        else:
            show(axes, _lines(values), 0, wide, top, tall)
        middles.append(top + tall / 2)
        names.append(name)
        top += tall + 2 * GAP
    if _are_classes(outputs, class_names):
        _name_units(axes, class_names, wide / len(class_names), top)
        top += 0.35
    frame(axes, wide, top)
    axes.set_yticks(middles, names, **style.words(style.SMALL))
    beside = max(style.inches(name, style.SMALL) for name in names) + 0.4
    figure.set_size_inches(CELL * wide + beside, CELL * top + 0.3)
    return figure


def _are_classes(outputs: Sequence[LayerOutput], class_names: Sequence[str]) -> bool:
    """Whether the last layer has a number for each class, few enough to write their names."""
    few = len(class_names) <= MOST_NAMED_UNITS
    return few and bool(outputs) and outputs[-1].values.shape == (len(class_names),)


def _name_units(axes: Axes, class_names: Sequence[str], width: float, top: float) -> None:
    for place, name in enumerate(style.short(name) for name in class_names):
        text = style.words(style.fitting(name, CELL * width, style.SMALL))
        axes.text((place + 0.5) * width, top, name, ha="center", va="top", **text)


def _lines(values: Numbers) -> Colours:
    """Return a vector as RGB (lines, n, 3): all its numbers from left to right, in lines of up to
    112.
    """
    lines = -(-len(values) // MOST_DOTS)
    wide = -(-len(values) // lines)
    padded = np.append(values, np.zeros(lines * wide - len(values)))
    return _heat(padded.reshape(1, lines, wide))[0]


def _title(output: LayerOutput) -> str:
    size = " × ".join(map(str, output.values.shape))
    return f"{style.short(output.name)}\n{size}"


def _strongest(values: Numbers) -> Colours:
    """Return the ten maps of (H, W, C) with the most activity, in their order: (n, H, W, 3)."""
    maps = values.transpose(2, 0, 1)
    activity = np.abs(maps).mean(axis=(1, 2))
    chosen = np.sort(np.argsort(-activity, kind="stable")[:COLUMNS])
    return _heat(maps[chosen])


LOOKS = (
    {"color": style.BLUE, "linestyle": "-", "marker": "o"},
    {"color": style.ORANGE, "linestyle": "--", "marker": "s"},
    {"color": style.INK, "linestyle": ":", "marker": "^"},
)


def robustness(found: Mapping[str, Robustness]) -> Figure:
    """Draw the accuracy of up to three models by the severity of each corruption.

    - `found`: by the name of the model. With one model there is no legend.

    >>> poor = Robustness(10, 10, 0.9, {name: (0.8, 0.6, 0.4, 0.2) for name in CORRUPTIONS})
    >>> [axes.get_title(loc="left") for axes in robustness({"mlp": poor}).axes[:3]]
    ['Noise', 'Blur', 'Shift']
    """
    figure = style.figure(8, 4.6)
    grid = figure.subplots(2, 3, sharey=True)
    for axes, (name, corruption) in zip(grid.flat, CORRUPTIONS.items(), strict=True):
        places = range(len(corruption.severities) + 1)
        for (label, each), look in zip(found.items(), LOOKS, strict=False):
            values = [each.clean, *each.accuracy[name]]
            axes.plot(places, values, label=label, linewidth=1.6, markersize=4, **look)
        marks = ["none", *(f"{severity:g}" for severity in corruption.severities)]
        axes.set_xticks(places, marks)
        style.title(axes, name.capitalize())
        axes.set_xlabel(corruption.scale, **style.words(style.SMALL))
        style.quiet(axes)
        axes.yaxis.set_major_formatter(style.percent)
        axes.tick_params(axis="y", labelleft=axes in grid[:, 0])
    lowest = min(min(each.clean, *map(min, each.accuracy.values())) for each in found.values())
    below = max(1 - lowest, 0.01)
    grid[0, 0].set_ylim(1 - 1.06 * below, 1 + 0.04 * below)
    if len(found) > 1:
        lines, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(
            lines,
            labels,
            loc="outside lower center",
            ncols=len(labels),
            fontsize=style.TEXT,
            labelcolor=style.INK,
            frameon=False,
        )
    return figure


def corrupted(picture: Array, seed: int = 0) -> Figure:
    """One picture with every corruption, a column each, at every severity, a row each.

    - `picture`: float32, (H, W, C), in [0, 1].
    - `seed`: of what is a matter of chance.
    """
    shown = drawable(picture[np.newaxis])
    rows = zip(*(corruption.severities for corruption in CORRUPTIONS.values()), strict=True)
    pictures, titles = [], []
    for row in rows:
        for severity, (name, corruption) in zip(row, CORRUPTIONS.items(), strict=True):
            pictures.append(corruption.apply(shown, severity, np.random.default_rng(seed)))
            titles.append(f"{name}\n{corruption.words(severity)}")
    return figures.digits(np.concatenate(pictures), titles, columns=len(CORRUPTIONS))
