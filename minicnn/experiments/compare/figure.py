"""The comparison as a picture: each model's test accuracy with its interval."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from minicnn.experiments.compare.table import NAMES, ComparisonRow
from minicnn.insight import style

LOOKS = {"minicnn": (style.BLUE, "o"), "keras": (style.ORANGE, "s")}
APART = 0.16  # of the distance between two models, from the middle to each engine


def accuracies(rows: Sequence[ComparisonRow]) -> Figure:
    """Test accuracies with their 95 % intervals, a line for each model, the first on top."""
    engines = [name for name in NAMES if any(name in dict(row.results()) for row in rows)]
    names = [style.short(row.name) for row in rows]
    widest = max(style.inches(name, style.TEXT) for name in names)
    line = 0.34 if len(engines) == 1 else 0.5
    figure = style.figure(6.5 + widest, 1.2 + line * len(rows))
    axes = figure.subplots()
    for engine in engines:
        colour, marker = LOOKS[engine]
        found = [(y, dict(row.results())[engine]) for y, row in enumerate(rows)]
        offset = 0.0 if len(engines) == 1 else APART * (1 if engine == "keras" else -1)
        axes.errorbar(
            [result.test_accuracy for _, result in found],
            [y + offset for y, _ in found],
            xerr=[
                [max(0.0, r.test_accuracy - r.interval.low) for _, r in found],
                [max(0.0, r.interval.high - r.test_accuracy) for _, r in found],
            ],
            fmt=marker,
            color=colour,
            markersize=5,
            capsize=3,
            linewidth=1.6,
            label=NAMES[engine],
        )
    style.quiet(axes)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=style.GRID, linewidth=0.8)
    axes.set_yticks(range(len(rows)), names, **style.words())
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.xaxis.set_major_locator(style.ticks(8))
    axes.xaxis.set_major_formatter(style.percent)
    axes.set_xlabel("test accuracy, 95 % interval", **style.words())
    if len(engines) > 1:
        style.legend_above(figure, axes, len(engines))
    return figure
