"""TensorFlow Lite files, in float32 and in 8 bits, as ai-edge-litert runs them."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import minicnn as mc
from minicnn import kernels
from minicnn.bridge.tflite import quantised, read_labels, run_tflite, tflite_bytes
from minicnn.errors import ShapeError

from .models import every_layer, inputs


def test_every_layer_in_a_row():
    model = every_layer()
    x = inputs(model, 501)
    outputs = run_tflite(tflite_bytes(model), x)
    np.testing.assert_allclose(outputs, kernels.softmax(model.predict(x)), atol=1e-6)
    logits = run_tflite(tflite_bytes(model, softmax=False), x)
    np.testing.assert_allclose(logits, model.predict(x), rtol=1e-4, atol=1e-5)


def test_the_class_names_are_packed_to_its_end_as_a_zip():
    model = mc.nn.Sequential(mc.nn.Flatten(), mc.nn.Dense(3), input_shape=(4, 4, 1))
    assert read_labels(tflite_bytes(model)) is None
    model.class_names = ("cat", "dog", "Übung")
    content = tflite_bytes(model)
    assert read_labels(content) == model.class_names
    x = inputs(model, 5)
    outputs = run_tflite(content, x)
    np.testing.assert_allclose(outputs, kernels.softmax(model.predict(x)), atol=1e-6)


def test_with_calibration_everything_is_8_bits(trained):
    train, test = mc.data.mnist()
    content = tflite_bytes(trained, calibration=train.scaled(np.arange(200)))
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    types = {details["dtype"] for details in interpreter.get_tensor_details()}
    assert types <= {np.int8, np.int32}, "int32 is for sums and shapes"
    assert interpreter.get_input_details()[0]["dtype"] == np.int8
    assert len(content) < 0.4 * len(tflite_bytes(trained))
    x = test.scaled(np.arange(2_000))
    outputs, mine = run_tflite(content, x), kernels.softmax(trained.predict(x))
    assert (outputs.argmax(axis=1) == mine.argmax(axis=1)).mean() > 0.99
    assert 1 / 256 / 2 < np.abs(outputs - mine).max() < 0.2, "rounded, but not far"


def test_numbers_are_rounded_to_the_nearest_and_stay_in_range():
    details = {"dtype": np.int8, "quantization": (0.1, -128)}
    x = np.array([0.0, 0.14, 0.16, 1.0, 25.5, 26.0, -1.0], np.float32)
    found = quantised(x, details)
    assert found.dtype == np.int8
    assert found.tolist() == [-128, -127, -126, -118, 127, 127, -128]
    assert quantised(x, {"dtype": np.float32, "quantization": (0.0, 0)}) is x


def test_nothing_but_its_errors_is_written_to_the_terminal(capfd):
    tflite_bytes(every_layer())
    assert capfd.readouterr() == ("", "")


def test_calibration_needs_a_picture():
    with pytest.raises(ShapeError, match="calibration needs at least one picture"):
        tflite_bytes(every_layer(), calibration=np.zeros((0, 9, 8, 2), np.float32))
