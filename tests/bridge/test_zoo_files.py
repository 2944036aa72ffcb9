"""Keras-trained files of every zoo architecture: in, the same predictions, and out unchanged."""

import keras
import numpy as np
import pytest

import minicnn as mc
from minicnn import kernels, zoo
from minicnn.bridge.h5 import h5_bytes, read_h5
from minicnn.bridge.keras_archive import keras_bytes, read_keras
from minicnn.bridge.onnx import onnx_bytes, run_onnx
from minicnn.bridge.tflite import run_tflite, tflite_bytes

from ..lanes import slow_but
from .models import KERAS_SAVES, assert_same_weights
from .zoo_in_keras import ZOO, build

pytestmark = KERAS_SAVES

FILES = {".h5": (read_h5, h5_bytes), ".keras": (read_keras, keras_bytes)}
TOLERANCE = 1e-5  # measured: 3.6e-7


@pytest.fixture(scope="module", params=slow_but(("mlp", "cnn_compact", "cnn_classic"), ZOO))
def trained_in_keras(request, tmp_path_factory):
    """A Keras model after three steps on digits, its folder with both files, and its name."""
    model = build(request.param)
    # Without a graph to compile, three steps take no time.
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    train, _ = mc.data.mnist()
    model.fit(train.scaled(np.arange(96)), train.labels[:96], batch_size=32, verbose=0)
    folder = tmp_path_factory.mktemp("keras")
    model.save(folder / "theirs.keras")
    model.save(folder / "theirs.h5")
    return request.param, model, folder


def test_the_zoo_is_whole():
    assert {*ZOO} == {*zoo.MODELS}


@pytest.mark.parametrize("ending", FILES)
def test_a_file_of_keras_comes_in_and_goes_out_unchanged(trained_in_keras, digits, ending):
    name, theirs, folder = trained_in_keras
    read, content = FILES[ending]
    expected = theirs(digits).numpy()
    model = read(folder / f"theirs{ending}")
    assert model.parameter_count() == zoo.build(name).parameter_count() == theirs.count_params()
    assert [type(layer) for layer in model.layers] == [
        type(layer) for layer in zoo.build(name).layers
    ]
    assert_same_weights(model.weights().values(), theirs.get_weights())
    assert np.abs(kernels.softmax(model.predict(digits)) - expected).max() <= TOLERANCE

    (folder / f"mine{ending}").write_bytes(content(model))
    again = keras.models.load_model(folder / f"mine{ending}", compile=False)
    assert_same_weights(again.get_weights(), theirs.get_weights())
    assert [layer.name for layer in again.layers] == [layer.name for layer in theirs.layers]
    np.testing.assert_array_equal(again(digits).numpy(), expected)


def test_both_files_hold_the_same_model(trained_in_keras):
    _, _, folder = trained_in_keras
    left, right = read_h5(folder / "theirs.h5"), read_keras(folder / "theirs.keras")
    assert left.config() == right.config()
    assert_same_weights(left.weights().values(), right.weights().values())


def test_onnx_and_tflite_of_it_agree_with_keras(trained_in_keras, digits):
    _, theirs, folder = trained_in_keras
    model = read_h5(folder / "theirs.h5")
    expected = theirs(digits).numpy()
    for outputs in (run_onnx(onnx_bytes(model), digits), run_tflite(tflite_bytes(model), digits)):
        assert np.abs(outputs - expected).max() <= TOLERANCE
