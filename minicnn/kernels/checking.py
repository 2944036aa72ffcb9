"""What crosses into a kernel is checked here, for both sets, and what a user's own one gives back.

Behind this check stands compiled code, which reads and writes wherever a wrong size leads it.
"""

import functools
import reprlib
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, NamedTuple, NoReturn, TypeVar, cast

import numpy as np

from minicnn.errors import ShapeError
from minicnn.kernels import reference
from minicnn.kernels.fitting import Sizes
from minicnn.kernels.geometry import Array, Pair
from minicnn.kernels.signatures import Signature, signature

Kernel = Callable[..., Any]
K = TypeVar("K", bound=Kernel)

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))

LARGEST = 2**31 - 1
"""Of the sizes that are not an array's own; compiled code multiplies them."""


# ------------------------------------------------------------------ kinds of arguments


class Kind(NamedTuple):
    """A kind of argument.

    - `need`: what it must be, which `fits` tells.
    - `plain`: makes of it what kernels take, given the dtype that they compute in.
    - `key`: what of it decides about a call, as Python's text about ``{0}``.
    - `always`: a condition that is looked at in each call besides, as text, and what it needs.
    """

    need: str
    fits: Callable[[Any], bool]
    plain: Callable[[Any, np.dtype], Any]
    key: str = "{0}.__class__"
    always: tuple[str, str] | None = None


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic)


def _has_floats(value: Any) -> bool:
    return _is_array(value) and value.dtype.newbyteorder("=") in FLOATS


def _can_change(value: Any) -> bool:
    return _is_array(value) and value.dtype in FLOATS and value.flags.writeable


def _has_integers(value: Any) -> bool:
    return _is_array(value) and value.dtype.kind in "iu"


def _has_pixels(value: Any) -> bool:
    return _has_floats(value) or (_is_array(value) and value.dtype == np.uint8)


def _are_sizes(value: Any) -> bool:
    return isinstance(value, tuple) and all(
        isinstance(size, Integral) and 0 <= int(size) <= LARGEST for size in value
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, Real)


def _number(value: Any, dtype: np.dtype) -> float:
    return value if type(value) in (int, float) else float(value)


def _as_it_is(value: Any, dtype: np.dtype) -> Any:
    return value


_FLOATS = "an array of float32 or float64"
_INTEGERS = "an array of whole numbers"
_KEY = "{0}.__class__, {0}.shape, {0}.dtype"

KINDS = {
    "array": Kind(_FLOATS, _has_floats, np.asarray, _KEY),
    "changed": Kind(
        f"{_FLOATS} that can be changed in place",
        _can_change,
        np.asarray,
        f"{_KEY}, {{0}}.flags.writeable",
    ),
    "finite": Kind(
        _FLOATS,
        _has_floats,
        lambda value, dtype: np.asarray(value, np.float64),
        _KEY,
        ("_isfinite({0}).all()", "finite"),
    ),
    "pixels": Kind(
        f"{_FLOATS}, or uint8",
        _has_pixels,
        lambda value, dtype: np.asarray(value, np.result_type(value.dtype)),
        _KEY,
    ),
    "whole": Kind(_INTEGERS, _has_integers, lambda value, dtype: np.asarray(value, np.int64), _KEY),
    "cells": Kind(
        _INTEGERS,
        _has_integers,
        lambda value, dtype: np.asarray(value, np.int32),
        _KEY,
        ("_in_window({0}, pool)", "the numbers of cells in a window"),
    ),
    "sizes": Kind(
        "a tuple of whole numbers",
        _are_sizes,
        lambda value, dtype: value if {*map(type, value)} <= {int} else tuple(map(int, value)),
        "{0}, *map(type, {0})",  # (2.0, 2.0) equals (2, 2)
    ),
    "padding": Kind("a name", lambda value: True, _as_it_is, "{0}"),
    "number": Kind("a number", _is_number, _number),
    "flag": Kind(
        "True or False",
        lambda value: isinstance(value, bool | np.bool_),
        lambda value, dtype: bool(value),
    ),
    "share": Kind("a number", _is_number, _number, always=("0 <= {0} < 1", "in [0, 1)")),
    "count": Kind(
        "a whole number",
        lambda value: isinstance(value, Integral),
        lambda value, dtype: value if type(value) is int else int(value),
        always=("{0} >= 1", "at least 1"),
    ),
    "dtype": Kind(
        "float32 or float64",
        lambda value: value in FLOATS,
        lambda value, dtype: value if isinstance(value, type) else dtype.type,
        "{0}",
    ),
    "generator": Kind(
        "a numpy.random.Generator", lambda value: isinstance(value, np.random.Generator), _as_it_is
    ),
}


# ------------------------------------------------------------------ a call

# To look up what was seen before takes half a microsecond if it is written out for each kernel, as
# `dataclass` writes out an `__init__`, and two in a loop over the arguments.
_CALL = """
def {name}({parameters}):
    try:
        _key = ({key},)
        _chosen = _seen.get(_key)
    except (AttributeError, TypeError):
        _key = _chosen = None
    if _chosen is None:
        _chosen = _choose(_key, {parameters})
    {always}
    return _chosen({parameters})
"""

_ALWAYS = "if not {condition}: _refuse({parameter!r}, {need!r}, {parameter})"

MOST_SEEN = 1000
"""So many different calls are remembered of each kernel."""


def checked(function: K, name: str | None = None, own: bool = False) -> K:
    """Make a kernel that is called only with arguments that fit its signature.

    It gets plain arrays whose shapes fit together, of one dtype, float32 or float64. If one of them
    is empty, the reference function is called.

    - `name`: the entry of the table, the function's own name by default.
    - `own`: the function is the user's; what it gives is checked as well.

    The kernel raises `ShapeError`, or `UnknownNameError` for a padding that there is not.
    """
    entry = signature(name or function.__name__)
    seen: dict[Any, Kernel] = {}

    def choose(key: Any, *arguments: Any) -> Kernel:
        kernel = _chosen(function, entry, arguments, own)
        if key is not None:
            if len(seen) >= MOST_SEEN:
                seen.clear()
            seen[key] = kernel
        return kernel

    def refuse(parameter: str, need: str, got: Any) -> NoReturn:
        raise _error(entry, parameter, need, got)

    space: dict[str, Any] = {"_seen": seen, "_choose": choose, "_refuse": refuse}
    space |= {"_isfinite": np.isfinite, "_in_window": _in_window}
    exec(_code(entry), space)
    call = space[entry.name]
    call.__defaults__ = getattr(reference, entry.name).__defaults__
    return cast(K, functools.update_wrapper(call, function, updated=()))


@functools.cache
def _code(entry: Signature) -> Any:
    """Return the text of a kernel's call, compiled."""
    kinds = [(parameter.name, KINDS[parameter.kind]) for parameter in entry.takes]
    always = [
        _ALWAYS.format(condition=kind.always[0].format(name), parameter=name, need=kind.always[1])
        for name, kind in kinds
        if kind.always
    ]
    text = _CALL.format(
        name=entry.name,
        parameters=", ".join(name for name, _ in kinds),
        key=", ".join(kind.key.format(name) for name, kind in kinds),
        always="\n    ".join(always),
    )
    return compile(text, f"<call of {entry.name}>", "exec")


def _in_window(cells: Array, window: Pair) -> bool:
    """Tell whether each number belongs to a cell of the window."""
    unsigned = cells.view(cells.dtype.str.replace("i", "u"))  # in which -1 is very large
    return not cells.size or bool(unsigned.max() < window[0] * window[1])


def _error(entry: Signature, parameter: str, need: str, got: Any) -> ShapeError:
    return ShapeError(f"{entry.name}: {parameter} must be {need}, got {_described(got)}")


def _described(value: Any) -> str:
    if not _is_array(value):
        return f"{type(value).__name__} {' '.join(reprlib.repr(value).split())}"
    kind = f"an array of {value.dtype}"
    ordered = value.size and value.dtype.kind in "biuf"
    return f"{kind} from {value.min()} to {value.max()}" if ordered else kind


def _chosen(function: Kernel, entry: Signature, arguments: tuple[Any, ...], own: bool) -> Kernel:
    """Return what is to be called with arguments of these kinds and sizes.

    Raises `ShapeError` if they do not fit.
    """
    kinds = [KINDS[parameter.kind] for parameter in entry.takes]
    for parameter, kind, value in zip(entry.takes, kinds, arguments, strict=True):
        if not kind.fits(value):
            raise _error(entry, parameter.name, kind.need, value)
    by_name = dict(zip((p.name for p in entry.takes), arguments, strict=True))
    dtype, sizes = _common_dtype(entry, by_name), Sizes(entry, by_name)
    kernel = function
    if own:
        kernel = _judged(function, entry, sizes, dtype)
    elif any(_is_array(value) and not value.size for value in arguments):
        kernel = getattr(reference, entry.name)

    def plain(arguments: tuple[Any, ...]) -> list[Any]:
        return [kind.plain(value, dtype) for kind, value in zip(kinds, arguments, strict=True)]

    if all(a is b for a, b in zip(plain(arguments), arguments, strict=True)):
        return kernel
    return lambda *arguments: kernel(*plain(arguments))


def _common_dtype(entry: Signature, arguments: dict[str, Any]) -> np.dtype:
    """Return the dtype to compute in: that of the arrays that are changed, else of all together."""
    changed = [parameter.name for parameter in entry.takes if parameter.kind == "changed"]
    for name in changed:
        dtype: np.dtype = arguments[changed[0]].dtype
        if arguments[name].dtype != dtype:
            raise _error(entry, name, f"an array of {dtype}", arguments[name])
    if changed:
        return dtype
    given = [arguments[p.name] for p in entry.takes if p.kind in ("array", "pixels", "dtype")]
    dtypes = [value.dtype if _is_array(value) else np.dtype(value) for value in given]
    return np.result_type(*(np.float32 if dtype == np.uint8 else dtype for dtype in dtypes))


# ------------------------------------------------------------------ what a user's own kernel gives


def name_of(function: Kernel) -> str:
    """Return a function's name and its module's; a student's module is called like the lesson."""
    return f"{function.__module__}.{getattr(function, '__qualname__', repr(function))}"


def _judged(function: Kernel, entry: Signature, sizes: Sizes, dtype: np.dtype) -> Kernel:
    """Let the function raise `ShapeError` where it gives something else than the reference."""
    dtypes = [np.dtype(np.int32) if result.kind == "cells" else dtype for result in entry.gives]
    expected = [(np.ndarray, d, sizes.shape(p)) for d, p in zip(dtypes, entry.gives, strict=True)]
    changed = [i for i, parameter in enumerate(entry.takes) if parameter.kind == "changed"]
    who, shapes = f"{name_of(function)} in place of {entry.name}", str(sizes)

    def kernel(*arguments: Any) -> Any:
        finite = all(np.isfinite(a).all() for a in arguments if isinstance(a, np.ndarray))
        given = function(*arguments)
        results = () if given is None else given if isinstance(given, tuple) else (given,)
        found = [(np.ndarray, a.dtype, a.shape) if _is_array(a) else (type(a),) for a in results]
        if found != expected:
            raise ShapeError(f"{who} must give {_list(expected)} for {shapes}, got {_list(found)}")
        after = [*results, *(arguments[i] for i in changed)]
        if finite and any(np.isnan(a).any() for a in after):
            raise ShapeError(
                f"{who} gives NaN for {shapes}, in which there are only finite numbers"
            )
        return given

    return kernel


def _list(results: list[tuple[Any, ...]]) -> str:
    """Return what was given, in words."""
    words = [
        f"{each[1]} of shape {each[2]}" if len(each) > 1 else each[0].__name__ for each in results
    ]
    return " and ".join(words) or "None"
