"""The machine itself: its fastest arithmetic and its memory, the two limits of every kernel."""

import functools
from typing import Any

import numba
import numpy as np
from threadpoolctl import threadpool_info

from benchmarks.peers.protocol import Run, Task, mean_time

SIDE = 3072
"""Of the square matrices: large enough that the product alone counts (58 GFLOP)."""

LENGTH = 16 * 2**20
"""Of the vectors, 64 MB each, beyond every cache."""

WORK = {"sgemm": 2 * SIDE**3, "triad": 3 * 4 * LENGTH, "copy": 2 * 4 * LENGTH}
"""Operations, or bytes, of one step."""


def about() -> dict[str, Any]:
    """Versions, threads, and how much work a step is."""
    blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return {
        "versions": {"numpy": np.__version__},
        "threads": {library["internal_api"]: library["num_threads"] for library in blas},
        "blas": [
            f"{library['internal_api']} {library['version']} ({library.get('architecture')})"
            for library in blas
        ],
        "work": WORK,
    }


def sgemm(task: Task) -> Run:
    """A large matrix product in float32, with NumPy's BLAS on all threads."""
    rng = np.random.default_rng(0)
    a, b = rng.random((2, SIDE, SIDE), np.float32)
    out = np.empty_like(a)
    return functools.partial(mean_time, lambda: np.matmul(a, b, out))


@numba.njit(parallel=True, fastmath=True)
def _triad(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
    for i in numba.prange(a.size):
        a[i] = b[i] + np.float32(3) * c[i]


@numba.njit(parallel=True)
def _copy(a: np.ndarray, b: np.ndarray) -> None:
    for i in numba.prange(a.size):
        a[i] = b[i]


def triad(task: Task) -> Run:
    """``a = b + 3 * c`` over long vectors on all threads, as in McCalpin's STREAM."""
    a, b, c = np.ones((3, LENGTH), np.float32)
    return functools.partial(mean_time, lambda: _triad(a, b, c))


def copy(task: Task) -> Run:
    """``a = b`` over long vectors on all threads."""
    a, b = np.ones((2, LENGTH), np.float32)
    return functools.partial(mean_time, lambda: _copy(a, b))


RUNS = {"sgemm": {"numpy.matmul": sgemm}, "triad": {"numba": triad}, "copy": {"numba": copy}}
