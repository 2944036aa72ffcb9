"""A trained model as a file for another engine, which that engine has run before it stays."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minicnn.bridge.extras import quiet, required
from minicnn.bridge.h5 import h5_bytes
from minicnn.bridge.keras_archive import keras_bytes
from minicnn.bridge.onnx import onnx_bytes, run_onnx
from minicnn.bridge.tflite import run_tflite, tflite_bytes
from minicnn.data import Dataset, mnist
from minicnn.errors import (
    DataError,
    ExportError,
    SettingError,
    UnknownNameError,
    WriteError,
)
from minicnn.files import StrPath, atomic
from minicnn.nn import Sequential
from minicnn.nn.head import Head
from minicnn.tape import Array
from minicnn.training.progress import steps

AGREEMENT = 0.999
"""The least share of pictures in which a file may predict the class that minicnn predicts."""

ACCURACY_LOSS = 0.003
"""What a file of 8 bits may lose of the model's accuracy, however many pictures show it."""

CHANCE = 0.01
"""It may lose more if as much would be lost by chance, too, in one of so many sets of pictures."""

CHECKED = 1_000
CALIBRATED = 500


@dataclass(frozen=True)
class Format:
    """A kind of file: how it is called, its content, and its outputs for pictures."""

    name: str
    engine: str
    content: Callable[..., bytes]
    run: Callable[[Path, Array], Array]


@dataclass(frozen=True)
class Export:
    """What was written, and how it did on test pictures beside the model that it was made from.

    - `format`, `int8`, `bytes`: what the file is, and its size.
    - `engine`: what ran it.
    - `images`: how many pictures; `agreement`: the share of them with the same predicted class.
    - `largest_difference`: between any two probabilities.
    - `accuracy`, `model_accuracy`: the file's and the model's, on these pictures; NaN where the
      outputs are numbers and no classes, whose agreement is that they are the same to 0.1 %.
    - `lost`, `gained`: the pictures that only the model, and that only the file, tells right.
    - `p_value`: how probable at least so many `lost` among both are if either is as good, by
      McNemar's exact test, one-sided (McNemar, 1947, Psychometrika 12, 153-157).
    """

    path: str
    format: str
    int8: bool
    bytes: int
    engine: str
    images: int
    agreement: float
    largest_difference: float
    accuracy: float
    model_accuracy: float
    lost: int
    gained: int
    p_value: float

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return asdict(self)


def _run_keras(path: Path, images: Array) -> Array:
    with quiet():
        model = required("keras", "keras").models.load_model(path, compile=False)
        outputs: Array = model.predict(images, batch_size=512, verbose=0)
    return outputs


FORMATS = {
    ".keras": Format("keras", "Keras", keras_bytes, _run_keras),
    ".h5": Format("h5", "Keras", h5_bytes, _run_keras),
    ".onnx": Format("onnx", "onnxruntime", onnx_bytes, lambda p, x: run_onnx(p.read_bytes(), x)),
    ".tflite": Format("tflite", "LiteRT", tflite_bytes, lambda p, x: run_tflite(p.read_bytes(), x)),
}
"""By the ending of the file's name."""


def export(
    model: Sequential,
    path: StrPath,
    *,
    softmax: bool = True,
    int8: bool = False,
    insist: bool = False,
    data: tuple[Dataset, Dataset] | None = None,
    progress: bool = True,
) -> Export:
    """Write a model as a `.keras`, `.h5`, `.onnx` or `.tflite` file, and run it on test pictures.

    - `softmax`: the file gives probabilities, a single one of a model that ends in one sigmoid;
      without, the model's logits, or numbers.
    - `int8`: quantise a `.tflite` file to 8 bits, calibrated with 500 training pictures.
    - `insist`: keep a file of 8 bits even if it is worse than the model.
    - `data`: (train, test); MNIST if not given.
    - `progress`: show it on the standard error stream.

    The file must predict the same class as the model for 99.9 % of the first 1,000 test pictures;
    one of 8 bits must tell as many of all test pictures right, less 0.3 points, or so many that
    chance explains the rest (`p_value` of 1 % or more). If not, `ExportError` is raised and no file
    is left. Raises `WriteError` if there is a file already, `UnknownNameError` for another ending,
    `DataError` if the data does not fit the model, `SettingError` if its outputs are not what
    `softmax` says, and `MissingPackageError` for a package that is not installed.
    """
    path = Path(path)
    kind = _format(path, int8)
    if path.exists():
        raise WriteError(f"{path} exists already and is not overwritten; choose another name")
    train, test = mnist() if data is None else data
    if model.picture_shape != test.image_shape:
        raise DataError(
            f"the model takes pictures {model.input_shape}, the test set has {test.image_shape}"
        )
    head = _head(model, softmax, int8)
    more = {"calibration": model.as_input(_some(train, CALIBRATED).scaled())} if int8 else {}
    with steps(2, progress) as step, atomic(path) as partial:
        step(f"writing {path.name}")
        partial.write_bytes(kind.content(model, softmax, **more))
        step(f"running it in {kind.engine}")
        checked = test if int8 else test[: min(CHECKED, len(test))]
        outputs = kind.run(partial, model.as_input(checked.scaled()))
        found = _compare(model, checked, outputs, head, softmax and head.kind == "logits")
        size = partial.stat().st_size
        result = Export(str(path), kind.name, int8, size, kind.engine, len(checked), **found)
        _refuse_other(result, insist)
    return result


def _format(path: Path, int8: bool) -> Format:
    if path.suffix not in FORMATS:
        raise UnknownNameError("ending of a file to export", path.suffix, FORMATS)
    if int8 and path.suffix != ".tflite":
        raise ExportError(f"{path}: 8 bits are for .tflite files alone")
    return FORMATS[path.suffix]


def _head(model: Sequential, softmax: bool, int8: bool) -> Head:
    """Return the model's head; raises an error if it cannot be exported so."""
    head = model.head
    if (softmax or int8) and head.kind == "numbers":
        raise SettingError(
            f"the model gives no probabilities to export: {head.why}; softmax=False (--logits) "
            "exports its numbers"
        )
    if not softmax and head.kind in ("softmax", "sigmoids"):
        end = "a softmax" if head.kind == "softmax" else "sigmoids"
        raise SettingError(
            f"the model ends in {end} and has no logits to export; leave softmax=False (--logits) "
            "out"
        )
    return head


def _some(data: Dataset, count: int) -> Dataset:
    """So many pictures at random, always the same."""
    order = np.random.default_rng(0).permutation(len(data))
    return data[order[:count]]


def _compare(
    model: Sequential, data: Dataset, outputs: Array, head: Head, one_more: bool
) -> dict[str, Any]:
    """Return the figures of an `Export` that compare its outputs with the model's.

    - `one_more`: whether the file's logits have passed through a softmax.
    """
    from scipy.stats import binom  # here, because it takes a while to import

    mine = model.predict(data.scaled())
    if mine.shape != outputs.shape:
        raise ExportError(f"the file gives {outputs.shape}, the model {mine.shape}")
    if head.kind == "numbers":
        near = np.isclose(outputs, mine, rtol=1e-3, atol=1e-3 * np.abs(mine).max())
        return {
            "agreement": float(near.reshape(len(mine), -1).all(axis=1).mean()),
            "largest_difference": float(np.abs(outputs - mine).max()),
            **dict.fromkeys(("accuracy", "model_accuracy", "p_value"), np.nan),
            **dict.fromkeys(("lost", "gained"), 0),
        }
    mine = head.probabilities(mine)
    theirs = outputs if one_more else head.probabilities(outputs)
    classes, expected = theirs.argmax(axis=1), mine.argmax(axis=1)
    is_right, was_right = classes == data.labels, expected == data.labels
    lost, gained = int((was_right & ~is_right).sum()), int((is_right & ~was_right).sum())
    return {
        "agreement": float((classes == expected).mean()),
        "largest_difference": float(np.abs(theirs - mine).max()),
        "accuracy": float(is_right.mean()),
        "model_accuracy": float(was_right.mean()),
        "lost": lost,
        "gained": gained,
        "p_value": float(binom.sf(lost - 1, lost + gained, 0.5)),
    }


def _refuse_other(result: Export, insist: bool) -> None:
    """Raise `ExportError` if the file does not do as the model does; NaN never does."""
    finite = np.isfinite(result.largest_difference)
    if result.int8 and finite:
        too_many = result.lost - result.gained > ACCURACY_LOSS * result.images
        if too_many and result.p_value < CHANCE and not insist:
            raise ExportError(
                f"{result.path}: with 8 bits the accuracy is {result.accuracy:.4f}, the model's is "
                f"{result.model_accuracy:.4f} on {result.images:,} pictures: {result.lost} are "
                f"lost, {result.gained} gained (by chance with p = {result.p_value:.1g}); no file "
                "was left, --insist or insist=True keeps it"
            )
    elif not (result.agreement >= AGREEMENT and finite):
        raise ExportError(
            f"{result.path}: {result.engine} gives the same class as minicnn for "
            f"{100 * result.agreement:.2f} % of {result.images:,} pictures, {100 * AGREEMENT:g} % "
            f"are needed (largest difference {result.largest_difference:.1e}); no file was left"
        )
