"""Several views of a picture: where they look from, and what is averaged."""

import numpy as np
import pytest
from scipy import ndimage

import minicnn as mc
from minicnn import nn
from minicnn.data import Dataset
from minicnn.errors import SettingError
from minicnn.training.tta import VIEWS, predict_with_tta

SIZE = 9


@pytest.fixture
def data() -> Dataset:
    rng = np.random.default_rng(0)
    return Dataset(rng.integers(0, 256, (20, SIZE, SIZE, 2), np.uint8), np.arange(20) % 4)


@pytest.fixture
def model() -> nn.Sequential:
    """Large weights, so that the probabilities are far from equal."""
    net = nn.Sequential(nn.Flatten(), nn.Dense(4), input_shape=(SIZE, SIZE, 2))
    net.layers[1].weight[...] = np.random.default_rng(1).normal(0, 1, (SIZE * SIZE * 2, 4))
    return net


def seen(x: np.ndarray, view: int) -> np.ndarray:
    """The view as SciPy computes it, picture by picture and channel by channel."""
    middle = np.array([(SIZE - 1) / 2, (SIZE - 1) / 2])
    turn, move = VIEWS[view, :2, :2], VIEWS[view, :2, 2]
    offset = move + middle - turn @ middle
    moved = np.empty_like(x)
    for n, c in np.ndindex(len(x), x.shape[-1]):
        moved[n, ..., c] = ndimage.affine_transform(
            x[n, ..., c], turn, offset, order=1, mode="grid-constant"
        )
    return moved


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits.astype(np.float64))
    return powers / powers.sum(axis=1, keepdims=True)


def loop(model, x, tta: int) -> np.ndarray:
    weight, bias = model.weights().values()
    outputs = [seen(x, view).reshape(len(x), -1) @ weight + bias for view in range(tta)]
    return np.mean([softmax(logits) for logits in outputs], axis=0)


@pytest.mark.parametrize("views", range(1, len(VIEWS) + 1))
def test_probabilities_are_the_mean_of_a_loop(model, data, views):
    result = mc.evaluate(model, data, batch_size=7, tta=views)
    expected = loop(model, data.scaled(), views)
    np.testing.assert_allclose(result.probabilities, expected, atol=2e-5)
    right = expected[np.arange(20), data.labels]
    assert result.loss == pytest.approx(-np.log(right).mean(), rel=1e-4)
    assert result.accuracy == (expected.argmax(axis=1) == data.labels).mean()


def test_one_view_is_the_picture_itself(model, data):
    assert mc.evaluate(model, data, tta=1).loss == mc.evaluate(model, data).loss
    x = data.scaled()
    np.testing.assert_array_equal(predict_with_tta(model, x).data, model(x).data)


def test_the_first_five_views_are_a_cross():
    x = np.zeros((1, SIZE, SIZE, 2), np.float32)
    x[0, 4, 4] = 1
    cross = sum(seen(x, view) for view in range(5))
    assert cross[0, :, :, 0].sum() == 5
    assert [(int(i), int(j)) for i, j in np.argwhere(cross[0, :, :, 0])] == [
        (3, 4),
        (4, 3),
        (4, 4),
        (4, 5),
        (5, 4),
    ]


@pytest.mark.parametrize("views", [0, -1, len(VIEWS) + 1])
def test_views_that_are_not_there_are_refused(model, data, views):
    with pytest.raises(SettingError, match=rf"tta must be 1 to 9, got {views}"):
        mc.evaluate(model, data, tta=views)
