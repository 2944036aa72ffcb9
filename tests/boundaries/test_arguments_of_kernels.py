"""What crosses into a kernel: shapes, kinds and dtypes, the same in both sets and in direct calls.

Also what comes back from a kernel of the user's own. `wrong_arguments.py` beside this file draws
wrong calls of every kernel, in a process of its own.
"""

import inspect
import re
import weakref
from types import FunctionType

import numpy as np
import pytest
from hypothesis import given

from minicnn import functional as F
from minicnn import kernels, nn
from minicnn.errors import ShapeError, UnknownNameError
from minicnn.kernels import checking, fast, reference
from minicnn.kernels.signatures import PARTS, signature
from minicnn.learn import library
from minicnn.learn.inject import own_code
from minicnn.learn.workspace import Workspace
from minicnn.tensor import Tensor

from ..lanes import slow_but
from ..properties.draws import ARGUMENTS, IN_PLACE, Case, call, cases, few

every_kernel = pytest.mark.parametrize("name", kernels.NAMES)

CASE = Case(
    batch=3,
    image=(6, 7),
    channels=3,
    filters=4,
    kernel=(3, 2),
    stride=(2, 1),
    padding="same",
    pool=(2, 2),
    dtype=np.float32,
    seed=3,
)


def ways(name):
    """The kernel of each set, and the fast one called directly."""
    for kernel_set in kernels.SETS:
        with kernels.use(kernel_set):
            yield getattr(kernels, name)
    yield getattr(fast, name, getattr(reference, name))


def refused(name, arguments, error=ShapeError):
    """The one sentence with which both sets refuse a call."""
    said = set()
    for kernel in [*ways(name)][: 3 if hasattr(fast, name) else 2]:
        with pytest.raises(error) as caught:
            kernel(*arguments)
        said.add(str(caught.value))
    (sentence,) = said
    assert sentence.startswith(f"{name}: ") or error is not ShapeError
    assert "\n" not in sentence
    return sentence


# ------------------------------------------------------------------ what is declared


@every_kernel
def test_a_signature_has_the_parameters_of_the_reference_and_of_the_fast_kernel(name):
    taken = [parameter.name for parameter in signature(name).takes]
    assert [*inspect.signature(getattr(reference, name)).parameters] == taken
    kernel = getattr(fast, name, None)
    if kernel is not None:
        assert [*inspect.signature(kernel).parameters] == taken


def test_the_table_has_every_kernel_of_the_reference_and_all_fast_ones_are_in_it():
    assert set(kernels.NAMES) == set(reference.__all__)
    assert set(fast.__all__) <= set(kernels.NAMES)


@every_kernel
def test_the_parts_are_the_kernels_that_the_reference_function_calls(name):
    function = getattr(reference, name)
    assert isinstance(function, FunctionType)
    called = {each for each in function.__code__.co_names if each in kernels.NAMES}
    assert called == set(PARTS.get(name, ()))


@every_kernel
def test_what_a_kernel_gives_is_what_its_signature_says(name):
    """Checked as a user's own kernel would be."""
    for kernel_set in kernels.SETS:
        with kernels.use(kernel_set):
            own = checking.checked(getattr(kernels, name), name, own=True)
        call(own, ARGUMENTS[name](CASE), name)


@every_kernel
def test_plain_arguments_reach_the_kernel_as_they_are(name):
    """No copy, no conversion, and the check of a second call of these sizes is a look-up."""
    reached = []

    def seen(*arguments):
        reached.append(arguments)

    kernel = checking.checked(seen, name)
    arguments = ARGUMENTS[name](CASE)
    kernel(*arguments)
    kernel(*arguments)
    for given_ones in reached:
        pairs = zip(given_ones, arguments, strict=True)
        assert all(a is b for a, b in pairs if isinstance(b, np.ndarray | tuple))
    assert len(reached) == 2


def test_the_sizes_of_a_thousand_batches_are_not_remembered_for_ever():
    kernel = checking.checked(reference.relu)
    seen = kernel.__globals__["_seen"]
    for size in range(2 * checking.MOST_SEEN):
        kernel(np.zeros(size))
    assert len(seen) <= checking.MOST_SEEN


# ------------------------------------------------------------------ wrong calls


@pytest.mark.parametrize("seed", slow_but([0], range(12)))
def test_drawn_wrong_calls_are_refused_or_right_in_both_sets(run_python, seed):
    """In a process of its own, with memory that must not be touched behind every array."""
    out = run_python("-m", "tests.boundaries.wrong_arguments", str(seed), "40")
    counts = {name: (int(no), int(yes)) for name, no, yes in map(str.split, out.splitlines())}
    assert list(counts) == list(kernels.NAMES)
    assert all(no + yes == 40 for no, yes in counts.values())
    assert all(no for no, _ in counts.values())


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


IMAGES, WEIGHT = zeros(2, 5, 5, 3), zeros(3, 3, 3, 4)
MATRIX = zeros(4, 6)
PER_CHANNEL = [zeros(6)] * 4
STEP = (1, 0.1, 0.9, 0.999, 1e-7)
POOLED, WINNER, POOLS = zeros(2, 2, 2, 8), zeros(2, 2, 2, 8, dtype=np.int64), ((2, 2), (2, 2))

# What the reference broadcast, and compiled code read beyond the end of.
MISFITS = [
    ("batch_norm", [MATRIX, zeros(6), zeros(1), zeros(6), zeros(6), 1e-3], r"C is 1 in beta.* 6"),
    ("batch_norm", [MATRIX, *[zeros(1)] * 4, 1e-3], r"C is 1 in gamma.* 6"),
    ("batch_norm_relu", [MATRIX, *[zeros(6)] * 3, zeros(5), 1e-3], "C is 5 in variance"),
    ("batch_norm_vjp", [zeros(1, 6), MATRIX, *[zeros(6)] * 3, 1e-3], "S is .* in x"),
    ("batch_norm_relu_vjp", [MATRIX, MATRIX, *[zeros(6)] * 3, zeros(), 1e-3], "variance .* 1 ax"),
    ("dense", [MATRIX, zeros(5, 3), zeros(3)], "I is 5 in weight.* 6, as in x"),
    ("dense", [MATRIX, zeros(6, 3), zeros(1)], "U is 1 in bias.* 3, as in weight"),
    ("dense", [zeros(6), zeros(6, 3), zeros(3)], "x must have 2 axes"),
    ("dense_relu", [MATRIX, zeros(6, 3), zeros(4, 3)], "bias must have 1 axes"),
    ("dense_dx", [zeros(4, 2), zeros(6, 3)], "U is 3 in weight"),
    ("dense_dweight", [zeros(3, 2), MATRIX], "N is 4 in x"),
    ("matmul", [MATRIX, MATRIX], "K is 4 in b"),
    ("conv2d", [IMAGES, zeros(3, 3, 2, 4), zeros(4)], "C is 2 in weight"),
    ("conv2d", [IMAGES, WEIGHT, zeros(3)], "F is 3 in bias"),
    ("conv2d", [IMAGES[0], WEIGHT, zeros(4)], "x must have 4 axes"),
    ("conv2d", [IMAGES, WEIGHT, zeros(4), (0, 1)], "SH must be at least 1"),
    ("conv2d", [IMAGES, WEIGHT, zeros(4), (1, 1, 1)], "stride must have 2 axes"),
    ("conv2d", [IMAGES, WEIGHT, zeros(4), 2], "stride must be a tuple .* int 2"),
    ("conv2d_dx", [zeros(2, 4, 3, 4), WEIGHT, IMAGES.shape], "OH is 4 in dy.* 3"),
    ("conv2d_dx", [zeros(2, 3, 3, 4), WEIGHT, (2, 5, 5, 2)], "C is 2 in x_shape"),
    ("conv2d_dx", [zeros(1, 3, 3, 4), WEIGHT, IMAGES.shape], "N is 1 in dy"),
    ("conv2d_dx", [zeros(2, 3, 3, 4), WEIGHT, [*IMAGES.shape]], "x_shape must be a tuple"),
    ("conv2d_dweight", [zeros(2, 3, 2, 4), IMAGES, (3, 3)], "OW is 2 in dy.* 3"),
    ("conv2d_dweight", [zeros(1, 3, 3, 4), IMAGES, (3, 3)], "N is 1 in dy"),
    ("col2im", [zeros(2, 3, 3, 26), IMAGES.shape, (3, 3)], r"KH\*KW\*C is 26 in cols.* 27"),
    ("relu_vjp", [zeros(4, 6), zeros(4, 1)], r"S is \(4, 1\) in y.* \(4, 6\)"),
    ("relu_vjp", [zeros(6), MATRIX], r"S is \(4, 6\) in y"),
    ("softmax_cross_entropy", [MATRIX, zeros(4, 5)], "C is 5 in targets"),
    ("softmax_cross_entropy", [MATRIX, zeros(1, 6)], "N is 1 in targets"),
    ("softmax_cross_entropy", [zeros(4, 0), zeros(4, 0)], "C must be at least 1"),
    ("softmax_cross_entropy_vjp", [zeros(1), MATRIX, MATRIX], "N is 4 in probabilities"),
    ("sgd_step", [MATRIX, zeros(6), MATRIX, 0.1, 0.9, True], r"S is \(6,\) in grad"),
    ("adam_step", [MATRIX, MATRIX, zeros(4, 1), MATRIX, *STEP], r"S is \(4, 1\) in m"),
    ("adam_step", [MATRIX, MATRIX, MATRIX, zeros(3, 6), *STEP], r"S is \(3, 6\) in v"),
    ("adam_step", [*[MATRIX] * 4, 0, *STEP[1:]], "step must be at least 1, got int 0"),
    ("adam_step", [*[MATRIX] * 4, 1, 0.1, 1.0, *STEP[3:]], r"beta1 must be in \[0, 1\)"),
    ("max_pool2d_vjp", [POOLED, WINNER + 4, (2, 4, 4, 8), *POOLS], "winner .* from 4 to 4"),
    ("max_pool2d_vjp", [POOLED, WINNER - 1, (2, 4, 4, 8), *POOLS], "winner .* from -1 to -1"),
    ("max_pool2d_vjp", [POOLED, WINNER, (2, 6, 4, 8), *POOLS], "OH is 2 in dy"),
    (
        "conv2d_dweight_from_argmax",
        [POOLED, WINNER + 9, zeros(2, 6, 6, 32), (3, 3), (1, 1), "valid", (2, 2)],
        "winner .* from 9 to 9",
    ),
    (
        "conv2d_dx_from_argmax",
        [POOLED, WINNER + 2**32, zeros(3, 3, 32, 8), (2, 6, 6, 32), (1, 1), "valid", (2, 2)],
        "winner .* 4294967296",
    ),
    ("moments", [zeros(0, 6)], "S must be at least 1 in x"),
    ("dropout_mask", [np.random.default_rng(0), (3,), 1.0], r"rate must be in \[0, 1\)"),
    ("dropout_mask", [np.random.default_rng(0), (3,), 0.5, np.float16], "dtype must be float32 or"),
    ("dropout_mask", [np.random.RandomState(0), (3,), 0.5], "rng must be a numpy.random.Generator"),
    ("dropout_mask", [np.random.default_rng(0), (3, -1), 0.5], "shape must be a tuple of whole"),
    (
        "augment",
        [IMAGES, np.full((2, 3, 3), np.nan), zeros(2, 1, 1, 2), zeros(2), zeros(2, 4, dtype=int)],
        "maps must be finite",
    ),
    (
        "augment",
        [IMAGES, zeros(2, 3, 3), zeros(2, 0, 1, 2), zeros(2), zeros(2, 4, dtype=int)],
        "GH must be at least 1",
    ),
]


@pytest.mark.parametrize(("name", "arguments", "said"), MISFITS)
def test_shapes_that_do_not_fit_are_refused_with_got_and_needed(name, arguments, said):
    assert re.search(said, refused(name, arguments))


def test_a_padding_that_there_is_not_is_refused_by_name():
    said = refused("conv2d", [IMAGES, WEIGHT, zeros(4), (1, 1), "sume"], UnknownNameError)
    assert "'sume'; did you mean 'same'" in said


# ------------------------------------------------------------------ dtypes

FLOAT_ARGUMENTS = [
    (name, i)
    for name in kernels.NAMES
    for i, parameter in enumerate(signature(name).takes)
    if parameter.kind in ("array", "changed", "finite")
]


@pytest.mark.parametrize(("name", "at"), FLOAT_ARGUMENTS)
def test_whatever_is_no_float32_or_float64_is_refused_for_each_argument(name, at):
    for dtype in (np.int64, np.uint8, np.float16, np.longdouble, np.complex64, bool, object, "U2"):
        arguments = ARGUMENTS[name](CASE)
        arguments[at] = arguments[at].astype(dtype)
        said = refused(name, arguments)
        assert f"{name}: {signature(name).takes[at].name} must be " in said
        assert f"array of {np.dtype(dtype)}" in said


@pytest.mark.parametrize(("name", "at"), FLOAT_ARGUMENTS)
def test_another_order_of_bytes_gives_the_same_numbers(name, at):
    changed_in_place = at in IN_PLACE.get(name, ())
    for kernel in ways(name):
        arguments = ARGUMENTS[name](CASE)
        arguments[at] = arguments[at].astype(arguments[at].dtype.newbyteorder())
        if changed_in_place:
            with pytest.raises(ShapeError, match=signature(name).takes[at].name):
                kernel(*arguments)
        elif kernel is not getattr(reference, name):
            expected = call(kernel, ARGUMENTS[name](CASE), name)
            for one, other in zip(call(kernel, arguments, name), expected, strict=True):
                np.testing.assert_array_equal(one, other)
                assert one.dtype == other.dtype


@pytest.mark.parametrize(("name", "at"), FLOAT_ARGUMENTS)
def test_of_two_dtypes_the_larger_is_computed_in(name, at):
    """As NumPy does it; what is changed in place decides where there is such an array."""
    kind = signature(name).takes[at].kind
    for kernel in [*ways(name)][:2]:
        single = ARGUMENTS[name](CASE)
        one_double, all_double = (
            [*single],
            [
                a.astype(np.float64) if isinstance(a, np.ndarray) and a.dtype == np.float32 else a
                for a in single
            ],
        )
        one_double[at] = single[at].astype(np.float64)
        if kind == "changed":
            with pytest.raises(ShapeError, match="must be an array of float"):
                kernel(*one_double)
            continue
        as_single = name in IN_PLACE or kind == "finite"
        expected = call(kernel, ARGUMENTS[name](CASE) if as_single else all_double, name)
        for one, other in zip(call(kernel, one_double, name), expected, strict=True):
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype


def test_what_numpy_would_have_cut_off_is_refused_and_not_computed():
    """The mean of 1 and 2 was 1, and the loss of a one-hot row against itself 0."""
    refused("moments", [np.array([[1], [2]])])
    refused("softmax_cross_entropy", [np.eye(2, dtype=int)] * 2)


# ------------------------------------------------------------------ nothing at all


@every_kernel
@few
@given(case=cases(channels=(1, 3), max_size=4, dtypes=(np.float32, np.float64)))
def test_an_empty_batch_gives_empty_results_and_sums_of_0(name, case):
    arguments = ARGUMENTS[name](case)
    for i, parameter in enumerate(signature(name).takes):
        if parameter.sizes and parameter.sizes[0] in ("N", "M", "*S"):
            value = arguments[i]
            emptied = isinstance(value, np.ndarray)
            arguments[i] = value[:0].copy() if emptied else (0, *value[1:])
    found = []
    for kernel in [*ways(name)][:2]:
        try:
            found.append(call(kernel, arguments, name))
        except ShapeError as error:
            found.append(str(error))
    if isinstance(found[0], str):
        assert found[0] == found[1]
        return
    for one, other in zip(*found, strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        np.testing.assert_array_equal(one, other)


def test_an_empty_batch_goes_forward_and_back():
    model = nn.Sequential(
        nn.Conv2D(4, 3, activation="relu"),
        nn.MaxPool2D(2),
        nn.Conv2D(3, 2, padding="same"),
        nn.ReLU(),
        nn.MaxPool2D(3, 2, padding="same"),
        nn.AveragePool2D(2, padding="same"),
        nn.Flatten(),
        nn.Dense(5, activation="relu"),
        nn.Dense(2),
        input_shape=(9, 9, 1),
    )
    for kernel_set in kernels.SETS:
        with kernels.use(kernel_set):
            x = Tensor(np.zeros((0, 9, 9, 1), np.float32), requires_grad=True)
            model.zero_grad()
            y = model(x, training=True)
            y.backward(np.zeros((0, 2), np.float32))
            assert y.shape == (0, 2)
            assert x.grad.shape == x.shape
            assert [p.grad.tolist() for p in model.parameters()] == [
                np.zeros(p.shape).tolist() for p in model.parameters()
            ]


# ------------------------------------------------------------------ what a user's own kernel gives


def spoilt_results(right):
    """Results that are not those of the signature, and what of it is said."""
    yield lambda y: y[..., np.newaxis], r"got float32 of shape"
    yield lambda y: y.sum(axis=-1), "got float32 of shape"
    yield lambda y: y.astype(np.float64), "got float64 of shape"
    yield lambda y: y.astype(np.int64), "got int64 of shape"
    yield lambda y: y.tolist(), "got list"
    yield Tensor, "got Tensor"
    yield lambda y: None, "got None"
    yield lambda y: (y, y), "got float32 of shape .* and float32 of shape"
    yield lambda y: y * np.float32(np.nan), "gives NaN"


OWN = {
    "relu": lambda spoil: lambda x: spoil(np.maximum(x, 0)),
    "dense_dbias": lambda spoil: lambda dy: spoil(dy.sum(axis=0)),
    "matmul": lambda spoil: lambda a, b: spoil(a @ b),
}


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("kernel_set", kernels.SETS)
def test_what_an_own_kernel_must_not_give_is_blamed_on_it(name, kernel_set):
    for spoil, said in spoilt_results(np.zeros(1)):
        mine = OWN[name](spoil)
        mine.__module__, mine.__qualname__ = "04_linear_layers", "my_own"
        blamed = rf"^04_linear_layers\.my_own in place of {name} .*{said}"
        with kernels.use(kernel_set, **{name: mine}), pytest.raises(ShapeError, match=blamed):
            getattr(kernels, name)(*ARGUMENTS[name](CASE))


def test_of_several_results_each_is_checked():
    def winner_in_int64(x, pool, stride, padding):
        y, winner = reference.max_pool2d(x, pool, stride, padding)
        return y, winner.astype(np.int64)

    def mean_alone(x):
        return x.reshape(-1, x.shape[-1]).mean(axis=0)

    with (
        kernels.use(max_pool2d=winner_in_int64),
        pytest.raises(ShapeError, match=r"int32.*int64"),
    ):
        kernels.max_pool2d(IMAGES, (2, 2), (2, 2))
    with (
        kernels.use(moments=mean_alone),
        pytest.raises(ShapeError, match="and float32"),
    ):
        kernels.moments(IMAGES)


def test_an_own_step_changes_its_arrays_and_gives_nothing():
    def gives_the_weight(weight, grad, velocity, lr, momentum, nesterov):
        return weight - lr * grad

    def divides_by_zero(weight, grad, velocity, lr, momentum, nesterov):
        velocity /= np.float32(0)

    for mine, said in (gives_the_weight, "must give None .* got float32"), (divides_by_zero, "NaN"):
        with (
            kernels.use(sgd_step=mine),
            np.errstate(all="ignore"),
            pytest.raises(ShapeError, match=f"{mine.__name__} in place of sgd_step .*{said}"),
        ):
            kernels.sgd_step(zeros(3), zeros(3), zeros(3), 0.1, 0.9, False)


def test_nan_that_was_given_or_comes_of_infinity_is_not_blamed_on_an_own_kernel():
    with kernels.use(relu=lambda x: x - x), np.errstate(invalid="ignore"):
        for bad in (np.nan, np.inf):
            assert np.isnan(kernels.relu(np.array([bad, 1.0]))).tolist() == [True, False]


@pytest.mark.parametrize("kernel_set", kernels.SETS)
def test_an_own_part_is_blamed_where_it_is_called_from_a_kernel_that_is_built_from_it(kernel_set):
    def im2col(x, kernel, stride, padding):
        return reference.im2col(x, kernel, stride, padding).reshape(len(x), -1)

    blamed = r"im2col in place of im2col must give float32 of shape \(2, 3, 3, 27\)"
    with kernels.use(kernel_set, im2col=im2col), pytest.raises(ShapeError, match=blamed):
        kernels.conv2d_relu(IMAGES, WEIGHT, zeros(4))


def test_a_student_is_told_whose_function_in_which_lesson_has_given_what(tmp_path):
    """A gradient summed over the wrong axis, in a training that would have gone on with it."""
    workspace = Workspace.init(tmp_path)
    lesson = library.lesson(4)
    path = workspace.path(lesson)
    path.parent.mkdir()
    path.write_text("def dense_dbias(dy):\n    return dy.sum(axis=1)\n")
    model = nn.Sequential(nn.Dense(3), input_shape=(6,))
    said = r"04_linear_layers\.dense_dbias in place of dense_dbias must .*\(3,\).* got .*\(4,\)"
    with own_code(tmp_path), pytest.raises(ShapeError, match=said):
        F.softmax_cross_entropy(model(MATRIX), np.zeros(4, int)).backward()


def test_the_memory_of_earlier_calls_keeps_no_array_alive():
    for own in (False, True):
        kernel = checking.checked(reference.relu, own=own)
        x = np.zeros(3)
        there = weakref.ref(x)
        kernel(x)
        del x
        assert there() is None
