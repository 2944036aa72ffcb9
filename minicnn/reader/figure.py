"""What the model saw and read, over the picture."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from minicnn.insight import style
from minicnn.reader.recognise import SURE, Prediction
from minicnn.reader.rows import Box
from minicnn.reader.strings import Reading, corners

MOST_BARS = 10  # classes; of more, the most probable


def prediction(answer: Prediction, title: str = "") -> Figure:
    """Draw the picture, the frame given to the model, and a bar for each class's probability.

    Of more than ten classes the ten most probable are shown. `title`: the picture's name.

    >>> seen = np.zeros((28, 28), np.float32)
    >>> answer = Prediction(np.array([0.25, 0.75], np.float32), ("cat", "dog"), seen, seen)
    >>> [axes.get_title(loc="left") for axes in prediction(answer, "pet.png").axes]
    ['pet.png', 'what the model saw', 'dog (75.0 %), not sure']
    """
    figure = style.figure(8, 2.9)
    picture, seen, bars = figure.subplots(1, 3, width_ratios=[1.25, 1, 1.05])
    _show(picture, answer.grey, title)
    _show(seen, answer.seen, "what the model saw")
    _bars(bars, answer)
    return figure


def _show(axes: Axes, image: np.ndarray, title: str = "") -> None:
    axes.imshow(image, cmap="gray", vmin=0, vmax=1)
    style.title(axes, style.short(title), style.TEXT)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(style.GRID)  # or a white page would have no edge


def _bars(axes: Axes, answer: Prediction) -> None:
    shown = answer.candidates[:MOST_BARS]
    if len(answer.class_names) <= MOST_BARS:
        shown = tuple(sorted(shown, key=lambda c: answer.class_names.index(c.label)))
    colours = [style.BLUE if c.label == answer.label else style.FAINT for c in shown]
    places = np.arange(len(shown))
    axes.barh(places, [c.probability for c in shown], color=colours, height=0.7)
    axes.set_yticks(places, [style.short(c.label) for c in shown], **style.words())
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_locator(style.ticks(4))
    axes.xaxis.set_major_formatter(style.percent)
    style.quiet(axes)
    axes.grid(False)
    axes.tick_params(axis="y", length=0)
    doubt = "" if answer.sure else ", not sure"
    title = f"{style.short(answer.label)} ({100 * answer.probability:.1f} %){doubt}"
    size = style.fitting(title, 2.0)  # inches, which the bars always have
    style.title(axes, title, size)


def reading(answer: Reading, title: str = "") -> Figure:
    """Draw the picture with a box around each digit that was read, and what it was read as.

    Digits that are not sure have another colour. `title`: the picture's name.
    """
    height, width = answer.grey.shape
    across = 8.0
    figure = style.figure(across, min(max(across * height / width, 1.6), 10) + 0.7)
    axes = figure.subplots()
    text = " / ".join(answer.text.split("\n"))
    heading = f"{style.short(title)}: {text}" if title else text
    heading = f"{heading} ({100 * answer.confidence:.0f} % sure of all)"
    _show(axes, answer.grey)
    style.title(axes, heading, style.fitting(heading, across, style.TITLE))
    sure = (answer.probabilities.max(axis=1) * answer.whole) >= SURE
    for box, label, is_sure in zip(answer.boxes, answer.labels, sure, strict=True):
        _frame_digit(axes, box, label, style.BLUE if is_sure else style.ORANGE)
    return figure


def _frame_digit(axes: Axes, box: Box, label: str, colour: str) -> None:
    left, top, right, bottom = corners(box)
    corner = left - 0.5, top - 0.5
    axes.add_patch(
        Rectangle(corner, right - left, bottom - top, fill=False, color=colour, linewidth=1.5)
    )
    axes.annotate(
        style.short(label),
        ((left + right - 1) / 2, top - 0.5),
        xytext=(0, 2),
        textcoords="offset points",
        ha="center",
        va="bottom",
        bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.2},
        **style.words(style.TEXT, style.PAPER),
    )
