"""`draw_graph`: the tape as a picture, from the leaves at the top down to the result."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from minicnn.errors import GradientError
from minicnn.files import StrPath
from minicnn.insight import style
from minicnn.insight.formatting import Names, called, names_by_id, number, recorded
from minicnn.insight.layout import layers, places
from minicnn.insight.style import Drawing, drawing
from minicnn.tape import Array, steps_back, topological_order
from minicnn.tensor import Tensor

MOST_BOXES = 150


@dataclass(frozen=True)
class GraphBox:
    """A tensor on the tape.

    - `kind`: "op" for what an op made, "leaf" for what collects a gradient, "constant" otherwise.
    - `lines`: what is written below its name: shape or value, and the gradient if it is known.
    """

    name: str
    kind: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """The boxes, each after those that it needs, and edges (from, to) by their numbers."""

    boxes: tuple[GraphBox, ...]
    edges: tuple[tuple[int, int], ...]


def tape_graph(y: Tensor, names: Names = None, gradients: int | None = 0) -> Graph:
    """Return the tape behind `y`; see `draw_graph` for the arguments.

    >>> a = Tensor(2.0, requires_grad=True)
    >>> graph = tape_graph(a * a + a, {"a": a}, gradients=None)
    >>> [(box.name, *box.lines) for box in graph.boxes]  # doctest: +NORMALIZE_WHITESPACE
    [('a', 'value 2', 'gradient 5'), ('multiply', 'value 4', 'gradient 1'),
     ('add', 'value 6', 'gradient 1')]
    >>> graph.edges
    ((0, 1), (0, 1), (0, 2), (1, 2))
    """
    known, found = names_by_id(names), dict[int, Array]()
    if gradients != 0:
        steps = islice(steps_back(y, y.upstream()), gradients)
        found = {id(tensor): dy for tensor, dy, _ in steps}
    tensors = list(_tensors(y))
    if len(tensors) > MOST_BOXES:
        raise GradientError(
            f"the tape holds {len(tensors):,} tensors; a picture of more than {MOST_BOXES} could "
            "not be read: draw the graph of one step or one layer"
        )
    number_of = {id(tensor): i for i, tensor in enumerate(tensors)}
    edges = [
        (number_of[id(x)], number_of[id(tensor)])
        for tensor in tensors
        for x in (tensor.node.inputs if tensor.node else ())
    ]
    boxes = [_box(tensor, known, found.get(id(tensor))) for tensor in tensors]
    return Graph(tuple(boxes), tuple(sorted(edges)))


def _tensors(y: Tensor) -> Iterator[Any]:
    """All on the tape, constants too, each after those that it needs."""
    seen = set()
    for tensor in topological_order(recorded(y)):
        recorded(tensor)
        for x in tensor.node.inputs if tensor.node else ():
            if not x.requires_grad and id(x) not in seen:
                seen.add(id(x))
                yield x
        yield tensor


def _box(tensor: Any, known: dict[int, str], gradient: Array | None) -> GraphBox:
    op = tensor.node.op if tensor.node else None
    kind = "op" if op else "leaf" if tensor.requires_grad else "constant"
    name = called(tensor, op, known)
    lines = [_words("value", tensor.data) if tensor.size == 1 else str(tensor.shape)]
    if op and name != op:
        lines.insert(0, op)
    if gradient is not None:
        lines.append(_words("gradient", gradient))
    return GraphBox(name, kind, tuple(lines))


def _words(what: str, array: Array) -> str:
    """Format a single number, or an array's length as a vector."""
    if array.size == 1:
        return f"{what} {number(array.item())}"
    return f"{what} of length {number(float((array.astype(float) ** 2).sum() ** 0.5))}"


LINE = 0.17  # inches, of a line of text
LEGEND = 0.4
ROUND = 0.06
FILLS = {"op": "#dbe9f3", "leaf": "#fbe3d0", "constant": "#eeeeee"}
EDGES = {"op": style.BLUE, "leaf": style.ORANGE, "constant": style.FAINT}
MEANINGS = {"op": "made by an op", "leaf": "collects a gradient", "constant": "constant"}


def draw_graph(
    y: Tensor, path: StrPath | None = None, names: Names = None, gradients: int | None = 0
) -> Drawing:
    """Draw the tape behind `y`: its leaves, ops and shapes; single numbers with their value.

    - `y`: a tensor with its tape, before ``backward``; the tape and all gradients stay as they are.
    - `path`: a file to write it to, .svg, .png or .pdf; a notebook shows what is given back.
    - `names`: what tensors are called: a model, or a tensor for each name.
    - `gradients`: how many steps of ``backward`` to show, None for all; then `y` must be a single
      number.

    Raises `GradientError` without a tape, or for one of more than 150 tensors.

    >>> a = Tensor(2.0, requires_grad=True)
    >>> len(draw_graph(a * a + a).axes[0].texts) > 3
    True
    """
    figure = graph_figure(tape_graph(y, names, gradients))
    if path is not None:
        figure.save(path)
    return figure


def graph_figure(graph: Graph) -> Drawing:
    """Draw it as large as it needs to be."""
    depth = layers(len(graph.boxes), graph.edges)
    columns, passings = places(depth, graph.edges)
    lines = [line for box in graph.boxes for line in (box.name, *box.lines)]
    wide = max(1.0, max(style.inches(line, style.TEXT) for line in lines) + 0.1)
    tall = LINE * max(1 + len(box.lines) for box in graph.boxes) + 0.14
    across, down = wide + 0.25, tall + 0.5
    left = min([*columns, *(c for each in passings for c in each)])
    right = max([*columns, *(c for each in passings for c in each)])
    width = max((right - left) * across + wide + 0.3, 4.6)
    height = max(depth) * down + tall + 0.3 + LEGEND
    figure = drawing(width, height)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    shift = (width - (right - left) * across) / 2
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)

    def at(column: float, layer: float) -> tuple[float, float]:
        return shift + (column - left) * across, 0.15 + tall / 2 + layer * down

    for (source, target), passing in zip(graph.edges, passings, strict=True):
        columns_on_way = [columns[source], *passing, columns[target]]
        steps = range(depth[source], depth[target] + 1)
        _arrow(axes, [at(*pair) for pair in zip(columns_on_way, steps, strict=True)], tall)
    for box, column, layer in zip(graph.boxes, columns, depth, strict=True):
        _draw(axes, box, at(column, layer), wide, tall)
    _legend(axes, {box.kind for box in graph.boxes}, width, height)
    return figure


def _draw(axes: Axes, box: GraphBox, middle: tuple[float, float], wide: float, tall: float) -> None:
    x, y = middle
    shape = f"round,pad=0,rounding_size={ROUND}"
    corner = (x - wide / 2, y - tall / 2)
    look: dict[str, Any] = {
        "facecolor": FILLS[box.kind],
        "edgecolor": EDGES[box.kind],
        "linewidth": 1.0,
    }
    axes.add_patch(FancyBboxPatch(corner, wide, tall, boxstyle=shape, zorder=2, **look))
    top = y - LINE * len(box.lines) / 2
    for i, line in enumerate((box.name, *box.lines)):
        colour = style.ORANGE if line.startswith("gradient") else style.INK
        weight = "bold" if i == 0 else "normal"
        text = style.words(style.TEXT if i == 0 else style.SMALL, colour)
        axes.text(x, top + i * LINE, line, ha="center", va="center", weight=weight, **text)


def _arrow(axes: Axes, points: list[tuple[float, float]], tall: float) -> None:
    """Draw a smooth line from below the first point through all others to above the last."""
    through = np.array(points)
    vertices, codes = [through[0] + (0, tall / 2)], [Path.MOVETO]
    for i in range(1, len(through)):
        last = i == len(through) - 1
        above = through[i] - (0, tall / 2)
        bend = (0, (above - vertices[-1])[1] * 0.5)
        vertices += [vertices[-1] + bend, above - bend, above]
        codes += [Path.CURVE4] * 3
        if not last:  # straight down beside the boxes of this layer
            vertices.append(through[i] + (0, tall / 2))
            codes.append(Path.LINETO)
    style_of_arrow = "-|>,head_length=4,head_width=2.2"
    look: dict[str, Any] = {
        "color": style.FAINT,
        "linewidth": 1.1,
        "shrinkA": 0,
        "shrinkB": 1,
        "zorder": 1,
    }
    arrow = FancyArrowPatch(path=Path(vertices, codes), arrowstyle=style_of_arrow, **look)
    axes.add_patch(arrow)


def _legend(axes: Axes, kinds: set[str], width: float, height: float) -> None:
    """Explain the colours in a line at the foot."""
    shown = [kind for kind in MEANINGS if kind in kinds]
    lengths = [0.3 + style.inches(MEANINGS[kind], style.SMALL) for kind in shown]
    x, y = (width - sum(lengths)) / 2, height - LEGEND / 2
    for kind, length in zip(shown, lengths, strict=True):
        look: dict[str, Any] = {
            "facecolor": FILLS[kind],
            "edgecolor": EDGES[kind],
            "linewidth": 0.8,
        }
        corner = (x, y - 0.06)
        axes.add_patch(FancyBboxPatch(corner, 0.12, 0.12, boxstyle="square,pad=0", **look))
        axes.text(x + 0.18, y, MEANINGS[kind], ha="left", va="center", **style.words(style.SMALL))
        x += length
