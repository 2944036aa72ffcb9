"""The table of kernels: the engine calls ``kernels.conv2d(...)``, the table says whose that is.

There are two complete sets, `reference` (NumPy, to read) and `fast` (numba, the default). Single
entries can be replaced, by a student's own function for instance:

>>> from minicnn import kernels
>>> def my_relu(x):
...     return x * (x > 0)
>>> with kernels.use("reference", relu=my_relu):
...     [kernels.provenance()[name].split(".")[-1] for name in ("relu", "im2col")]
['my_relu', 'im2col']

A kernel that is built from a replaced one is then taken from the reference set and built from the
replacement, so that the new function is really the one that runs:

>>> with kernels.use("fast", im2col=kernels.reference.im2col):
...     kernels.provenance()["conv2d"]
'minicnn.kernels.reference.convolution.conv2d with minicnn.kernels.reference.windows.im2col'
"""

import functools
import sys
from types import FunctionType, ModuleType, TracebackType
from typing import Any

from minicnn.errors import UnknownNameError
from minicnn.kernels import reference
from minicnn.kernels.checking import Kernel, checked, name_of
from minicnn.kernels.signatures import PARTS, SIGNATURES

NAMES = tuple(SIGNATURES)
"""Every entry of the table, in the order of reading."""

SETS = ("fast", "reference")

_set_name = "fast"
_overrides: dict[str, Kernel] = {}
_table: dict[str, Kernel] = {}


def __getattr__(name: str) -> Kernel:
    """``kernels.conv2d``: the function that the table holds now, which checks what it is given."""
    if name not in SIGNATURES:
        raise AttributeError(f"module 'minicnn.kernels' has no attribute {name!r}")
    return (_table or _rebuild())[name]


class use:  # noqa: N801 - reads as a function: `kernels.use("fast")`
    """Choose a set of kernels, replace single ones, or both; effective at once.

    As a context manager the earlier table comes back at the end of the block. The table belongs to
    the process, not to a thread.

    - `set_name`: "fast", "reference", or None to keep the present set and its replacements.
    - `overrides`: functions by kernel name, with the reference's signature and results.

    Raises `UnknownNameError` for a set or kernel that does not exist.
    """

    def __init__(self, set_name: str | None = None, /, **overrides: Kernel):
        global _set_name, _overrides, _table
        if set_name is not None and set_name not in SETS:
            raise UnknownNameError("kernel set", set_name, SETS)
        for name in overrides:
            if name not in NAMES:
                raise UnknownNameError("kernel", name, NAMES)
        self._before = (_set_name, _overrides)
        _overrides = {**({} if set_name else _overrides), **overrides}
        _set_name = set_name or _set_name
        _table = {}

    def __enter__(self) -> "use":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        global _set_name, _overrides, _table
        _set_name, _overrides = self._before
        _table = {}


def provenance() -> dict[str, str]:
    """Whose function each entry of the table is, as ``module.name``."""
    return {name: _describe(__getattr__(name)) for name in NAMES}


def _rebuild() -> dict[str, Kernel]:
    global _table
    chosen = _module(_set_name)
    _table = {name: _resolve(name, chosen) for name in NAMES}
    return _table


def _module(set_name: str) -> ModuleType:
    if set_name == "fast":
        import numba  # here, because it takes a while

        if not numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
            from minicnn.kernels import fast

            return fast
        _say_uncompiled()
    return reference


@functools.cache
def _say_uncompiled() -> None:
    print("minicnn: NUMBA_DISABLE_JIT is set, so the reference kernels run", file=sys.stderr)


def _resolve(name: str, chosen: ModuleType) -> Kernel:
    if name in _overrides:
        return checked(_overrides[name], name, own=True)
    composite = getattr(reference, name)
    parts = {part: _resolve(part, chosen) for part in PARTS.get(name, ()) if _touched(part)}
    if parts:
        return checked(_built_from(composite, parts))
    if chosen is reference or not hasattr(chosen, name):
        return _checked_reference(composite)
    return getattr(chosen, name)


_checked_reference = functools.cache(checked)


def _touched(name: str) -> bool:
    """Is this entry, or one that it is built from, replaced?"""
    return name in _overrides or any(_touched(part) for part in PARTS.get(name, ()))


def _built_from(composite: Kernel, parts: dict[str, Kernel]) -> Kernel:
    """The same function, which finds other ones under the names of its parts."""
    twin: Any = FunctionType(composite.__code__, {**composite.__globals__, **parts})
    twin.__defaults__, twin.parts = composite.__defaults__, parts
    return functools.update_wrapper(twin, composite)


def _describe(kernel: Kernel) -> str:
    function = kernel.__wrapped__  # type: ignore[attr-defined] # by `checked`
    parts = ", ".join(_describe(part) for part in getattr(function, "parts", {}).values())
    return name_of(function) + (f" with {parts}" if parts else "")
