"""How the fast kernels are compiled, and how they share the processor's cores.

The same seed gives the same bits again, whatever the number of threads: each number of a result is
computed by one thread, and a sum over a batch is made of partial sums whose number depends on the
shapes alone. One parallel kernel runs at a time: Python
threads that start kernels at once take turns, since numba's simplest threading layer would abort
the process otherwise; no time is lost, as one kernel already keeps every core busy.
"""

import atexit
import contextlib
import ctypes
import functools
import os
import subprocess
import sys
import threading
import types
from collections.abc import Callable
from importlib import metadata
from typing import Any

import numba
import numpy as np
from numba import njit
from numba.core.compiler_lock import global_compiler_lock

from minicnn.kernels.fast import cache

Array = np.ndarray

# A thread of GNU's OpenMP that waits for the others keeps its core busy, by default for
# milliseconds; with any other program on the machine that starves the very thread it waits for, and
# training becomes ten times slower. 20,000 looks are enough while kernels follow each other. It has
# to be said before numba starts its threads; what the user has said stays.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")


def _load_tbb() -> None:
    """Load the TBB that pip has put into the environment, where numba does not look for it.

    numba prefers it to OpenMP once it is there. Its threads take over each other's share, so that
    with one core of two busy elsewhere training is twice as fast as under OpenMP.
    """
    with contextlib.suppress(metadata.PackageNotFoundError, OSError):
        for file in metadata.files("tbb") or ():
            if file.name in ("libtbb.so.12", "tbb12.dll"):
                ctypes.CDLL(str(file.locate()), mode=ctypes.RTLD_GLOBAL)


_load_tbb()


def inner(function: Any, parallel: bool = False) -> Any:
    """Compile a function that runs inside a kernel.

    A product and a sum may be rounded once (fma), and sums may ignore the sign of zero; nothing
    that would lose a NaN. Division by zero gives infinity, as in NumPy.
    """
    options: Any = {"fastmath": {"contract", "nsz"}, "error_model": "numpy"}
    compiled = njit(parallel=parallel, **options)(function)
    if compiled is not function:  # as it is with NUMBA_DISABLE_JIT, for a debugger
        cache.keep(compiled)
    return compiled


class CompiledKernel:
    """A kernel that splits its work with ``for t in prange(threads)``, its last argument.

    It is compiled for several threads, and once more for a single one, each when it is first
    needed: to start other threads takes as long as all that there is to do for a small picture.
    """

    def __init__(self, function: Callable[..., None]):
        functools.update_wrapper(self, function)  # type: ignore[arg-type]
        self.together = inner(function, parallel=True)
        self.alone = inner(_named(function, f"{function.__qualname__}_alone"))

    def for_threads(self, threads: int) -> Any:
        """Return the compiled function for so many."""
        return self.together if threads > 1 else self.alone


parallel = CompiledKernel


def _named(function: Any, name: str) -> Any:
    """Return the same function under another name: numba keeps what it compiled by name."""
    twin = types.FunctionType(function.__code__, function.__globals__, name)
    twin.__qualname__, twin.__module__ = name, function.__module__
    return twin


@inner
def share(total, thread, threads):
    """Return the part of `total` items, from and to, that falls to this thread."""
    return thread * total // threads, (thread + 1) * total // threads


_lock = threading.RLock()
_alone = _child_alone = False


def _before_fork() -> None:
    """Wait until no other thread compiles or runs a kernel: the child would find its locks taken.

    The threads of the kernels do not come along. OpenMP cannot start them again, and TBB only where
    no other thread has used it.
    """
    global _child_alone
    _lock.acquire()
    global_compiler_lock.acquire()
    with contextlib.suppress(ValueError):  # no kernel has run yet
        layer = numba.threading_layer()
        _child_alone = _alone or layer == "omp" or threading.active_count() > 1


def _after_fork(alone: bool) -> None:
    global _alone
    _alone = alone
    global_compiler_lock.release()
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=lambda: _after_fork(_alone),
        after_in_child=lambda: _after_fork(_child_alone),
    )


def team() -> int:
    """How many threads work on kernels: those of numba, or one in a forked process; see above."""
    return 1 if _alone else numba.get_num_threads()


def thread_count(items: int) -> int:
    """How many threads share so many items: never more than there are items."""
    return min(items, team()) if items > 1 else 1


def part_count(items: int, groups: int = 1) -> int:
    """Of how many partial sums a sum over so many items is made.

    - `groups`: how many such sums there are, which the threads can share out as well.

    As many as keep 24 threads busy, which 2, 3, 4, 6, 8 and 12 threads share evenly.
    """
    return max(1, min(items, -(-24 // groups)))


PIECE = 32_768
"""Fewer numbers than this are handled before another thread has woken up."""

PRODUCTS = 600_000
"""Fewer multiplications than this are done before."""


def worth_threads(numbers: int) -> int:
    """How many threads share simple work on so many numbers."""
    return thread_count(max(1, numbers // PIECE))


def product_threads(products: int, items: int) -> int:
    """How many threads share so many multiplications, that can be parted into so many items."""
    return thread_count(max(1, min(items, products // PRODUCTS)))


def run(kernel: CompiledKernel, *args: Any) -> None:
    """Call a kernel; its last argument is the number of threads.

    Only those that have a share are woken: to wait for one costs microseconds, and milliseconds
    where other programs keep the cores busy, which a single image need not suffer.
    """
    threads = args[-1]
    compiled = kernel.for_threads(threads)
    if not getattr(compiled, "overloads", True) and not cache.was_kept(compiled):
        _announce_compilation()
    if threads <= 1:
        compiled(*args)
        return
    with _lock:
        everyone = numba.get_num_threads()
        if threads == everyone:
            compiled(*args)
            return
        numba.set_num_threads(threads)
        try:
            compiled(*args)
        finally:
            numba.set_num_threads(everyone)


@functools.cache
def _announce_compilation() -> None:
    if COMPILES_AHEAD in os.environ:
        return
    print(
        "minicnn: compiling the fast kernels for this processor, each once; about 15 seconds for "
        "a first training",
        file=sys.stderr,
    )
    if team() > 1:
        _compile_ahead()


COMPILES_AHEAD = "MINICNN_COMPILES_AHEAD"
"""Set in the environment of the process that does so, and of those that want none."""


def _compile_ahead() -> None:
    """Start a process that compiles kernels which will be needed later; see `ahead`."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "minicnn.kernels.fast.ahead"],
        env={**os.environ, COMPILES_AHEAD: "yes"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    atexit.register(_end, process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait()


def contiguous(array: Array) -> Array:
    """Return the array, or a copy in row-major order: what compiled code reads from.

    Of a read-only array it is the same memory, not marked so: numba would compile every kernel once
    more for it.

    >>> rows = np.arange(6.0).reshape(2, 3)
    >>> contiguous(rows) is rows, contiguous(rows.T).flags.c_contiguous
    (True, True)
    """
    array = np.ascontiguousarray(array)
    if array.flags.carray:
        return array
    return np.asarray(_Memory(array)) if array.flags.aligned else array.copy()


class _Memory:
    """The memory of an array, without the note that it is not to be written to."""

    def __init__(self, array: Array):
        self.array = array  # which keeps the memory
        place, _ = array.__array_interface__["data"]
        self.__array_interface__ = {**array.__array_interface__, "data": (place, False)}
