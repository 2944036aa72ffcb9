"""Does a gradient agree with the slope that can be measured? For the engine's ops and for yours.

>>> from minicnn import functional as F
>>> gradcheck(lambda x: F.tanh(x) * x, np.array([0.3, -1.2]))
"""

import math
from collections.abc import Callable

import numpy as np

from minicnn.errors import GradientError
from minicnn.tape import Array
from minicnn.tensor import Tensor


def numerical_gradient(f: Callable[[Array], float], x: Array, epsilon: float = 1e-6) -> Array:
    """Return the slope of `f` along every element of `x` by central differences, ``O(epsilon**2)``
    off.

    `x` may be integers or float32: all is computed in float64, where so short a step is not lost.

    >>> numerical_gradient(lambda x: float((x**3).sum()), np.array([1, 2])).round(6)
    array([ 3., 12.])
    """
    x = np.array(x, np.float64)
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
    """Return the slope of `f` at `x` along `direction`, by central differences in float64.

    It is the sum of gradient times direction, number by number: two evaluations of `f` hold a
    gradient of any size to account.

    >>> x, direction = np.array([1.0, 2.0]), np.array([1.0, -1.0])
    >>> round(directional_derivative(lambda x: float((x**3).sum()), x, direction), 6)
    -9.0
    """
    x, direction = np.asarray(x, np.float64), np.asarray(direction, np.float64)
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
    - `epsilon`: the step, as a share of the number that moves. Where the slope then disagrees it is
      measured again, with the step among longer and shorter ones whose neighbours agree best.
    - `rtol`, `atol`: what may differ, ``atol + rtol * |numerical|``; where all slopes are below 1,
      `atol` in proportion.
    - `every_element_up_to`: an input with more elements is checked along 20 random directions
      instead, two evaluations each. A direction may differ by a tenth of what
      a typical element may, so that an error in a single one shows.

    The result is weighted by random numbers first, so that errors which cancel in a plain sum are
    seen. Raises `GradientError` that names the input, the element, both numbers and their ratio;
    also at a kink, where there is no gradient to compare with.
    """
    rng = np.random.default_rng(seed)
    arrays = [np.array(x.data if isinstance(x, Tensor) else x, np.float64) for x in inputs]
    tensors = [Tensor(x, requires_grad=True) for x in arrays]
    y = f(*tensors)
    if not isinstance(y, Tensor):
        raise GradientError(f"gradcheck: f must return a Tensor, got {type(y).__name__}")
    dy = rng.standard_normal(y.shape)
    y.backward(dy)
    _check_value(y.data, f(*map(Tensor, arrays)).data)
    rounding = float(np.finfo(np.float64).eps * np.linalg.norm(y.data * dy))
    for position, (x, tensor) in enumerate(zip(arrays, tensors, strict=True)):

        def rise(moved: Array, position: int = position) -> float:
            """How much the weighted sum grows; output by output, so that no digit is lost."""
            replaced = [*arrays[:position], moved, *arrays[position + 1 :]]
            with np.errstate(all="ignore"):  # a slope that is NaN is off, which says more
                return float(((f(*map(Tensor, replaced)).data - y.data) * dy).sum())

        if x.size:
            gradient = np.zeros_like(x) if tensor.grad is None else tensor.grad
            one_by_one = x.size <= every_element_up_to
            least = 1e-3 if one_by_one else 0.1
            slopes = _Slopes(rise, x, gradient, rounding, epsilon, least)
            slopes.refuse_kink(f"input {position}", rng)
            if one_by_one:
                _check_elements(slopes, rtol, atol, f"input {position}")
            else:
                _check_directions(slopes, rtol, atol, f"input {position}", rng)


def _check_value(y: Array, again: Array) -> None:
    """Refuse a function of which no slope can be measured."""
    if not np.array_equal(y, again, equal_nan=True):
        raise GradientError(
            "gradcheck: f gave other values the second time; for the same inputs it must give the "
            "same (a random generator in it must start anew)"
        )
    if not np.isfinite(y).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(y))[0])
        raise GradientError(f"gradcheck: f gives {y[where]} at {where}; no slope can be measured")


class _Slopes:
    """Slopes of `rise` at `x`, in steps of each number's own size: `x` moves to ``x + scale * t``.

    - `gradient`: what they are to be compared with.
    - `rounding`: by how much `rise` may be off.
    - `least`: the scale of small numbers, as a share of the typical one.
    """

    def __init__(
        self,
        rise: Callable[[Array], float],
        x: Array,
        gradient: Array,
        rounding: float,
        epsilon: float,
        least: float,
    ):
        typical = np.abs(x).mean()
        self.scale = np.maximum(np.abs(x), least * typical) if typical else np.ones_like(x)
        self.gradient, self.epsilon = gradient, epsilon
        self.start = np.zeros_like(x)
        self._rise, self._x, self._rounding = rise, x, rounding

    def rise(self, t: Array) -> float:
        return self._rise(self._x + self.scale * t)

    def of_elements(self) -> Array:
        """Return the slope along each element of `x`."""
        return numerical_gradient(self.rise, self.start, self.epsilon) / self.scale

    def along(self, direction: Array, step: float) -> float:
        return directional_derivative(self.rise, self.start, direction, step)

    def again(self, direction: Array) -> tuple[float, float]:
        """Return the slope along a direction by the best of several steps, and how far it may be
        off.

        Too long a step is not straight, too short a one has no digits left; where neither is so,
        the slopes by neighbouring steps agree.
        """
        moved = np.abs(self.scale * direction).max()
        longest = max(5, math.ceil(2 - math.log10(moved)))  # as if numbers were up to 100
        steps = self.epsilon * 10.0 ** np.arange(longest, -4, -1)
        slopes = [self.along(direction, step) for step in steps]
        apart = np.abs(np.diff(slopes))
        off = np.maximum(apart[:-1], apart[1:]) + self._rounding / steps[1:-1]
        best = int(np.argmin(np.nan_to_num(off, nan=np.inf)))
        return slopes[best + 1], float(off[best])

    def refuse_kink(self, name: str, rng: np.random.Generator) -> None:
        """Raise `GradientError` if the slope jumps at `x` itself."""
        direction = rng.uniform(0.5, 1.5, self.start.shape)
        part = np.arange(direction.size)
        while self._has_kink(self._only(part, direction)):
            if len(part) == 1:
                index = np.unravel_index(part[0], direction.shape)
                step = self.epsilon * self._only(part, np.ones_like(direction))
                below, above = -self.rise(-step), self.rise(step)
                raise GradientError(
                    f"f has a kink at {name}, element {tuple(map(int, index))}: its slope is "
                    f"{below / (self.epsilon * self.scale[index]):.6g} below and "
                    f"{above / (self.epsilon * self.scale[index]):.6g} above, backward gives "
                    f"{self.gradient[index]:.6g}; there is no gradient to check, move x away"
                )
            half = part[: len(part) // 2]
            first = self._has_kink(self._only(half, direction))
            part = half if first else part[len(part) // 2 :]

    def _only(self, part: Array, direction: Array) -> Array:
        """Return the direction, of these elements only."""
        chosen = np.zeros_like(direction)
        chosen.flat[part] = direction.flat[part]
        return chosen

    def _has_kink(self, direction: Array) -> bool:
        """Whether the slopes to both sides differ however short the step.

        Where `rise` is smooth, their difference shrinks with the step; ``(10 * b - a) / 9`` leaves
        that out, so at a kink two of these are alike.
        """
        steps = self.epsilon * 10.0 ** np.arange(1, -2, -1)
        a, b, c = ((self.rise(h * direction) + self.rise(-h * direction)) / h for h in steps)
        one, other = (10 * b - a) / 9, (10 * c - b) / 9
        typical = np.sqrt(np.square(self.gradient * self.scale).mean())
        least = 1e-6 * typical + 30 * self._rounding / steps[-1]
        return bool(abs(one - other) < 0.2 * abs(one) and abs(one) > least)


def _check_elements(slopes: _Slopes, rtol: float, atol: float, name: str) -> None:
    def again(index: tuple[int, ...]) -> tuple[float, float]:
        direction = slopes.start.copy()
        direction[index] = 1
        slope, off = slopes.again(direction)
        return slope / slopes.scale[index], off / slopes.scale[index]

    expected = slopes.of_elements()
    atol *= float(np.clip(np.nanmax(np.abs(expected), initial=0), 1e-3, 1))
    _compare(slopes.gradient, expected, again, rtol, atol, 1, f"{name}, element {{}}")


def _check_directions(
    slopes: _Slopes, rtol: float, atol: float, name: str, rng: np.random.Generator
) -> None:
    size, moved = slopes.start.size, slopes.gradient * slopes.scale
    directions = rng.integers(0, 2, (20, *slopes.start.shape), np.int8) * 2 - 1
    found = np.array([(moved * d).sum() for d in directions])
    expected = np.array([slopes.along(d, 10 * slopes.epsilon) for d in directions])
    atol *= float(np.clip(np.abs(slopes.gradient).max(), 1e-2, 1) * slopes.scale.mean())
    atol = (atol + rtol * float(np.sqrt(np.square(moved).mean()))) / 10
    what = f"{name} (of {size} elements), random direction {{}}"
    _compare(found, expected, lambda i: slopes.again(directions[i]), 0, atol, size**0.5, what)


def _compare(
    found: Array,
    expected: Array,
    again: Callable[[tuple[int, ...]], tuple[float, float]],
    rtol: float,
    atol: float,
    most: float,
    what: str,
) -> None:
    """Compare number by number; what is off is measured again, the worst first.

    - `again`: gives a better number for an index, and how far it may be off: that much more may
      differ, up to `most` times as much.
    """
    apart = np.abs(found - expected)
    off = np.array(~(apart <= atol + rtol * np.abs(expected)))
    order = np.argsort(np.nan_to_num(-apart, nan=-np.inf), axis=None, kind="stable")
    for place in order[: off.sum()]:
        index = tuple(int(i) for i in np.unravel_index(place, off.shape))
        got, (need, uncertain) = float(found[index]), again(index)
        allowed = atol + rtol * abs(need)
        if not abs(got - need) <= allowed + min(3 * uncertain, most * allowed):
            ratio = f"{got / need:.6g}" if need else "undefined"
            raise GradientError(
                f"the gradient is off at {what.format(index)}: backward gives {got:.9g}, the "
                f"numerical derivative is {need:.9g}, ratio {ratio}; {off.sum()} of {off.size} are "
                "off"
            )
        off[index] = False
