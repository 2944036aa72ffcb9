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
import threading
from collections.abc import Iterable
from types import FunctionType, ModuleType, TracebackType
from typing import Any

from minicnn.errors import UnknownNameError
from minicnn.kernels import reference
from minicnn.kernels.checking import Kernel, checked, name_of
from minicnn.kernels.signatures import PARTS, SIGNATURES

NAMES = tuple(SIGNATURES)
"""Every entry of the table, in the order of reading."""

SETS = ("fast", "reference")


def __getattr__(name: str) -> Kernel:
    """``kernels.conv2d``: the function that the table holds now, which checks what it is given."""
    if name not in SIGNATURES:
        raise AttributeError(f"module 'minicnn.kernels' has no attribute {name!r}")
    return _in_force.table()[name]


class use:  # noqa: N801 - reads as a function: `kernels.use("fast")`
    """Choose a set of kernels, replace single ones, or both; effective at once.

    As a context manager the earlier table comes back at the end of the block. The table belongs to
    the process: other threads see the choice too, but those inside a block of their own, which
    keep to it. Blocks of several threads may overlap in any order.

    - `set_name`: "fast", "reference", or None to keep the present set and its replacements.
    - `overrides`: functions by kernel name, with the reference's signature and results.

    Raises `UnknownNameError` for a set or kernel that does not exist.
    """

    def __init__(self, set_name: str | None = None, /, **overrides: Kernel):
        if set_name is not None and set_name not in SETS:
            raise UnknownNameError("kernel set", set_name, SETS)
        for name in overrides:
            if name not in NAMES:
                raise UnknownNameError("kernel", name, NAMES)
        self.set_name, self.overrides = set_name, overrides
        self.thread, self.is_block = threading.get_ident(), False
        with _changing:
            _put_in_force([*_without_replaced(_in_force.choices), self])

    def __enter__(self) -> "use":
        with _changing:
            self.thread, self.is_block = threading.get_ident(), True
            _put_in_force([*(c for c in _in_force.choices if c is not self), self])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with _changing:
            choices = _in_force.choices
            since = choices[choices.index(self) :]
            _put_in_force(c for c in choices if not (c is self or (c in since and c.is_plain)))

    @property
    def is_plain(self) -> bool:
        """Whether it was a call of this thread, outside `with`."""
        return self.thread == threading.get_ident() and not self.is_block


def _without_replaced(choices: tuple[use, ...]) -> tuple[use, ...]:
    """Drop the last choice but one, if both are plain and the last one chose a whole set."""
    replaced = len(choices) > 1 and all(c.is_plain for c in choices[-2:]) and choices[-1].set_name
    return (*choices[:-2], choices[-1]) if replaced else choices


class _Choices:
    """The choices in force, the latest last, and the tables that come of them."""

    def __init__(self, choices: tuple[use, ...]):
        self.choices = choices
        self._in_blocks = {c.thread for c in choices if c.is_block}
        self._tables: dict[int, dict[str, Kernel]] = {}

    def table(self) -> dict[str, Kernel]:
        """Return the table of this thread."""
        me = threading.get_ident()
        key = me if me in self._in_blocks else 0
        if key not in self._tables:
            set_name, overrides = self._chosen(key)
            chosen = _module(set_name)
            self._tables[key] = {name: _resolve(name, chosen, overrides) for name in NAMES}
        return self._tables[key]

    def _chosen(self, thread: int) -> tuple[str, dict[str, Kernel]]:
        """Return the set and the replacements; what the thread chose inside its blocks comes
        last.
        """
        blocks = [i for i, c in enumerate(self.choices) if c.is_block and c.thread == thread]
        mine = [c for c in self.choices[blocks[0] :] if c.thread == thread] if blocks else []
        set_name, overrides = "fast", dict[str, Kernel]()
        for choice in (*(c for c in self.choices if c not in mine), *mine):
            overrides = {**({} if choice.set_name else overrides), **choice.overrides}
            set_name = choice.set_name or set_name
        return set_name, overrides


_changing = threading.Lock()
_in_force = _Choices(())  # only replaced, never changed: who reads it needs no lock


def _put_in_force(choices: Iterable[use]) -> None:
    global _in_force
    _in_force = _Choices(tuple(choices))


def provenance() -> dict[str, str]:
    """Whose function each entry of the table is, as ``module.name``."""
    return {name: _describe(kernel) for name, kernel in _in_force.table().items()}


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


def _resolve(name: str, chosen: ModuleType, overrides: dict[str, Kernel]) -> Kernel:
    if name in overrides:
        return checked(overrides[name], name, own=True)
    composite = getattr(reference, name)
    touched = [part for part in PARTS.get(name, ()) if _is_touched(part, overrides)]
    if touched:
        parts = {part: _resolve(part, chosen, overrides) for part in touched}
        return checked(_built_from(composite, parts))
    if chosen is reference or not hasattr(chosen, name):
        return _checked_reference(composite)
    return getattr(chosen, name)


_checked_reference = functools.cache(checked)


def _is_touched(name: str, overrides: dict[str, Kernel]) -> bool:
    """Is this entry, or one that it is built from, replaced?"""
    return name in overrides or any(_is_touched(part, overrides) for part in PARTS.get(name, ()))


def _built_from(composite: Kernel, parts: dict[str, Kernel]) -> Kernel:
    """Return the same function, which finds other ones under the names of its parts."""
    twin: Any = FunctionType(composite.__code__, {**composite.__globals__, **parts})
    twin.__defaults__, twin.parts = composite.__defaults__, parts
    return functools.update_wrapper(twin, composite)


def _describe(kernel: Kernel) -> str:
    function = kernel.__wrapped__  # type: ignore[attr-defined] # by `checked`
    parts = ", ".join(_describe(part) for part in getattr(function, "parts", {}).values())
    return name_of(function) + (f" with {parts}" if parts else "")
