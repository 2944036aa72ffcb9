"""Does a gradient agree with the slope that can be measured? For the engine's ops and for yours.

>>> from minicnn import functional as F
>>> gradcheck(lambda x: F.tanh(x) * x, np.array([0.3, -1.2]))
"""

from collections.abc import Callable

import numpy as np

from minicnn.errors import GradientError
from minicnn.tape import Array
from minicnn.tensor import Tensor


def numerical_gradient(f: Callable[[Array], float], x: Array, epsilon: float = 1e-6) -> Array:
    """The slope of `f` along every element of `x` by central differences, ``O(epsilon**2)`` off.

    >>> numerical_gradient(lambda x: float((x**3).sum()), np.array([1.0, 2.0])).round(6)
    array([ 3., 12.])
    """
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        old = x[index]
        x[index] = old + epsilon
        above = f(x)
        x[index] = old - epsilon
        below = f(x)
        x[index] = old
        gradient[index] = (above - below) / (2 * epsilon)
    return gradient


def directional_derivative(
    f: Callable[[Array], float], x: Array, direction: Array, epsilon: float = 1e-6
) -> float:
    """The slope of `f` at `x` along `direction`, by central differences.

    It is the sum of gradient times direction, number by number: two evaluations of `f` hold a
    gradient of any size to account.

    >>> x, direction = np.array([1.0, 2.0]), np.array([1.0, -1.0])
    >>> round(directional_derivative(lambda x: float((x**3).sum()), x, direction), 6)
    -9.0
    """
    above, below = f(x + epsilon * direction), f(x - epsilon * direction)
    return (above - below) / (2 * epsilon)


def gradcheck(
    f: Callable[..., Tensor],
    *inputs: Array,
    epsilon: float = 1e-6,
    rtol: float = 1e-6,
    atol: float = 1e-7,
    every_element_up_to: int = 2000,
    seed: int = 0,
) -> None:
    """Compare the gradient of ``f(*inputs)`` with central differences in float64.

    - `f`: takes a Tensor for each input, returns a Tensor of any shape; the same every time.
    - `inputs`: arrays; integers and float32 are taken as float64.
    - `every_element_up_to`: an input with more elements is checked along 20 random directions
      instead, two evaluations each.
    - `rtol`, `atol`: what may differ, ``atol + rtol * |numerical|``.

    The result is weighted by random numbers first, so that errors which cancel in a plain sum are
    seen. Raises `GradientError` that names the input, the element, both numbers and their ratio.
    """
    rng = np.random.default_rng(seed)
    arrays = [np.array(x, np.float64) for x in inputs]
    tensors = [Tensor(x, requires_grad=True) for x in arrays]
    y = f(*tensors)
    dy = rng.standard_normal(y.shape)
    y.backward(dy)
    for position, (x, tensor) in enumerate(zip(arrays, tensors, strict=True)):
        found = np.zeros_like(x) if tensor.grad is None else tensor.grad

        def value(changed: Array, position: int = position) -> float:
            replaced = [*arrays[:position], changed, *arrays[position + 1 :]]
            return float((f(*[Tensor(a) for a in replaced]).data * dy).sum())

        if x.size <= every_element_up_to:
            expected = numerical_gradient(value, x, epsilon)
            _compare(found, expected, rtol, atol, f"input {position}, element {{}}")
        else:
            directions = rng.standard_normal((20, *x.shape))
            found = np.array([(found * d).sum() for d in directions])
            expected = np.array([directional_derivative(value, x, d, epsilon) for d in directions])
            what = f"input {position} (of {x.size} elements), random direction {{}}"
            _compare(found, expected, rtol, atol * x.size**0.5, what)


def _compare(found: Array, expected: Array, rtol: float, atol: float, what: str) -> None:
    off = np.abs(found - expected) > atol + rtol * np.abs(expected)
    off |= ~np.isfinite(found) | ~np.isfinite(expected)
    if not off.any():
        return
    excess = np.where(off, np.abs(found - expected), -1)
    worst = np.unravel_index(np.argmax(np.where(np.isfinite(excess), excess, np.inf)), off.shape)
    index = tuple(int(i) for i in worst)
    got, need = float(found[worst]), float(expected[worst])
    ratio = f"{got / need:.6g}" if need else "undefined"
    raise GradientError(
        f"the gradient is off at {what.format(index)}: backward gives {got:.9g}, the numerical "
        f"derivative is {need:.9g}, ratio {ratio}; {off.sum()} of {off.size} are off"
    )
