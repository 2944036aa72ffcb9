"""Exercises that numba compiles."""

import numpy as np
import pytest

from minicnn import kernels
from minicnn.kernels.fast import elementwise, pooling
from minicnn.learn.swap import swap

ADAM = """
@parallel
def _adam_step(weight, grad, m, v, rate, share1, share2, epsilon, threads):
    for t in prange(threads):
        start, stop = share(weight.size, t, threads)
        for i in range({loop}):
            m[i] += share1 * (grad[i] - m[i])
            v[i] += share2 * (grad[i] ** 2 - v[i])
            weight[i] -= rate * m[i] / (v[i] ** 0.5 + epsilon)
"""


def test_another_right_way_passes(checked):
    result = checked(11, "_adam_step", ADAM.format(loop="start, stop"))
    assert (result.status, result.passed) == ("pass", 12)


def test_the_shares_of_all_threads_are_compared(checked):
    result = checked(11, "_adam_step", ADAM.format(loop="0, weight.size // threads"))
    assert (result.status, result.mutant) == ("fail", "first_share_only")
    assert result.case is not None
    assert result.case["threads"] > 1


def test_an_index_beyond_the_end_is_named(checked):
    result = checked(11, "_adam_step", ADAM.format(loop="start, stop + 1"))
    assert result.status == "crash"
    assert "beyond the end of an array" in result.says


def test_what_numba_cannot_compile_is_named(checked):
    result = checked(11, "_adam_step", ADAM.format(loop="slice(start, stop)"))
    assert result.status == "crash"
    assert result.says.startswith("numba cannot compile")
    assert "range" in result.says
    assert ">>>" not in result.says


def test_nothing_compiled_is_left_beside_the_students_file(checked, tmp_path):
    checked(11, "_adam_step", ADAM.format(loop="start, stop"))
    assert [path.name for path in tmp_path.iterdir()] == ["lesson.py"]


def test_a_compiled_kernel_is_reached_from_whatever_is_built_from_its_entry():
    class Reached(Exception):  # noqa: N818 - no error: it is what shall happen
        pass

    class Raises:
        def for_threads(self, threads):
            raise Reached

    x, weight = np.ones((1, 4, 4, 1), np.float32), np.ones((1, 1, 1, 1), np.float32)
    target = "minicnn.kernels.fast.pooling:_max_pool2d"
    with kernels.use("fast"), swap({target: Raises()}), pytest.raises(Reached):
        kernels.conv2d_relu_max_pool2d(x, weight, weight[0, 0, 0], (1, 1), "valid", (2, 2))
    assert pooling._max_pool2d.for_threads(1) is not None


def test_of_an_entry_in_numpy_and_its_compiled_twin_the_later_one_runs():
    def in_numpy(*arguments):
        raise AssertionError

    compiled = "minicnn.kernels.fast.elementwise:_adam_step"
    functions = {
        "minicnn.kernels.reference.optimizers:adam_step": in_numpy,
        compiled: elementwise._adam_step,
    }
    weight, grad, m, v = (np.ones(2, np.float32) for _ in range(4))
    with kernels.use("fast"), swap(functions):
        kernels.adam_step(weight, grad, m, v, 1, 0.1, 0.9, 0.999, 1e-7)
    assert (weight < 1).all()
