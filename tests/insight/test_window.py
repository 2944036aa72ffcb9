"""The window of a number in a layer: its terms give the number again, whatever the layer."""

import numpy as np
import pytest

from minicnn import nn
from minicnn.errors import ShapeError, UnknownNameError
from minicnn.insight.inspection import PICTURE, layer_outputs, window


@pytest.fixture(scope="module")
def model() -> nn.Sequential:
    model = nn.Sequential(
        nn.Conv2D(4, 3, padding="same", stride=2),
        nn.BatchNorm(),
        nn.ReLU(),
        nn.MaxPool2D(3, 2, padding="same"),
        nn.Dropout(0.5),
        nn.Conv2D(3, (2, 1), activation="tanh"),
        nn.AveragePool2D(2, 1),
        nn.Flatten(),
        nn.Dense(5, activation="sigmoid"),
        nn.Dense(3),
        nn.Activation("softmax"),
        input_shape=(13, 12, 2),
    )
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(0.1, 0.5, a.shape) for name, a in model.weights().items()}
    weights["batch_norm.moving_variance"] = rng.uniform(0.5, 2, 4)
    model.set_weights(weights)
    return model


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.random.default_rng(1).random((13, 12, 2), np.float32)


FUNCTIONS = {
    None: lambda x: x,
    "relu": lambda x: max(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


def test_the_terms_of_every_number_give_it_again(model, picture):
    outputs = {each.name: each.values for each in layer_outputs(model, picture)}
    rng = np.random.default_rng(2)
    for name, values in outputs.items():
        if name in ("dropout", "flatten", "activation"):
            continue
        for _ in range(6):
            index = tuple(int(rng.integers(size)) for size in values.shape)
            found = window(model, picture, name, index)
            assert found.value == pytest.approx(values[index], rel=1e-5, abs=1e-6)
            assert found.value == pytest.approx(FUNCTIONS[found.activation](found.before), abs=1e-5)
            source = picture if found.source == PICTURE else outputs[found.source]
            assert source.shape == found.shape
            np.testing.assert_array_equal(source[found.box], found.values)
            total = (found.values.astype(float) * found.slopes).sum()
            assert total + found.rest == pytest.approx(found.before, abs=1e-5)


def test_the_slopes_of_a_window_are_the_weights_and_the_rest_is_the_bias(model, picture):
    weights = model.weights()
    found = window(model, picture, "conv2d_1", (1, 0, 2))
    assert (found.source, found.activation) == ("max_pool2d", "tanh")
    assert found.box == (slice(1, 3), slice(0, 1), slice(0, 4))
    np.testing.assert_allclose(found.slopes, weights["conv2d_1.weight"][..., 2], rtol=1e-6)
    assert found.rest == pytest.approx(weights["conv2d_1.bias"][2], abs=1e-5)
    found = window(model, picture, "dense", 4)
    assert found.source == "average_pool2d"
    np.testing.assert_allclose(found.slopes.ravel(), weights["dense.weight"][:, 4], rtol=1e-6)
    assert found.rest == pytest.approx(weights["dense.bias"][4], abs=1e-5)
    # At the edge of a padded picture the window is what lies inside, of the kernel too.
    found = window(model, picture, "conv2d", (0, 0, 1))
    assert found.box == (slice(0, 2), slice(0, 3), slice(0, 2))
    np.testing.assert_allclose(found.slopes, weights["conv2d.weight"][1:, :, :, 1], rtol=1e-6)


def test_of_a_maximum_the_whole_window_is_shown_and_one_number_counts(model, picture):
    found = window(model, picture, "max_pool2d", (1, 1, 0))
    assert found.box == (slice(1, 4), slice(2, 5), slice(0, 1))
    assert (found.slopes == 1).sum() == 1
    assert found.value == found.values.max()


def test_an_activation_is_followed_to_what_it_was_given(model, picture):
    outputs = {each.name: each.values for each in layer_outputs(model, picture)}
    for index in np.ndindex(3, 3, 4):
        found = window(model, picture, "re_lu", index)
        assert (found.source, found.activation) == ("conv2d", "relu")
        assert found.before == pytest.approx(outputs["batch_norm"][index], abs=1e-6)
        assert found.value == max(0, found.before)


def test_of_nets_that_answer_together_the_first_is_looked_into(picture):
    members = [
        nn.Sequential(nn.Flatten(), nn.Dense(2), input_shape=(13, 12, 2), rng=i) for i in (0, 1)
    ]
    mean = nn.Sequential(nn.MeanProbability(members), input_shape=(13, 12, 2))
    expected = window(members[0], picture, "dense", 1).value
    assert window(mean, picture, "dense", 1).value == expected


def test_what_is_not_there_is_refused(model, picture):
    with pytest.raises(UnknownNameError, match="did you mean 'conv2d'"):
        window(model, picture, "conv2", (0, 0, 0))
    for index in ((7, 0, 0), (0, 0), (0, 0, 0, 0), (-1, 0, 0), ()):
        with pytest.raises(ShapeError, match=r"is not one number|no index"):
            window(model, picture, "conv2d", index)
