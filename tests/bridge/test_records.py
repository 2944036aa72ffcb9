"""The records in other formats: batch normalisation and global pooling go along."""

import numpy as np
import pytest

from minicnn import kernels, nn, zoo
from minicnn.bridge.h5 import h5_bytes, read_h5
from minicnn.bridge.keras_archive import keras_bytes, read_keras
from minicnn.bridge.onnx import onnx_bytes, run_onnx
from minicnn.bridge.tflite import run_tflite, tflite_bytes

from ..lanes import slow_but
from .models import KERAS_SAVES, assert_same_weights, inputs

pytestmark = KERAS_SAVES


@pytest.fixture(scope="module", params=slow_but(("tiny-best",), zoo.RECORDS))
def record(request) -> nn.Sequential:
    """With running statistics as after some training, so that what leaves them out is found."""
    model = zoo.build(request.param)
    rng = np.random.default_rng(0)
    for norm in (layer for layer in model.layers if isinstance(layer, nn.BatchNorm)):
        norm.moving_mean[...] = rng.normal(0, 0.1, norm.gamma.size)
        norm.moving_variance[...] = rng.uniform(0.1, 0.5, norm.gamma.size)
        norm.beta[...] = rng.normal(0, 0.2, norm.gamma.size)
    return model


@pytest.mark.parametrize(
    ("read", "content"), [(read_h5, h5_bytes), (read_keras, keras_bytes)], ids=["h5", "keras"]
)
def test_keras_files(record, tmp_path, read, content):
    (tmp_path / "model").write_bytes(content(record))
    again = read(tmp_path / "model")
    assert again.config()["layers"] == record.config()["layers"]
    assert_same_weights(again.weights().values(), record.weights().values())


@pytest.mark.parametrize("run", [run_onnx, run_tflite])
def test_files_for_other_engines(record, run):
    x = inputs(record, 4)
    content = {run_onnx: onnx_bytes, run_tflite: tflite_bytes}[run](record)
    expected = kernels.softmax(record.predict(x))
    assert expected.std() > 0.01
    np.testing.assert_allclose(run(content, x), expected, atol=1e-5)
