"""Optimizers, which change weights by their gradients, and schedules of the learning rate.

>>> from minicnn.tensor import Tensor
>>> w = Tensor([1.0], requires_grad=True)
>>> optimizer = SGD(lr=0.1)
>>> (w * w).sum().backward()
>>> optimizer.step([w])
>>> w.data
array([0.8], dtype=float32)
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from minicnn import kernels
from minicnn.errors import SettingError, ShapeError, UnknownNameError
from minicnn.tape import Array
from minicnn.tensor import Tensor


def clip_gradients(parameters: Sequence[Tensor], max_norm: float) -> float:
    """Scale all gradients down together so that their common length is at most `max_norm`.

    Returns the length before. Raises `SettingError` unless `max_norm` is above 0. (Pascanu et al.,
    2013, arXiv:1211.5063.)
    """
    if not max_norm > 0:
        raise SettingError(f"clip_gradients: max_norm must be above 0, got {max_norm}")
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = math.sqrt(sum(float(np.square(g, dtype=np.float64).sum()) for g in gradients))
    if norm > max_norm:
        for p in parameters:
            if p.grad is not None:
                p.grad = p.grad * p.grad.dtype.type(max_norm / norm)
    return norm


_RANGES: dict[str, tuple[str, Callable[[float], bool]]] = {
    "lr": ("a number above 0", lambda x: x > 0),
    "weight_decay": ("0 or more", lambda x: x >= 0),
    "momentum": ("in [0, 1)", lambda x: 0 <= x < 1),
    "beta1": ("in [0, 1)", lambda x: 0 <= x < 1),
    "beta2": ("in [0, 1)", lambda x: 0 <= x < 1),
    "epsilon": ("a number above 0", lambda x: x > 0),
}


@dataclass
class Optimizer:
    """Base of the optimizers: `step` updates every parameter that has a gradient.

    An optimizer belongs to the parameters of its first step, whose past it remembers; another model
    needs another optimizer. Raises `SettingError` for a setting out of its range.

    - `lr`: the learning rate; may be set anew before each step.
    - `weight_decay`: shrinks each weight by ``lr * weight_decay`` of itself per step, apart from
      the gradient (Loshchilov and Hutter, 2019, arXiv:1711.05101); 0 by default. As in Keras it
      applies to all parameters.
    """

    lr: float = 1e-3
    weight_decay: float = 0.0
    steps: int = field(default=0, init=False)
    _parameters: list[Tensor] = field(default_factory=list, init=False, repr=False, compare=False)
    _slots: list[dict[str, Array]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    slot_names: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for name in vars(self).keys() & _RANGES:
            (need, fits), value = _RANGES[name], getattr(self, name)
            if not (isinstance(value, Real) and math.isfinite(value) and fits(float(value))):
                raise SettingError(f"{type(self).__name__}: {name} must be {need}, got {value!r}")

    def step(self, parameters: Sequence[Tensor]) -> None:
        """Update `parameters`, always the same ones in the same order, by their gradients.

        Raises `ShapeError` if they are not those of the first step, or a gradient does not have the
        shape of its parameter; `SettingError` if `lr` was set to a negative number or to none. Then
        nothing was changed.
        """
        parameters = list(parameters)
        if not self._parameters:
            fresh = [{name: np.zeros_like(p._data) for name in self.slot_names} for p in parameters]
            self._belong_to(parameters, fresh)
        self._check_step(parameters)
        self.steps += 1
        for p, slots in zip(parameters, self._slots, strict=True):
            if p.grad is not None:
                if self.weight_decay:
                    p._data *= p.dtype.type(1 - self.lr * self.weight_decay)
                self.update(p._data, p.grad, **slots)
                p.mark_changed()

    def _belong_to(self, parameters: list[Tensor], slots: list[dict[str, Array]]) -> None:
        if len({*map(id, parameters)}) != len(parameters):
            raise ShapeError("a parameter is given to the optimizer twice; it would be moved twice")
        self._parameters, self._slots = parameters, slots

    def _check_step(self, parameters: list[Tensor]) -> None:
        if not 0 <= self.lr < math.inf:  # 0 is where a schedule may end
            raise SettingError(f"{type(self).__name__}: lr was set to {self.lr}; need 0 or more")
        mine = self._parameters
        if len(parameters) != len(mine):
            raise ShapeError(
                f"the optimizer has seen {len(mine)} parameters, now got {len(parameters)}; "
                "another model needs an optimizer of its own"
            )
        for i, (p, q) in enumerate(zip(parameters, mine, strict=True)):
            if p is not q:
                raise ShapeError(
                    f"parameter {i} of shape {p.shape} is not the one of shape {q.shape} that the "
                    "optimizer has moved before; another model needs an optimizer of its own"
                )
            if p.grad is not None and np.shape(p.grad) != p.shape:
                raise ShapeError(
                    f"parameter {i} of shape {p.shape} has a gradient of shape {np.shape(p.grad)}"
                )

    def update(self, weight: Array, grad: Array, **slots: Array) -> None:
        """Change one weight, and its slots, in place."""
        raise TypeError(f"{type(self).__name__} has no update(self, weight, grad, ...)")

    def state(self) -> dict[str, Array]:
        """Copy the memory of past gradients by name, to continue later as if never stopped."""
        return {
            f"{i}.{name}": value.copy()
            for i, slots in enumerate(self._slots)
            for name, value in slots.items()
        }

    def set_state(self, state: dict[str, Array], parameters: Sequence[Tensor], steps: int) -> None:
        """Take up a `state()` for these parameters after so many steps; belong to them from now on.

        Raises `ShapeError` if there is none for a parameter, or of another shape or dtype.
        """
        slots = []
        for i, p in enumerate(parameters):
            names = {name: f"{i}.{name}" for name in self.slot_names}
            mine = {name: np.array(state.get(at, ()), order="C") for name, at in names.items()}
            for value in mine.values():
                if (value.shape, value.dtype) != (p.shape, p.dtype):
                    raise ShapeError(
                        f"optimizer state {i} does not fit a parameter of {p.shape}, {p.dtype}: "
                        f"it is of {value.shape}, {value.dtype}"
                    )
            slots.append(mine)
        self._belong_to(list(parameters), slots)
        self.steps = steps


@dataclass
class SGD(Optimizer):
    """Gradient descent, with `momentum` and Nesterov's look-ahead if wanted, in Keras's form."""

    lr: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    slot_names: ClassVar = ("velocity",)

    def update(self, weight: Array, grad: Array, **slots: Array) -> None:
        kernels.sgd_step(weight, grad, slots["velocity"], self.lr, self.momentum, self.nesterov)


@dataclass
class Adam(Optimizer):
    """Steps scaled by running averages of the gradient and its square (arXiv:1412.6980)."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-7

    slot_names: ClassVar = ("m", "v")

    def update(self, weight: Array, grad: Array, **slots: Array) -> None:
        settings = (self.steps, self.lr, self.beta1, self.beta2, self.epsilon)
        kernels.adam_step(weight, grad, slots["m"], slots["v"], *settings)


@dataclass
class AdamW(Adam):
    """Adam with weight decay, 0.004 by default as in Keras."""

    weight_decay: float = 0.004


OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}


def optimizer(name: str, **settings: Any) -> Optimizer:
    """Return the optimizer of this name with these settings; `UnknownNameError` for another
    name.
    """
    if name not in OPTIMIZERS:
        raise UnknownNameError("optimizer", name, OPTIMIZERS)
    return OPTIMIZERS[name](**settings)


# ------------------------------------------------------------------ schedules

Schedule = Callable[[float], float]
"""A factor for the learning rate as a function of progress, 0 at the first step to 1 at the end."""


def constant(progress: float) -> float:
    """Keep the same rate all the way."""
    return 1.0


def step_decay(progress: float) -> float:
    """Drop to a tenth after half of the way, to a hundredth after three quarters."""
    return 1.0 if progress < 0.5 else 0.1 if progress < 0.75 else 0.01


def cosine(progress: float) -> float:
    """Half a cosine from 1 down to 0 (Loshchilov and Hutter, 2017, arXiv:1608.03983).

    >>> cosine(0.0), cosine(0.5)
    (1.0, 0.5)
    """
    return 0.5 * (1 + round(math.cos(math.pi * progress), 12))


def one_cycle(progress: float) -> float:
    """From 1/25 up to 1 in the first 30 % of the way, then down to almost 0, along cosines.

    Smith and Topin, 2018 (arXiv:1708.07120): the high rate in the middle is what trains fast.
    """
    start, end, peak_at = 1 / 25, 1e-4, 0.3
    if progress < peak_at:
        return 1 + (start - 1) * cosine(progress / peak_at)
    return end + (1 - end) * cosine((progress - peak_at) / (1 - peak_at))


SCHEDULES: dict[str, Schedule] = {f.__name__: f for f in (constant, step_decay, cosine, one_cycle)}


def schedule(name: str) -> Schedule:
    """Return the schedule of this name; `UnknownNameError` for another name."""
    if name not in SCHEDULES:
        raise UnknownNameError("schedule", name, SCHEDULES)
    return SCHEDULES[name]
