"""Live Keras models: there and back, and where two models part."""

import keras
import numpy as np
import pytest

import minicnn as mc
from minicnn import kernels, nn
from minicnn.errors import FileError, ShapeError

from .models import assert_same_weights, every_layer, inputs
from .zoo_in_keras import build


def test_there_and_back():
    model = every_layer()
    again = mc.from_keras(mc.to_keras(model))
    assert again.config() == model.config()
    assert_same_weights(again.weights().values(), model.weights().values())


def test_the_weights_are_copies():
    model = every_layer()
    theirs = mc.to_keras(model)
    before = model.weights()
    theirs.set_weights([w + 1 for w in theirs.get_weights()])
    assert_same_weights(model.weights().values(), before.values())


def test_to_keras_ends_in_softmax_unless_told_otherwise():
    model = every_layer()
    x = inputs(model)
    np.testing.assert_allclose(
        mc.to_keras(model)(x), kernels.softmax(model.predict(x)), rtol=1e-5, atol=1e-6
    )
    logits = mc.to_keras(model, softmax=False)
    np.testing.assert_allclose(logits(x), model.predict(x), rtol=1e-5, atol=1e-6)


def test_a_softmax_layer_at_the_end_is_left_to_the_loss(digits):
    for last in (keras.layers.Softmax(), keras.layers.Activation("softmax")):
        layers = [keras.layers.Flatten(), keras.layers.Dense(10), last]
        theirs = keras.Sequential([keras.Input((28, 28, 1)), *layers])
        model = mc.from_keras(theirs)
        assert [type(layer) for layer in model.layers] == [nn.Flatten, nn.Dense]
        np.testing.assert_allclose(kernels.softmax(model.predict(digits)), theirs(digits), 1e-5)
        assert mc.compare_layers(model, theirs, digits).first_difference is None


def test_scaling_to_0_and_1_at_the_beginning_is_left_to_the_data(digits):
    for scale in (1 / 255, np.float32(1 / 255).item()):
        layers = [keras.layers.Rescaling(scale), keras.layers.Flatten(), keras.layers.Dense(10)]
        theirs = keras.Sequential([keras.Input((28, 28, 1)), *layers])
        model = mc.from_keras(theirs)
        np.testing.assert_allclose(model.predict(digits), theirs(digits * 255), atol=1e-5)
        assert mc.compare_layers(model, theirs, digits).first_difference is None


def test_what_is_not_a_built_sequential_model_is_refused():
    x = keras.Input((4,))
    with pytest.raises(FileError, match="Sequential models alone, this is a Functional one"):
        mc.from_keras(keras.Model(x, keras.layers.Dense(3)(x)))
    with pytest.raises(FileError, match="this is a int one"):
        mc.from_keras(3)
    with pytest.raises(FileError, match="has no weights yet"):
        mc.from_keras(keras.Sequential([keras.layers.Dense(3)]))
    with pytest.raises(FileError, match="has no layers"):
        mc.from_keras(keras.Sequential([keras.Input((3,)), keras.layers.Rescaling(1 / 255)]))
    with pytest.raises(ShapeError, match="has no weights yet"):
        mc.to_keras(nn.Sequential(nn.Dense(3)))


# --- layer by layer


def test_the_same_models_part_nowhere(digits):
    theirs = build("cnn_deeper")
    comparison = mc.compare_layers(mc.from_keras(theirs), theirs, digits[:8])
    assert comparison.first_difference is None
    assert len(comparison.layers) == 12
    assert max(layer.error for layer in comparison.layers) < 5e-6
    assert str(comparison).endswith("no layer differs by more than 1e-05")


@pytest.mark.parametrize("place", range(14))
def test_the_first_layer_that_differs_is_named(place):
    """Break one layer after the other: its weights, or what it does."""
    model = every_layer()
    theirs = mc.to_keras(model)
    layer = model.layers[place]
    breaks = {
        nn.MaxPool2D: nn.AveragePool2D(2, 1, name=layer.name),
        nn.AveragePool2D: nn.MaxPool2D((2, 1), padding="same", name=layer.name),
        nn.ReLU: nn.Activation("tanh", name=layer.name),
        nn.Activation: nn.Activation("relu", name=layer.name),
    }
    if type(layer) in breaks:
        model.layers[place] = breaks[type(layer)]
    elif weights := dict(layer.named_tensors()):
        next(iter(weights.values()))[...] = 0.5
    else:
        return  # Dropout and Flatten cannot be wrong in prediction
    x = inputs(model)
    first = mc.compare_layers(model, theirs, x).first_difference
    assert first.name == first.keras_name == layer.name


def test_the_error_is_the_largest_difference_as_a_share_of_the_largest_number():
    model = nn.Sequential(nn.Dense(2), input_shape=(1,))
    model.set_weights({"dense.weight": np.array([[2.0, 4.0]]), "dense.bias": np.zeros(2)})
    theirs = mc.to_keras(model, softmax=False)
    model.layers[0].bias[...] = [0.0, 0.5]
    (layer,) = mc.compare_layers(model, theirs, np.ones((3, 1), np.float32)).layers
    assert (layer.error, layer.shape, layer.keras_shape) == (0.125, (3, 2), (3, 2))


def test_another_shape_is_a_difference_too():
    model = nn.Sequential(nn.MaxPool2D(2), nn.Flatten(), input_shape=(5, 5, 1))
    same = nn.Sequential(nn.MaxPool2D(2, padding="same"), nn.Flatten(), input_shape=(5, 5, 1))
    comparison = mc.compare_layers(model, mc.to_keras(same, softmax=False), inputs(model, 2))
    assert comparison.first_difference.error == np.inf
    assert "'max_pool2d' is the first to differ: by inf, output (2, 2, 2, 1)" in str(comparison)


def test_nan_is_a_difference():
    model = nn.Sequential(nn.Dense(2), input_shape=(1,))
    theirs = mc.to_keras(model)
    theirs.set_weights([np.array([[np.nan, 1]]), np.zeros(2)])
    found = mc.compare_layers(model, theirs, np.ones((3, 1), np.float32))
    assert found.first_difference is not None


def test_models_of_different_depth_are_refused(digits):
    with pytest.raises(ShapeError, match="has 3 layers, the Keras model 7"):
        mc.compare_layers(mc.zoo.build("mlp"), build("cnn_light"), digits)
