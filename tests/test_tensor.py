"""The tape: what is recorded, how gradients run back along it, and what it refuses.

The rules of the single ops are held in `tests/properties/test_gradients.py`.
"""

import gc
import threading
import weakref

import numpy as np
import pytest

from minicnn import functional as F
from minicnn.errors import GradientError, ShapeError
from minicnn.tape import no_grad
from minicnn.tensor import Tensor, concatenate, op


def leaf(*values, dtype=np.float64):
    return Tensor(np.array(values, dtype), requires_grad=True)


# ------------------------------------------------------------------ the value


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (np.zeros(2, np.float32), np.float32),
        (np.zeros(2, np.float64), np.float64),
        (np.float64(1), np.float64),
        (np.zeros(2, np.float16), np.float32),
        (np.zeros(2, np.int64), np.float32),
        (np.zeros(2, bool), np.float32),
        ([1, 2], np.float32),
        (1.5, np.float32),
    ],
)
def test_only_arrays_of_float32_and_float64_keep_their_dtype(data, dtype):
    assert Tensor(data).dtype == dtype


def test_a_leaf_copies_its_data_and_a_constant_shares_it():
    array = np.zeros(2)
    variable, constant = Tensor(array, requires_grad=True), Tensor(array)
    array[:] = 1
    assert variable.data.tolist() == [0, 0]
    assert constant.data.tolist() == [1, 1]


def test_data_is_read_only_however_it_is_reached():
    x = leaf(1.0, 2.0)
    for view in (x.data, np.asarray(Tensor(x.data)), (x * x).data):
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 5
    x[0] = 5
    assert x.data.tolist() == [5, 2]
    np.array(x.data)[0] = 7
    assert x.data.tolist() == [5, 2]


def test_shape_size_length_item_and_text():
    x = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    assert (x.shape, x.ndim, x.size, len(x)) == ((2, 3), 2, 6, 2)
    assert x[1, 2].item() == float(x[1, 2]) == 5
    assert repr(leaf(1.0, 2.5)) == "Tensor([1. , 2.5], requires_grad=True)"
    with pytest.raises(ValueError, match="size 1"):
        x.item()


# ------------------------------------------------------------------ sums of gradients


def test_a_value_used_twice_gets_both_gradients():
    x = leaf(3.0)
    (x * x + x * 5 + x).backward()
    assert x.grad.tolist() == [2 * 3 + 5 + 1]


def test_diamonds_of_diamonds_count_every_path():
    """Each stage doubles the paths: 2**60 of them, walked once each would never end."""
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y * 0.5 + y * 1.5
    y.backward()
    assert x.grad.tolist() == [2.0**60]


def test_paths_of_different_lengths_meet_in_order():
    """A long way round must be summed before the short way goes on."""
    x = leaf(2.0)
    a = x * 3
    b = F.exp(F.log(a * a))
    (a * b).backward()
    assert x.grad[0] == pytest.approx(3 * 27 * 2**2, rel=1e-14)


def test_a_chain_of_100_000_goes_forward_backward_and_away():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1e-5
    assert y.item() == pytest.approx(2, rel=1e-9)
    y.backward()
    assert x.grad.tolist() == [1]


@pytest.mark.slow
def test_a_chain_of_100_000_that_never_went_backward_is_deleted():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y * 1.0
    last = weakref.ref(y)
    del y
    gc.collect()
    assert last() is None


def test_gradients_of_two_losses_add_up():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    (x * 10).sum().backward()
    assert x.grad.tolist() == [12, 14]
    x.grad = None
    (x * 10).sum().backward()
    assert x.grad.tolist() == [10, 10]


def test_an_earlier_gradient_is_not_changed_in_place():
    x = leaf(1.0)
    x.backward(np.array([2.0]))
    earlier = x.grad
    x.backward(np.array([3.0]))
    assert (earlier.tolist(), x.grad.tolist()) == ([2], [5])


def test_gradients_of_leaves_are_arrays_of_their_own():
    x, y, dy = leaf(1.0, 2.0), leaf(3.0, 4.0), np.array([5.0, 6.0])
    (x + y.reshape(2)).backward(dy)
    x.grad[0] = -1
    assert (y.grad.tolist(), dy.tolist()) == ([5, 6], [5, 6])
    y.grad[0] = -2
    assert dy.tolist() == [5, 6]


def test_only_leaves_that_ask_get_a_gradient():
    x, constant = leaf(2.0), Tensor(np.array([3.0]))
    between = x * constant
    (between * between).backward()
    assert x.grad.tolist() == [36]
    assert (constant.grad, between.grad) == (None, None)


def test_a_leaf_may_go_backward_itself():
    x = leaf(1.0, 2.0)
    x.backward(np.array([3.0, 4.0]))
    assert x.grad.tolist() == [3, 4]


def test_rules_are_called_for_inputs_that_need_a_gradient_only():
    called = []

    @op
    def watched(a, b):
        return a + b, lambda dy: called.append("a") or dy, lambda dy: called.append("b") or dy

    watched(leaf(1.0), Tensor(np.array([2.0]))).backward()
    assert called == ["a"]


# ------------------------------------------------------------------ what backward() refuses


def test_a_tensor_of_many_elements_needs_an_upstream_gradient():
    with pytest.raises(GradientError, match=r"shape \(2,\) needs an upstream gradient"):
        (leaf(1.0, 2.0) * 2).backward()


def test_the_upstream_gradient_must_have_the_shape():
    with pytest.raises(GradientError, match=r"dy has shape \(1,\), the tensor \(2,\)"):
        (leaf(1.0, 2.0) * 2).backward(np.ones(1))


def test_a_tape_is_used_up_once():
    x = leaf(2.0)
    y = x * x
    y.backward()
    with pytest.raises(GradientError, match=r"'multiply' was used up"):
        y.backward()
    assert x.grad.tolist() == [4]


def test_a_shared_part_of_the_tape_is_used_up_by_the_first_loss():
    x = leaf(2.0)
    shared = F.exp(x)
    first, second = shared * 2, shared * 3
    first.backward()
    with pytest.raises(GradientError, match=r"'exp' was used up"):
        second.backward()


def test_the_tape_gives_its_memory_back():
    x = leaf(2.0)
    hidden = x * x
    y = hidden * 3
    gone = weakref.ref(hidden)
    del hidden
    y.backward()
    assert gone() is None


@pytest.mark.parametrize("tensor", [Tensor([1.0]), Tensor([1.0]) * 2])
def test_a_tensor_without_a_tape_cannot_go_backward(tensor):
    with pytest.raises(GradientError, match="no gradient leads to"):
        tensor.backward()


# ------------------------------------------------------------------ changes in place


def change_an_input(x, constant, y):
    x[0] = 9


def change_a_constant(x, constant, y):
    constant[...] = 9


def change_the_result(x, constant, y):
    y[0] = 9


def change_and_mark(x, constant, y):
    x._data[0] = 9
    x.mark_changed()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (change_an_input, "an input of"),
        (change_a_constant, "an input of"),
        (change_the_result, "the result of"),
        (change_and_mark, "an input of"),
    ],
)
def test_a_change_in_place_before_backward_is_found(change, what):
    x, constant = leaf(1.0, 2.0), Tensor(np.array([3.0, 4.0]))
    y = x * constant
    change(x, constant, y)
    with pytest.raises(GradientError, match=rf"{what} 'multiply', of shape \(2,\), was changed"):
        y.backward(np.array([1.0, 2.0]))


VIEWS = {
    "reshape": lambda x: x.reshape(2, 1),
    "transpose": lambda x: x.T,
    "getitem": lambda x: x[:1],
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_a_change_through_a_view_never_gives_a_wrong_gradient(view):
    """The view shows the same memory, so this must be found too, or not reach `x` at all."""
    x = leaf(3.0, 4.0)
    square = (x * x).sum()
    view(x)[...] = 100.0
    try:
        square.backward()
    except GradientError:
        return
    assert x.grad.tolist() == [6, 8]


def test_a_change_in_place_before_the_value_was_used_is_no_harm():
    x = leaf(1.0, 2.0)
    x[...] = np.array([3.0, 4.0])
    (x * x).sum().backward()
    assert x.grad.tolist() == [6, 8]
    x[...] = Tensor(np.array([5.0, 6.0]))
    x.grad = None
    (x * x).sum().backward()
    assert x.grad.tolist() == [10, 12]


# ------------------------------------------------------------------ no_grad


def test_nothing_is_recorded_under_no_grad():
    x = leaf(1.0)
    with no_grad():
        y = F.exp(x) * 2
        with no_grad():
            pass
        z = x * 2
    assert (y.requires_grad, y.node, z.requires_grad) == (False, None, False)
    assert (x * 2).requires_grad
    with pytest.raises(GradientError, match=r"no_grad\(\)"):
        y.backward()


def test_recording_goes_on_after_an_error_under_no_grad():
    with pytest.raises(ZeroDivisionError), no_grad():
        _ = 1 / 0
    assert (leaf(1.0) * 2).requires_grad


def test_no_grad_holds_for_its_own_thread_only():
    x, recorded = leaf(1.0), {}
    in_block, checked = threading.Event(), threading.Event()

    def without():
        with no_grad():
            in_block.set()
            checked.wait(10)
            recorded["inside"] = (x * 2).requires_grad

    thread = threading.Thread(target=without)
    thread.start()
    assert in_block.wait(10)
    recorded["outside"] = (x * 2).requires_grad
    checked.set()
    thread.join()
    assert recorded == {"outside": True, "inside": False}


# ------------------------------------------------------------------ dtypes and operands


OPERATIONS = {
    "numbers": lambda x: 1 - 2 / (x * 3 + 1.5) - (-x) ** 2,
    "integers": lambda x: x * np.arange(4, dtype=np.int8),
    "reductions": lambda x: x.sum() + x.mean() + x.max(),
    "shapes": lambda x: concatenate([x.reshape(2, 2).T[0], x]),
    "functions": lambda x: F.exp(F.tanh(F.sigmoid(F.relu(x)))) + F.softmax(x),
    "roots": lambda x: F.sqrt(F.log(x + 3)) + x**0.5,
    "dropout": lambda x: F.dropout(x, 0.3, np.random.default_rng(0)),
    "matmul": lambda x: x.reshape(2, 2) @ x.reshape(2, 2),
    "max pooling": lambda x: F.max_pool2d(x.reshape(1, 2, 2, 1)),
    "average pooling": lambda x: F.avg_pool2d(x.reshape(1, 2, 2, 1), (2, 2), (1, 1), "same"),
    "convolution": lambda x: F.conv2d(x.reshape(1, 2, 2, 1), x.reshape(1, 1, 1, 4), x),
    "loss": lambda x: F.softmax_cross_entropy(x.reshape(2, 2), np.array([0, 1]), 0.1),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_values_and_gradients_keep_the_dtype(operation, dtype):
    x = leaf(0.5, 1.0, 2.0, 3.0, dtype=dtype)
    y = operation(x)
    assert y.dtype == dtype
    y.backward(np.random.default_rng(0).standard_normal(y.shape))
    assert x.grad.dtype == dtype


def test_a_gradient_has_the_dtype_of_its_leaf_where_dtypes_meet():
    single, double = leaf(1.0, 2.0, dtype=np.float32), leaf(3.0, 4.0)
    (single * double).sum().backward()
    assert (single.grad.dtype, double.grad.dtype) == (np.float32, np.float64)


def test_an_array_or_numpy_number_on_the_left_makes_a_tensor():
    x, array = leaf(1.0, 2.0), np.array([[4.0, 8.0]])
    results = {
        "add": (array + x, [[5, 10]]),
        "subtract": (array - x, [[3, 6]]),
        "multiply": (array * x, [[4, 16]]),
        "divide": (array / x, [[4, 4]]),
        "number": (np.float64(3) * x, [3, 6]),
        "matmul": (array @ x.reshape(2, 1), [[20]]),
    }
    for name, (y, expected) in results.items():
        assert isinstance(y, Tensor), name
        assert y.requires_grad
        assert y.data.tolist() == expected


@pytest.mark.parametrize(
    ("a", "b"), [((2, 3), (2, 3)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 2, 3), (2, 2))]
)
def test_matmul_says_which_shapes_do_not_fit(a, b):
    with pytest.raises(ShapeError, match=r"matmul: cannot multiply \(.*\) by \(.*\)"):
        Tensor(np.ones(a)) @ Tensor(np.ones(b))


def test_a_number_has_no_matrix_product():
    with pytest.raises(ShapeError, match=r"cannot multiply \(2, 2\) by \(\)"):
        Tensor(np.ones((2, 2))) @ 3.0


def test_the_power_of_zero_has_the_gradient_zero_also_at_zero():
    """x**0 is 1 everywhere."""
    x = leaf(0.0, 2.0)
    (x**0).sum().backward()
    assert x.grad.tolist() == [0, 0]


def test_a_tensor_as_exponent_is_refused_or_gets_its_gradient():
    x, exponent = leaf(2.0), leaf(3.0)
    try:
        (x**exponent).backward()
    except (TypeError, GradientError, ShapeError):
        return
    assert exponent.grad == pytest.approx(8 * np.log(2), rel=1e-12)
