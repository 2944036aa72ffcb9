"""Whether the shapes of a kernel's arguments fit together."""

import math
from typing import Any, NoReturn

import numpy as np

from minicnn.errors import ShapeError
from minicnn.kernels.geometry import Pair, out_size
from minicnn.kernels.signatures import Parameter, Signature


class Sizes:
    """The sizes of a call, by their letters in the signature.

    - `arguments`: what the kernel is called with, by name.

    Raises `ShapeError` if they do not fit together, with the shapes of all.
    """

    def __init__(self, signature: Signature, arguments: dict[str, Any]):
        self.signature, self.arguments = signature, arguments
        self.known: dict[str, Any] = {}
        self.known_by: dict[str, str] = {}
        sized = [p for p in signature.takes if p.sizes]
        windows = "padding" in arguments
        outputs = [p for p in sized if windows and not {"OH", "QH"}.isdisjoint(p.sizes)]
        for parameter in sized:
            if parameter not in outputs:
                self._take(parameter)
        if windows:
            self._count_windows(arguments["padding"])
        for parameter in outputs:
            self._take(parameter)

    def shape(self, result: Parameter) -> tuple[int, ...]:
        """Return the shape of a result."""
        sizes = [self._value(size) for size in result.sizes]
        return (*sizes[0], *sizes[1:]) if result.sizes[0].startswith("*") else tuple(sizes)

    def _take(self, parameter: Parameter) -> None:
        names = parameter.sizes
        shape: tuple[Any, ...] = _shape(self.arguments[parameter.name])
        if names[0].startswith("*"):  # all axes before the named ones count as one size
            first = max(len(shape) - len(names) + 1, 0)
            shape = (shape[:first], *shape[first:])
        if len(shape) != len(names):
            self._refuse(f"{parameter.name} must have {len(names)} axes")
        for name, size in zip(names, shape, strict=True):
            if name in parameter.filled and not np.all(size):
                self._refuse(f"{name.strip('*')} must be at least 1 in {parameter.name}")
            self._learn(name, size, parameter.name)

    def _learn(self, name: str, size: Any, by: str) -> None:
        needed = self._value(name)
        if needed is None:
            self.known[name], self.known_by[name] = size, by
        elif needed != size:
            as_in = f", as in {self.known_by[name]}" if name in self.known_by else ""
            self._refuse(f"{name} is {size} in {by}, and must be {needed}{as_in}")

    def _value(self, name: str) -> Any:
        """Return a known size, a number, or a product of those; None if it is not known yet."""
        if name.isdigit():
            return int(name)
        if "*" in name[1:]:
            return math.prod(self._value(factor) for factor in name.split("*"))
        return self.known.get(name)

    def _count_windows(self, padding: str) -> None:
        """Learn how many windows there are, and how many pools behind them."""
        out = out_size(self._pair(""), self._pair("K"), self._pair("S"), padding)
        self.known["OH"], self.known["OW"] = out
        if "PH" in self.known:
            pool = self._pair("P")
            self.known["QH"], self.known["QW"] = out_size(out, pool, pool, "valid")

    def _pair(self, letter: str) -> Pair:
        return self.known[f"{letter}H"], self.known[f"{letter}W"]

    def __str__(self) -> str:
        """Return the shapes of all arguments."""
        sized = [p.name for p in self.signature.takes if p.sizes]
        return ", ".join(f"{name} {_shape(self.arguments[name])}" for name in sized)

    def _refuse(self, why: str) -> NoReturn:
        sized = [p for p in self.signature.takes if p.sizes]
        need = ", ".join(f"{p.name} {_written(p.sizes)}" for p in sized)
        raise ShapeError(f"{self.signature.name}: {why}; got {self}; need {need}")


def _written(sizes: tuple[str, ...]) -> str:
    """Say what an array of these sizes is.

    >>> _written(("N", "H", "W", "C")), _written(("U",))
    ('images (N, H, W, C)', '(U,)')
    """
    text = f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"
    return f"images {text}" if sizes == ("N", "H", "W", "C") else text


def _shape(argument: Any) -> tuple[int, ...]:
    shape: tuple[int, ...] = argument if isinstance(argument, tuple) else argument.shape
    return shape
