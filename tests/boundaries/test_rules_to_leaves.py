"""A rule → the tape → a leaf's gradient: shapes, kinds, changes in place, threads.

What a leaf has in `.grad` has its shape and dtype, and is the gradient of the values that were
computed with; where that cannot be, an error names the op.
"""

import sys
import threading

import numpy as np
import pytest

from minicnn import functional as F
from minicnn import kernels, optim
from minicnn.errors import GradientError, GradientShapeError, MinicnnError, OpError
from minicnn.gradient_check import gradcheck
from minicnn.learn.swap import swap
from minicnn.tape import no_grad
from minicnn.tensor import Tensor, op, reshape

from ..properties.draws import between


def leaf(shape, seed=0, dtype=np.float64):
    return Tensor(between(np.random.default_rng(seed), shape, dtype), requires_grad=True)


def doubled(rule):
    """An op that doubles, with this rule."""

    @op
    def double(x):
        return 2 * x, rule

    return double


# ------------------------------------------------------------------ shapes

WRONG_SHAPES = {
    "summed over the rows": (lambda dy: 2 * dy.sum(axis=0), (5, 3), (3,)),
    "summed over the columns": (lambda dy: 2 * dy.sum(axis=1), (5, 3), (5,)),
    "summed over everything": (lambda dy: 2 * dy.sum(), (5, 3), ()),
    "transposed": (lambda dy: 2 * dy.T, (5, 3), (3, 5)),
    "flat": (lambda dy: 2 * dy.ravel(), (5, 3), (15,)),
    "an axis more": (lambda dy: 2 * dy[None], (5, 3), (1, 5, 3)),
    "an axis more behind": (lambda dy: 2 * dy[..., None], (5, 3), (5, 3, 1)),
    "a row less": (lambda dy: 2 * dy[1:], (5, 3), (4, 3)),
    "twice": (lambda dy: np.concatenate([dy, dy]), (5, 3), (10, 3)),
    "of one row, without its axis": (lambda dy: 2 * dy[0], (1, 3), (3,)),
    "of one number, without its axis": (lambda dy: 2 * dy[0], (1,), ()),
    "a number's, as a list's": (lambda dy: 2 * dy[None], (), (1,)),
    "copied to what dy never was": (lambda dy: np.ones((7, 3)), (1, 3), (7, 3)),
    "empty": (lambda dy: dy[:0], (5, 3), (0, 3)),
}


@pytest.mark.parametrize(("rule", "shape", "got"), WRONG_SHAPES.values(), ids=WRONG_SHAPES.keys())
def test_a_gradient_of_another_shape_is_an_error_that_names_the_op(rule, shape, got):
    x = leaf(shape)
    before = x.data.copy()
    with pytest.raises(GradientShapeError) as caught:
        doubled(rule)(x).backward(np.ones(shape))
    for said in ("'double'", f"of shape {got}", f"of shape {shape}", f"{__name__}.<lambda>"):
        assert said in str(caught.value)
    assert x.grad is None
    optim.SGD().step([x])
    np.testing.assert_array_equal(x.data, before)
    with pytest.raises(GradientShapeError):
        gradcheck(doubled(rule), before)


@pytest.mark.parametrize("gradcheck_of", [(3,), (2, 3), (1,)])
def test_gradcheck_does_not_broadcast_a_rule(gradcheck_of):
    total = op(lambda x: (x.sum(), lambda dy: dy))
    with pytest.raises(GradientShapeError, match=r"gradient of shape \(\) for an input of shape"):
        gradcheck(total, np.ones(gradcheck_of))


COPIES = [((3,), (2, 3)), ((2, 1), (2, 3)), ((), (2, 3)), ((1, 1), (2, 3)), ((1, 3), (4, 2, 3))]


@pytest.mark.parametrize(("shape", "copied"), COPIES)
def test_a_rule_may_still_leave_the_copies_to_the_tape(shape, copied):
    add = op(lambda a, b: (a + b, lambda dy: dy, lambda dy: dy))
    gradcheck(add, np.ones(shape), np.ones(copied))
    gradcheck(lambda a, b: a @ b, np.ones((2, 3)), np.ones((4, 3, 2)))


NO_ARRAYS = {
    "a number": (lambda dy: 1, "int"),
    "nothing": (lambda dy: None, "NoneType"),
    "a list": (lambda dy: dy.tolist(), "list"),
    "a tuple": (lambda dy: (dy,), "tuple"),
    "a tensor": (Tensor, "Tensor"),
    "complex numbers": (lambda dy: dy * 1j, "an array of complex128"),
    "objects": (lambda dy: dy.astype(object), "an array of object"),
}


@pytest.mark.parametrize(("rule", "got"), NO_ARRAYS.values(), ids=NO_ARRAYS.keys())
def test_a_rule_that_gives_no_array_is_an_error_that_names_the_op(rule, got):
    with pytest.raises(OpError, match=rf"a rule of 'double' gave {got}, not an array"):
        doubled(rule)(leaf((2,))).backward(np.ones(2))


@pytest.mark.parametrize("shape", [(), (2,), (2, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("given_as", [np.float32, np.float64, np.int64, np.float16])
def test_a_gradient_is_an_array_of_the_leafs_dtype(shape, dtype, given_as):
    x = leaf(shape, dtype=dtype)
    doubled(lambda dy: (2 * dy).astype(given_as))(x).backward(np.ones(shape))
    assert (type(x.grad), x.grad.dtype, x.grad.shape) == (np.ndarray, dtype, shape)


def test_a_gradient_set_by_hand_must_fit():
    x = leaf((2, 3))
    x.grad = np.zeros(3)
    with pytest.raises(GradientShapeError, match=r"has shape \(3,\); the tensor.* has \(2, 3\)"):
        (x * x).backward(np.ones((2, 3)))


def test_a_kernel_of_the_wrong_shape_is_named_at_once():
    """A bias gradient summed over the wrong axis, and a student's helper of every op."""

    def over_the_wrong_axis(dy):
        return dy.sum(axis=1)

    def left_as_it_is(dy, shape):
        return dy

    w, b = leaf((3, 4)), leaf((4,))
    with kernels.use(dense_dbias=over_the_wrong_axis):
        y = F.dense(np.ones((5, 3)), w, b)
        with pytest.raises(MinicnnError, match=r"over_the_wrong_axis.*dense_dbias.*\(4,\).*\(5,\)"):
            y.backward(np.ones((5, 4)))
    with swap({"minicnn.tape:unbroadcast": left_as_it_is}):
        y = w + b
        with pytest.raises(GradientShapeError, match=r"'add'.*\(4,\).*left_as_it_is"):
            y.backward(np.ones((3, 4)))
    assert b.grad is None


# ------------------------------------------------------------------ changes in place


def test_an_assignment_refuses_a_value_whose_gradient_it_would_drop():
    w, y = leaf((2, 3)), leaf((4, 3))
    for target in (leaf((4, 3)), Tensor(np.zeros((4, 3))), y * 2):
        for value in (w * 2, w, [w[0], w[1]]):
            with pytest.raises(GradientError, match="lose its gradient"):
                target[0:2] = value
    y[0:2] = w.data
    y[0:2] = Tensor(w.data)
    with no_grad():
        y[0:2] = w * 2
    np.testing.assert_array_equal(y.data[0:2], 2 * w.data)


RETURN_THEIR_INPUT = {
    "itself": lambda x: x,
    "a view": lambda x: x[:],
    "another shape": lambda x: x.reshape(-1),
    "reversed": lambda x: x[::-1],
}


@pytest.mark.parametrize("given", RETURN_THEIR_INPUT.values(), ids=RETURN_THEIR_INPUT.keys())
@pytest.mark.parametrize("whose", ["yours", "kernel"])
def test_a_change_of_what_an_op_returned_is_seen_or_stays_apart(given, whose):
    x = leaf((3,))
    before = x.data.copy()
    square = (x * x).sum()
    if whose == "yours":
        y = op(lambda a: (given(a), given))(x)
    else:
        with kernels.use("reference", relu=given):
            y = F.relu(x)
    y[...] = 100.0
    try:
        square.backward()
    except GradientError as error:
        assert "was changed in place" in str(error)  # noqa: PT017
    else:
        np.testing.assert_array_equal(x.grad, 2 * before)


def test_a_function_of_yours_cannot_change_its_arrays():
    @op
    def clipped(x):
        x[x < 0] = 0
        return x, lambda dy: dy

    @op
    def cut(x):
        def rule(dy):
            dy[x < 0] = 0
            return dy

        return np.maximum(x, 0), rule

    x = leaf((4,))
    before = x.data.copy()
    with pytest.raises(ValueError, match="read-only"):
        clipped(x)
    y = x + cut(x)  # both get the same dy
    with pytest.raises(ValueError, match="read-only"):
        y.backward(np.ones(4))
    np.testing.assert_array_equal(x.data, before)


def changed(array):
    array[...] = array[..., ::-1].copy()


def swapped(items):
    items[:] = items[::-1]


X = between(np.random.default_rng(5), (4, 4))
ARRAY = between(np.random.default_rng(6), (4, 4))

KEPT = {
    "an index": (lambda x, i: x[i], np.array([0, 0, 3]), changed),
    "an index in a tuple": (lambda x, i: x[:, i], np.array([0, 0, 3]), changed),
    "a mask": (lambda x, m: x[m], np.array([True, False, True, False]), changed),
    "a list": (lambda x, i: x[i], [0, 0, 3], swapped),
    "a factor": (lambda x, a: x * a, ARRAY, changed),
    "a factor on the left": (lambda x, a: a * x, ARRAY, changed),
    "a divisor": (lambda x, a: x / (a + 3), ARRAY, changed),
    "a dividend": (lambda x, a: a / (x + 3), ARRAY, changed),
    "a matrix": (lambda x, a: x @ a, ARRAY, changed),
    "a list of factors": (lambda x, a: x * a, [1.0, 2.0, 3.0, 5.0], swapped),
    "an input": (lambda x, a: F.dense(a, x, np.zeros(4)), ARRAY, changed),
    "a weight": (lambda x, a: F.dense(x, a, np.zeros(4)), ARRAY, changed),
    "an order of axes": (lambda x, a: x.transpose(a) * ARRAY, [1, 0], swapped),
    "labels": (F.softmax_cross_entropy, np.array([0, 1, 2, 0]), changed),
    "soft labels": (F.softmax_cross_entropy, np.eye(4), changed),
    "statistics": (
        lambda x, a: F.batch_norm_inference(x, np.ones(4), np.zeros(4), a, a),
        np.array([1.0, 2, 3, 4]),
        changed,
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_change_of_what_was_given_comes_too_late(name):
    """The gradient is that of the value as it was computed."""
    function, given, change = KEPT[name]

    def gradient(after):
        x, mine = Tensor(X, requires_grad=True), given.copy()
        y = function(x, mine)
        after(mine)
        y.backward(between(np.random.default_rng(7), y.shape))
        return x.grad

    np.testing.assert_array_equal(gradient(change), gradient(lambda mine: None))


def test_a_copy_of_the_values_is_apart_from_the_tensor():
    """`Tensor(t.data)` stands for what t holds now, whatever becomes of t."""
    w, t = leaf((3,)), leaf((3,), 1)
    before = t.data.copy()
    y = w * Tensor(t.data)
    t[...] = 0
    y.backward(np.ones(3))
    np.testing.assert_array_equal(w.grad, before)


# ------------------------------------------------------------------ threads


@pytest.fixture
def _hurried():
    """Python changes between threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(work, count=4):
    """Run in so many threads at once; returns what was raised."""
    raised = []

    def run(which):
        try:
            work(which)
        except Exception as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.mark.usefixtures("_hurried")
def test_threads_that_go_back_to_one_leaf_lose_nothing():
    w, dy = Tensor(np.ones(20_000), requires_grad=True), np.ones(20_000)

    def work(which):
        for _ in range(50):
            (w * (which + 1.0)).backward(dy)

    assert in_threads(work) == []
    assert set(w.grad) == {50 * (1 + 2 + 3 + 4)}


@pytest.mark.usefixtures("_hurried")
def test_a_tape_that_threads_share_is_used_whole_or_refused():
    for _ in range(100):
        x = Tensor(np.ones(1), requires_grad=True)
        shared = F.exp(x * 0.0)
        losses = [shared * (which + 1.0) for which in range(3)]
        raised = in_threads(lambda which, losses=losses: losses[which].backward(), 3)
        assert {type(error) for error in raised} <= {GradientError}
        assert x.grad is None or x.grad.tolist() == [0.0]


def test_reshaping_shares_what_it_shows():
    x = leaf((2, 2))
    square = (x * x).sum()
    reshape(x, 4)[0] = 3
    with pytest.raises(GradientError, match="was changed in place"):
        square.backward()
