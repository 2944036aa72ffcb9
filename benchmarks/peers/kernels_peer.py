"""Single kernels of minicnn, called as the engine calls them: through the table."""

import functools
from typing import Any

import numba
import numpy as np

from benchmarks.kernel_cases import all_cases
from benchmarks.peers.protocol import Run, Task, mean_time
from minicnn import kernels

CASES = all_cases()


def about() -> dict[str, Any]:
    """Versions and threads, and whose function each kernel of the fast set is."""
    with kernels.use("fast"):
        provenance = kernels.provenance()
    return {
        "versions": {"numpy": np.__version__, "numba": numba.__version__},
        "threads": {"numba": numba.get_num_threads()},
        "provenance": provenance,
    }


def call(task: Task, kernel_set: str) -> Run:
    """The kernel of one set, on the shape that the task names."""
    with kernels.use(kernel_set):
        step = CASES[task.model].prepare()

    def run(steps: int) -> float:
        with kernels.use(kernel_set):
            return mean_time(step, steps)

    return run


RUNS = {
    "kernel": {name: functools.partial(call, kernel_set=name) for name in ("fast", "reference")}
}
