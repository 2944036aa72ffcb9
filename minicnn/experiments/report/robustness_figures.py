"""The figures of robustness: the accuracy by severity, and what the corruptions look like."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from minicnn.data.corruption import CORRUPTIONS
from minicnn.experiments.report import figures
from minicnn.experiments.report.brightness import drawable
from minicnn.insight import style
from minicnn.insight.robustness import Robustness
from minicnn.tape import Array

COLUMNS = 3
LOOKS = (
    {"color": style.BLUE, "linestyle": "-", "marker": "o"},
    {"color": style.ORANGE, "linestyle": "--", "marker": "s"},
    {"color": style.INK, "linestyle": ":", "marker": "^"},
)


def robustness(found: Mapping[str, Robustness]) -> Figure:
    """The accuracy of up to three models by the severity of each corruption.

    - `found`: by the name of the model. With one model there is no legend.

    >>> poor = Robustness(10, 10, 0.9, {name: (0.8, 0.6, 0.4, 0.2) for name in CORRUPTIONS})
    >>> [axes.get_title(loc="left") for axes in robustness({"mlp": poor}).axes[:3]]
    ['Noise', 'Blur', 'Shift']
    """
    figure = style.figure(8, 4.6)
    grid = figure.subplots(2, COLUMNS, sharey=True)
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
