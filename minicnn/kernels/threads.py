"""Who uses the processor's cores: one parallel kernel at a time, BLAS held to one thread.

A fast kernel splits its work over all cores itself, so the matrix products inside must not split
theirs once more. Two Python threads that start kernels at the same time take turns: numba's
simplest threading layer would abort the process otherwise, and no time is lost, since one kernel
already keeps every core busy.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import scipy.linalg.cython_blas  # noqa: F401 - loads the BLAS that numba's np.dot calls
from threadpoolctl import LibController, ThreadpoolController

_lock = threading.RLock()


def _blas_of_numba() -> list[LibController]:
    """SciPy's own BLAS where it ships one (pip), else every BLAS loaded (one shared copy)."""
    every = [
        lib for lib in ThreadpoolController().lib_controllers if lib.info()["user_api"] == "blas"
    ]
    return [lib for lib in every if "scipy.libs" in lib.filepath] or every


_blas = _blas_of_numba()


@contextmanager
def all_cores() -> Iterator[None]:
    """Within this block the calling thread's kernel has the cores to itself."""
    with _lock:
        before = [lib.num_threads for lib in _blas]
        try:
            for lib in _blas:
                lib.set_num_threads(1)
            yield
        finally:
            for lib, count in zip(_blas, before, strict=True):
                lib.set_num_threads(count)
