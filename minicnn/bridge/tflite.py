"""TensorFlow Lite files, for phones: made by TensorFlow's converter, run by ai-edge-litert."""

import contextlib
import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minicnn.bridge.extras import quiet, required
from minicnn.bridge.live import to_keras
from minicnn.errors import ShapeError
from minicnn.nn import Sequential
from minicnn.tape import Array

BATCH = 500
LABELS = "labels.txt"


def tflite_bytes(
    model: Sequential, softmax: bool = True, calibration: Array | None = None
) -> bytes:
    """Return the content of a TensorFlow Lite file.

    - `softmax`: end in a softmax, so that the file gives the probabilities of minicnn.
    - `calibration`: training pictures (N, H, W, C), float32 in [0, 1]; some hundreds do. With them
      the file is quantised to 8 bits throughout, input and output too (Jacob et al., 2018,
      arXiv:1712.05877): a quarter of the size. Without, it calculates in float32.

    The class names are in it as `labels.txt`, a name a line, which any program for zip files reads.
    Raises `MissingPackageError` without TensorFlow, `ShapeError` before the model is built.
    """
    with quiet():
        tf = required("tensorflow", "export")
        converter = tf.lite.TFLiteConverter.from_keras_model(to_keras(model, softmax))
        if calibration is not None:
            if len(calibration) == 0:
                raise ShapeError("calibration needs at least one picture, got none")
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([image[None]] for image in calibration)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        with _without_notices():
            content: bytes = converter.convert()
    return content if model.class_names is None else _labelled(content, model.class_names)


def _labelled(content: bytes, names: Sequence[str]) -> bytes:
    """Append `LABELS` to the file as a zip, the way TensorFlow Lite attaches associated files.

    https://ai.google.dev/edge/litert/conversion/tensorflow/metadata
    """
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(zipfile.ZipInfo(LABELS), "".join(f"{name}\n" for name in names))
    return file.getvalue()


def read_labels(content: bytes) -> tuple[str, ...] | None:
    """Return the class names in a file that `tflite_bytes` wrote; None if the model had none."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return None
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return tuple(archive.read(LABELS).decode().splitlines())


@contextlib.contextmanager
def _without_notices() -> Iterator[None]:
    """Silence the converter's warning that it has no statistics, which it then collects itself."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Statistics for quantized inputs", UserWarning)
        yield


def run_tflite(content: bytes, images: Array) -> Array:
    """Return the outputs of a file for images (N, H, W, C), float32; 8 bits are scaled on both
    sides.
    """
    with quiet():
        litert = required("ai_edge_litert.interpreter", "export")
        interpreter = litert.Interpreter(model_content=content)
        (given,), (wanted,) = interpreter.get_input_details(), interpreter.get_output_details()
        outputs = []
        for batch in (images[i : i + BATCH] for i in range(0, len(images), BATCH)):
            interpreter.resize_tensor_input(given["index"], batch.shape)
            interpreter.allocate_tensors()
            interpreter.set_tensor(given["index"], quantised(batch, given))
            interpreter.invoke()
            outputs.append(_scaled(interpreter.get_tensor(wanted["index"]), wanted))
    return np.concatenate(outputs)


def quantised(x: Array, details: dict[str, Any]) -> Array:
    """Real numbers as the file stores them: ``x / scale + zero_point``, rounded."""
    scale, zero_point = details["quantization"]
    if not scale:
        return x
    limits = np.iinfo(details["dtype"])
    whole: Array = np.rint(x / scale + zero_point).clip(limits.min, limits.max)
    return whole.astype(details["dtype"])


def _scaled(x: Array, details: dict[str, Any]) -> Array:
    """Return what the file stores, as real numbers."""
    scale, zero_point = details["quantization"]
    return (x.astype(np.float32) - zero_point) * np.float32(scale) if scale else x
