"""Whoever calls → an op: arguments by name, axes, shapes, NumPy's functions, what an op returns.

Nothing may cost a gradient silently: it arrives, or an error says why not.
"""

import functools
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import functional as F
from minicnn import kernels, tensor
from minicnn.errors import GradientError, OpError, ShapeError
from minicnn.gradient_check import gradcheck
from minicnn.tape import no_grad
from minicnn.tensor import Tensor, concatenate, op

from ..properties.draws import between, distinct, few, seeds, small_shapes


def leaf(shape, seed=0):
    return Tensor(between(np.random.default_rng(seed), shape), requires_grad=True)


# ------------------------------------------------------------------ by name

STATISTICS = {"mean": np.zeros(3), "variance": np.ones(3)}

BY_NAME = {
    "add": (tensor.add, {"a": (2, 3), "b": (3,)}, {}),
    "divide": (tensor.divide, {"a": (2, 3), "b": (3,)}, {}),
    "power": (tensor.power, {"x": (3,)}, {"exponent": 2}),
    "matmul": (tensor.matmul, {"a": (2, 3), "b": (3, 2)}, {}),
    "sum": (tensor.sum_, {"x": (2, 3)}, {"axis": -1}),
    "max": (tensor.max_, {"x": (2, 3)}, {"keepdims": True}),
    "reshape": (tensor.reshape, {"x": (2, 3)}, {"shape": (3, 2)}),
    "transpose": (tensor.transpose, {"x": (2, 3)}, {"axes": (-1, 0)}),
    "getitem": (tensor.getitem, {"x": (2, 3)}, {"index": 0}),
    "relu": (F.relu, {"x": (2, 3)}, {}),
    "dropout": (F.dropout, {"x": (2, 3)}, {"rate": 0.0, "rng": np.random.default_rng(0)}),
    "dense": (F.dense, {"x": (2, 3), "weight": (3, 4), "bias": (4,)}, {}),
    "conv2d": (
        F.conv2d,
        {"x": (1, 4, 4, 2), "weight": (3, 3, 2, 3), "bias": (3,)},
        {"padding": "same"},
    ),
    "max_pool2d": (F.max_pool2d, {"x": (1, 4, 4, 2)}, {"pool": (2, 2)}),
    "batch_norm": (F.batch_norm, {"x": (4, 3), "gamma": (3,), "beta": (3,)}, STATISTICS),
    "batch_norm_inference": (
        F.batch_norm_inference,
        {"x": (4, 3), "gamma": (3,), "beta": (3,)},
        STATISTICS,
    ),
    "softmax_cross_entropy": (
        F.softmax_cross_entropy,
        {"logits": (2, 3)},
        {"labels": np.array([0, 2]), "smoothing": 0.1},
    ),
}


@pytest.mark.parametrize("name", BY_NAME)
def test_a_tensor_by_name_gets_the_gradient_that_it_gets_by_place(name):
    """However many of the arguments are named, and in whatever order."""
    function, shapes, settings = BY_NAME[name]
    arrays = [between(np.random.default_rng(i), shape) for i, shape in enumerate(shapes.values())]

    def gradients(named):
        tensors = [Tensor(a, requires_grad=True) for a in arrays]
        places = tensors[: len(tensors) - named]
        by_name = dict(zip(list(shapes)[len(places) :], tensors[len(places) :], strict=True))
        y = function(*places, **dict(reversed(by_name.items())), **settings)
        y.backward(between(np.random.default_rng(9), y.shape))
        return [t.grad for t in tensors]

    expected = gradients(0)
    for named in range(1, len(arrays) + 1):
        for found, right in zip(gradients(named), expected, strict=True):
            np.testing.assert_array_equal(found, right)


def test_an_optional_tensor_behind_one_that_is_left_out():
    @op
    def affine(x, scale=2.0, shift=0.0):
        return x * scale + shift, lambda dy: dy * scale, lambda dy: dy * x, lambda dy: dy

    x, shift = leaf((3,)), leaf((3,), 1)
    affine(x, shift=shift).backward(np.array([1.0, 2, 3]))
    assert (x.grad.tolist(), shift.grad.tolist()) == ([2, 4, 6], [1, 2, 3])


def test_a_tensor_where_the_op_has_no_rule_is_refused_by_name():
    x, mean, rest = leaf((4, 3)), leaf((3,)), (np.ones(3), np.zeros(3))
    with pytest.raises(GradientError, match="'batch_norm' has no rule for 'mean'"):
        F.batch_norm(x, *rest, mean, np.ones(3)).sum().backward()
    with pytest.raises(GradientError, match="'mean'"):
        F.batch_norm(x, *rest, mean=mean, variance=np.ones(3)).sum().backward()

    @op
    def scaled(x, *, by):
        return x * by, lambda dy: dy * by

    with pytest.raises(GradientError, match="'scaled' has no rule for 'by'"):
        scaled(x, by=mean)
    assert scaled(x, by=Tensor(np.ones(3))).requires_grad
    with no_grad():
        assert F.batch_norm(x, *rest, mean, np.ones(3)).shape == (4, 3)


# ------------------------------------------------------------------ what an op returns


def named(function, name="mine"):
    function.__name__ = name
    return op(function)


NO_OPS = {
    "the value alone": (lambda x: x * 2, "ndarray"),
    "a number alone": (lambda x: float(x.sum()), "float"),
    "nothing": (lambda x: None, "NoneType"),
    "a value in a tuple": (lambda x: (x * 2,), r"\(ndarray\)"),
    "two values": (lambda x: (x, x), r"\(ndarray, ndarray\)"),
    "a list": (lambda x: [x, lambda dy: dy], "list"),
    "two rules of one argument": (
        lambda x: (x, lambda dy: dy, lambda dy: dy),
        "function, function",
    ),
    "no rule but None": (lambda x: (x * 2, None), r"\(ndarray, NoneType\)"),
}


@pytest.mark.parametrize(("function", "got"), NO_OPS.values(), ids=NO_OPS.keys())
@pytest.mark.parametrize("requires_grad", [True, False])
def test_what_does_not_return_a_value_and_rules_is_refused(function, got, requires_grad):
    x = Tensor(np.ones((3, 3)), requires_grad=requires_grad)
    with pytest.raises(OpError, match=rf"'mine' must return \(value, rule, \.\.\.\).*{got}"):
        named(function)(x)


@pytest.mark.parametrize("count", [2, 3])
def test_a_tensor_without_its_rule_is_refused_and_named(count):
    mine = named(lambda *xs: (sum(xs), lambda dy: dy))
    with pytest.raises(GradientError, match="'mine' has no rule for 'xs'"):
        mine(*[leaf((3, 3), i) for i in range(count)]).sum().backward()
    two = named(lambda a, b: (a + b, lambda dy: dy))
    with pytest.raises(GradientError, match="'mine' has no rule for 'b'"):
        two(np.ones(2), leaf((2,))).sum().backward()
    assert two(leaf((2,)), np.ones(2)).requires_grad


# ------------------------------------------------------------------ axes


@few
@given(data=st.data(), shape=small_shapes, seed=seeds)
def test_every_axis_may_be_counted_from_the_end(data, shape, seed):
    """Value as NumPy gives it, gradient as it is measured."""
    x, ndim = distinct(np.random.default_rng(seed), shape), len(shape)
    order = data.draw(st.permutations(range(ndim)))
    signs = data.draw(st.lists(st.booleans(), min_size=ndim, max_size=ndim))
    axes = tuple(a - ndim if minus else a for a, minus in zip(order, signs, strict=True))
    some = axes[: data.draw(st.integers(0, ndim))]
    cases = {
        "transpose": (lambda t: t.transpose(*axes), x.transpose(axes)),
        "transpose of a tuple": (lambda t: t.transpose(axes), x.transpose(axes)),
        "concatenate": (
            lambda t: concatenate([t, t * 2], axes[0]),
            np.concatenate([x, x * 2], axes[0]),
        ),
    }
    for name in ("sum", "mean", "max"):
        for axis in (some, axes[0], None):
            keep = data.draw(st.booleans())
            cases[f"{name} over {axis}"] = (
                functools.partial(getattr(Tensor, name), axis=axis, keepdims=keep),
                getattr(x, name)(axis=axis, keepdims=keep),
            )
    for name, (function, expected) in cases.items():
        np.testing.assert_allclose(function(Tensor(x)).data, expected, atol=1e-14, err_msg=name)
        gradcheck(function, x, seed=seed)


def test_the_transposes_that_gave_a_wrong_gradient():
    x = leaf((2, 3, 4))
    dy = between(np.random.default_rng(1), (4, 2, 3))
    x.transpose(-1, 0, 1).backward(dy)
    np.testing.assert_array_equal(x.grad, dy.transpose(1, 2, 0))


@pytest.mark.parametrize("axes", [(0, 0), (0, 1, 2), (0, 2), (0, -2), (0,)])
def test_axes_that_are_no_order_are_refused(axes):
    with pytest.raises(ValueError, match="ax"):
        leaf((2, 3)).transpose(axes)


def test_shapes_and_orders_as_numpy_takes_them():
    x, a = leaf((2, 3)), np.arange(6.0).reshape(2, 3)
    for shape in [(3, 2), ((3, 2),), ([3, 2],), (-1,), (6,), ((6,),), (np.array([3, 2]),)]:
        assert x.reshape(*shape).shape == a.reshape(*shape).shape
    assert leaf((1,)).reshape(()).shape == leaf((1,)).reshape().shape == ()
    for order in [(), (1, 0), ((1, 0),), ([1, 0],), (None,), (-1, 0)]:
        assert x.transpose(*order).shape == (3, 2)
    gradcheck(lambda t: t.reshape((3, 2)) * np.arange(6.0).reshape(3, 2), a)


# ------------------------------------------------------------------ NumPy, comparisons, iteration

NUMPY = {
    "array": np.array,
    "asarray": np.asarray,
    "array of a list": lambda x: np.array([x, x]),
    "array of numbers": lambda x: np.array([x.sum(), x.sum()]),
    "concatenate": lambda x: np.concatenate([x, x]),
    "stack": lambda x: np.stack([x, x]),
    "vstack": lambda x: np.vstack([x, np.ones(3)]),
    "dot": lambda x: np.dot(x, np.ones(3)),
    "matmul": lambda x: np.matmul(np.ones((1, 2)), x),
    "einsum": lambda x: np.einsum("ij->i", x),
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "clip": lambda x: np.clip(x, 0, 1),
    "where": lambda x: np.where(np.ones((2, 3), bool), x, 0),
    "exp": np.exp,
    "add": lambda x: np.add(x, 1),
    "maximum": lambda x: np.maximum(0, x),
    "reshape": lambda x: np.reshape(x, 6),
    "transpose": np.transpose,
    "squeeze": np.squeeze,
    "norm": np.linalg.norm,
    "array_equal": lambda x: np.array_equal(x, x),
    "another tensor": Tensor,
    "a tensor of a list": lambda x: Tensor([x, x]),
    "an array in place": lambda x: np.zeros((2, 3)).__setitem__(slice(None), x),
    "copyto": lambda x: np.copyto(np.zeros((2, 3)), x),
}


@pytest.mark.parametrize("name", NUMPY)
def test_numpy_never_takes_the_values_and_leaves_the_gradient(name):
    x = leaf((2, 3))
    try:
        y = NUMPY[name](x)
    except (GradientError, TypeError):
        pass
    else:
        assert isinstance(y, Tensor)
        assert y.requires_grad
    if name not in ("exp", "add", "maximum", "matmul"):  # ufuncs are refused by NumPy itself
        with no_grad():
            NUMPY[name](x)
        NUMPY[name](Tensor(x.data))


def test_what_numpy_may_ask_without_harm():
    x = leaf((2, 3))
    assert (np.shape(x), np.ndim(x), np.size(x)) == ((2, 3), 2, 6)
    assert np.zeros_like(x).tolist() == np.zeros((2, 3)).tolist()


COMPARISONS = {f.__name__: f for f in (operator.eq, operator.ne, operator.lt, operator.ge)}


@pytest.mark.parametrize("compare", COMPARISONS.values(), ids=COMPARISONS.keys())
def test_tensors_are_compared_number_by_number(compare):
    a, b = np.array([1.0, 2, 3]), np.array([1.0, 3, 2])
    for one, other in [(Tensor(a), Tensor(b)), (Tensor(a), b), (a, Tensor(b)), (Tensor(a), 2)]:
        plain = [x.data if isinstance(x, Tensor) else x for x in (one, other)]
        np.testing.assert_array_equal(compare(one, other), compare(*plain))
    assert (Tensor(a) == Tensor(a)).all()
    assert len({Tensor(a), Tensor(a)}) == 2  # by identity, whatever they hold


def test_the_truth_of_a_tensor_is_that_of_its_number():
    assert Tensor(1.0)
    assert not Tensor(0.0)
    with pytest.raises(ValueError, match="ambiguous"):
        bool(Tensor([1.0, 2.0]))


def test_rows_come_one_by_one_with_their_gradients():
    x = leaf((3, 2))
    first, _, last = x
    (first * last).sum().backward()
    assert x.grad.tolist() == [x.data[2].tolist(), [0, 0], x.data[0].tolist()]
    with pytest.raises(TypeError, match="unsized"):
        list(Tensor(1.0))


# ------------------------------------------------------------------ what a tensor holds


@pytest.mark.parametrize(
    "data", [[1j], np.array([1 + 2j]), None, [None], "1.5", np.array(["a"]), np.array([object()])]
)
def test_only_real_numbers_make_a_tensor(data):
    with pytest.raises(ShapeError, match="real numbers, got"):
        Tensor(data)


@pytest.mark.parametrize(
    ("given_as", "dtype"), [(">f4", "f4"), (">f8", "f8"), ("g", "f8"), ("e", "f4"), (">i4", "f4")]
)
def test_numbers_in_another_form_keep_their_digits(given_as, dtype):
    x = Tensor(np.array([1.5, -2.25, 3]).astype(given_as))
    assert x.dtype == np.dtype(dtype)
    assert x.data.tolist() == np.array([1.5, -2.25, 3]).astype(given_as).astype(float).tolist()


def test_lists_may_stand_beside_tensors():
    x = leaf((2, 2))
    np.testing.assert_array_equal(
        ([[1.0, 2], [3, 4]] @ x).data, np.array([[1, 2], [3, 4]]) @ x.data
    )
    gradcheck(lambda t: ([1.0, 2.0] / t) + t * [3.0, 4.0], np.array([[1.0, 2], [3, 4]]))


@pytest.mark.parametrize("exponent", [np.ones(2), [1, 2], Tensor([1.0, 2.0])])
def test_an_exponent_is_a_number(exponent):
    with pytest.raises(ShapeError, match="the exponent must be a number"):
        leaf((2,)) ** exponent


@pytest.mark.parametrize("kernel_set", kernels.SETS)
def test_soft_labels_are_a_distribution(kernel_set):
    """Sums that are off by rounding have the gradient of their loss; what is none is refused."""
    soft = np.array([[0.3996, 0.5996], [0.5, 0.4995]])
    logits = between(np.random.default_rng(0), (2, 2))
    with kernels.use(kernel_set):
        gradcheck(lambda z: F.softmax_cross_entropy(z, soft), logits)
        expected = -(soft * np.log(kernels.softmax(logits))).sum(axis=1).mean()
        loss = F.softmax_cross_entropy(logits, soft)
    assert loss.item() == pytest.approx(expected, rel=1e-14)
    with pytest.raises(ShapeError, match="negative"):
        F.softmax_cross_entropy(logits, np.array([[1.5, -0.5], [0, 1]]))
