"""The tape: what is recorded of a calculation, and the order in which gradients go back over it.

Nothing here knows what a `Tensor` is, only that it has a `node` and a count of its changes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from minicnn.errors import GradientError, GradientShapeError, OpError
from minicnn.kernels.checking import name_of

Array = np.ndarray
Rule = Callable[[Array], Array]
ARRAYS = (np.ndarray, np.generic)
"""What holds numbers: an array, or one of NumPy's numbers."""

recording: ContextVar[bool] = ContextVar("recording", default=True)


@contextmanager
def no_grad() -> Iterator[None]:
    """Within this block (and thread) nothing is recorded: faster, and no memory is kept.

    >>> from minicnn import Tensor
    >>> x = Tensor([1.0], requires_grad=True)
    >>> with no_grad():
    ...     (x * 2).requires_grad
    False
    """
    token = recording.set(False)
    try:
        yield
    finally:
        recording.reset(token)


def once(function: Callable[[Array], Any]) -> Callable[[Array], Any]:
    """Compute once for each gradient that comes in: for rules that share their work."""
    dy_before: Any = None
    answer: Any = None

    def cached(dy: Array) -> Any:
        nonlocal dy_before, answer
        if dy is not dy_before:
            dy_before, answer = dy, function(dy)
        return answer

    return cached


def unbroadcast(dy: Array, shape: tuple[int, ...]) -> Array:
    """Sum `dy` over the axes along which an array of `shape` was copied.

    >>> unbroadcast(np.ones((2, 3)), (3,))
    array([2., 2., 2.])
    >>> unbroadcast(np.ones((2, 3)), (2, 1))
    array([[3.],
           [3.]])
    """
    if dy.shape == shape:
        return dy
    dy = dy.sum(axis=tuple(range(dy.ndim - len(shape))))
    copied = tuple(i for i, size in enumerate(shape) if size == 1 and dy.shape[i] != 1)
    return dy.sum(axis=copied, keepdims=True)


class Node:
    """One op on the tape: what it took, and the rule that leads back to each of these.

    - `inputs`: the tensors among its arguments; `rules`: one for each, None where no gradient is
      needed. Both are empty once the tape was used up.
    """

    __slots__ = ("freed", "inputs", "op", "rules", "versions")

    def __init__(self, op: str, inputs: list[Any], rules: list[Rule | None], result: Any):
        self.op = op
        self.inputs, self.rules = inputs, rules
        self.versions = [x._changes[0] for x in (*inputs, result)]
        self.freed = False

    def free(self) -> None:
        """Give the memory back; backward() cannot pass here again."""
        self.freed = True  # first, for a thread that is at `way_back` meanwhile
        self.inputs, self.rules = [], []


def way_back(tensor: Any, node: Node) -> list[tuple[Any, Rule]]:
    """Return the inputs of a tensor's node that need a gradient, each with its rule.

    Raises `GradientError` if the node was used up, or a value that it needs was changed.
    """
    inputs, rules = node.inputs, node.rules
    if node.freed:
        raise GradientError(
            f"the tape behind '{node.op}' was used up by an earlier backward(); compute the value "
            "again, or add the losses and go back once"
        )
    for changed, version in zip([*inputs, tensor], node.versions, strict=True):
        if changed._changes[0] != version:
            what = "the result" if changed is tensor else "an input"
            raise GradientError(
                f"{what} of '{node.op}', of shape {changed.shape}, was changed in place after it "
                "was computed; its gradient needs the old value"
            )
    return [(x, rule) for x, rule in zip(inputs, rules, strict=True) if rule is not None]


def sent_back(op: str, rule: Rule, dy: Array, x: Any) -> Array:
    """Return what the rule makes of `dy`, in the shape and dtype of the input `x`.

    Raises `OpError` for what is no array of numbers, `GradientShapeError` for one that has neither
    the shape of `x` nor that of copies of it along axes of `dy`.
    """
    dx, shape = rule(dy), x.shape
    if not isinstance(dx, ARRAYS) or dx.dtype.kind not in "fiub":
        got = f"an array of {dx.dtype}" if isinstance(dx, np.ndarray) else type(dx).__name__
        raise OpError(
            f"a rule of '{op}' gave {got}, not an array of numbers like its input of shape "
            f"{shape}; is it a rule that leaves dy out?{_whose(rule)}"
        )
    if dx.shape != shape:
        given = dx.shape
        if _is_of_copies(given, shape, dy.shape):
            dx = unbroadcast(np.asarray(dx, np.float64), shape)  # float32 loses digits in long sums
        if dx.shape != shape:
            raise GradientShapeError(
                f"a rule of '{op}' gave a gradient of shape {given} for an input of shape {shape}; "
                f"it must have that shape{_whose(rule)}"
            )
    return np.asarray(dx, x.dtype)


def _is_of_copies(shape: tuple[int, ...], x: tuple[int, ...], dy: tuple[int, ...]) -> bool:
    """Whether an array of shape `x`, copied along axes of `dy`, has this shape."""
    filled = (1,) * (len(shape) - len(x)) + x
    return len(shape) == len(dy) == len(filled) and all(
        size == old or (old == 1 and size == new)
        for size, old, new in zip(shape, filled, dy, strict=True)
    )


def is_engines(function: Any) -> bool:
    """Whether a function is minicnn's own; one that `exec` has made has no module."""
    return (function.__module__ or "").partition(".")[0] == "minicnn"


def _whose(rule: Any) -> str:
    """For the end of a message: the functions in the rule that are not the engine's."""
    rule = rule.args[0] if isinstance(rule, partial) else rule
    names = rule.__code__.co_names if isinstance(rule, FunctionType) else ()
    called = [f for name in names if isinstance(f := rule.__globals__.get(name), FunctionType)]
    functions = dict.fromkeys([rule, *called, unbroadcast])
    theirs = [name_of(f) for f in functions if not is_engines(f)]
    return f"; not the engine's own: {', '.join(theirs)}" if theirs else ""


def topological_order(root: Any) -> list[Any]:
    """All recorded tensors that `root` was computed from, each after the ones that it needs.

    A loop with its own stack: a chain of 100,000 ops is no deeper than one of two.
    """
    order: list[Any] = []
    seen: set[int] = set()
    stack = [(root, False)]
    while stack:
        tensor, inputs_done = stack.pop()
        if inputs_done:
            order.append(tensor)
        elif id(tensor) not in seen:
            seen.add(id(tensor))
            stack.append((tensor, True))
            inputs = tensor.node.inputs if tensor.node else ()
            stack.extend((x, False) for x in inputs if x.requires_grad)
    return order


class Step(NamedTuple):
    """One tensor's turn on the way back.

    - `dy`: its gradient, the sum of what all that it was used for have sent.
    - `sent`: what its op sends on, (input, its share of the gradient); nothing from a leaf.
    """

    tensor: Any
    dy: Array
    sent: list[tuple[Any, Array]]


def steps_back(root: Any, dy: Array) -> Iterator[tuple[Any, Array, list[tuple[Any, Array]]]]:
    """Take the gradient `dy` of `root` back over the tape: the fields of each `Step`, root first.

    Nothing is used up; who walks may free the nodes behind. Raises `GradientError` where the tape
    was used before, a value on it was changed in place meanwhile, or a rule gives no gradient.
    """
    gradients = {id(root): dy}
    for tensor in reversed(topological_order(root)):
        dy, node, sent = gradients.pop(id(tensor)), tensor.node, []
        if node is not None:
            for x, rule in way_back(tensor, node):
                dx = sent_back(node.op, rule, dy, x)
                sent.append((x, dx))
                earlier = gradients.get(id(x))
                gradients[id(x)] = dx if earlier is None else np.asarray(earlier + dx)
        yield tensor, dy, sent
