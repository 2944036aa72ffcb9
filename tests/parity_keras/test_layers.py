"""Each layer against Keras: its output, and the gradients of its input and of its weights."""

import copy

import numpy as np
import pytest

from minicnn import nn

from .twin import assert_close, pass_through, pass_through_twin, randomised, twin_of

TOLERANCE = {
    # The largest difference as a share of the largest number (see `twin.error`) in the output, in
    # the gradient of the input, and in those of the weights.      measured, the larger of both sets
    "Conv2D": (1e-6, 2e-6, 5e-6),  #                               4.8e-7, 9.2e-7, 2.5e-6 (a bias)
    "convolution, ReLU and pooling": (1e-6, 8e-7, 1.5e-6),  #      4.8e-7, 3.7e-7, 7.4e-7
    "Dense": (5e-7, 6e-7, 6e-7),  #                                2.4e-7, 3.0e-7, 3.2e-7
    "BatchNorm in training": (1e-6, 3e-7, 1.5e-6),  #              4.6e-7, 1.3e-7, 6.8e-7
    "BatchNorm in inference": (3e-7, 2e-7, 8e-7),  #               1.6e-7, 1.0e-7, 3.6e-7
    "MaxPool2D": (0, 2e-7, 0),  #                                  0, 8.6e-8
    "AveragePool2D": (1e-7, 4e-7, 0),  #                           0, 2.0e-7
    "GlobalAveragePool2D": (7e-7, 3e-7, 0),  #                     3.5e-7, 1.2e-7
    "Activation": (3e-7, 4e-7, 0),  #                              1.3e-7, 1.9e-7
    "ReLU": (0, 0, 0),
    "Flatten": (0, 0, 0),
    "Reshape": (0, 0, 0),
    "Rescaling": (0, 0, 0),
    "Dropout in inference": (0, 0, 0),
    "a stack of layers": (3e-7, 2e-6, 4e-6),  #                    1.0e-7, 8.9e-7, 1.7e-6
    "whole numbers": (0, 0, 0),
}
MOVING_AVERAGES = 5e-7  #                                          2.7e-7

LAYERS = [
    # The zoo's convolutions
    (nn.Conv2D(32, 3), (3, 28, 28, 1)),
    (nn.Conv2D(64, 3), (3, 13, 13, 32)),
    (nn.Conv2D(30, 5), (3, 28, 28, 1)),
    (nn.Conv2D(15, 3), (3, 12, 12, 30)),
    # As many channels and filters as fill a vector register, one less, one more
    *((nn.Conv2D(f, 3), (1, 6, 7, c)) for f, c in [(7, 8), (8, 7), (16, 1), (17, 5), (33, 16)]),
    # The smallest, and kernels that are not square
    (nn.Conv2D(1, 1), (1, 1, 1, 1)),
    (nn.Conv2D(1, 2), (1, 2, 2, 1)),
    (nn.Conv2D(4, 1), (2, 5, 6, 3)),
    (nn.Conv2D(3, (5, 7)), (2, 5, 7, 2)),
    (nn.Conv2D(3, (3, 2)), (2, 7, 9, 2)),
    (nn.Conv2D(3, (1, 5), padding="same"), (2, 7, 4, 2)),
    (nn.Conv2D(3, (4, 1), padding="same"), (2, 7, 4, 2)),
    # Odd and even kernels over odd and even sizes, and a kernel larger than the image
    (nn.Conv2D(5, 3, padding="same"), (2, 8, 9, 3)),
    (nn.Conv2D(5, 2, padding="same"), (2, 8, 9, 3)),
    (nn.Conv2D(5, 5, padding="same"), (2, 2, 3, 3)),
    # Strides: "same" pads an even size at its end only
    (nn.Conv2D(5, 3, stride=2), (2, 8, 9, 3)),
    (nn.Conv2D(5, 3, stride=2, padding="same"), (2, 8, 8, 3)),
    (nn.Conv2D(5, 3, stride=2, padding="same"), (2, 9, 9, 3)),
    (nn.Conv2D(5, 5, stride=2, padding="same"), (2, 8, 9, 3)),
    (nn.Conv2D(5, 3, stride=3, padding="same"), (2, 10, 11, 3)),
    (nn.Conv2D(5, (3, 2), stride=(2, 1), padding="same"), (2, 8, 7, 3)),
    (nn.Conv2D(5, (2, 3), stride=(1, 3)), (2, 8, 10, 3)),
    # Strides that leap over pixels, which then have no gradient
    (nn.Conv2D(4, 1, stride=2), (2, 5, 6, 3)),
    (nn.Conv2D(5, 2, stride=3), (2, 9, 10, 3)),
    (nn.Conv2D(5, 2, stride=3, padding="same"), (2, 10, 12, 3)),
    *((nn.Conv2D(5, 3, activation=a), (4, 9, 9, 3)) for a in ("relu", "tanh", "sigmoid")),
    (nn.Conv2D(5, 3, activation="softmax"), (4, 9, 9, 3)),
    (nn.Dense(1), (1, 1)),
    (nn.Dense(10), (8, 20)),
    (nn.Dense(784, activation="relu"), (16, 784)),
    *((nn.Dense(7, activation=a), (5, 12)) for a in ("tanh", "sigmoid", "softmax")),
    (nn.BatchNorm(), (8, 6, 5, 4)),
    (nn.BatchNorm(), (32, 12)),
    (nn.BatchNorm(), (1, 3)),  # its variance is 0
    (nn.BatchNorm(momentum=0.5, epsilon=0.1), (4, 3, 3, 16)),
    *(
        (pooling(*settings), shape)
        for pooling in (nn.MaxPool2D, nn.AveragePool2D)
        for settings, shape in [
            ((2,), (3, 8, 8, 4)),
            ((2,), (3, 9, 7, 4)),
            ((2, None, "same"), (3, 9, 7, 4)),
            (((3, 1),), (3, 8, 7, 4)),
            ((2, 3), (3, 8, 9, 4)),
            # Windows that overlap
            ((3, 2), (3, 9, 8, 4)),
            ((3, 2, "same"), (3, 9, 8, 4)),
            ((3, 1, "same"), (3, 5, 6, 4)),
            ((5, 1, "same"), (3, 3, 2, 4)),
            (((2, 3), (3, 1), "same"), (3, 8, 7, 4)),
        ]
    ),
    (nn.GlobalAveragePool2D(), (4, 3, 2, 5)),
    (nn.GlobalAveragePool2D(), (2, 9, 7, 33)),
    (nn.GlobalAveragePool2D(), (3, 1, 1, 1)),
    *((nn.Activation(a), (4, 3, 3, 5)) for a in ("relu", "tanh", "sigmoid", "softmax")),
    (nn.ReLU(), (4, 3, 3, 5)),
    (nn.ReLU(), (3, 7)),
    (nn.Flatten(), (4, 3, 2, 5)),
    (nn.Flatten(), (4, 3)),
    (nn.Reshape((2, -1)), (4, 3, 2, 5)),
    (nn.Reshape((3, 2, 5)), (4, 30)),
    (nn.Rescaling(1 / 127.5, -1), (4, 3, 2, 5)),
    (nn.Rescaling((0.3, 2.0, -1), (0.5, 0.0, 7)), (4, 3)),
    (nn.Dropout(0.5), (4, 3, 2, 5)),
]

# Layers that the engine may compute in one pass.
NEIGHBOURS = [
    ([nn.Conv2D(32, 3, activation="relu"), nn.MaxPool2D(2)], (3, 28, 28, 1)),
    ([nn.Conv2D(64, 3), nn.ReLU(), nn.MaxPool2D(2)], (3, 13, 13, 32)),
    ([nn.Conv2D(5, 3), nn.ReLU()], (4, 9, 8, 3)),
    ([nn.Conv2D(5, 3), nn.MaxPool2D(2)], (4, 9, 8, 3)),
    ([nn.Conv2D(5, 3, activation="relu"), nn.ReLU(), nn.MaxPool2D(2)], (4, 9, 8, 3)),
    ([nn.Conv2D(5, 3, activation="relu"), nn.AveragePool2D(2)], (4, 9, 8, 3)),
    ([nn.Conv2D(17, 2, padding="same", activation="relu"), nn.MaxPool2D(3)], (1, 11, 10, 7)),
    ([nn.Conv2D(8, (3, 2), 2, "same", "relu"), nn.MaxPool2D(2)], (5, 13, 12, 2)),
    ([nn.Conv2D(8, 2, 3, activation="relu"), nn.MaxPool2D(2)], (2, 16, 17, 2)),
    ([nn.Conv2D(3, 3, activation="relu"), nn.MaxPool2D((1, 3))], (2, 7, 8, 16)),
    ([nn.Conv2D(3, 3, activation="relu"), nn.MaxPool2D((4, 1))], (2, 8, 7, 16)),
    ([nn.Conv2D(3, 3, activation="relu"), nn.MaxPool2D(1)], (2, 8, 7, 4)),
    ([nn.Conv2D(3, 3, activation="relu"), nn.MaxPool2D(6)], (2, 8, 9, 4)),
    ([nn.Conv2D(3, 3, activation="relu"), nn.MaxPool2D(3, 2)], (2, 8, 9, 4)),
    ([nn.Conv2D(3, 3, activation="relu"), nn.MaxPool2D(2, 3)], (2, 8, 9, 4)),
    ([nn.Conv2D(3, 3, activation="relu"), nn.MaxPool2D(2, padding="same")], (2, 7, 9, 4)),
]


def name_of(layer):
    return "-".join([type(layer).__name__, *(f"{k}={v}" for k, v in layer.config().items())])


def compare(what, model, x, dy, training=False):
    """Everything that a forward and a backward pass give, against the twin's."""
    mine = pass_through(model, x, dy, training)
    theirs = pass_through_twin(twin_of(model), x, dy, training)
    of_output, of_dx, of_weights = TOLERANCE[what]
    assert_close(f"{what}: output", mine.output, theirs.output, of_output)
    assert_close(f"{what}: gradient of the input", mine.dx, theirs.dx, of_dx)
    for dweight, expected in zip(mine.dweights, theirs.dweights, strict=True):
        assert_close(f"{what}: gradients of the weights", dweight, expected, of_weights)


def normal(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


@pytest.mark.usefixtures("kernel_set")
@pytest.mark.parametrize(
    ("layer", "shape"), [pytest.param(*case, id=f"{name_of(case[0])}-{case[1]}") for case in LAYERS]
)
def test_layer(layer, shape):
    model = randomised(nn.Sequential(copy.deepcopy(layer), input_shape=shape[1:]))
    rng = np.random.default_rng(1)
    x, dy = normal(rng, *shape), normal(rng, shape[0], *model.output_shape(shape[1:]))
    if isinstance(layer, nn.BatchNorm):
        compare("BatchNorm in training", model, x + 2, dy, training=True)
        compare("BatchNorm in inference", model, x + 2, dy)
    elif isinstance(layer, nn.Dropout):
        compare("Dropout in inference", model, x, dy)
    else:
        compare(type(layer).__name__, model, x, dy)


@pytest.mark.usefixtures("kernel_set")
@pytest.mark.parametrize(
    ("layers", "shape"),
    [pytest.param(*case, id=f"{'+'.join(map(name_of, case[0]))}-{case[1]}") for case in NEIGHBOURS],
)
def test_neighbours(layers, shape):
    model = randomised(nn.Sequential(*copy.deepcopy(layers), input_shape=shape[1:]))
    rng = np.random.default_rng(7)
    x, dy = normal(rng, *shape), normal(rng, shape[0], *model.output_shape(shape[1:]))
    compare("convolution, ReLU and pooling", model, x, dy)


@pytest.mark.usefixtures("kernel_set")
@pytest.mark.parametrize("momentum", [0.99, 0.25])
def test_batch_norm_keeps_the_same_moving_averages(momentum):
    model = randomised(nn.Sequential(nn.BatchNorm(momentum), input_shape=(6, 5, 4)))
    twin, rng = twin_of(model), np.random.default_rng(2)
    for step in range(3):
        x = normal(rng, 8, 6, 5, 4) * (step + 1) + step
        model(x, training=True)
        twin(x, training=True)
    _, _, mean, variance = twin.get_weights()
    layer = model.layers[0]
    assert_close("moving averages", layer.moving_mean.data, mean, MOVING_AVERAGES)
    assert_close("moving averages", layer.moving_variance.data, variance, MOVING_AVERAGES)


def test_dropout_in_training_keeps_or_scales_as_keras_does():
    model = nn.Sequential(nn.Dropout(0.3), input_shape=(1000,))
    x = np.ones((4, 1000), np.float32)
    mine, theirs = model(x, training=True).data, twin_of(model)(x, training=True).numpy()
    np.testing.assert_array_equal(np.unique(mine), np.unique(theirs))
    # 5 standard deviations of a mean over 4000 draws
    assert abs((mine == 0).mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / mine.size)


@pytest.mark.usefixtures("kernel_set")
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "softmax"])
def test_activation_of_extreme_values(activation):
    values = [-1e4, -100, -20, -1e-20, -0.0, 0.0, 1e-20, 1e-3, 20, 100, 1e4]
    x = np.array([values, values[::-1]], np.float32)
    dy = normal(np.random.default_rng(3), *x.shape)
    compare("Activation", nn.Sequential(nn.Activation(activation), input_shape=(11,)), x, dy)


@pytest.mark.usefixtures("kernel_set")
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("pool", "stride"), [(2, 2), (3, 2), (3, 1), ((1, 4), 3)])
def test_of_equal_values_the_first_takes_the_gradient(pool, stride, padding):
    """Nearly every window has ties; TensorFlow, too, takes the first, row by row.

    It does so with oneDNN and without (``TF_ENABLE_ONEDNN_OPTS=0``). So all gradients are equal to
    the bit. That padding never wins is seen in the image whose values are all negative.
    """
    model = nn.Sequential(nn.MaxPool2D(pool, stride, padding), input_shape=(9, 8, 4))
    rng = np.random.default_rng(4)
    x = rng.integers(-2, 1, (5, 9, 8, 4)).astype(np.float32)
    x[0] = -1
    dy = rng.integers(-9, 10, (5, *model.output_shape((9, 8, 4)))).astype(np.float32)
    compare("whole numbers", model, x, dy)


@pytest.mark.usefixtures("kernel_set")
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_a_stack_in_whole_numbers_is_equal_to_the_bit(padding):
    """Weights, images and upstream gradient in small whole numbers, which float32 adds exactly.

    What is left are the choices: where ReLU's input is 0, where values in a window are equal.
    """
    model = nn.Sequential(
        nn.Conv2D(6, 3, padding=padding, activation="relu"),
        nn.MaxPool2D(2),
        nn.Conv2D(5, 3, padding=padding),
        nn.ReLU(),
        nn.MaxPool2D(3, 2),
        nn.Flatten(),
        nn.Dense(7, activation="relu"),
        input_shape=(16, 17, 2),
    )
    rng = np.random.default_rng(5)
    for _, tensor in model.named_tensors():
        tensor[...] = rng.integers(-1, 2, tensor.shape)
    x = rng.integers(0, 2, (4, 16, 17, 2)).astype(np.float32)
    x[:, 4:10] = 0  # a blank background, in which all neighbours are equal
    dy = rng.integers(-3, 4, (4, 7)).astype(np.float32)
    mine = pass_through(model, x, dy, training=True)
    assert all(d.any() for d in mine.dweights)
    compare("whole numbers", model, x, dy, training=True)


@pytest.mark.usefixtures("kernel_set")
@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
def test_a_stack_of_layers(training):
    model = randomised(
        nn.Sequential(
            nn.Conv2D(8, 3, padding="same", activation="relu"),
            nn.MaxPool2D(2),
            nn.Conv2D(12, (3, 2), stride=2, padding="same"),
            nn.ReLU(),
            nn.BatchNorm(),
            nn.AveragePool2D(2, padding="same"),
            nn.Conv2D(6, 2, activation="tanh"),
            nn.Dropout(0.0),
            nn.Flatten(),
            nn.Dense(20, activation="sigmoid"),
            nn.Dense(10),
            nn.Activation("softmax"),
            input_shape=(17, 18, 3),
        )
    )
    rng = np.random.default_rng(6)
    compare("a stack of layers", model, normal(rng, 7, 17, 18, 3), normal(rng, 7, 10), training)
