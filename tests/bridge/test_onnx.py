"""ONNX files: every layer as onnxruntime computes it, and what the file says of itself."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from minicnn import kernels, nn
from minicnn.bridge.onnx import onnx_bytes, run_onnx
from minicnn.errors import ShapeError, UnknownNameError

from .models import every_layer, inputs, randomised

LAYERS = {
    "Conv2D": [
        (nn.Conv2D(4, 3), (7, 8, 3)),
        (nn.Conv2D(4, (2, 3), stride=(2, 1), padding="same"), (7, 8, 3)),
        (nn.Conv2D(4, 3, stride=2, padding="same", activation="relu"), (8, 8, 2)),
        (nn.Conv2D(4, 2, activation="softmax"), (5, 4, 2)),
    ],
    "pooling": [
        (pool(*settings), (7, 8, 3))
        for pool in (nn.MaxPool2D, nn.AveragePool2D)
        for settings in [(2,), (3, 2, "same"), ((2, 3), 1), (2, 3), (3, 1, "same")]
    ],
    "BatchNorm": [(nn.BatchNorm(epsilon=0.1), shape) for shape in [(4, 5, 3), (5, 3), (6,)]],
    "Dense": [(nn.Dense(4, activation=a), (6,)) for a in (None, "relu", "tanh", "sigmoid")],
    "Activation": [
        (nn.Activation(a), shape)
        for a in ("relu", "tanh", "sigmoid", "softmax")
        for shape in [(4,), (3, 2, 4)]
    ],
    "others": [
        (nn.ReLU(), (5,)),
        (nn.Dropout(0.5), (5,)),
        (nn.Flatten(), (3, 2, 4)),
        (nn.Reshape((2, 1, -1)), (3, 2, 4)),
        (nn.Rescaling(3, -1.5), (3, 2, 4)),
        (nn.Rescaling((3, 2.5), (1, 2)), (3, 2)),
        (nn.GlobalAveragePool2D(), (3, 2, 4)),
    ],
}


def name_of(layer) -> str:
    return "-".join([type(layer).__name__, *(f"{k}={v}" for k, v in layer.config().items())])


@pytest.mark.parametrize(
    ("layer", "shape"),
    [pytest.param(*case, id=name_of(case[0])) for kind in LAYERS.values() for case in kind],
)
def test_layer(layer, shape):
    model = randomised(nn.Sequential(type(layer)(**layer.config()), input_shape=shape))
    x = inputs(model) - 0.5
    outputs = run_onnx(onnx_bytes(model, softmax=False), x)
    np.testing.assert_allclose(outputs, model.predict(x), rtol=1e-5, atol=1e-6)


def test_every_layer_in_a_row():
    model = every_layer()
    x = inputs(model)
    probabilities = kernels.softmax(model.predict(x))
    np.testing.assert_allclose(run_onnx(onnx_bytes(model), x), probabilities, atol=1e-6)


def test_images_are_turned_back_before_flatten_and_at_the_end():
    layers = [nn.Conv2D(3, 2), nn.MaxPool2D(2), nn.BatchNorm(), nn.Activation("softmax")]
    model = randomised(nn.Sequential(*layers, input_shape=(6, 5, 2)))
    graph = onnx.load_from_string(onnx_bytes(model, softmax=False)).graph
    turns = [node for node in graph.node if node.op_type == "Transpose"]
    assert len(turns) == 2, "once for all windows in a row, once at the end"
    x = inputs(model)
    outputs = run_onnx(onnx_bytes(model, softmax=False), x)
    np.testing.assert_allclose(outputs, model.predict(x), rtol=1e-5, atol=1e-6)


def test_what_the_file_says_of_itself():
    model = onnx.load_from_string(onnx_bytes(every_layer()))
    assert model.ir_version == 10
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]
    assert model.producer_name == "minicnn"
    assert json.loads(model.metadata_props[0].value) == ["ä", "b", "c"]
    session = onnxruntime.InferenceSession(onnx_bytes(every_layer()))
    (given,), (wanted,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape) == ("images", ["N", 9, 8, 2])
    assert (wanted.name, wanted.shape) == ("probabilities", ["N", 3])
    session = onnxruntime.InferenceSession(onnx_bytes(every_layer(), softmax=False))
    assert session.get_outputs()[0].name == "logits"


@pytest.mark.parametrize("count", [1, 2, 1001])
def test_the_batch_is_free(count):
    model = every_layer()
    x = inputs(model, count)
    outputs = run_onnx(onnx_bytes(model, softmax=False), x)
    np.testing.assert_allclose(outputs, model.predict(x), rtol=1e-5, atol=1e-6)


class Own(nn.Module):
    def forward(self, x, training):
        return x


def test_a_model_that_cannot_be_written_is_refused():
    with pytest.raises(UnknownNameError, match="unknown layer 'Own'"):
        onnx_bytes(nn.Sequential(Own(), input_shape=(3,)))
    with pytest.raises(ShapeError, match="has no weights yet"):
        onnx_bytes(nn.Sequential(nn.Dense(2)))
    assert onnx_bytes(every_layer()) == onnx_bytes(every_layer())
