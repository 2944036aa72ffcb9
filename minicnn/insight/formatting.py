"""How tensors and arrays are called and written, on a screen and in a figure."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minicnn.errors import GradientError
from minicnn.nn import Module
from minicnn.tape import Array
from minicnn.tensor import Tensor

Names = Module | Mapping[str, Tensor] | None
"""What tensors are called: a model, whose weights have names, or a tensor for each name."""

MOST_WRITTEN = 12  # numbers; of more only what they are like


def names_by_id(names: Names) -> dict[int, str]:
    """Return the name of each tensor by its id, which a tensor has as its own as long as it lives.

    >>> a = Tensor([1.0])
    >>> names_by_id({"a": a})[id(a)]
    'a'
    """
    pairs = names.named_tensors() if isinstance(names, Module) else (names or {}).items()
    return {id(tensor): name for name, tensor in pairs}


def recorded(y: Tensor) -> Tensor:
    """Return the tensor itself; raise `GradientError` if there is nothing on a tape behind it."""
    if not isinstance(y, Tensor):
        raise GradientError(f"a Tensor with its tape is needed, got {type(y).__name__}")
    if not y.requires_grad:
        raise GradientError(
            "there is no tape behind this tensor: it was computed from tensors without "
            "requires_grad, or under no_grad()"
        )
    if y.node is not None and y.node.freed:
        raise GradientError(
            f"the tape behind '{y.node.op}' was used up by backward(); look before, or compute the "
            "value again"
        )
    return y


def place(index: Sequence[int]) -> str:
    """Format an index as it is written in Python.

    >>> place((0, 3)), place(())
    ('[0, 3]', '')
    """
    return f"[{', '.join(map(str, index))}]" if index else ""


def number(value: float) -> str:
    """Four digits that count.

    >>> number(0.123456), number(-12345.6), number(3.0)
    ('0.1235', '-1.235e+04', '3')
    """
    return f"{value + 0.0:.4g}"  # of -0.0 it makes 0.0


def brief(array: Array) -> str:
    """Format a few numbers in full, of many their shape, range and length.

    >>> brief(np.array(0.5)), brief(np.array([1.0, 2.0]))
    ('0.5', '[1, 2]')
    >>> brief(np.arange(100.0).reshape(4, 25))
    '(4, 25), from 0 to 99, length 573'
    """
    if array.ndim == 0:
        return number(array.item())
    if array.size <= MOST_WRITTEN:
        return " ".join(written(array).split())
    ends = f"from {number(array.min())} to {number(array.max())}"
    length = float(np.linalg.norm(array.astype(np.float64)))
    zeros = int((array == 0).sum())
    share = f", {zeros / array.size:.0%} zeros" if zeros > 0.01 * array.size else ""
    return f"{array.shape}, {ends}, length {number(length)}{share}"


def written(array: Array) -> str:
    """All the numbers of an array, four digits each."""
    formatter: Any = {"float_kind": number}
    return np.array2string(array, separator=", ", formatter=formatter)


def called(tensor: Any, op: str | None, names: Mapping[int, str]) -> str:
    """Return a tensor's own name, or the op that made it, or that it is a leaf or a constant."""
    if id(tensor) in names:
        return names[id(tensor)]
    return op or ("leaf" if tensor.requires_grad else "constant")
