"""The figures of the report: learning curves, the confusion matrix, the worst mistakes.

Each function returns a `matplotlib.figure.Figure`, made without pyplot: it needs no display and
keeps no global state, so a server may draw in any thread. `save` writes it.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from minicnn import metrics
from minicnn.errors import SettingError, ShapeError
from minicnn.experiments.report.mosaic import brightness, grey_or_rgb
from minicnn.files import StrPath, atomic
from minicnn.insight import style

CELL = 1.25  # inches, of one picture in a grid
MARGIN = 0.03  # inches around it
MOST_TALL = 3  # times as tall as wide, for a cell
MOST_ANNOTATED = 30  # classes; beyond them a count would be too small to read
MANY_EPOCHS = 30  # beyond them a dot at each would hide the line


def curves(history: Mapping[str, Sequence[float]]) -> Figure:
    """Loss and accuracy by epoch, of training and, if there is one, of validation.

    - `history`: under `"loss"` and `"accuracy"`, and optionally `"val_loss"` and
      `"val_accuracy"`, one number per epoch, accuracies from 0 to 1.

    Raises `ShapeError` if one of the two is missing, or the lists are empty or not equally long.

    >>> figure = curves({"loss": [0.4, 0.2], "accuracy": [0.88, 0.94]})
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['Loss', 'Accuracy']
    """
    epochs = _epochs(history)
    figure = style.figure(8, 3.2)
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        _curve(axes, history[name], "training", color=style.BLUE)
        if f"val_{name}" in history:
            validation = history[f"val_{name}"]
            _curve(axes, validation, "validation", color=style.ORANGE, linestyle="--")
        style.title(axes, name.capitalize())
        axes.set_xlabel("epoch", **style.words())
        axes.set_xlim(0.5, epochs + 0.5)
        axes.xaxis.set_major_locator(style.ticks(10, integer=True))
        style.quiet(axes)
        style.legend(axes)
    _percent_axis(figure.axes[1])
    return figure


def _epochs(history: Mapping[str, Sequence[float]]) -> int:
    missing = [name for name in ("loss", "accuracy") if name not in history]
    if missing:
        raise ShapeError(
            f"history: no {missing[0]!r} in it, only {', '.join(history) or 'nothing'}"
        )
    shown = ("loss", "accuracy", "val_loss", "val_accuracy")
    lengths = {name: len(history[name]) for name in shown if name in history}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        raise ShapeError(f"history: need one number per epoch in each list, got {lengths}")
    return lengths["loss"]


def _curve(axes: Axes, values: Sequence[float], label: str, **look: Any) -> None:
    marker = "o" if len(values) <= MANY_EPOCHS else ""
    epochs = range(1, len(values) + 1)
    axes.plot(epochs, values, label=label, marker=marker, markersize=4, linewidth=1.6, **look)


def _percent_axis(axes: Axes) -> None:
    """Label the vertical axis in percent, with no more than a margin above 100 %."""
    bottom, top = axes.get_ylim()
    axes.set_ylim(top=min(top, 1 + 0.05 * (1 - bottom)))
    axes.yaxis.set_major_formatter(style.percent)


def confusion(matrix: ArrayLike, class_names: Sequence[str]) -> Figure:
    """Draw the confusion matrix, coloured so that the mistakes stand out.

    The colour of a mistake is its share of the true class (of its row), on a scale up to the
    largest mistake; right answers have a colour of their own, or their 99 % would leave every
    mistake white. Counts are written into the cells, zeros left out, up to 30 classes.

    - `matrix`: integers, `(C, C)`, rows true, columns predicted (`metrics.confusion_matrix`).
    - `class_names`: `C` names.

    Raises `ShapeError` if the matrix is not `(C, C)` counts with a name for each class.

    >>> figure = confusion([[48, 2], [1, 49]], ["cat", "dog"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['48', '2', '1', '49']
    """
    counts, names = _counts(matrix, class_names), [style.short(name) for name in class_names]
    side = min(max(2.6, 0.45 * len(names)), 8.5)
    cell = side / len(names)
    size = min(style.TEXT, 0.8 * cell * style.POINTS_PER_INCH)
    widest = max(style.inches(name, size) for name in names)
    upright = widest > cell
    figure = style.figure(side + 1.6 + widest, side + (0.5 + widest if upright else 0.6))
    axes = figure.subplots()
    shares = _mistake_shares(counts)
    mesh = _paint(axes, shares)
    _name_classes(axes, names, size, upright)
    if len(names) <= MOST_ANNOTATED:
        _write_counts(axes, counts, mesh.to_rgba(shares), cell)
    _colour_bar(figure, axes, mesh)
    return figure


def _counts(matrix: ArrayLike, class_names: Sequence[str]) -> NDArray[np.int64]:
    counts = np.asarray(matrix)
    need = (len(class_names), len(class_names))
    if counts.shape != need or counts.size == 0:
        raise ShapeError(
            f"matrix: got shape {counts.shape}, need {need}, a row for each class name"
        )
    if counts.dtype.kind not in "iu" or counts.min() < 0:
        raise ShapeError("matrix: need counts, which are integers and not negative")
    return counts.astype(np.int64)


def _mistake_shares(counts: NDArray[np.int64]) -> np.ma.MaskedArray:
    """Each count as a share of its row, the diagonal masked; `(C, C)` float64."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return np.ma.masked_array(shares, mask=np.eye(len(counts), dtype=bool))


def _paint(axes: Axes, shares: np.ma.MaskedArray) -> QuadMesh:
    highest = shares.max() if len(shares) > 1 else 0.0
    mesh = axes.pcolormesh(
        shares,
        cmap=style.WRONG.with_extremes(bad=style.RIGHT),
        vmin=0,
        vmax=highest or 0.01,  # no mistake at all still needs a scale
        edgecolors=style.GRID,
        linewidth=0.5 if len(shares) <= MOST_ANNOTATED else 0.2,
    )
    axes.set_aspect("equal")
    axes.invert_yaxis()
    return mesh


def _name_classes(axes: Axes, names: Sequence[str], size: float, upright: bool) -> None:
    """Write the names along both axes; `upright` turns those below, too wide for their cells."""
    middles = np.arange(len(names)) + 0.5
    axes.set_xticks(middles, names, rotation=90 if upright else 0, **style.words(size))
    axes.set_yticks(middles, names, **style.words(size))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("predicted", **style.words())
    axes.set_ylabel("true", **style.words())


def _write_counts(
    axes: Axes, counts: NDArray[np.int64], colours: NDArray[np.float64], cell: float
) -> None:
    size = style.fitting(str(counts.max()), 0.9 * cell)
    for row, column in np.argwhere(counts > 0):
        ink = style.readable_on(colours[row, column])
        text = style.words(size, ink)
        count = str(counts[row, column])
        axes.text(column + 0.5, row + 0.5, count, ha="center", va="center_baseline", **text)


def _colour_bar(figure: Figure, axes: Axes, mesh: QuadMesh) -> None:
    bar = figure.colorbar(mesh, ax=axes, shrink=0.7, aspect=25, ticks=style.ticks(6))
    bar.ax.yaxis.set_major_formatter(style.percent)
    bar.ax.tick_params(labelsize=style.SMALL, labelcolor=style.INK, color=style.FAINT)
    bar.set_label("mistakes, share of the true class", **style.words(style.SMALL))
    bar.outline.set_visible(False)


def mistakes(
    images: ArrayLike,
    labels: ArrayLike,
    probabilities: ArrayLike,
    class_names: Sequence[str],
    *,
    rows: int = 5,
    columns: int = 5,
) -> Figure:
    """Draw the pictures on which the model was wrong and most sure of it, the surest first.

    Above each stands what it is, what it was taken for, and with which probability. There are
    fewer cells than `rows * columns` if there are fewer mistakes.

    - `images`: `(N, H, W)`, `(N, H, W, 1)` or `(N, H, W, 3)`, as for `digits`.
    - `labels`: integers below `C`, `(N,)`.
    - `probabilities`: floats from 0 to 1, `(N, C)`; the highest of a row is the prediction.
    - `class_names`: `C` names.

    Raises `ShapeError` if these do not fit together.

    >>> images = np.zeros((2, 28, 28))
    >>> figure = mistakes(images, [0, 1], [[0.9, 0.1], [0.8, 0.2]], ["cat", "dog"])
    >>> [axes.get_title() for axes in figure.axes]
    ['dog\\n→ cat (80.0%)']
    """
    _at_least_one(rows=rows, columns=columns)
    pictures, true = np.asarray(images), metrics.class_numbers(labels, "labels")
    scores = metrics.class_probabilities(probabilities, "probabilities")
    metrics.same_length(images=pictures, labels=true, probabilities=scores)
    metrics.known_classes(true, len(class_names), "labels")
    if scores.shape[1] != len(class_names):
        raise ShapeError(f"probabilities of {scores.shape[1]} classes, {len(class_names)} names")
    worst = metrics.worst_mistakes(true, scores)[: rows * columns]
    if len(worst) == 0:
        return _nothing(f"No mistakes: {len(true):,} of {len(true):,} right")
    names = [style.short(name) for name in class_names]
    gap = "\n" if max(map(len, names)) > 2 else " "
    titles = [
        f"{names[true[i]]}{gap}→ {names[scores[i].argmax()]} ({scores[i].max():.1%})" for i in worst
    ]
    return digits(pictures[worst], titles, columns)


def _nothing(message: str) -> Figure:
    figure = style.figure(4, 1)
    figure.text(0.5, 0.5, message, ha="center", va="center", **style.words(style.TITLE))
    return figure


def digits(images: ArrayLike, titles: Sequence[str] | None = None, columns: int = 10) -> Figure:
    """Draw a grid of pictures, row by row, each with its title above it.

    Integers are read as 0 to 255, floats as 0 to 1 (black to white). Floats outside of that, such
    as normalised inputs, are stretched from their lowest to their highest, all pictures alike.

    - `images`: grey `(N, H, W)` or `(N, H, W, 1)`, or RGB `(N, H, W, 3)`; `N >= 1`.
    - `titles`: `N` texts, of one line or more.
    - `columns`: pictures in a row.

    Raises `ShapeError` if the images are not such, or the titles not as many.

    >>> figure = digits(np.zeros((3, 28, 28, 1), np.uint8), titles=["7", "2", "1"], columns=2)
    >>> len(figure.axes)
    3
    """
    pictures = brightness(grey_or_rgb(images))
    texts = [""] * len(pictures) if titles is None else [str(title) for title in titles]
    metrics.same_length(images=pictures, titles=np.array(texts))
    _at_least_one(columns=columns)
    columns = min(columns, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    size = min(style.fitting(text, CELL) for text in texts)
    tall = CELL * min(pictures.shape[1] / pictures.shape[2], MOST_TALL)
    above = _text_height(texts, size)
    wide, high = columns * CELL, rows * (tall + above)
    figure = style.figure(wide, high, arranged=True)
    grid = figure.add_gridspec(
        rows,
        columns,
        left=MARGIN / wide,
        right=1 - MARGIN / wide,
        bottom=MARGIN / high,
        top=1 - (above + MARGIN) / high,
        wspace=2 * MARGIN / (CELL - 2 * MARGIN),
        hspace=(above + 2 * MARGIN) / (tall - 2 * MARGIN),
    )
    for place, (picture, text) in enumerate(zip(pictures, texts, strict=True)):
        axes = figure.add_subplot(grid[place // columns, place % columns])
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
        axes.set_axis_off()
        if text:
            style.title(axes, text, size, loc="center", pad=3)
    return figure


def _text_height(texts: Sequence[str], size: float) -> float:
    """Inches for the lines above each picture, set in `size` points."""
    lines = max(text.count("\n") + 1 if text else 0 for text in texts)
    return 1.35 * size / style.POINTS_PER_INCH * lines


def _at_least_one(**numbers: int) -> None:
    for name, number in numbers.items():
        if number < 1:
            raise SettingError(f"{name}: got {number}, need 1 or more")


def save(figure: Figure, path: StrPath) -> None:
    """Write the figure as PNG, whole or not at all; a file that was there is replaced.

    - `figure`: from a function of this module, or any other.
    - `path`: where to, in a folder that exists. The format is PNG whatever the name ends with.

    Raises `WriteError` if the folder cannot be written to.
    """
    with atomic(path) as unfinished:
        figure.savefig(unfinished, format="png", dpi=style.DOTS_PER_INCH)
