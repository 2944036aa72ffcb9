"""The shapes of the pictures: bars by model, lines, the roofline; looks are the report's."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from benchmarks import stats, tables
from benchmarks.settings import OURS
from minicnn.insight import style
from minicnn.insight.style import FAINT, PAPER, figure, legend, percent, words

__all__ = ["FAINT", "figure", "legend", "percent", "words"]

GREEN = "#009e73"
PURPLE = "#cc79a7"
YELLOW = "#e69f00"
SKY = "#56b4e9"
COLOURS = {OURS: style.BLUE, "keras": style.ORANGE, "torch": GREEN}
MANY = (style.BLUE, style.ORANGE, GREEN, PURPLE, YELLOW, SKY, style.INK, FAINT)
MARKERS = "osD^v<>pPX*"
DASHES = {OURS: "-", "keras": "--", "torch": "-."}

plain = FuncFormatter(lambda value, _: f"{value:,.10g}")
"""Thousands apart, no powers of ten."""


def title() -> dict[str, Any]:
    """The look of a title."""
    return style.words(style.TITLE)


def places(groups: int, series: int) -> list[np.ndarray]:
    """Where the bars of each series stand, the groups at 0, 1, 2, …"""
    width = 0.8 / series
    return [np.arange(groups) - 0.4 + width * (i + 0.5) for i in range(series)]


def bars(axes: Axes, groups: Sequence[str], series: Mapping[str, Sequence[float]]) -> None:
    """Groups of upright bars, one of each series."""
    _groups(axes, groups)
    width = 0.94 * 0.8 / len(series)
    for xs, (name, values) in zip(places(len(groups), len(series)), series.items(), strict=True):
        axes.bar(xs, values, width, label=name, color=COLOURS[name])


def dots(axes: Axes, groups: Sequence[str], series: Mapping[str, Sequence[float]]) -> None:
    """The same as dots, for a logarithmic scale, on which a bar has no length."""
    _groups(axes, groups)
    logarithmic(axes, "y")
    marks = zip(places(len(groups), len(series)), series.items(), MARKERS, strict=False)
    for xs, (name, values), marker in marks:
        axes.plot(xs, values, marker, markersize=8, label=name, color=COLOURS[name])


def _groups(axes: Axes, groups: Sequence[str]) -> None:
    style.quiet(axes)
    axes.set_xticks(range(len(groups)), groups, **words())
    axes.set_xlim(-0.5, len(groups) - 0.5)
    axes.tick_params(axis="x", length=0)


def logarithmic(axes: Axes, direction: Literal["x", "y"]) -> None:
    """A logarithmic scale with marks at 1, 2 and 5 times the powers of ten, written plainly."""
    axes.set(**{f"{direction}scale": "log"})
    axis: Axis = {"x": axes.xaxis, "y": axes.yaxis}[direction]
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(plain)
    axis.set_minor_locator(NullLocator())


def speeds_by_model(axes: Axes, data: dict[str, Any], batch: int) -> None:
    """Images a second of every engine on every model, our ratio to the faster peer above."""
    records, peers = data["models"], data["peers"]
    speeds = {
        engine: [
            batch / stats.spread(stats.column(record["rounds"], engine)).median
            for record in records.values()
        ]
        for engine in (OURS, *peers)
    }
    bars(axes, list(records), speeds)
    axes.yaxis.set_major_formatter(plain)
    axes.margins(y=0.12)
    if peers:
        legend(axes)
        ours = places(len(records), len(speeds))[0]
        for x, speed, record in zip(ours, speeds[OURS], records.values(), strict=True):
            ratio = stats.spread(stats.ratios(record["rounds"], OURS, peers)).median
            look: dict[str, Any] = {"ha": "center", "textcoords": "offset points", **words()}
            axes.annotate(tables.times(ratio), (x, speed), xytext=(0, 3), **look)


def durations(axes: Axes, seconds: Mapping[str, float]) -> None:
    """One dot a line, on a logarithmic scale; the colour is that of the engine in its name."""
    style.quiet(axes)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=style.GRID, linewidth=0.8)
    logarithmic(axes, "x")
    for name, value in seconds.items():
        colour = next((c for engine, c in COLOURS.items() if engine in name), style.BLUE)
        axes.plot(value, name, "o", markersize=8, color=colour)
        look: dict[str, Any] = {"va": "center_baseline", "textcoords": "offset points"}
        text = tables.seconds(value)
        axes.annotate(text, (value, name), xytext=(8, 0), **look, **words(style.SMALL))
    axes.margins(x=0.15, y=0.1)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0, labelsize=style.TEXT)


def stacked_bars(axes: Axes, names: Sequence[str], parts: Mapping[str, Sequence[float]]) -> None:
    """Lying bars made of parts, with the sum at the end."""
    style.quiet(axes)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=style.GRID, linewidth=0.8)
    start = np.zeros(len(names))
    for (label, values), colour in zip(parts.items(), (FAINT, SKY, style.BLUE), strict=False):
        axes.barh(names, values, left=start, label=label, color=colour, height=0.6)
        start += values
    for place, value in enumerate(start):
        axes.text(value, place, f" {value:,.0f}", va="center_baseline", **words(style.SMALL))
    axes.margins(x=0.1)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(plain)
    axes.tick_params(axis="y", length=0, labelsize=style.TEXT)


def common_legend(figure: Figure, axes: Axes) -> None:
    """One legend below all the plots of a figure, made of the lines of one of them."""
    handles, labels = axes.get_legend_handles_labels()
    look: dict[str, Any] = {"fontsize": style.TEXT, "labelcolor": style.INK, "frameon": False}
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), **look)


def line(
    axes: Axes, xs: Sequence[float], ys: Sequence[float], engine: str, label: str | None
) -> None:
    """The points of one engine, joined."""
    style.quiet(axes)
    look: dict[str, Any] = {"color": COLOURS[engine], "linestyle": DASHES[engine]}
    axes.plot(xs, ys, marker="o", markersize=3.5, linewidth=1.6, label=label, **look)


def doubling(axes: Axes, marks: Sequence[float]) -> None:
    """A horizontal axis on which each doubling is as long, with these marks."""
    axes.set_xscale("log", base=2)
    axes.set_xticks(marks, [f"{mark:,}" for mark in marks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())


def roofline(
    axes: Axes,
    families: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]],
    arithmetic: float,
    traffic: float,
) -> None:
    """Kernels by operations per byte and GFLOP/s, under the roof of arithmetic and of memory.

    - `families`: a colour each; in it the kernels, a marker each, with their points.
    - `arithmetic`: GFLOP/s of the flat part; `traffic`: GB/s of the slope.
    """
    style.quiet(axes)
    every = [x for kernels in families.values() for points in kernels.values() for x, _ in points]
    left, ridge, right = min(every) / 2, arithmetic / traffic, max(every) * 2
    roof = [traffic * left, arithmetic, arithmetic]
    label = f"{arithmetic:.0f} GFLOP/s, {traffic:.0f} GB/s"
    axes.plot([left, ridge, right], roof, color=style.INK, linewidth=1.4, label=label)
    for colour, kernels in zip(MANY[: len(families)], families.values(), strict=True):
        for (name, points), marker in zip(kernels.items(), MARKERS, strict=False):
            xs, ys = zip(*points, strict=True)
            look: dict[str, Any] = {"color": colour, "markeredgecolor": PAPER}
            axes.plot(xs, ys, marker, markersize=7.5, label=name, **look)
    logarithmic(axes, "x")
    logarithmic(axes, "y")
    axes.set_xlabel("operations for each byte of the arrays", **words())
    axes.set_ylabel("GFLOP/s", **words())
    beside: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5)}
    axes.legend(fontsize=style.SMALL, labelcolor=style.INK, frameon=False, **beside)
