"""Reverse-mode differentiation of NumPy arrays: `Tensor` and its operators.

An op is written as a plain function of arrays that returns its value and, for each differentiable
argument, a *rule*: the function that takes the gradient of the value to the gradient of the
argument (its vector-Jacobian product). The decorator `op` does the rest:

>>> @op
... def cube(x):
...     return x**3, lambda dy: dy * 3 * x**2
>>> x = Tensor([2.0], requires_grad=True)
>>> cube(x).backward()
>>> x.grad
array([12.], dtype=float32)
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Union

import numpy as np

from minicnn import kernels
from minicnn.errors import GradientError, ShapeError
from minicnn.tape import Array, Node, Step, once, recording, steps_back

Operand = Union["Tensor", Array, float]
Axis = int | tuple[int, ...] | None

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def op(forward: Callable[..., tuple]) -> Callable[..., "Tensor"]:
    """Make a differentiable function of tensors out of a function of arrays.

    - `forward`: takes arrays, returns ``(value, rule, ...)``, one rule for each leading argument
      that can have a gradient. The rules are called only for tensors that need a gradient; a rule
      may ignore broadcasting, the tape sums copies back.
    """

    @functools.wraps(forward)
    def apply(*args: Any, **kwargs: Any) -> Tensor:
        arrays = [a._data if isinstance(a, Tensor) else a for a in args]
        value, *rules = forward(*arrays, **kwargs)
        result = Tensor(value)
        if result._data.base is not None:
            _share_changes(result, args)
        if recording.get():
            edges = [e for e in zip(args, rules, strict=False) if isinstance(e[0], Tensor)]
            if any(x.requires_grad for x, _ in edges):
                inputs = [x for x, _ in edges]
                needed = [rule if x.requires_grad else None for x, rule in edges]
                result.node = Node(forward.__name__.strip("_"), inputs, needed, result)
                result.requires_grad = True
        return result

    return apply


def _share_changes(view: "Tensor", args: Sequence[Any]) -> None:
    """A change of a view, ``x.reshape(-1)[...] = 0``, is a change of what it shows."""
    for x in args:
        if isinstance(x, Tensor) and np.may_share_memory(view._data, x._data):
            view._changes = x._changes


class Tensor:
    """An array that remembers how it was computed.

    - `data`: anything that NumPy can make an array of. Arrays of float32 and float64 keep their
      dtype, all else becomes float32. It is copied if `requires_grad`, else shared.
    - `requires_grad`: collect the gradient of this tensor in `grad` when `backward` is called.

    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> w.grad
    array([2., 4.], dtype=float32)
    """

    __slots__ = ("__weakref__", "_changes", "_data", "grad", "node", "requires_grad")
    __array_ufunc__ = None  # so that `array * tensor` asks the tensor

    def __init__(self, data: Any, requires_grad: bool = False):
        array = np.asarray(data)
        kept = isinstance(data, np.ndarray | np.generic) and array.dtype in _FLOATS
        if not kept:
            array = array.astype(np.float32)
        self._data = array.copy() if requires_grad else array
        self._changes = [0]  # a list, so that tensors which show the same memory share the count
        self.requires_grad = requires_grad
        self.grad: Array | None = None
        self.node: Node | None = None

    # -------------------------------------------------------------- the value

    @property
    def data(self) -> Array:
        """The value, as a read-only view; ``t[...] = value`` changes it and lets the tape know."""
        view = self._data.view()
        view.flags.writeable = False
        return view

    @property
    def shape(self) -> tuple[int, ...]:
        return self._data.shape

    @property
    def ndim(self) -> int:
        return self._data.ndim

    @property
    def size(self) -> int:
        return self._data.size

    @property
    def dtype(self) -> np.dtype:
        return self._data.dtype

    def item(self) -> float:
        """The value of a tensor with a single element."""
        return self._data.item()

    def __len__(self) -> int:
        return len(self._data)

    def __float__(self) -> float:
        return float(self.item())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.data, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        grad = ", requires_grad=True" if self.requires_grad else ""
        return f"Tensor({np.array2string(self._data, prefix='Tensor(', separator=', ')}{grad})"

    def __setitem__(self, index: Any, value: Any) -> None:
        self._data[index] = value._data if isinstance(value, Tensor) else value
        self.mark_changed()

    def mark_changed(self) -> None:
        """Count a change in place, so that a gradient which needs the old value fails."""
        self._changes[0] += 1

    # -------------------------------------------------------------- the gradient

    def backward(
        self, dy: Array | None = None, watch: Callable[[Step], object] | None = None
    ) -> None:
        """Add d(self)/d(leaf), weighted by `dy`, to `grad` of every leaf that requires a gradient.

        - `dy`: gradient of the final value with respect to this tensor, of its shape; 1 by default,
          which only a tensor with a single element may leave out.
        - `watch`: called with each step after it was taken, for example `mc.Walk()`.

        The tape is used up on the way, and its memory given back. Raises `GradientError` if there
        is no tape, if it was used before, or if a value on it was changed in place meanwhile.
        """
        upstream = self.upstream(dy)
        given_away = {id(upstream)}  # the caller's, and those that are a leaf's gradient already
        for tensor, gradient, sent in steps_back(self, upstream):
            if tensor.node is not None:
                tensor.node.free()
            else:
                if gradient.base is not None or id(gradient) in given_away:
                    gradient = gradient.copy()
                given_away.add(id(gradient))
                tensor.grad = gradient if tensor.grad is None else tensor.grad + gradient
            if watch is not None:
                watch(Step(tensor, gradient, sent))
            del gradient, sent  # their memory is wanted for the next step

    def upstream(self, dy: Array | None = None) -> Array:
        """What `backward(dy)` starts from; raises `GradientError` if it cannot start."""
        if not self.requires_grad:
            raise GradientError(
                "backward() on a tensor that no gradient leads to: it was computed from tensors "
                "without requires_grad, or under no_grad()"
            )
        if dy is None:
            if self.size != 1:
                raise GradientError(
                    f"backward() on a tensor of shape {self.shape} needs an upstream gradient of "
                    "that shape: backward(dy); only a single number starts from 1 by itself"
                )
            return np.ones(self.shape, self.dtype)
        dy = np.asarray(dy, self.dtype)
        if dy.shape != self.shape:
            raise GradientError(f"backward(dy): dy has shape {dy.shape}, the tensor {self.shape}")
        return dy

    # -------------------------------------------------------------- operators

    def __add__(self, other: Operand) -> "Tensor":
        return add(self, other)

    def __sub__(self, other: Operand) -> "Tensor":
        return subtract(self, other)

    def __mul__(self, other: Operand) -> "Tensor":
        return multiply(self, other)

    def __truediv__(self, other: Operand) -> "Tensor":
        return divide(self, other)

    def __matmul__(self, other: Operand) -> "Tensor":
        return matmul(self, other)

    def __radd__(self, other: Operand) -> "Tensor":
        return add(other, self)

    def __rsub__(self, other: Operand) -> "Tensor":
        return subtract(other, self)

    def __rmul__(self, other: Operand) -> "Tensor":
        return multiply(other, self)

    def __rtruediv__(self, other: Operand) -> "Tensor":
        return divide(other, self)

    def __rmatmul__(self, other: Operand) -> "Tensor":
        return matmul(other, self)

    def __neg__(self) -> "Tensor":
        return multiply(self, -1.0)

    def __pow__(self, exponent: float) -> "Tensor":
        if isinstance(exponent, Tensor):
            raise ShapeError("the exponent must be a number; for a tensor write exp(log(x) * p)")
        return power(self, exponent)

    def __getitem__(self, index: Any) -> "Tensor":
        return getitem(self, index)

    def sum(self, axis: Axis = None, keepdims: bool = False) -> "Tensor":
        """The sum over one, several or all axes."""
        return sum_(self, axis, keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> "Tensor":
        """The mean over one, several or all axes."""
        return mean(self, axis, keepdims)

    def max(self, axis: Axis = None, keepdims: bool = False) -> "Tensor":
        """The maximum; equal values share its gradient equally, as in TensorFlow."""
        return max_(self, axis, keepdims)

    def reshape(self, *shape: int) -> "Tensor":
        """The same values in the same order, in another shape; one size may be -1."""
        return reshape(self, shape)

    def transpose(self, *axes: int) -> "Tensor":
        """The axes in another order, reversed if none are given."""
        return transpose(self, axes or tuple(reversed(range(self.ndim))))

    @property
    def T(self) -> "Tensor":  # noqa: N802 - NumPy's name
        return self.transpose()


# ------------------------------------------------------------------ arithmetic


@op
def add(a, b):
    return a + b, lambda dy: dy, lambda dy: dy


@op
def subtract(a, b):
    return a - b, lambda dy: dy, lambda dy: -dy


@op
def multiply(a, b):
    return a * b, lambda dy: dy * b, lambda dy: dy * a


@op
def divide(a, b):
    return a / b, lambda dy: dy / b, lambda dy: -dy * a / (b * b)


@op
def power(x, exponent):
    slope = exponent * x ** (exponent - 1) if exponent else np.zeros_like(x)
    return x**exponent, lambda dy: dy * slope


@op
def matmul(a, b):
    if np.ndim(a) < 2 or np.ndim(b) < 2 or a.shape[-1] != b.shape[-2]:
        raise ShapeError(f"matmul: cannot multiply {np.shape(a)} by {np.shape(b)}")
    product = kernels.matmul if a.ndim == b.ndim == 2 else np.matmul
    return (
        product(a, b),
        lambda dy: product(dy, b.swapaxes(-1, -2)),
        lambda dy: product(a.swapaxes(-1, -2), dy),
    )


# ------------------------------------------------------------------ reductions


def spread(reduced: Array, shape: tuple[int, ...], axis: Axis) -> Array:
    """Undo a reduction's loss of axes: repeat `reduced` along `axis` up to `shape`."""
    if axis is None:
        axis = tuple(range(len(shape)))
    if reduced.ndim < len(shape):
        reduced = np.expand_dims(reduced, axis)
    return np.broadcast_to(reduced, shape)


@op
def sum_(x, axis, keepdims):
    return x.sum(axis=axis, keepdims=keepdims), lambda dy: spread(dy, x.shape, axis)


@op
def mean(x, axis, keepdims):
    y = x.mean(axis=axis, keepdims=keepdims)
    return y, lambda dy: spread(dy, x.shape, axis) * np.asarray(y.size / x.size, x.dtype)


@op
def max_(x, axis, keepdims):
    y = x.max(axis=axis, keepdims=keepdims)

    def rule(dy):
        largest = x == spread(y, x.shape, axis)
        return spread(dy, x.shape, axis) * largest / largest.sum(axis=axis, keepdims=True)

    return y, rule


# ------------------------------------------------------------------ shape


@op
def reshape(x, shape):
    return x.reshape(shape), lambda dy: dy.reshape(x.shape)


@op
def transpose(x, axes):
    return x.transpose(axes), lambda dy: dy.transpose(np.argsort(axes))


@op
def getitem(x, index):
    def rule(dy):
        dx = np.zeros(x.shape, dy.dtype)
        np.add.at(dx, index, dy)  # an element that was taken twice gets both gradients
        return dx

    return x[index], rule


@op
def _concatenate(*xs, axis):
    ends = np.cumsum([x.shape[axis] for x in xs])[:-1]
    pieces = once(lambda dy: np.split(dy, ends, axis=axis))
    return np.concatenate(xs, axis), *[lambda dy, i=i: pieces(dy)[i] for i in range(len(xs))]


def concatenate(tensors: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Join tensors along an axis."""
    return _concatenate(*tensors, axis=axis)
