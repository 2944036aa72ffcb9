"""Other functions in the engine's place, while a block runs."""

import contextlib
import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from minicnn import kernels

_FAST = "minicnn.kernels.fast"

Namespace = dict[str, Any]


class Delegated(BaseException):  # not to be caught by `except Exception`
    """The engine's own function was called by the one that is to replace it."""


def is_kernel(target: str) -> bool:
    """Is it an entry of the table of kernels?"""
    module, _, name = target.partition(":")
    return module.startswith("minicnn.kernels.reference") and name in kernels.NAMES


def _caller(target: str) -> dict[str, Callable[..., Any]]:
    """Return the entry of the table that calls a compiled kernel: `relu` for `_relu`; no other
    calls it.

    So it is also what the kernels that are built from this entry are built from.
    """
    module, _, name = target.partition(":")
    entry = name.removeprefix("_")
    compiled = module.startswith(_FAST) and name != entry and entry in kernels.NAMES
    return {entry: getattr(importlib.import_module(module), entry)} if compiled else {}


def current(target: str) -> Any:
    """Return what stands now at ``module:name``."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


@contextlib.contextmanager
def swap(functions: Mapping[str, Callable[..., Any]]) -> Iterator[None]:
    """Let the engine use these functions, by target, instead of its own.

    A kernel goes through the table; any other function is replaced wherever a module of the engine,
    or a dict at its top, has it. The new functions call each other too, where their files took the
    engine's function from an import. Of a kernel in NumPy and its compiled twin the later one runs.
    """
    table: dict[str, Callable[..., Any]] = {}
    for target, f in functions.items():
        table |= {target.partition(":")[2]: f} if is_kernel(target) else _caller(target)
    theirs = [each for f in functions.values() for each in _namespaces_of(f)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(kernels.use(**table))
        for target, function in functions.items():
            engine = [] if is_kernel(target) else _namespaces_of_engine()
            stack.enter_context(_rebound(current(target), function, [*engine, *theirs]))
        yield


@contextlib.contextmanager
def tripwire(target: str) -> Iterator[list[str]]:
    """Let every way to the engine's function raise `Delegated`, its fast twin included.

    Gives a list that is not empty once somebody has come there.
    """
    original, calls = current(target), []
    name = target.partition(":")[2]

    @functools.wraps(original, updated=())
    def wire(*args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        raise Delegated(name)

    del wire.__wrapped__
    with contextlib.suppress(ValueError, TypeError):
        wire.__signature__ = inspect.signature(original)  # type: ignore[attr-defined]
    wire.for_threads = wire  # type: ignore[attr-defined] # what is asked of a compiled kernel
    with contextlib.ExitStack() as stack:
        if is_kernel(target):
            stack.enter_context(kernels.use(**{name: wire}))
            stack.enter_context(_fast_blocked(calls))
        stack.enter_context(_rebound(original, wire, _namespaces_of_engine()))
        yield calls


@contextlib.contextmanager
def _fast_blocked(calls: list[str]) -> Iterator[None]:
    """Without numba nobody needs the fast kernels, which hold a twin of the function."""
    before = {n: m for n, m in sys.modules.items() if n == _FAST or n.startswith(f"{_FAST}.")}
    for name in before:
        del sys.modules[name]
    sys.modules[_FAST] = _Blocked(calls)
    try:
        yield
    finally:
        del sys.modules[_FAST]
        sys.modules.update(before)


class _Blocked(ModuleType):
    """A module out of which nothing can be taken."""

    def __init__(self, calls: list[str]):
        super().__init__(_FAST)
        self.__dict__["calls"] = calls

    def __getattr__(self, name: str) -> Any:
        if name in ("__file__", "__wrapped__"):  # `inspect` and `warnings` look into any module
            raise AttributeError(name)
        self.calls.append(name)
        raise Delegated(name)


@contextlib.contextmanager
def _rebound(old: Any, new: Any, namespaces: list[Namespace]) -> Iterator[None]:
    """Let every name in these namespaces that means `old` mean `new`."""
    places = [
        (space, key) for space in namespaces for key, value in [*space.items()] if value is old
    ]
    for space, key in places:
        space[key] = new
    try:
        yield
    finally:
        later = [
            (space, key)  # of modules that were imported meanwhile
            for space in _namespaces_of_engine()
            for key, value in [*space.items()]
            if value is new
        ]
        for space, key in [*places, *later]:
            space[key] = old


def _namespaces_of_engine() -> list[Namespace]:
    """Every module of the engine that is loaded, and the dicts at its top."""
    modules = [
        vars(module)
        for name, module in [*sys.modules.items()]
        if name.partition(".")[0] == "minicnn" and type(module) is ModuleType
    ]
    tables = [
        value
        for names in modules
        for key, value in [*names.items()]
        if type(value) is dict and not key.startswith("__")
    ]
    return [*modules, *tables]


def _namespaces_of(function: Callable[..., Any]) -> list[Namespace]:
    """Where a function finds what it calls: the names of its file."""
    inner = inspect.unwrap(getattr(function, "py_func", function))
    return [inner.__globals__] if hasattr(inner, "__globals__") else []
