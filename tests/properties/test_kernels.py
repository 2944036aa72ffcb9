"""The kernels: reference equals loops over single numbers, and fast equals reference."""

import sys
import warnings

import numba
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minicnn import kernels
from minicnn.errors import ShapeError
from minicnn.kernels import fast
from minicnn.kernels.fast.parallel import CompiledKernel

from . import naive
from .draws import (
    ARGUMENTS,
    EXACT,
    IN_PLACE,
    LAYOUTS,
    ODD_CHANNELS,
    Case,
    both_sets,
    call,
    cases,
    few,
    lay_out,
    longest_sum,
    seeds,
    some,
)

# Two ways of adding up k numbers of size 1 differ by the roundings of the partial sums, which grow
# like sqrt(k) themselves. Measured over thousands of draws: at most 1.8 eps * sqrt(k); 3.4 where
# the same weights stand in every row, so that the products have much in common.
OFF = {np.float32: 6 * np.finfo(np.float32).eps, np.float64: 6 * np.finfo(np.float64).eps}

odd_cases = cases(
    channels=ODD_CHANNELS,
    max_batch=4,
    max_size=9,
    max_kernel=5,
    dtypes=(np.float32, np.float64),
)

MOST_THREADS = numba.config.NUMBA_NUM_THREADS

# Enough numbers that a kernel which keeps small arrays to one thread shares this one out.
MANY_NUMBERS = Case(
    batch=12,
    image=(14, 13),
    channels=33,
    filters=35,
    kernel=(3, 2),
    stride=(1, 1),
    padding="same",
    pool=(2, 2),
    dtype=np.float32,
    seed=0,
)


def results(kernel_set, name, arguments):
    with kernels.use(kernel_set):
        return call(getattr(kernels, name), arguments, name)


def assert_same(found, expected, name, case):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        off = 0 if name in EXACT else OFF[case.dtype] * longest_sum(name, case) ** 0.5
        np.testing.assert_allclose(one, other, rtol=off, atol=off)


@pytest.mark.parametrize("name", kernels.NAMES)
@some
@given(case=cases())
def test_reference_equals_loops_over_single_numbers(name, case):
    found = results("reference", name, ARGUMENTS[name](case))
    expected = call(getattr(naive, name), ARGUMENTS[name](case), name)
    assert_same(found, expected, name, case)


@pytest.mark.parametrize("name", kernels.NAMES)
@some
@given(
    case=odd_cases,
    layouts=st.lists(st.sampled_from(LAYOUTS), min_size=4, max_size=4),
    threads=st.integers(1, MOST_THREADS),
)
@example(case=MANY_NUMBERS, layouts=LAYOUTS[:4], threads=MOST_THREADS)
def test_fast_equals_reference_with_the_same_bits_whatever_the_threads(
    name, case, layouts, threads
):
    def arguments():
        """Only what an optimizer step changes keeps its layout; that has a test of its own."""
        kept = IN_PLACE.get(name, ())
        drawn = ARGUMENTS[name](case)
        return [
            lay_out(a, layouts[i % len(layouts)]) if is_array(a) and i not in kept else a
            for i, a in enumerate(drawn)
        ]

    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        found = results("fast", name, arguments())
        numba.set_num_threads(1)
        alone = results("fast", name, arguments())
    finally:
        numba.set_num_threads(before)
    expected = results("reference", name, arguments())
    assert_same(found, expected, name, case)
    assert [a.tobytes() for a in found] == [a.tobytes() for a in alone]
    assert [a.dtype for a in found] == [a.dtype for a in expected]


@some
@given(
    rows=st.integers(24, 70),
    depth=st.integers(1, 300),
    columns=st.integers(192, 260),
    share=st.floats(0, 0.3),
    turned=st.booleans(),
    dtype=st.sampled_from((np.float32, np.float64)),
    seed=seeds,
)
def test_a_product_that_passes_over_zeros_is_the_same(
    rows, depth, columns, share, turned, dtype, seed
):
    """Sizes that fill no piece of 48 columns or 128 rows; in both orders in memory."""
    rng = np.random.default_rng(seed)
    a = (rng.uniform(-1, 1, (rows, depth)) * (rng.random((rows, depth)) < share)).astype(dtype)
    b = rng.uniform(-1, 1, (depth, columns)).astype(dtype)
    off = OFF[dtype] * depth**0.5
    found = kernels.matmul(np.asfortranarray(a) if turned else a, b)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, a.astype(float) @ b.astype(float), rtol=off, atol=off)


def is_array(argument):
    return isinstance(argument, np.ndarray)


@both_sets
@pytest.mark.parametrize("name", kernels.NAMES)
@few
@given(case=odd_cases)
def test_arguments_stay_as_they_are_and_results_are_new_arrays(name, kernel_set, case):
    changed = IN_PLACE.get(name, ())
    arguments, before = ARGUMENTS[name](case), ARGUMENTS[name](case)
    given_arrays = [(i, a) for i, a in enumerate(arguments) if is_array(a) and i not in changed]
    for _, a in given_arrays:
        a.flags.writeable = False
    found = results(kernel_set, name, arguments)
    for i, a in given_arrays:
        np.testing.assert_array_equal(a, before[i])
        assert not any(np.shares_memory(a, result) for result in found)
    floats = [result.dtype for result in found if result.dtype.kind == "f"]
    assert set(floats) == {np.dtype(case.dtype)}
    assert not compiled_for_read_only_arrays(), "each would be compiled twice"


def compiled_for_read_only_arrays():
    modules = [module for name, module in sys.modules.items() if name.startswith(fast.__name__)]
    parts = [part for module in modules for part in vars(module).values()]
    return {
        part.__name__
        for part in parts
        if isinstance(part, CompiledKernel)
        for compiled in (part.together, part.alone)
        for types in compiled.overloads
        if any(isinstance(one, numba.types.Array) and not one.mutable for one in types)
    }


@both_sets
@pytest.mark.parametrize("name", IN_PLACE)
@pytest.mark.parametrize("layout", ["transposed", "sliced", "reversed"])
@few
@given(case=odd_cases)
def test_an_optimizer_step_reaches_arrays_of_any_layout(name, kernel_set, layout, case):
    expected = results("reference", name, ARGUMENTS[name](case))
    arguments = [lay_out(a, layout) if is_array(a) else a for a in ARGUMENTS[name](case)]
    assert_same(results(kernel_set, name, arguments), expected, name, case)


@pytest.mark.slow
def test_fast_equals_reference_with_more_threads_than_images_and_cores(run_python):
    """The tests above once more, in a process whose kernels share the work among seven."""
    this = ["-m", "pytest", __file__, "-q", "-n", "0", "-p", "no:cacheprovider"]
    out = run_python(*this, "-k", "test_fast_ and not more_threads", NUMBA_NUM_THREADS="7")
    assert f"{2 * len(kernels.NAMES)} passed" in out


@both_sets
@some
@given(case=odd_cases)
def test_col2im_is_the_adjoint_of_im2col(kernel_set, case):
    """<im2col(x), c> == <x, col2im(c)>, which says all there is to say of a transpose."""
    (x, *_), (c, *_) = ARGUMENTS["im2col"](case), ARGUMENTS["col2im"](case)
    x, c = x.astype(np.float64), c.astype(np.float64)
    with kernels.use(kernel_set):
        above = np.vdot(kernels.im2col(x, *case.windows), c)
        below = np.vdot(x, kernels.col2im(c, x.shape, *case.windows))
    assert above == pytest.approx(below, rel=1e-12, abs=OFF[np.float64] * c.size**0.5)


@both_sets
@some
@given(case=odd_cases)
def test_both_gradients_of_a_convolution_are_adjoint_to_it(kernel_set, case):
    """<conv(x, w), dy> == <x, dx> == <w, dweight> for a bias of 0."""
    x, weight, bias, *_ = (a.astype(np.float64) for a in ARGUMENTS["conv2d"](case)[:3])
    dy = ARGUMENTS["conv2d_dx"](case)[0].astype(np.float64)
    with kernels.use(kernel_set):
        y = kernels.conv2d(x, weight, 0 * bias, *case.windows[1:])
        dx = kernels.conv2d_dx(dy, weight, x.shape, *case.windows[1:])
        dweight = kernels.conv2d_dweight(dy, x, *case.windows)
    off = OFF[np.float64] * (dy.size * weight.size) ** 0.5
    assert np.vdot(y, dy) == pytest.approx(np.vdot(x, dx), rel=1e-12, abs=off)
    assert np.vdot(y, dy) == pytest.approx(np.vdot(weight, dweight), rel=1e-12, abs=off)


# ------------------------------------------------------------------ small calculations by hand

IMAGE = np.array([[1.0, 2, 0], [0, 1, 3], [4, 0, 1]]).reshape(1, 3, 3, 1)


@both_sets
def test_a_convolution_by_hand(kernel_set):
    """1*1 + 2*10 + 0*100 + 1*1000 and so on; the kernel is not flipped."""
    weight = np.array([[1.0, 10], [100, 1000]]).reshape(2, 2, 1, 1)
    with kernels.use(kernel_set):
        y = kernels.conv2d(IMAGE, weight, np.array([0.5]))
    assert y[0, :, :, 0].tolist() == [[1021.5, 3102.5], [410.5, 1031.5]]


@both_sets
def test_same_padding_adds_the_odd_cell_at_the_end_by_hand(kernel_set):
    ones = np.ones((2, 2, 1, 1))
    with kernels.use(kernel_set):
        y = kernels.conv2d(IMAGE, ones, np.zeros(1), (2, 2), "same")
        mean = kernels.avg_pool2d(IMAGE, (2, 2), (2, 2), "same")
    assert y[0, :, :, 0].tolist() == [[4, 3], [4, 1]]
    assert mean[0, :, :, 0].tolist() == [[1, 1.5], [2, 1]]


@both_sets
def test_of_equal_values_the_first_of_the_window_wins_by_hand(kernel_set):
    image = np.array([[5.0, 5, 1], [5, 2, 1], [0, 2, 1]]).reshape(1, 3, 3, 1)
    dy = np.array([[1.0, 10], [100, 1000]]).reshape(1, 2, 2, 1)
    with kernels.use(kernel_set):
        y, winner = kernels.max_pool2d(image, (2, 2), (1, 1))
        dx = kernels.max_pool2d_vjp(dy, winner, image.shape, (2, 2), (1, 1))
    assert y[0, :, :, 0].tolist() == [[5, 5], [5, 2]]
    assert winner[0, :, :, 0].tolist() == [[0, 0], [0, 0]]
    assert dx[0, :, :, 0].tolist() == [[1, 10, 0], [100, 1000, 0], [0, 0, 0]]


@both_sets
def test_padding_is_never_the_largest_value(kernel_set):
    x = np.full((1, 3, 3, 1), -7.0)
    with kernels.use(kernel_set):
        assert (kernels.max_pool2d(x, (2, 2), (2, 2), "same")[0] == -7).all()


@both_sets
def test_a_window_that_does_not_fit_is_refused_with_the_arithmetic(kernel_set):
    weight, bias = np.ones((3, 4, 1, 1)), np.ones(1)
    wanted = r"3 columns is smaller than the window of 4: \(3 - 4\) // 2 \+ 1 = 0 columns"
    with kernels.use(kernel_set), pytest.raises(ShapeError, match=wanted):
        kernels.conv2d(IMAGE, weight, bias, (1, 2))


@both_sets
@pytest.mark.parametrize("largest", [1e4, -1e4])
def test_softmax_neither_overflows_nor_warns_at_large_logits(kernel_set, largest):
    logits = np.array([[0.0, largest, largest]], np.float32)
    with kernels.use(kernel_set), warnings.catch_warnings():
        warnings.simplefilter("error")
        p = kernels.softmax(logits)
    assert p.tolist() == [[0, 0.5, 0.5] if largest > 0 else [1, 0, 0]]


@both_sets
def test_dropout_keeps_the_expected_sum_and_the_asked_share(kernel_set):
    with kernels.use(kernel_set):
        mask = kernels.dropout_mask(np.random.default_rng(0), (400, 500), 0.2, np.float64)
    assert set(np.unique(mask)) == {0, 1.25}
    deviation = (0.2 * 0.8 / mask.size) ** 0.5
    assert (mask == 0).mean() == pytest.approx(0.2, abs=4 * deviation)
    assert mask.mean() == pytest.approx(1, abs=5 * deviation)
