"""What of a call is looked at: the arrays, by name, that the check compares."""

from collections.abc import Callable
from typing import Any

import numpy as np

Case = dict[str, Any]
"""The arguments of a call by name, in the order of the function's parameters."""

Observer = Callable[[Callable[..., Any], Case], dict[str, Any]]


def returned(function: Callable[..., Any], case: Case) -> dict[str, Any]:
    """Return what the function returns for the case.

    >>> returned(np.maximum, {"x": np.array([1.0, -1.0]), "other": 0})
    {'result': array([1., 0.])}
    """
    return {"result": function(*case.values())}


def returned_as(*names: str) -> Observer:
    """For a function that returns a tuple: each of its parts under a name.

    >>> returned_as("whole", "rest")(divmod, {"a": 7, "b": 2})
    {'whole': 3, 'rest': 1}
    """

    def observe(function: Callable[..., Any], case: Case) -> dict[str, Any]:
        parts = function(*case.values())
        if not isinstance(parts, tuple) or len(parts) != len(names):
            return {names[0]: parts}
        return dict(zip(names, parts, strict=True))

    return observe


def compiled(function: Callable[..., Any], case: Case) -> dict[str, Any]:
    """For a kernel of `fast`, which fills arrays that it is given; they are compared afterwards.

    It runs in one thread, which then does the shares of all, one after the other.
    """
    if hasattr(function, "for_threads"):  # a known misconception is plain Python
        function = function.for_threads(1)
    function(*case.values())
    return {}


def value_and_gradients(function: Callable[..., Any], case: Case) -> dict[str, Any]:
    """For an op: its value, and what each of its rules makes of the upstream gradient.

    The last entry of the case, `dy`, is that gradient, of the value's shape; of the others the
    arrays of floats become tensors that require a gradient.

    >>> from minicnn.tensor import multiply
    >>> case = {"a": np.array(2.0), "b": np.array(3.0), "dy": np.array(1.0)}
    >>> value_and_gradients(multiply, case)
    {'value': array(6.), 'gradient of a': array(3.), 'gradient of b': array(2.)}
    """
    from minicnn.tensor import Tensor

    arguments = {name: _tensor(value) for name, value in case.items() if name != "dy"}
    y = function(*arguments.values())
    if not isinstance(y, Tensor) or y.shape != case["dy"].shape:
        return {"value": y.data if isinstance(y, Tensor) else y}
    y.backward(case["dy"])
    tensors = {name: x for name, x in arguments.items() if isinstance(x, Tensor)}
    found = {name: x.grad for name, x in tensors.items() if x.grad is not None}
    gradients = {f"gradient of {name}": np.asarray(grad) for name, grad in found.items()}
    return {"value": y.data, **gradients}


def _tensor(value: Any) -> Any:
    from minicnn.tensor import Tensor

    is_float = isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating)
    return Tensor(value, requires_grad=True) if is_float else value
