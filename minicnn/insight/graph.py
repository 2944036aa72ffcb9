"""The tape as boxes and edges: what `draw_graph` draws."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from minicnn.errors import GradientError
from minicnn.insight.formatting import Names, called, names_by_id, number, recorded
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
    """The tape behind `y`; see `draw_graph` for the arguments.

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
    """A single number, or how long the array is as a vector."""
    if array.size == 1:
        return f"{what} {number(array.item())}"
    return f"{what} of length {number(float((array.astype(float) ** 2).sum() ** 0.5))}"
