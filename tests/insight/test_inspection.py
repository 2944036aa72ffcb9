"""What is said of the inside of a net is what the net computes."""

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn
from minicnn.errors import ShapeError
from minicnn.insight.inspection import first_filters, layer_outputs, saliency
from minicnn.tensor import Tensor


def small_net(channels: int = 1) -> nn.Sequential:
    """One of each kind of layer, with weights that leave few ties, all in float64."""
    model = nn.Sequential(
        nn.Conv2D(4, 3, activation="relu"),
        nn.MaxPool2D(2),
        nn.BatchNorm(),
        nn.Conv2D(3, 2),
        nn.Activation("sigmoid"),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Dense(6, activation="tanh"),
        nn.Dense(5),
        input_shape=(10, 9, channels),
    )
    rng = np.random.default_rng(3)
    for layer in model.layers:
        for name, tensor in list(vars(layer).items()):
            if isinstance(tensor, Tensor):
                value = rng.normal(0.05, 0.3, tensor.shape)
                value = np.abs(value) + 0.1 if name == "moving_variance" else value
                setattr(layer, name, Tensor(value, requires_grad=tensor.requires_grad))
    return model


@pytest.mark.parametrize("channels", [1, 3])
def test_saliency_is_the_derivative_of_the_winning_output(channels):
    model = small_net(channels)
    x = np.random.default_rng(0).random((3, 10, 9, channels))
    winners = model(x).data.argmax(axis=1)
    gradients = saliency(model, x)
    assert gradients.shape == x.shape
    assert np.abs(gradients).max() > 1e-3
    for image, winner, gradient in zip(x, winners, gradients, strict=True):
        nudges = 1e-6 * np.eye(image.size).reshape(-1, *image.shape)
        rise = model(image + nudges).data[:, winner] - model(image - nudges).data[:, winner]
        np.testing.assert_allclose(gradient.ravel(), rise / 2e-6, rtol=1e-5, atol=1e-8)


def test_saliency_leaves_the_gradients_of_the_weights_as_they_were():
    model = small_net()
    x = np.random.default_rng(1).random((2, 10, 9, 1))
    saliency(model, x)
    assert [weight.grad for weight in model.parameters()] == [None] * len(model.parameters())
    model(x).sum().backward()
    before = [weight.grad.copy() for weight in model.parameters()]
    saliency(model, x)
    for weight, gradient in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(weight.grad, gradient)
    with pytest.raises(ShapeError, match="the model takes"):
        saliency(model, x[:, :5])
    for weight, gradient in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(weight.grad, gradient)


def test_layer_outputs_lead_from_the_picture_to_the_prediction():
    model = small_net()
    x = np.random.default_rng(2).random((1, 10, 9, 1))
    outputs = layer_outputs(model, x[0])
    assert [each.values.shape for each in outputs] == [r.output_shape for r in model.layer_rows()]
    assert [each.name for each in outputs] == [layer.name for layer in model.layers]
    assert [each.kind for each in outputs[:3]] == ["Conv2D", "MaxPool2D", "BatchNorm"]
    np.testing.assert_allclose(outputs[-1].values, model(x).data[0], rtol=1e-12)
    first = np.einsum("abc,abcf->f", x[0, 2:5, 4:7], model.layers[0].weight.data)
    first = np.maximum(first + model.layers[0].bias.data, 0)
    np.testing.assert_allclose(outputs[0].values[2, 4], first, rtol=1e-12)


def test_filters_are_those_of_the_first_convolution():
    model = mc.zoo.build("cnn_compact")
    name, weight = first_filters(model)
    assert (name, weight.shape) == ("conv2d", (5, 5, 1, 30))
    np.testing.assert_array_equal(weight, model.weights()["conv2d.weight"])
    assert first_filters(mc.zoo.build("mlp")) is None


def test_the_layers_of_cnn_classic_are_those_of_the_project():
    rows = mc.zoo.build("cnn_classic").layer_rows()
    assert [row.parameters for row in rows] == [320, 0, 18_496, 0, 0, 204_928, 0, 1_290]
    assert [row.output_shape for row in rows[:5]] == [
        (26, 26, 32),
        (13, 13, 32),
        (11, 11, 64),
        (5, 5, 64),
        (1600,),
    ]
