"""Optimizers: against sums written out in float64, and against what they come to in closed form."""

import math
import re

import numpy as np
import pytest

from minicnn import functional as F
from minicnn import kernels, nn, optim
from minicnn.errors import GradientError, SettingError, ShapeError, UnknownNameError
from minicnn.tensor import Tensor

STEPS = 7
SHAPES = [(4, 3), (3,), (2, 1, 2, 2)]
both_sets = pytest.mark.parametrize("kernel_set", kernels.SETS)
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def drawn(seed):
    """Weights, and a gradient for each of them for each step; some are exactly 0."""
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal(shape) for shape in SHAPES]
    gradients = [
        [rng.standard_normal(shape) * rng.integers(0, 2, shape) for shape in SHAPES]
        for _ in range(STEPS)
    ]
    return weights, gradients


def parameters(values, dtype=np.float64):
    return [Tensor(np.asarray(v, dtype), requires_grad=True) for v in values]


def take_steps(optimizer, params, gradients):
    for step in gradients:
        for p, g in zip(params, step, strict=True):
            p.grad = g.astype(p.dtype)
        optimizer.step(params)


# ------------------------------------------------------------------ by the papers, in float64


def sgd(w, gradients, *, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
    """The update rules in Keras's documentation of SGD."""
    velocity = np.zeros_like(w)
    for g in gradients:
        w = w - lr * weight_decay * w
        velocity = momentum * velocity - lr * g
        w = w + (momentum * velocity - lr * g if nesterov else velocity)
    return w


def adam(w, gradients, *, lr, beta1=0.9, beta2=0.999, epsilon=1e-7, weight_decay=0.0):
    """Kingma and Ba, 2015, at the end of section 2; decay as Loshchilov and Hutter, Algorithm 2."""
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        w = w - lr * weight_decay * w
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        rate = lr * math.sqrt(1 - beta2**t) / (1 - beta1**t)
        w = w - rate * m / (np.sqrt(v) + epsilon)
    return w


CASES = {
    "sgd": (optim.SGD, sgd, {"lr": 0.1}),
    "sgd, momentum": (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9}),
    "sgd, nesterov": (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "sgd, decay": (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.3}),
    "adam": (optim.Adam, adam, {"lr": 0.01}),
    "adam, betas": (optim.Adam, adam, {"lr": 0.1, "beta1": 0.5, "beta2": 0.9, "epsilon": 1e-3}),
    "adam, decay": (optim.Adam, adam, {"lr": 0.01, "weight_decay": 0.3}),
    "adamw": (optim.AdamW, adam, {"lr": 0.01, "weight_decay": 0.004}),
}


@both_sets
@dtypes
@pytest.mark.parametrize(("kind", "formula", "settings"), CASES.values(), ids=CASES.keys())
def test_every_step_is_that_of_the_paper(kind, formula, settings, dtype, kernel_set):
    weights, gradients = drawn(0)
    params, optimizer = parameters(weights, dtype), kind(**settings)
    with kernels.use(kernel_set):
        for step in range(STEPS):
            take_steps(optimizer, params, gradients[step : step + 1])
            for i, p in enumerate(params):
                seen = [g[i].astype(dtype) for g in gradients[: step + 1]]
                expected = formula(
                    weights[i].astype(dtype).astype(np.float64),
                    [g.astype(np.float64) for g in seen],
                    **settings,
                )
                # A handful of roundings per step; weights are about 1, steps at most 0.3.
                off = (step + 2) * np.finfo(dtype).eps
                np.testing.assert_allclose(p.data, expected, rtol=off, atol=off)
                assert p.dtype == dtype
    assert optimizer.steps == STEPS


def test_the_defaults_are_those_of_keras():
    assert optim.SGD() == optim.SGD(0.01, 0.0, momentum=0.0, nesterov=False)
    assert optim.Adam() == optim.Adam(1e-3, 0.0, beta1=0.9, beta2=0.999, epsilon=1e-7)
    assert optim.AdamW() == optim.AdamW(1e-3, 0.004, beta1=0.9, beta2=0.999, epsilon=1e-7)


# ------------------------------------------------------------------ closed forms


def test_sgd_on_a_parabola_shrinks_the_weight_by_the_same_factor():
    """w**2 / 2 has the gradient w: w_n = w_0 (1 - lr)^n."""
    (w,) = parameters([[1.0, -2.0]])
    optimizer = optim.SGD(lr=0.25)
    for _ in range(10):
        w.grad = None
        (w * w * 0.5).sum().backward()
        optimizer.step([w])
    np.testing.assert_array_equal(w.data, np.array([1.0, -2.0]) * 0.75**10)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_of_a_constant_gradient_is_a_geometric_sum(nesterov):
    """velocity_n = -lr (1 - mu^n) / (1 - mu); Nesterov has always taken one more turn of it."""
    lr, mu, n = 0.1, 0.5, 8
    (w,) = parameters([[0.0]])
    take_steps(optim.SGD(lr, momentum=mu, nesterov=nesterov), [w], [[np.ones(1)]] * n)
    first = 2 if nesterov else 1
    expected = -sum(lr * (1 - mu**k) / (1 - mu) for k in range(first, n + first))
    assert w.item() == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("size", [1e-4, 1.0, 1e6])
def test_the_first_step_of_adam_is_the_rate_whatever_the_gradient(size):
    (w,) = parameters([[0.0, 0.0, 0.0]])
    take_steps(optim.Adam(lr=0.1), [w], [[size * np.array([1.0, -1.0, 0.0])]])
    # epsilon in Keras's form weighs 1e-7 / sqrt(1 - 0.999)
    np.testing.assert_allclose(w.data, [-0.1, 0.1, 0], rtol=4e-6 / min(size, 1))
    assert w.data[2] == 0


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.AdamW])
def test_weight_decay_is_apart_from_the_gradient(kind):
    """With a gradient of 0 it alone acts, not scaled by Adam: w_n = w_0 (1 - lr * decay)^n."""
    (w,) = parameters([[1.0, -2.0]])
    take_steps(kind(lr=0.5, weight_decay=0.5), [w], [[np.zeros(2)]] * 6)
    np.testing.assert_array_equal(w.data, np.array([1.0, -2.0]) * 0.75**6)


# ------------------------------------------------------------------ the same for all optimizers

OPTIMIZERS = {
    "sgd": lambda: optim.SGD(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: optim.Adam(0.01),
    "adamw": lambda: optim.AdamW(0.01, 0.1),
}
every_optimizer = pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())


@both_sets
@every_optimizer
def test_state_taken_up_by_another_optimizer_goes_on_to_the_same_bits(make, kernel_set):
    weights, gradients = drawn(1)
    params, optimizer = parameters(weights, np.float32), make()
    with kernels.use(kernel_set):
        take_steps(optimizer, params, gradients[:3])
        state, steps = optimizer.state(), optimizer.steps
        kept = {name: value.copy() for name, value in state.items()}
        resumed, again = parameters([p.data for p in params], np.float32), make()
        take_steps(optimizer, params, gradients[3:])
        again.set_state(state, resumed, steps)
        take_steps(again, resumed, gradients[3:])
    for one, other in zip(params, resumed, strict=True):
        np.testing.assert_array_equal(one.data, other.data)
    assert again.steps == optimizer.steps == STEPS
    for name, value in state.items():  # a copy: neither optimizer wrote into it
        np.testing.assert_array_equal(value, kept[name])


def test_state_of_other_shapes_is_refused():
    weights, gradients = drawn(2)
    params, optimizer = parameters(weights), optim.Adam()
    take_steps(optimizer, params, gradients[:1])
    state = optimizer.state()
    for wrong, others, said in [
        (state, params[::-1][1:], r"state 0 .*\(3,\).*\(4, 3\)"),
        (state, [*params, *parameters([[1.0]])], r"state 3 .*\(1,\)"),
        ({**state, "1.v": state["1.v"].astype(np.float32)}, params, "state 1 .*float64.*float32"),
        ({}, params, "state 0"),
    ]:
        with pytest.raises(ShapeError, match=said):
            optimizer.set_state(wrong, others, 1)
    assert optimizer.state().keys() == state.keys()


def test_an_optimizer_belongs_to_those_whose_state_it_takes_up():
    weights, gradients = drawn(2)
    params, optimizer = parameters(weights), optim.Adam()
    take_steps(optimizer, params, gradients[:1])
    others = parameters(weights)
    optimizer.set_state(optimizer.state(), others, 1)
    take_steps(optimizer, others, gradients[1:2])
    with pytest.raises(ShapeError, match="parameter 0"):
        optimizer.step(params)


@every_optimizer
def test_a_parameter_without_a_gradient_stays_and_so_does_its_memory(make):
    weights, gradients = drawn(3)
    params, optimizer = parameters(weights), make()
    take_steps(optimizer, params, gradients[:2])
    before, state = params[1].data.copy(), optimizer.state()
    for p, g in zip(params, gradients[2], strict=True):
        p.grad = g
    params[1].grad = None
    optimizer.step(params)
    np.testing.assert_array_equal(params[1].data, before)
    assert (params[0].data != weights[0]).any()
    for name, value in optimizer.state().items():
        assert (value == state[name]).all() == name.startswith("1.")


@every_optimizer
@pytest.mark.parametrize(
    ("others", "said"),
    [
        (lambda params: params[:2], r"3 parameters.* 2"),
        (lambda params: [*params, *parameters([[1.0]])], r"3 parameters.* 4"),
        (lambda params: parameters([p.data for p in params]), r"parameter 0 of shape \(4, 3\)"),
        (
            lambda params: [params[0], *parameters([[1.0] * 3]), params[2]],
            r"parameter 1 of .*\(3,\)",
        ),
        (lambda params: params[::-1], r"parameter 0 of shape \(2, 1, 2, 2\) .* \(4, 3\)"),
        (lambda params: [params[0], params[1], params[1]], "parameter 2"),
        (lambda params: [], "3 parameters.* 0"),
    ],
    ids=["fewer", "more", "alike", "one other", "in another order", "one twice", "none"],
)
def test_an_optimizer_belongs_to_its_parameters(make, others, said):
    weights, gradients = drawn(4)
    params, optimizer = parameters(weights), make()
    take_steps(optimizer, params, gradients[:1])
    given, before = others(params), [p.data.copy() for p in params]
    for p in given:
        p.grad = np.ones(p.shape)
    with pytest.raises(ShapeError, match=said):
        optimizer.step(given)
    assert optimizer.steps == 1
    for p, value in zip(params, before, strict=True):
        np.testing.assert_array_equal(p.data, value)
    take_steps(optimizer, params, gradients[1:2])  # with its own it goes on
    assert optimizer.steps == 2


def test_no_parameter_is_moved_twice_in_a_step():
    params = parameters([[1.0], [2.0]])
    with pytest.raises(ShapeError, match="twice"):
        optim.SGD().step([*params, params[0]])


@every_optimizer
@pytest.mark.parametrize("shape", [(3,), (4, 1), (3, 4), (1, 4, 3), (12,), ()])
def test_a_gradient_of_another_shape_moves_nothing(make, shape):
    """NumPy would broadcast some of these; compiled code would read beyond their end."""
    weights, gradients = drawn(6)
    params, optimizer = parameters(weights), make()
    take_steps(optimizer, params, gradients[:1])
    before = [p.data.copy() for p in params]
    params[0].grad = np.ones(shape)
    with pytest.raises(ShapeError, match=rf"parameter 0 .*\(4, 3\).* {re.escape(str(shape))}"):
        optimizer.step(params)
    for p, value in zip(params, before, strict=True):
        np.testing.assert_array_equal(p.data, value)


@both_sets
@every_optimizer
def test_a_gradient_of_another_dtype_is_rounded_or_refused(make, kernel_set):
    moved = []
    for dtype in (np.float32, np.float64, ">f8"):
        (w,) = parameters([[1.0, -2.0]], np.float32)
        w.grad = np.array([0.1, 0.3], np.float32).astype(dtype)
        with kernels.use(kernel_set):
            make().step([w])
        moved.append(w.data.tolist())
    assert moved[0] == moved[1] == moved[2]
    for dtype in (np.int64, np.float16, np.complex128, object, bool):
        w.grad = np.ones(2).astype(dtype)
        with kernels.use(kernel_set), pytest.raises(ShapeError, match=f"grad .*{np.dtype(dtype)}"):
            make().step([w])


def test_two_models_cannot_share_an_optimizer():
    """10 classes, then 62, then other weights of the same shapes: not one step of it."""
    optimizer = optim.Adam()

    def train(classes):
        model = nn.Sequential(nn.Dense(classes), input_shape=(4,))
        F.softmax_cross_entropy(model(np.ones((2, 4), np.float32)), np.array([0, 1])).backward()
        optimizer.step(model.parameters())

    train(10)
    for classes in (62, 10, 5):
        with pytest.raises(ShapeError, match="optimizer of its own"):
            train(classes)


@every_optimizer
def test_gradients_stay_as_they_are(make):
    weights, gradients = drawn(5)
    params = parameters(weights)
    take_steps(make(), params, gradients[:1])
    for p, g in zip(params, gradients[0], strict=True):
        np.testing.assert_array_equal(p.grad, g)


@every_optimizer
def test_a_step_is_a_change_in_place_for_the_tape(make):
    """A loss that was computed before the step has no gradient any more."""
    (w,) = parameters([[1.0, 2.0]])
    w.grad = np.ones(2)
    loss = (w * w).sum()
    make().step([w])
    with pytest.raises(GradientError, match=r"'multiply'.*changed in place"):
        loss.backward()


def test_the_rate_may_change_between_steps():
    (w,) = parameters([[0.0]])
    optimizer = optim.SGD(lr=1.0)
    for lr in (1.0, 0.5, 0.25):
        optimizer.lr = lr
        take_steps(optimizer, [w], [[np.ones(1)]])
    assert w.item() == -1.75


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        *((optim.Adam, {"lr": lr}) for lr in (0.0, -0.1, math.nan, math.inf, "0.1", None)),
        *((optim.SGD, {"momentum": m}) for m in (-0.1, 1.0, math.nan, "nesterov")),
        *((optim.AdamW, {"weight_decay": decay}) for decay in (-1e-9, math.inf)),
        *((optim.Adam, {name: x}) for name in ("beta1", "beta2") for x in (-0.1, 1.0, math.nan)),
        *((optim.Adam, {"epsilon": x}) for x in (0.0, -1e-7, math.nan)),
    ],
)
def test_a_setting_out_of_its_range_is_refused_by_name(kind, settings):
    ((name, value),) = settings.items()
    with pytest.raises(SettingError, match=rf"{kind.__name__}: {name} .*{re.escape(repr(value))}"):
        kind(**settings)


def test_a_rate_may_be_set_to_0_and_to_nothing_below():
    (w,) = parameters([[1.0]])
    optimizer = optim.SGD()
    for lr in (-0.1, math.nan, math.inf):
        optimizer.lr, w.grad = lr, np.ones(1)
        with pytest.raises(SettingError, match=f"SGD: lr .*{lr}"):
            optimizer.step([w])
    optimizer.lr = 0.0
    optimizer.step([w])
    assert w.item() == 1


def test_optimizers_by_name():
    assert optim.optimizer("sgd", lr=0.5, momentum=0.9) == optim.SGD(lr=0.5, momentum=0.9)
    assert {name: optim.optimizer(name) for name in OPTIMIZERS} == {
        "sgd": optim.SGD(),
        "adam": optim.Adam(),
        "adamw": optim.AdamW(),
    }
    with pytest.raises(UnknownNameError, match="unknown optimizer 'adma'; did you mean 'adam'"):
        optim.optimizer("adma")


# ------------------------------------------------------------------ clipping


def with_gradients(*gradients, dtype=np.float64):
    params = parameters([np.zeros(len(g)) for g in gradients], dtype)
    for p, g in zip(params, gradients, strict=True):
        p.grad = np.array(g, dtype)
    return params


@dtypes
def test_gradients_are_clipped_together_by_hand(dtype):
    """(3, 4) and (12,) are 13 long together; a third parameter has none."""
    params = with_gradients([3, 4], [12], [0], dtype=dtype)
    params[2].grad = None
    assert optim.clip_gradients(params, 6.5) == 13
    assert [p.grad.tolist() for p in params[:2]] == [[1.5, 2], [6]]
    assert params[2].grad is None
    assert {p.grad.dtype for p in params[:2]} == {np.dtype(dtype)}


@pytest.mark.parametrize("max_norm", [5.0, 5.1, 1e9])
def test_short_gradients_are_not_changed(max_norm):
    params = with_gradients([3, 0], [4])
    assert optim.clip_gradients(params, max_norm) == 5
    assert [p.grad.tolist() for p in params] == [[3, 0], [4]]


def test_gradients_too_large_to_square_in_float32_are_clipped_all_the_same():
    (p,) = with_gradients([3e25, 4e25], dtype=np.float32)
    assert optim.clip_gradients([p], 1.0) == pytest.approx(5e25, rel=1e-6)
    np.testing.assert_allclose(p.grad, [0.6, 0.8], rtol=1e-6)


@pytest.mark.parametrize("max_norm", [0.0, -1.0, math.nan])
def test_gradients_are_clipped_to_a_positive_length(max_norm):
    with pytest.raises(SettingError, match=f"max_norm .*{max_norm}"):
        optim.clip_gradients(with_gradients([3, 4]), max_norm)


def test_no_gradients_have_no_length():
    assert optim.clip_gradients(parameters([[1.0]]), 1.0) == 0


# ------------------------------------------------------------------ schedules

SCHEDULES = [
    ("constant", 0.0, 1.0),
    ("constant", 0.7, 1.0),
    ("constant", 1.0, 1.0),
    ("step_decay", 0.0, 1.0),
    ("step_decay", 0.49999, 1.0),
    ("step_decay", 0.5, 0.1),
    ("step_decay", 0.74999, 0.1),
    ("step_decay", 0.75, 0.01),
    ("step_decay", 1.0, 0.01),
    ("cosine", 0.0, 1.0),
    ("cosine", 1 / 3, 0.75),
    ("cosine", 0.5, 0.5),
    ("cosine", 2 / 3, 0.25),
    ("cosine", 1.0, 0.0),
    ("one_cycle", 0.0, 0.04),
    ("one_cycle", 0.15, 0.52),  # half of the way up from 1/25
    ("one_cycle", 0.3, 1.0),
    ("one_cycle", 0.65, (1 + 1e-4) / 2),  # half of the way down to 1/10,000
    ("one_cycle", 1.0, 1e-4),
]


@pytest.mark.parametrize(("name", "progress", "factor"), SCHEDULES)
def test_schedules_by_hand(name, progress, factor):
    assert optim.schedule(name)(progress) == pytest.approx(factor, rel=1e-11, abs=1e-12)


def test_one_cycle_rises_to_its_peak_and_falls_from_there():
    factors = [optim.one_cycle(k / 100) for k in range(101)]
    assert np.argmax(factors) == 30
    assert (np.diff(factors[:31]) > 0).all()
    assert (np.diff(factors[30:]) < 0).all()


def test_the_known_schedules_and_the_nearest_of_an_unknown_one():
    assert {*optim.SCHEDULES} == {name for name, *_ in SCHEDULES}
    with pytest.raises(UnknownNameError, match="unknown schedule 'cosin'; did you mean 'cosine'"):
        optim.schedule("cosin")
