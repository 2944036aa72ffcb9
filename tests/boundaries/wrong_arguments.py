"""Calls each kernel with drawn wrong arguments: run in a process of its own, which may die of it.

Every array ends where the memory ends that the process may touch, so to read or write one number
too many is a crash, not luck. What is not refused must be right: both sets give the same.
"""

import ctypes
import mmap
import sys
import warnings
from typing import Any

import numpy as np

from minicnn import Tensor, kernels
from minicnn.errors import MinicnnError
from minicnn.kernels import fast
from tests.properties.draws import ARGUMENTS, IN_PLACE, Case

Rng = np.random.Generator

PAGE = mmap.PAGESIZE
_library = ctypes.CDLL(None, use_errno=True)


def guarded(array: np.ndarray) -> np.ndarray:
    """A copy whose last byte is the last one before a page that nobody may touch."""
    size = -(-max(array.nbytes, 1) // PAGE) * PAGE
    memory = mmap.mmap(-1, size + PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert _library.mprotect(ctypes.c_void_p(start + size), PAGE, 0) == 0
    copy = np.frombuffer(memory, array.dtype, array.size, size - array.nbytes).reshape(array.shape)
    copy[...] = array
    return copy


# ------------------------------------------------------------------ what is drawn


def drawn_case(rng: Rng) -> Case:
    kernel = tuple(map(int, rng.integers(1, 4, 2)))
    stride = tuple(map(int, rng.integers(1, 4, 2)))
    image = tuple(map(int, rng.integers(4, 9, 2)))
    padding = str(rng.choice(["valid", "same"]))
    case = Case(
        batch=int(rng.integers(1, 5)),
        image=image,
        channels=int(rng.choice([1, 2, 3, 16, 33])),
        filters=int(rng.choice([1, 2, 17])),
        kernel=kernel,
        stride=stride,
        padding=padding,
        pool=(1, 1),
        dtype=(np.float32, np.float64)[int(rng.integers(5)) // 4],
        seed=int(rng.integers(2**31)),
    )
    pool = tuple(min(2, size) for size in case.out)
    return Case(**{**vars(case), "pool": pool})


def other_array(rng: Rng, a: np.ndarray) -> Any:
    axis = int(rng.integers(max(a.ndim, 1)))
    shape = list(a.shape) or [1]

    def resized(size: int) -> np.ndarray:
        return np.resize(a, [*shape[:axis], size, *shape[axis + 1 :]])

    some = rng.integers(-3, 50, a.shape)
    return [
        lambda: resized(shape[axis] + 1),
        lambda: resized(max(shape[axis] - 1, 0)),
        lambda: resized(2 * shape[axis] + 3),
        lambda: resized(0),
        lambda: resized(1),
        lambda: np.resize(a, shape[:-1]),
        lambda: np.resize(a, [*shape, 1]),
        lambda: np.resize(a, [2, *shape]),
        lambda: a.reshape(-1),
        lambda: a.T,
        lambda: a[::-1] if a.ndim else a,
        lambda: a[..., ::2] if a.ndim else a,
        lambda: np.broadcast_to(a[:1], shape) if a.ndim else a,
        lambda: np.array(1.0, a.dtype),
        lambda: a.reshape(-1)[0] if a.size else a,
        lambda: a.astype(rng.choice(["i4", "i8", "u1", "f2", "c8", "?", "O", "U3", "longdouble"])),
        lambda: a.astype(a.dtype.newbyteorder()),
        lambda: some.astype(a.dtype),
        lambda: some.astype(rng.choice(["i1", "i8", ">i4"])),
        lambda: a.astype(np.float64 if a.dtype == np.float32 else np.float32),
        lambda: np.frombuffer(b"." + a.tobytes(), np.uint8)[1:].view(a.dtype).reshape(a.shape),
        lambda: np.asmatrix(a) if a.ndim == 2 else np.ma.masked_array(a),
        a.tolist,
        lambda: Tensor(np.zeros(a.shape)),
        lambda: None,
    ][int(rng.integers(25))]()


def other_sizes(rng: Rng, sizes: tuple[int, ...]) -> Any:
    at = int(rng.integers(len(sizes)))
    bad = [0, -1, 1, 2, 5, 2.0, True, np.int64(2), np.int32(1), 2**31, 2**63, "2", None, np.nan]
    changed = [*sizes]
    changed[at] = bad[int(rng.integers(len(bad)))]
    others = [tuple(changed)] * 6 + [sizes[:-1], (*sizes, 1), [*sizes], sizes[0], np.array(sizes)]
    return others[int(rng.integers(len(others)))]


def other(rng: Rng, value: Any) -> Any:
    """Something else for an argument; by chance it may be right."""
    if isinstance(value, np.ndarray):
        return other_array(rng, value)
    if isinstance(value, tuple):
        return other_sizes(rng, value)
    if isinstance(value, str):
        return ["SAME", "full", "valid", "same", None, ["same"], 0][int(rng.integers(7))]
    bad = [None, "1", np.nan, np.inf, -1, 0, 1, 1.0, 1e300, 1j, np.float16(0.5), np.float64(0.5)]
    bad += [np.array(0.5), np.array([0.5]), True, np.int8(3), np.float16, "float32", [1]]
    return bad[int(rng.integers(len(bad)))]


def wrong(rng: Rng, arguments: list[Any]) -> list[Any]:
    """One, two or three arguments are others; sometimes one is missing or there is one more."""
    changed = [*arguments]
    for i in rng.choice(len(arguments), min(int(rng.integers(1, 4)), len(arguments)), False):
        changed[i] = other(rng, changed[i])
    return {0: changed[:-1], 1: [*changed, None]}.get(int(rng.integers(40)), changed)


# ------------------------------------------------------------------ what comes of it


def copied(value: Any) -> Any:
    """With memory of its own; plain arrays end before the page that is not to be touched."""
    if isinstance(value, np.random.Generator):
        return np.random.default_rng(7)
    if not isinstance(value, np.ndarray) or value.dtype.hasobject or not value.flags.aligned:
        return value
    plain = type(value) is np.ndarray and value.flags.c_contiguous
    return guarded(value) if plain else value.copy("K")


def outcome(kernel: Any, name: str, arguments: list[Any]) -> Any:
    """The error, or the results as arrays."""
    given = [copied(value) for value in arguments]
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = kernel(*given)
    except (MinicnnError, TypeError) as error:
        return error
    if name in IN_PLACE:
        return [given[i] for i in IN_PLACE[name]]
    return [*result] if isinstance(result, tuple) else [result]


def is_sentence(outcome: Any) -> bool:
    """Is an error, if it is one, ours and in one line? Python's own says how many arguments."""
    if isinstance(outcome, TypeError):
        return "positional argument" in str(outcome)
    return not isinstance(outcome, Exception) or "\n" not in str(outcome)


def same(one: Any, two: Any) -> bool:
    if isinstance(one, Exception) or isinstance(two, Exception):
        return type(one) is type(two) and str(one) == str(two)
    return all(
        (x.shape, x.dtype) == (y.shape, y.dtype)
        and np.allclose(x, y, rtol=1e-3, atol=1e-3, equal_nan=True)
        for x, y in zip(one, two, strict=True)
    )


def main(seed: int, calls: int) -> None:
    for place, name in enumerate(kernels.NAMES):
        rng, refused, right = np.random.default_rng([seed, place]), 0, 0
        for number in range(calls):
            case = drawn_case(rng)
            arguments = wrong(rng, ARGUMENTS[name](case))
            with kernels.use("reference"):
                expected = outcome(getattr(kernels, name), name, arguments)
            with kernels.use("fast"):
                found = outcome(getattr(kernels, name), name, arguments)
            direct = outcome(getattr(fast, name, getattr(kernels, name)), name, arguments)
            if not (is_sentence(expected) and same(found, expected) and same(direct, expected)):
                sys.exit(f"{name}, call {number}: {arguments}\n{found}\n{direct}\n{expected}")
            refused += isinstance(expected, Exception)
            right += not isinstance(expected, Exception)
        print(name, refused, right, flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
