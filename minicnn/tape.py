"""The tape: what is recorded of a calculation, and the order in which gradients go back over it.

Nothing here knows what a `Tensor` is, only that it has a `node` and a count of its changes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from minicnn.errors import GradientError

Array = np.ndarray
Rule = Callable[[Array], Array]

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
        self.inputs, self.rules, self.freed = [], [], True


def check_unchanged(tensor: Any, node: Node) -> None:
    """Raise `GradientError` if the node was used up, or a value that it needs was changed."""
    if node.freed:
        raise GradientError(
            f"the tape behind '{node.op}' was used up by an earlier backward(); compute the value "
            "again, or add the losses and go back once"
        )
    for changed, version in zip([*node.inputs, tensor], node.versions, strict=True):
        if changed._changes[0] != version:
            what = "the result" if changed is tensor else "an input"
            raise GradientError(
                f"{what} of '{node.op}', of shape {changed.shape}, was changed in place after it "
                "was computed; its gradient needs the old value"
            )


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
    was used before, or a value on it was changed in place meanwhile.
    """
    gradients = {id(root): dy}
    for tensor in reversed(topological_order(root)):
        dy, node, sent = gradients.pop(id(tensor)), tensor.node, []
        if node is not None:
            check_unchanged(tensor, node)
            for x, rule in zip(node.inputs, node.rules, strict=True):
                if rule is not None:
                    dx = unbroadcast(rule(dy), x.shape).astype(x.dtype, copy=False)
                    sent.append((x, dx))
                    earlier = gradients.get(id(x))
                    gradients[id(x)] = dx if earlier is None else earlier + dx
        yield tensor, dy, sent
