"""The figures of a search: its history, what mattered, each setting by itself, and each epoch."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, NullLocator
from numpy.typing import ArrayLike, NDArray

from minicnn.experiments.tune.found import Trial
from minicnn.experiments.tune.space import Choice, Dimension
from minicnn.insight import style

LOOKS = {"complete": (style.BLUE, "o"), "pruned": (style.FAINT, "x")}
COLUMNS = 3
MARKS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 1.0)  # of the accuracies' axis
LEAST = 1e-4  # added to each error there: none has no logarithm


def history(trials: Sequence[Trial]) -> Figure:
    """Draw the accuracy of each trial in the order in which they began, and the best so far."""
    figure = style.figure(8, 3.4)
    axes = figure.subplots()
    _points(axes, [(trial.number, trial) for trial in trials])
    complete = [trial for trial in trials if trial.state == "complete"]
    best = np.maximum.accumulate([trial.accuracy or 0.0 for trial in complete])
    numbers = [trial.number for trial in complete]
    axes.step(numbers, best, where="post", color=style.ORANGE, linewidth=1.6, label="best so far")
    axes.set_xlabel("trial", **style.words())
    axes.xaxis.set_major_locator(style.ticks(10, integer=True))
    _finish(axes, trials)
    style.legend(axes)
    return figure


def importances(shares: Mapping[str, float]) -> Figure:
    """How much each setting mattered, the most important on top."""
    names = sorted(shares, key=lambda name: shares[name])
    figure = style.figure(6.5, 0.9 + 0.32 * len(names))
    axes = figure.subplots()
    words = [name.replace("_", " ") for name in names]
    bars = axes.barh(words, [shares[name] for name in names], color=style.BLUE, height=0.62)
    axes.bar_label(bars, [f"{shares[name]:.0%}" for name in names], padding=3, **style.words())
    style.quiet(axes)
    axes.grid(visible=False)
    axes.tick_params(axis="y", length=0, labelsize=style.TEXT)
    axes.set_xlim(0, 1.12 * max(shares.values()))
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.xaxis.set_major_formatter(style.percent)
    axes.set_xlabel("share of what the settings explain of the accuracy", **style.words())
    return figure


def slices(trials: Sequence[Trial], rows: Sequence[Dimension]) -> Figure:
    """Draw the accuracy of each trial by each setting that was searched."""
    columns = min(COLUMNS, len(rows))
    lines = math.ceil(len(rows) / columns)
    figure = style.figure(max(4.0, 2.9 * columns), 2.5 * lines + 0.3)
    grid = figure.subplots(lines, columns, squeeze=False, sharey=True).ravel()
    for axes, row in zip(grid, rows, strict=False):
        drew = [trial for trial in trials if row.name in trial.values]
        _points(axes, [(_place(row, trial), trial) for trial in drew])
        _value_axis(axes, row)
        axes.set_xlabel(row.name.replace("_", " "), **style.words())
        _finish(axes, trials, named=axes in grid[::columns])
    for axes in grid[len(rows) :]:
        axes.set_visible(False)
    style.legend_above(figure, grid[0], len(LOOKS))
    return figure


def epochs(trials: Sequence[Trial], best: Trial) -> Figure:
    """Draw the accuracy of every trial after each epoch; those that were pruned end early."""
    figure = style.figure(8, 3.4)
    axes = figure.subplots()
    for state, (colour, marker) in LOOKS.items():
        others = [t for t in trials if t.state == state and t.number != best.number]
        for number, trial in enumerate(others):
            label = "" if number else state  # named once
            look = {"color": colour, "marker": marker, "label": label}
            _line(axes, trial, alpha=0.45, linewidth=1.0, **look)
    _line(axes, best, color=style.ORANGE, marker="o", linewidth=2.0, label=f"best: {best.number}")
    axes.set_xlabel("epoch", **style.words())
    axes.set_xlim(0.5, len(best.accuracies) + 0.5)
    axes.xaxis.set_major_locator(style.ticks(10, integer=True))
    _finish(axes, trials)
    style.legend(axes)
    return figure


def _line(axes: Axes, trial: Trial, **look: object) -> None:
    places = range(1, len(trial.accuracies) + 1)
    axes.plot(places, trial.accuracies, markersize=3.5, **look)  # type: ignore[arg-type]


def _points(axes: Axes, placed: Sequence[tuple[float, Trial]]) -> None:
    for state, (colour, marker) in LOOKS.items():
        mine = [(x, trial.accuracy) for x, trial in placed if trial.state == state]
        x, y = zip(*mine, strict=True) if mine else ((), ())
        axes.plot(x, y, marker, color=colour, markersize=4.5, alpha=0.8, label=state)


def _place(row: Dimension, trial: Trial) -> float:
    value = trial.values[row.name]
    return float(row.values.index(value)) if isinstance(row, Choice) else float(value)


def _value_axis(axes: Axes, row: Dimension) -> None:
    """Label the bottom axis with the values of the setting."""
    if isinstance(row, Choice):
        axes.set_xticks(range(len(row.values)), [str(value) for value in row.values])
        axes.set_xlim(-0.5, len(row.values) - 0.5)
    elif row.log:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=6))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(style.ticks(5))


def _finish(axes: Axes, trials: Sequence[Trial], named: bool = True) -> None:
    """Scale the accuracy by the ratio of errors; otherwise the worst trial would flatten the
    rest.
    """
    style.quiet(axes)
    ends = [accuracy for trial in trials for accuracy in trial.accuracies]
    low, high = _nines([min(ends), max(ends)])
    margin = 0.06 * (high - low) or 0.1
    # The limits first: matplotlib's own could lie over 100 %, where there is no number of nines.
    axes.set_ylim(*_from_nines([low - margin, high + margin]))
    axes.set_yscale("function", functions=(_nines, _from_nines))
    seen = [mark for mark in MARKS if min(ends) <= mark <= max(ends)]
    axes.yaxis.set_major_locator(FixedLocator(MARKS) if len(seen) > 2 else style.ticks(6))
    axes.yaxis.set_major_formatter(style.percent)
    if named:
        axes.set_ylabel("validation accuracy", **style.words())


def _nines(accuracy: ArrayLike) -> NDArray[np.float64]:
    """How many nines an accuracy has, four for 100 %.

    >>> _nines([0.9, 0.99]).round(1)
    array([1., 2.])
    """
    return -np.log10(1 + LEAST - np.asarray(accuracy, np.float64))


def _from_nines(nines: ArrayLike) -> NDArray[np.float64]:
    """Return the accuracy with so many nines."""
    return 1 + LEAST - 10.0 ** -np.asarray(nines, np.float64)
