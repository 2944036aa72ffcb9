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
import inspect
import operator
from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from typing import Any, Union

import numpy as np

from minicnn import kernels
from minicnn.errors import GradientError, GradientShapeError, OpError, ShapeError
from minicnn.tape import ARRAYS, Array, Node, Rule, Step, is_engines, once, recording, steps_back

Operand = Union["Tensor", Array, float]
Axis = int | tuple[int, ...] | None

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def op(forward: Callable[..., tuple]) -> Callable[..., "Tensor"]:
    """Make a differentiable function of tensors out of a function of arrays.

    - `forward`: takes arrays, returns ``(value, rule, ...)``, one rule for each leading argument
      that can have a gradient. The rules are called only for tensors that need a gradient; a rule
      may ignore broadcasting, the tape sums copies back.

    Tensors may be given by keyword, too. A function of yours gets its arrays read-only: a change in
    place would be one that the tape does not see.
    """
    name, signature = forward.__name__.strip("_"), inspect.signature(forward)
    parameters = [p.name for p in signature.parameters.values() if p.kind is not p.KEYWORD_ONLY]
    own = is_engines(forward)

    @functools.wraps(forward)
    def apply(*args: Any, **kwargs: Any) -> Tensor:
        keywords = {}
        if kwargs:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            args = bound.args
            keywords = {k: _without_rule(name, k, v) for k, v in bound.kwargs.items()}
        arrays, needed = [], False
        for a in args:
            if isinstance(a, Tensor):
                needed = needed or a.requires_grad
                a = a._data if own else a.data
            arrays.append(a)
        if needed := needed and recording.get():
            arrays = [
                v if isinstance(a, Tensor) else _own(v) for a, v in zip(args, arrays, strict=True)
            ]
        value, rules = _value_and_rules(
            name, forward(*arrays, **keywords), max(len(args), len(parameters))
        )
        result = Tensor(value)
        if result._data.base is not None or id(value) in map(id, arrays):
            _share_changes(result, args)
        if needed:
            for i in range(len(rules), len(args)):
                rules.append(_missing_rule(name, parameters[min(i, len(parameters) - 1)]))
            edges = [e for e in zip(args, rules, strict=False) if isinstance(e[0], Tensor)]
            rules = [rule if x.requires_grad else None for x, rule in edges]
            if not own:
                rules = [rule and functools.partial(_without_writing, rule) for rule in rules]
            result.node = Node(name, [x for x, _ in edges], rules, result)
            result.requires_grad = True
        return result

    return apply


def _own(value: Any) -> Any:
    """Return a copy of an array or list that rules will need, for whoever gave it may change it."""
    if isinstance(value, np.ndarray):
        return value.copy("K")
    return type(value)(map(_own, value)) if type(value) in (list, tuple) else value


def _missing_rule(op: str, parameter: str) -> Rule:
    """Return the rule of an argument that has none."""

    def refuse(dy: Array) -> Array:
        raise GradientError(
            f"'{op}' has no rule for {parameter!r}, and the tensor that it was given requires a "
            f"gradient; give {parameter}.data if none is wanted"
        )

    return refuse


def _without_rule(op: str, parameter: str, value: Any) -> Any:
    """Return the value of an argument that can have no rule; refuse a tensor that needs one."""
    if not isinstance(value, Tensor):
        return value
    if value.requires_grad and recording.get():
        _missing_rule(op, parameter)(value._data)
    return value._data


def _value_and_rules(op: str, returned: Any, most: int) -> tuple[Any, list[Any]]:
    """Return what the function of an op returned, checked: at most so many rules, and one at
    least.
    """
    is_pair = isinstance(returned, tuple) and 2 <= len(returned) <= most + 1
    if not is_pair or not all(map(callable, returned[1:])):
        got = (
            f"({', '.join(type(each).__name__ for each in returned)})"
            if isinstance(returned, tuple)
            else type(returned).__name__
        )
        raise OpError(
            f"'{op}' must return (value, rule, ...), its value and for each argument, {most} at "
            f"most, a function that takes dy to its gradient; it returned {got}"
        )
    value, *rules = returned
    return value, rules


def _without_writing(rule: Rule, dy: Array) -> Array:
    """Ask a rule that must not change `dy` in place: other rules are given the same array."""
    if isinstance(dy, np.ndarray):
        dy = dy.view()
        dy.flags.writeable = False
    return rule(dy)


def _share_changes(view: "Tensor", args: Sequence[Any]) -> None:
    """Let a change of a view, ``x.reshape(-1)[...] = 0``, count as a change of what it shows."""
    for x in args:
        if isinstance(x, Tensor) and np.may_share_memory(view._data, x._data):
            view._changes = x._changes


_collecting = Lock()


class Tensor:
    """An array that remembers how it was computed.

    - `data`: numbers that NumPy can make an array of. Arrays of float32 and float64 keep their
      dtype, all else becomes float32. It is copied if `requires_grad`, or if it is a read-only view
      (as another tensor's `data`), else shared: leave it as it is until `backward`.
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
        if array.dtype not in _FLOATS or not isinstance(data, ARRAYS):
            array = _as_floats(array, is_array=isinstance(data, ARRAYS))
        shows_other = array.base is not None and not array.flags.writeable
        self._data = array.copy() if requires_grad or shows_other else array
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
        """Return the value of a tensor with a single element."""
        return self._data.item()

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> "Iterator[Tensor]":
        return (self[i] for i in range(len(self)))

    def __float__(self) -> float:
        return float(self.item())

    def __bool__(self) -> bool:
        return bool(self._data)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        self._refuse_to_lose_gradient("NumPy")
        return np.array(self.data, dtype=dtype, copy=copy)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """NumPy's functions take the values, and are refused where a gradient would be lost."""
        harmless = function in (np.shape, np.ndim, np.size, np.zeros_like, np.ones_like)

        def plain(value: Any) -> Any:
            if isinstance(value, Tensor):
                if not harmless:
                    value._refuse_to_lose_gradient(f"np.{function.__name__}")
                return value.data
            return type(value)(map(plain, value)) if type(value) in (list, tuple) else value

        return function(*map(plain, args), **{k: plain(v) for k, v in kwargs.items()})

    def _refuse_to_lose_gradient(self, who: str) -> None:
        if self.requires_grad and recording.get():
            raise GradientError(
                f"{who} would take the values of a tensor of shape {self.shape} and lose its "
                "gradient; use the tensor's own operators and minicnn.functional, or x.data where "
                "no gradient is wanted"
            )

    def __repr__(self) -> str:
        grad = ", requires_grad=True" if self.requires_grad else ""
        return f"Tensor({np.array2string(self._data, prefix='Tensor(', separator=', ')}{grad})"

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, Tensor):
            value._refuse_to_lose_gradient("an assignment")
            value = value._data
        self._data[index] = value
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
                tensor._collect(gradient)
            if watch is not None:
                watch(Step(tensor, gradient, sent))
            del gradient, sent  # their memory is wanted for the next step

    def _collect(self, gradient: Array) -> None:
        """Add to `grad`; several threads may go back to one leaf at once."""
        with _collecting:
            if self.grad is None:
                self.grad = gradient
            elif np.shape(self.grad) == self.shape:
                self.grad = np.asarray(self.grad + gradient)
            else:
                raise GradientShapeError(
                    f"the .grad that was set has shape {np.shape(self.grad)}; the tensor, and so "
                    f"its gradient, has {self.shape}"
                )

    def upstream(self, dy: Array | None = None) -> Array:
        """Return what `backward(dy)` starts from; raise `GradientError` if it cannot start."""
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
        if isinstance(exponent, Tensor) or np.ndim(exponent):
            raise ShapeError("the exponent must be a number; for a tensor write exp(log(x) * p)")
        return power(self, exponent)

    def __getitem__(self, index: Any) -> "Tensor":
        return getitem(self, index)

    def _compared(compare: Callable[[Any, Any], Any]) -> Any:  # type: ignore[misc] # noqa: N805
        def method(self: "Tensor", other: Any) -> Any:
            """Compare number by number, as NumPy does: an array of True and False."""
            return compare(self._data, other._data if isinstance(other, Tensor) else other)

        return method

    __eq__, __ne__ = _compared(operator.eq), _compared(operator.ne)
    __lt__, __le__ = _compared(operator.lt), _compared(operator.le)
    __gt__, __ge__ = _compared(operator.gt), _compared(operator.ge)
    __hash__ = object.__hash__  # by identity, whatever the numbers

    def sum(self, axis: Axis = None, keepdims: bool = False) -> "Tensor":
        """Return the sum over one, several or all axes."""
        return sum_(self, axis, keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> "Tensor":
        """Return the mean over one, several or all axes."""
        return mean(self, axis, keepdims)

    def max(self, axis: Axis = None, keepdims: bool = False) -> "Tensor":
        """Return the maximum; equal values share its gradient equally, as in TensorFlow."""
        return max_(self, axis, keepdims)

    def reshape(self, *shape: int | Sequence[int]) -> "Tensor":
        """Return the same values in the same order, in another shape; one size may be -1."""
        return reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: int | Sequence[int] | None) -> "Tensor":
        """Return the axes in another order, reversed if none are given."""
        return transpose(self, axes[0] if len(axes) == 1 else axes or None)

    @property
    def T(self) -> "Tensor":  # noqa: N802 - NumPy's name
        return self.transpose()


def _as_floats(array: Array, is_array: bool) -> Array:
    """Numbers of any kind as float32, wider floats and those of another byte order as they fit."""
    if array.dtype.kind not in "fiub":
        raise ShapeError(f"a tensor holds real numbers, got {array.dtype} of shape {array.shape}")
    wide = is_array and array.dtype.kind == "f" and array.dtype.itemsize > 4
    return array.astype(np.float64 if wide else np.float32)


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
    return a / b, lambda dy: dy / b, lambda dy: -dy * (a / b) / b


@op
def power(x, exponent):
    def rule(dy):
        slope = exponent * x ** (exponent - 1) if exponent else np.zeros_like(x)
        return dy * slope

    return x**exponent, rule


@op
def matmul(a, b):
    a, b = np.asarray(a), np.asarray(b)
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
def sum_(x, axis=None, keepdims=False):
    y = x.sum(axis, np.float64, keepdims=keepdims)  # in float32 a long sum loses digits
    return y.astype(x.dtype), lambda dy: spread(dy, x.shape, axis)


@op
def mean(x, axis=None, keepdims=False):
    y = x.mean(axis, np.float64, keepdims=keepdims).astype(x.dtype)
    share = np.asarray(y.size / max(x.size, 1), x.dtype)
    return y, lambda dy: spread(dy, x.shape, axis) * share


@op
def max_(x, axis=None, keepdims=False):
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
def transpose(x, axes=None):
    axes = range(x.ndim)[::-1] if axes is None else axes
    axes = np.lib.array_utils.normalize_axis_tuple(axes, x.ndim)
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
