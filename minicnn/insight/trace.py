"""Where a number comes from, and what a gradient is made of, by the rules of the ops alone.

A rule takes the gradient of an op's value to that of its input, and is linear. So the gradient
that is 1 at one number and 0 elsewhere comes back as the slope of this number by every input; and
a rule asked about one output at a time says how much of a weight's gradient comes from each.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn.errors import GradientError, ShapeError
from minicnn.insight.formatting import Names, called, names_by_id, number, place, recorded
from minicnn.insight.terms import Terms
from minicnn.tape import Array, Rule, steps_back, unbroadcast
from minicnn.tensor import Tensor

if TYPE_CHECKING:
    from minicnn.insight.style import Drawing

MOST_FEEDING = 5000  # outputs; more would take minutes, and no one could look at them

Index = int | Sequence[int]


@dataclass(frozen=True, eq=False)
class Source:
    """A tensor that the traced number was computed from.

    - `op`: what made it, None for a leaf; `depth`: how many ops lie between, the longest way.
    - `values`: its numbers; `gradient`: the slope of the traced number by each of them.
    - `batch_first`: it came first into its op, as activations do, and its first axis counts
      examples; False for weights.
    """

    name: str
    op: str | None
    depth: int
    values: Array
    gradient: Array
    batch_first: bool

    @property
    def terms(self) -> Terms:
        """The products of values and slopes, where the slope is not 0."""
        used = self.gradient != 0
        names = (self.name, "value", "slope")
        return Terms(*names, self.values, self.gradient, used, self.batch_first)


@dataclass(frozen=True, eq=False)
class Trace:
    """One number of a tensor, and all that it was computed from.

    - `name`, `index`, `value`: which number it is; `op`: what made it, None for a leaf.
    - `sources`: nearest first. An input whose slope is 0 everywhere is among them.
    - `untraced`: inputs of which no gradient was recorded, in words.
    """

    name: str
    index: tuple[int, ...]
    value: float
    op: str | None
    sources: tuple[Source, ...]
    untraced: tuple[str, ...]

    @property
    def leaves(self) -> tuple[Source, ...]:
        """The sources that nothing on the tape has made: weights, and the input."""
        return tuple(source for source in self.sources if source.op is None)

    def source(self, name: str) -> Source:
        """Return the nearest source of this name; raise `ShapeError` if there is none."""
        for each in self.sources:
            if each.name == name:
                return each
        known = ", ".join(each.name for each in self.sources)
        raise ShapeError(f"the trace has no source {name!r}, only {known}")

    def __str__(self) -> str:
        made = f", made by {self.op}" if self.op else ", a leaf"
        lines = [f"{self.name}{place(self.index)} = {number(self.value)}{made}"]
        lines += [str(each.terms) for each in self.sources if each.depth == 1 or each.op is None]
        if self.sources:
            lines.append(self._sum())
        lines += [f"not traced: {each}" for each in self.untraced]
        return "\n".join(lines)

    def _sum(self) -> str:
        """Say what the nearest input explains, and what is left."""
        nearest = self.sources[0]
        if not any(each.gradient.any() for each in self.sources):
            return "nothing moves it: every slope is 0, as behind a ReLU that is off"
        total, rest = nearest.terms.total, self.value - nearest.terms.total
        return (
            f"{number(self.value)} = {number(total)} from {nearest.name} + {number(rest)} from "
            "elsewhere (a bias, or a slope that is no constant)"
        )

    def figure(self, *names: str) -> "Drawing":
        """Draw the sources of these names, or the leaves of which several numbers matter.

        In each row value × slope = product, the furthest first, four of them at most.
        """
        from minicnn.insight.terms_figure import terms_figure

        if names:
            shown = [self.source(name).terms for name in names]
        else:
            leaves = sorted(self.leaves, key=lambda each: -each.depth)
            shown = [each.terms for each in leaves if np.count_nonzero(each.gradient) > 1]
        return terms_figure(f"{self.name}{place(self.index)} = {number(self.value)}", shown)


def trace(y: Tensor, index: Index = (), names: Names = None) -> Trace:
    """Which numbers made this one, and how much each of them moves it.

    - `y`: a tensor with its tape, before ``backward``; the tape and all gradients stay as they are.
    - `index`: of one number in it; nothing for a single number.
    - `names`: what tensors are called: a model, or a tensor for each name.

    Pixels are traced if the picture is a ``Tensor(picture, requires_grad=True)``. Raises
    `ShapeError` for an index that is not there, `GradientError` without a tape.

    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> w = Tensor([[4.0], [0.0], [5.0]], requires_grad=True)
    >>> y = x.reshape(1, 3) @ w
    >>> print(trace(y, (0, 0), {"x": x, "w": w, "y": y}))
    y[0, 0] = 19, made by matmul
    reshape (1, 3): 2 of 3 numbers matter, within [0:1, 0:3]; their products sum to 19
        value           slope           products
        [[1, 2, 3]]  ×  [[4, 0, 5]]  =  [[4, 0, 15]]
    w (3, 1): 3 of 3 numbers matter, within [0:3, 0:1]; their products sum to 19
        value     slope     products
        [[4],     [[1],     [[4],
         [0],  ×   [2],  =   [0],
         [5]]      [3]]      [15]]
    x (3,): 2 of 3 numbers matter, within [0:3]; their products sum to 19
        value           slope           products
        [[1, 2, 3]]  ×  [[4, 0, 5]]  =  [[4, 0, 15]]
    19 = 19 from reshape + 0 from elsewhere (a bias, or a slope that is no constant)
    """
    index = _index(recorded(y), index)
    one_hot = np.zeros(y.shape, y.dtype)
    one_hot[index] = 1
    known = names_by_id(names)
    inputs: dict[int, _Input] = {id(y): _Input("y", 0, True)}
    sources, untraced = [], []
    for tensor, dy, _ in steps_back(y, y.upstream(one_hot)):
        here = inputs[id(tensor)]
        op = tensor.node.op if tensor.node else None
        if tensor is not y:
            name = called(tensor, op or here.words, known)
            values = tensor.data.copy()
            sources.append(Source(name, op, here.depth, values, dy, here.first))
        for position, x in enumerate(tensor.node.inputs if tensor.node else ()):
            words = f"input {position + 1} of {op}"
            if not x.requires_grad:
                untraced.append(
                    f"{words}, {x.shape}: it would need Tensor(..., requires_grad=True)"
                )
            elif id(x) not in inputs or inputs[id(x)].depth <= here.depth:
                inputs[id(x)] = _Input(words, here.depth + 1, position == 0)
    sources.sort(key=lambda source: source.depth)
    op = y.node.op if y.node else None
    name = known.get(id(y), "y")
    return Trace(name, index, float(y.data[index]), op, tuple(sources), tuple(untraced))


@dataclass(frozen=True)
class _Input:
    """How a tensor came into an op: in words, how far back, and whether as the first."""

    words: str
    depth: int
    first: bool


# ------------------------------------------------------------------ gradients


@dataclass(frozen=True, eq=False)
class GradientTrace:
    """One number of a gradient, and the outputs that it was summed from.

    - `name`, `index`, `value`: of which number, and its gradient.
    - `feeds`: for each op that uses the tensor the gradient of its outputs (`left`), times the
      slope of each output by this number (`right`).
    """

    name: str
    index: tuple[int, ...]
    value: float
    feeds: tuple[Terms, ...]

    def __str__(self) -> str:
        lines = [f"the gradient of {self.name}{place(self.index)} is {number(self.value)}"]
        lines += [f"outputs of {feed}" for feed in self.feeds]
        if len(self.feeds) > 1:
            shares = " + ".join(number(feed.total) for feed in self.feeds)
            lines.append(f"{number(self.value)} = {shares}")
        return "\n".join(lines)

    def figure(self) -> "Drawing":
        """Draw a row for each op: gradient of its outputs × their slope = what they send."""
        from minicnn.insight.terms_figure import terms_figure

        title = f"gradient of {self.name}{place(self.index)} = {number(self.value)}"
        return terms_figure(title, list(self.feeds))


def trace_gradient(
    loss: Tensor, weight: Tensor, index: Index = (), names: Names = None
) -> GradientTrace:
    """Which outputs feed the gradient of one number, and how much each of them sends.

    - `loss`: a single number with its tape, before ``backward``; the tape and all gradients stay
      as they are.
    - `weight`: a tensor that it was computed from, a weight or any other; `index`: of one number.
    - `names`: what tensors are called: a model, or a tensor for each name.

    Only outputs of the ops that use `weight` itself are listed. Raises `ShapeError` for an index
    that is not there, `GradientError` if `weight` is not on the tape, or if more than 5,000 outputs
    feed the gradient: one image has fewer than a batch.

    >>> w = Tensor([3.0], requires_grad=True)
    >>> loss = (w * np.array([1.0, 0.0, 2.0])).sum()
    >>> print(trace_gradient(loss, w, 0, {"w": w}))
    the gradient of w[0] is 3
    outputs of multiply (3,): 2 of 3 numbers matter, within [0:3]; their products sum to 3
        gradient        slope           products
        [[1, 1, 1]]  ×  [[1, 0, 2]]  =  [[1, 0, 2]]
    """
    index = _index(recorded(weight), index)
    known = names_by_id(names)
    feeds = []
    for tensor, dy, _ in steps_back(recorded(loss), loss.upstream()):
        for x, rule in zip(*_recorded(tensor), strict=True):
            if x is weight and rule is not None:
                slopes = _slopes(_answer(rule, x.shape, index), dy)
                words = (called(tensor, tensor.node.op, known), "gradient", "slope")
                feeds.append(Terms(*words, dy, slopes, slopes != 0, True))
    if not feeds:
        raise GradientError(
            f"no op on the tape of the loss takes this tensor of shape {weight.shape}; is it a "
            "weight of the model that gave the loss, and was it one before?"
        )
    name = called(weight, None, known)
    return GradientTrace(name, index, sum(feed.total for feed in feeds), tuple(feeds))


def _recorded(tensor: Any) -> tuple[list[Any], list[Rule | None]]:
    return (tensor.node.inputs, tensor.node.rules) if tensor.node else ([], [])


def _answer(rule: Rule, shape: tuple[int, ...], index: tuple[int, ...]) -> Callable[[Array], float]:
    return lambda dy: float(unbroadcast(rule(dy), shape)[index])


def _slopes(answer: Callable[[Array], float], dy: Array) -> Array:
    """Return the slope by which `answer`, which is linear, follows each element where `dy` is not
    0.

    By halving: a part that does not answer to random numbers has no element that matters. Elements
    of one channel stay together, for a weight of one filter knows no other.
    """
    numbers = np.random.default_rng(0).standard_normal(dy.size)
    by_channel = (
        np.moveaxis(np.arange(dy.size).reshape(dy.shape), -1, 0) if dy.ndim else np.zeros(1, int)
    )
    order = by_channel.ravel()
    slopes = np.zeros(dy.shape, dy.dtype)
    parts, found = [order[dy.ravel()[order] != 0]], 0
    while parts:
        part = parts.pop()
        question = np.zeros_like(slopes)
        question.flat[part] = numbers[part] if len(part) > 1 else 1
        said = answer(question) if len(part) else 0.0
        if said and len(part) == 1:
            slopes.flat[part] = said
            found += 1
        elif said:
            parts += [part[len(part) // 2 :], part[: len(part) // 2]]
        if found > MOST_FEEDING:
            raise GradientError(
                f"more than {MOST_FEEDING:,} outputs feed this gradient; trace the loss of one "
                "image, or of a few"
            )
    return slopes


def _index(tensor: Tensor, index: Index) -> tuple[int, ...]:
    """Return the index of one number, counted from the front."""
    try:
        given = tuple(index) if isinstance(index, Sequence) else (index,)
        numbers = tuple(map(operator.index, given))
    except TypeError:
        numbers = ()
        if tensor.ndim or given:
            raise ShapeError(f"the index must be whole numbers, got {index!r}") from None
    inside = len(numbers) == tensor.ndim and all(
        -size <= i < size for i, size in zip(numbers, tensor.shape, strict=True)
    )
    if not inside:
        raise ShapeError(
            f"{place(numbers) or 'no index'} is not one number of a tensor of shape {tensor.shape}"
        )
    return tuple(i % size for i, size in zip(numbers, tensor.shape, strict=True))
