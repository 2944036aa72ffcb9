"""Every layer against the numerical derivative: through its input and each of its weights."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from minicnn import functional as F
from minicnn import kernels, nn
from minicnn.gradient_check import gradcheck
from minicnn.nn.arguments import ACTIVATIONS
from minicnn.nn.layers import LAYERS
from minicnn.tensor import Tensor

from .draws import KINK, away_from_zero, between, both_sets, cases, distinct, few, seeds

shapes = st.lists(st.integers(1, 4), min_size=2, max_size=4).map(tuple)


def check(layer, x, seed, *, training=False, loss=lambda y: y):
    """gradcheck of a layer or model whose weights, biases too, are drawn anew in float64."""
    rng = np.random.default_rng(seed)
    layer.ensure_built(x.shape[1:], rng)
    places = [
        (module, name)
        for module in layer.modules()
        for name, value in vars(module).items()
        if isinstance(value, Tensor) and value.requires_grad
    ]
    weights = [between(rng, getattr(*place).shape) for place in places]

    def run(x, *weights):
        for (module, name), weight in zip(places, weights, strict=True):
            setattr(module, name, weight)
        for module in layer.modules():
            if isinstance(module, nn.Dropout):
                module.rng = np.random.default_rng(seed)  # drops the same ones each time
        return loss(layer(x, training))

    if getattr(layer, "activation", None) == "relu":
        layer.activation = None
        assume(np.abs(run(*map(Tensor, [x, *weights])).data).min() > KINK)
        layer.activation = "relu"
    gradcheck(run, x, *weights, seed=seed)


@both_sets
@pytest.mark.parametrize("activation", [None, *ACTIVATIONS])
@few
@given(rows=st.integers(1, 4), inputs=st.integers(1, 4), units=st.integers(1, 4), seed=seeds)
def test_dense(activation, kernel_set, rows, inputs, units, seed):
    x = between(np.random.default_rng(seed), (rows, inputs))
    with kernels.use(kernel_set):
        check(nn.Dense(units, activation), x, seed)


@both_sets
@pytest.mark.parametrize("activation", [None, *ACTIVATIONS])
@few
@given(case=cases(channels=(1, 2)))
def test_convolution(activation, kernel_set, case):
    layer = nn.Conv2D(case.filters, *case.windows, activation)
    with kernels.use(kernel_set):
        check(layer, between(case.rng, case.x_shape), case.seed)


@both_sets
@pytest.mark.parametrize("pooling", [nn.MaxPool2D, nn.AveragePool2D])
@few
@given(case=cases(), own_stride=st.booleans())
def test_pooling(pooling, kernel_set, case, own_stride):
    layer = pooling(case.kernel, case.stride if own_stride else None, case.padding)
    with kernels.use(kernel_set):
        check(layer, distinct(case.rng, case.x_shape), case.seed)


@both_sets
@pytest.mark.parametrize("training", [True, False])
@few
@given(shape=shapes, seed=seeds)
def test_batch_norm(training, kernel_set, shape, seed):
    layer = nn.BatchNorm()
    x = 10 * distinct(np.random.default_rng(seed), shape)
    with kernels.use(kernel_set):
        layer(x + 1, training=True)  # so that the running averages are not those of a new layer
        check(layer, x, seed, training=training)


WITHOUT_WEIGHTS = {
    "ReLU": nn.ReLU,
    "Flatten": nn.Flatten,
    "Reshape": lambda: nn.Reshape((1, -1, 1)),
    "Rescaling": lambda: nn.Rescaling(-1.5, 0.5),
    "Dropout": lambda: nn.Dropout(0.4),
    **{f"Activation {name}": lambda name=name: nn.Activation(name) for name in ACTIVATIONS},
}


@both_sets
@pytest.mark.parametrize("make", WITHOUT_WEIGHTS.values(), ids=WITHOUT_WEIGHTS.keys())
@few
@given(shape=shapes, seed=seeds)
def test_layers_without_weights(make, kernel_set, shape, seed):
    x = away_from_zero(np.random.default_rng(seed), shape)
    with kernels.use(kernel_set):
        check(make(), x, seed, training=True)


@both_sets
@few
@given(shape=shapes, seed=seeds)
def test_rescaling_of_each_channel(kernel_set, shape, seed):
    rng = np.random.default_rng(seed)
    x, scale, offset = (between(rng, each) for each in (shape, shape[-1:], shape[-1:]))
    with kernels.use(kernel_set):
        check(nn.Rescaling(tuple(scale), tuple(offset)), x, seed)


@both_sets
@few
@given(shape=st.tuples(*[st.integers(1, 4)] * 4), seed=seeds)
def test_global_average_pooling(kernel_set, shape, seed):
    x = between(np.random.default_rng(seed), shape)
    with kernels.use(kernel_set):
        check(nn.GlobalAveragePool2D(), x, seed, training=True)


@both_sets
@few
@given(members=st.integers(2, 3), shape=shapes.filter(lambda shape: shape[-1] > 1), seed=seeds)
def test_mean_probability(members, kernel_set, shape, seed):
    x = between(np.random.default_rng(seed), shape[:1] + shape[-1:])
    each = [nn.Sequential(nn.Dense(3), input_shape=x.shape[1:]) for _ in range(members)]
    with kernels.use(kernel_set):
        check(nn.MeanProbability(each), x, seed)


def test_no_layer_is_forgotten():
    with_weights_or_windows = {"Dense", "Conv2D", "MaxPool2D", "AveragePool2D", "BatchNorm"}
    with_weights_or_windows.update(["GlobalAveragePool2D", "MeanProbability"])
    assert {*LAYERS} == with_weights_or_windows | {name.split()[0] for name in WITHOUT_WEIGHTS}


@both_sets
@settings(max_examples=4)
@given(seed=seeds, smoothing=st.sampled_from([0.0, 0.1]))
def test_a_whole_model_down_to_its_loss(kernel_set, seed, smoothing):
    model = nn.Sequential(
        nn.Conv2D(3, (3, 2), stride=(1, 2), padding="same", activation="tanh"),
        nn.BatchNorm(),
        nn.AveragePool2D(2),
        nn.Dropout(0.3),
        nn.Conv2D(2, (2, 1), activation="sigmoid"),
        nn.Flatten(),
        nn.Dense(4, activation="tanh"),
        nn.Dense(3),
    )
    rng = np.random.default_rng(seed)
    x, labels = between(rng, (2, 4, 6, 2)), rng.integers(0, 3, 2)
    with kernels.use(kernel_set):
        check(
            model,
            x,
            seed,
            training=True,
            loss=lambda y: F.softmax_cross_entropy(y, labels, smoothing),
        )
