"""Files of other engines to a model: each description is understood or refused, none is a default.

Checked here: activations, settings and layers of Keras; the files that people have; names that
other engines refuse; what is no model; how much memory a file may take; damage of every kind.
"""

import contextlib
import io
import json
import sys
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from keras import layers as k
from PIL import Image

import minicnn as mc
from minicnn import kernels, nn
from minicnn.bridge.h5 import h5_bytes, read_h5
from minicnn.bridge.keras_archive import keras_bytes, read_keras
from minicnn.bridge.keras_layers import IDLE, KINDS, read_layer
from minicnn.bridge.onnx import onnx_bytes, run_onnx
from minicnn.bridge.tflite import run_tflite, tflite_bytes
from minicnn.errors import FileError, MinicnnError, MissingPackageError, Notice
from minicnn.experiments.opening import open_model
from minicnn.training.checkpoint import load_model, save_model

from ..bridge.models import KERAS_SAVES, every_layer, inputs, randomised

pytestmark = KERAS_SAVES
FILES = Path(__file__).parents[1] / "bridge" / "files"
ENDINGS = (".keras", ".h5")


def keras_model(*layers, shape=(6, 6, 2), kind=keras.Sequential, seed: int = 0):
    """A built Keras model with random weights."""
    model = kind([keras.Input(shape), *layers])
    rng = np.random.default_rng(seed)
    model.set_weights(
        [
            rng.uniform(-1, 1, w.shape) if w.ndim > 1 else rng.uniform(0.1, 1, w.shape)
            for w in model.get_weights()
        ]
    )
    return model


def stored(model, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns of lambdas, and of .h5
        model.save(path)
    return path


def refusal(read, *arguments) -> str:
    with pytest.raises(FileError) as error:
        read(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


# ------------------------------------------------------------------ activations


def own(x):
    return x * x


def relu(x):
    """Somebody's own, which Keras writes down as its own relu."""
    return x * x


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_activation_is_the_same_as_a_name_a_function_or_a_layer(tmp_path, ending):
    same = [
        *("relu", "tanh", "sigmoid", "softmax", "linear", None),
        *(k.ReLU(), k.Softmax(), k.Activation("tanh"), k.Activation(k.ReLU())),
        *(tf.nn.softmax, tf.nn.relu, keras.activations.sigmoid),
    ]
    convolutions = [k.Conv2D(3, 1, activation=each) for each in same]
    dense = [k.Dense(5, activation=each) for each in same]
    after = [k.Activation(each) for each in ("linear", k.Softmax(axis=1), tf.nn.softmax)]
    theirs = keras_model(*convolutions, k.Flatten(), *dense, *after, k.Dense(4))
    model = open_model(stored(theirs, tmp_path / f"m{ending}"))
    x = inputs(model)
    np.testing.assert_allclose(model.predict(x), theirs(x), rtol=1e-5, atol=1e-6)
    assert mc.compare_layers(mc.from_keras(theirs), theirs, x).first_difference is None


OTHER_ACTIVATIONS = {
    "a lambda": (lambda x: x * x, "'value'"),
    "a function": (own, "'own'"),
    "of a name": ("gelu", "'gelu'"),
    "of TensorFlow": (tf.nn.silu, "'swish'"),
    "with a limit": (tf.nn.relu6, "'relu6'"),
    "a layer": (k.LeakyReLU(), "LeakyReLU"),
    "a layer with a limit": (k.ReLU(6), "max_value=6"),
    "another axis": (k.Softmax(axis=1), "axis=1"),
    "a layer within": (k.Activation(k.LeakyReLU()), "LeakyReLU"),
}


@pytest.mark.parametrize("case", OTHER_ACTIVATIONS)
def test_any_other_activation_is_refused_with_the_layer(tmp_path, case):
    activation, named = OTHER_ACTIVATIONS[case]
    for layer in (k.Conv2D(3, 2, activation=activation, name="odd"), k.Activation(activation)):
        theirs = keras_model(layer, k.Flatten(), k.Dense(3))
        for ending in ENDINGS:
            said = refusal(open_model, stored(theirs, tmp_path / f"m{ending}"))
            assert f"{type(layer).__name__} {layer.name!r}" in said
            assert named in said
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert repr(layer.name) in refusal(mc.from_keras, theirs)


def test_a_function_of_ones_own_with_a_name_of_keras_is_seen_in_a_live_model():
    theirs = keras_model(k.Flatten(), k.Dense(3, activation=relu, name="odd"))
    said = refusal(mc.from_keras, theirs)
    assert "Dense 'odd'" in said
    assert "'relu'" in said


class OwnCall(keras.Sequential):
    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs, training=training, mask=mask)


class OwnStep(keras.Sequential):
    def train_step(self, data):
        return super().train_step(data)


def test_a_sequential_model_with_a_call_of_its_own_is_refused(tmp_path):
    theirs = keras_model(k.Flatten(), k.Dense(3), kind=OwnCall)
    assert "OwnCall has a call of its own" in refusal(mc.from_keras, theirs)
    for ending in ENDINGS:
        assert "OwnCall" in refusal(open_model, stored(theirs, tmp_path / f"m{ending}"))
    plain = keras_model(k.Flatten(), k.Dense(3), kind=OwnStep)
    model = mc.from_keras(plain)
    np.testing.assert_allclose(model.predict(inputs(model)), plain(inputs(model)), atol=1e-6)


@pytest.mark.parametrize("own", [{"module": "mine"}, {"module": None}, {"registered_name": "P>D"}])
def test_a_class_of_ones_own_is_refused_whatever_it_is_called(own):
    described = keras.saving.serialize_keras_object(k.Dense(3, name="odd")) | own
    assert "Dense 'odd'" in refusal(read_layer, described, (4,))


# ------------------------------------------------------------------ every setting of every layer

MADE = {
    "Dense": k.Dense(3),
    "Conv2D": k.Conv2D(3, 2),
    "BatchNormalization": k.BatchNormalization(),
    "MaxPooling2D": k.MaxPooling2D(),
    "AveragePooling2D": k.AveragePooling2D(2),
    "GlobalAveragePooling2D": k.GlobalAveragePooling2D(),
    "Dropout": k.Dropout(0.5),
    "Flatten": k.Flatten(),
    "Reshape": k.Reshape((6, -1)),
    "Rescaling": k.Rescaling(2.0),
    "ReLU": k.ReLU(),
    "Activation": k.Activation("relu"),
    "Softmax": k.Softmax(),
    "InputLayer": k.InputLayer((4, 4, 2)),
}
IGNORED = ("name", "batch_shape", "kernel_initializer")


@pytest.mark.parametrize("kind", KINDS)
def test_each_setting_that_keras_has_is_known_and_no_other(kind):
    described = keras.saving.serialize_keras_object(MADE[kind])
    shape = (32,) if kind == "Dense" else (4, 4, 2)
    read_layer(described, shape)  # all that this version of Keras has is known
    of_training = {*IGNORED, *KINDS[kind].ignores} - {"axis"}
    for setting in [*described["config"], "surprise", "dilation", "lora_rank"]:
        if setting in of_training or (setting, kind) == ("dtype", "InputLayer"):
            continue
        changed = described | {"config": described["config"] | {setting: ["odd"]}}
        said = refusal(read_layer, changed, shape)
        assert f"{kind} {described['config']['name']!r}" in said
        assert "odd" in said


WRONG_SETTINGS = [
    (k.Conv2D(3, 2, data_format="channels_first"), "channels_first"),
    (k.MaxPooling2D(data_format="channels_first"), "channels_first"),
    (k.Flatten(data_format="channels_first"), "channels_first"),
    (k.Conv2D(3, 2, dilation_rate=(1, 2)), "dilation_rate"),
    (k.Conv2D(4, 2, groups=2), "groups=2"),
    (k.BatchNormalization(axis=1), "axis=1"),
    (k.Dropout(0.5, noise_shape=(None, 1, 1, 2)), "noise_shape"),
    (k.GlobalAveragePooling2D(keepdims=True), "keepdims=True"),
    (k.ReLU(threshold=0.5), "threshold=0.5"),
    (k.ReLU(negative_slope=0.1), "negative_slope=0.1"),
    (k.Dense(3, dtype="int8_from_float32"), "dtype"),
    (k.RandomFlip(dtype="int32"), "dtype='int32'"),
    (k.Conv1D(3, 2, padding="causal"), "no layer as Conv1D"),
    (k.RandomCrop(2, 2), "no layer as RandomCrop"),
    (k.AutoContrast(), "no layer as AutoContrast"),
    (k.Normalization(), "no layer as Normalization"),
    (k.Lambda(own), "no layer as Lambda"),
]


@pytest.mark.parametrize(("layer", "named"), WRONG_SETTINGS, ids=lambda each: str(each)[:30])
def test_a_value_that_minicnn_does_not_have_is_refused_with_the_layer(layer, named):
    said = refusal(read_layer, keras.saving.serialize_keras_object(layer), (4, 4, 2))
    assert f"{type(layer).__name__} {layer.name!r}" in said
    assert named in said


ARGUMENTS = {
    "GaussianNoise": (0.3,),
    "RandomPosterization": (3,),
    "RandomColorJitter": ((0, 255),),
    "RandomTranslation": (0.3, 0.3),
}
IDLE_LAYERS = [each for each in dir(k) if IDLE.fullmatch(each)]


def test_what_does_nothing_in_prediction_is_left_out_and_it_does_nothing():
    assert len(IDLE_LAYERS) > 25
    x = np.random.default_rng(0).uniform(-100, 400, (2, 3, 6, 7, 3)).astype(np.float32)
    for name in IDLE_LAYERS:
        kind = getattr(k, name)
        try:
            layer = kind(*ARGUMENTS.get(name, ()))
        except TypeError:
            layer = kind(0.3)
        pictures = x if name.endswith("3D") else x[0, :, :, 0] if name.endswith("1D") else x[0]
        np.testing.assert_array_equal(layer(pictures, training=False), pictures, err_msg=name)
        assert read_layer(keras.saving.serialize_keras_object(layer), (4, 4, 2)) is None


# ------------------------------------------------------------------ the files that people have

AUGMENTATION = [k.RandomFlip(), k.RandomRotation(0.1), k.GaussianNoise(0.1)]
NETS = {
    "(H, W), bytes": ((6, 6), [k.Rescaling(1 / 255), k.Flatten(), k.Dense(5, "relu")], 255),
    "rows": ((36,), [k.Dense(7, "tanh")], 1),
    "rows, reshaped, bytes to -1": (
        (36,),
        [k.Reshape((6, 6, 1)), k.Rescaling(1 / 127.5, -1), k.Conv2D(3, 3), k.Flatten()],
        255,
    ),
    "augmented, bytes": (
        (6, 6, 1),
        [*AUGMENTATION, k.MaxPooling2D(), k.Rescaling(1 / 255), k.Conv2D(2, 2), k.Flatten()],
        255,
    ),
    "augmented in a model": (
        (6, 6, 1),
        [keras.Sequential(AUGMENTATION), k.Rescaling(1 / 255), k.Flatten()],
        255,
    ),
    "of (0, 1), to (-1, 1)": ((6, 6, 1), [k.Rescaling(2.0, -1.0), k.Flatten()], 1),
    "scaled within": (
        (6, 6, 1),
        [k.Conv2D(2, 2), k.Rescaling([1 / 255, 3.0], [0.5, -1.0]), k.Flatten()],
        1,
    ),
    "without some weights": (
        (6, 6, 1),
        [
            k.Conv2D(3, 2, use_bias=False),
            k.BatchNormalization(center=False),
            k.Conv2D(2, 2),
            k.BatchNormalization(scale=False),
            k.Flatten(),
            k.Dense(4, use_bias=False),
            k.BatchNormalization(center=False, scale=False),
        ],
        1,
    ),
    "in 16 bits": ((6, 6, 1), [k.Flatten(), k.Dense(5, "relu", dtype="bfloat16")], 1),
}


@pytest.mark.parametrize("net", NETS)
def test_predictions_are_those_of_keras(tmp_path, net):
    shape, layers, whole = NETS[net]
    layers = [layer.from_config(layer.get_config()) for layer in layers]
    theirs = keras_model(*layers, k.Dense(3, "softmax"), shape=shape)
    pictures = np.random.default_rng(1).integers(0, 256, (9, 6, 6, 1)).astype(np.float32) / 255
    x = pictures.reshape(-1, *shape)
    expected = theirs.predict(x * whole, verbose=0)
    tolerance = 0.02 if net == "in 16 bits" else 2e-6  # Keras calculates in them
    for ending in (".keras", ".h5", ".hdf5"):
        path = stored(theirs, tmp_path / f"m{ending}")
        if ending == ".h5":
            path = path.rename(tmp_path / "M.H5")
        model = open_model(path)
        for given in (x, pictures):
            mine = kernels.softmax(model.predict(given))
            np.testing.assert_allclose(mine, expected, atol=tolerance)
    if tolerance < 0.01:
        assert mc.compare_layers(mc.from_keras(theirs), theirs, x).first_difference is None
    outputs = run_onnx(onnx_bytes(model), model.as_input(pictures))
    np.testing.assert_allclose(outputs, mine, atol=1e-6)
    again = mc.from_keras(mc.to_keras(model))
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


def test_the_commands_take_a_model_of_rows(tmp_path, command):
    """What `predict` shows the model is what Keras is shown here, in bytes and in rows."""
    layers = [k.Rescaling(1 / 127.5, -1), k.Dense(10, "softmax")]
    theirs = keras_model(*layers, shape=(784,))
    path = stored(theirs, tmp_path / "rows.keras")
    page = np.full((60, 50), 230, np.uint8)
    page[12:48, 23:28] = 20
    Image.fromarray(page).save(tmp_path / "one.png")
    (row,) = json.loads(command("predict", path, tmp_path / "one.png", "--json").out)
    seen = mc.predict(path, page).seen
    expected = theirs.predict(255 * seen.reshape(1, 784), verbose=0)[0]
    assert row["label"] == str(expected.argmax())
    assert row["probability"] == pytest.approx(expected.max(), abs=1e-5)
    _, test = mc.data.mnist()
    found = mc.evaluate(open_model(path), test[:200])
    classes = theirs.predict(test.images[:200].reshape(200, 784), verbose=0).argmax(axis=1)
    np.testing.assert_array_equal(found.probabilities.argmax(axis=1), classes)


def test_a_model_with_weights_inside_another_is_refused(tmp_path):
    inner = keras.Sequential([k.Flatten(), k.Dense(2)], name="inside")
    said = refusal(open_model, stored(keras_model(inner), tmp_path / "m.keras"))
    assert "'inside' has Dense" in said


def with_parts(source: Path, target: Path, change) -> Path:
    """A `.keras` file with other parts."""
    with zipfile.ZipFile(source) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(target, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return target


def on_windows(parts: dict[str, bytes]) -> None:
    weights = io.BytesIO()
    with (
        h5py.File(io.BytesIO(parts["model.weights.h5"])) as old,
        h5py.File(weights, "w") as new,
    ):
        root = old["_layer_checkpoint_dependencies"]
        for name in root:
            root.copy(root[name], new, f"_layer_checkpoint_dependencies\\{name}")
    parts["model.weights.h5"] = weights.getvalue()


def test_files_of_keras_213_and_older(tmp_path):
    with np.load(FILES / "keras213.npz") as of_keras:
        images, expected = of_keras["images"] / 255, of_keras["expected"]
        weights = [of_keras[f"weight_{i}"] for i in range(len(of_keras) - 2)]
    assert expected.std() > 0.3
    windows = with_parts(FILES / "keras213.keras", tmp_path / "windows.keras", on_windows)
    for path in (FILES / "keras213.keras", windows):
        model = open_model(path)
        np.testing.assert_allclose(kernels.softmax(model.predict(images)), expected, atol=1e-6)
        mine = [array for name, array in model.weights().items() if name != "conv2d.bias"]
        for left, right in zip(mine, weights, strict=True):
            np.testing.assert_array_equal(left, right)
    hdf5 = tmp_path / "before.keras"  # until 2.12 the file was one of HDF5
    hdf5.write_bytes((FILES / "keras2.h5").read_bytes())
    assert open_model(hdf5).config() == read_h5(FILES / "keras2.h5").config()


def test_weights_alone_are_no_model(tmp_path):
    theirs = keras_model(k.Flatten(), k.Dense(3))
    theirs.save_weights(tmp_path / "m.weights.h5")
    assert "only weights" in refusal(open_model, tmp_path / "m.weights.h5")
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["training_config"] = json.dumps({"model": "Sequential"})
    assert "no description of a model" in refusal(open_model, tmp_path / "m.h5")


def test_keras_files_ask_for_h5py_alone(tmp_path, monkeypatch):
    theirs = keras_model(k.Flatten(), k.Dense(3))
    paths = [stored(theirs, tmp_path / f"m{ending}") for ending in ENDINGS]
    for package in ("keras", "tensorflow"):
        monkeypatch.setitem(sys.modules, package, None)
    for path in paths:
        open_model(path)
    monkeypatch.setitem(sys.modules, "h5py", None)
    for path in paths:
        with pytest.raises(MissingPackageError, match=r"pip install h5py$"):
            open_model(path)


# ------------------------------------------------------------------ names

ODD_NAMES = ["first layer", "first_layer", "größe", "a/b", "_", "../x", "images", "logits"]


def test_names_that_tensorflow_refuses_are_exported_under_others_and_it_is_said_once(tmp_path):
    layers = [nn.Dense(3, name=name) for name in ODD_NAMES]
    model = randomised(nn.Sequential(*layers, nn.Dense(4, name="probabilities"), input_shape=(5,)))
    x = inputs(model)
    expected = kernels.softmax(model.predict(x))
    for ending, content in {".keras": keras_bytes, ".h5": h5_bytes}.items():
        path = tmp_path / f"m{ending}"
        with pytest.warns(Notice) as said:
            path.write_bytes(content(model))
        assert len(said) == 1
        for name in ("first layer", "größe", "a/b", "_", "../x"):
            assert repr(name) in str(said[0].message)
        theirs = keras.models.load_model(path, compile=False)
        np.testing.assert_allclose(theirs.predict(x, verbose=0), expected, atol=1e-6)
        assert theirs.layers[1].name == "first_layer"
        np.testing.assert_array_equal(open_model(path).predict(x), model.predict(x))
    content = onnx_bytes(model)  # takes any names, but each once
    np.testing.assert_allclose(run_onnx(content, x), expected, atol=1e-6)
    session = onnxruntime.InferenceSession(content)
    assert session.get_inputs()[0].name == "images"
    assert session.get_outputs()[0].name == "probabilities"


@pytest.mark.slow
def test_tflite_files_have_legal_names_too():
    model = randomised(nn.Sequential(nn.Dense(3, name="größe"), nn.Dense(4), input_shape=(5,)))
    with pytest.warns(Notice) as said:
        content = tflite_bytes(model)
    assert len(said) == 1
    x = inputs(model)
    expected = kernels.softmax(model.predict(x))
    np.testing.assert_allclose(run_tflite(content, x), expected, atol=1e-6)


# ------------------------------------------------------------------ what is no model


@pytest.mark.parametrize("name", ["model.onnx", "notes.txt", "weights", "data.csv", "m.pkl", "dir"])
def test_a_first_argument_that_is_no_model_is_not_taken_for_a_picture(tmp_path, command, name):
    path, picture = tmp_path / name, tmp_path / "one.png"
    path.mkdir() if name == "dir" else path.write_bytes(b"weights: 1, 2, 3")
    page = np.full((60, 50), 230, np.uint8)
    page[12:48, 23:28] = 20
    Image.fromarray(page).save(picture)
    for given in ([path, picture], [path]):
        for verb in ("predict", "read"):
            answer = command(verb, *given)
            assert (answer.code, answer.out) == (2, "")
            assert f"{path}: neither a model" in answer.err
    (tmp_path / "pages").mkdir()
    unnamed = picture.rename(tmp_path / "pages" / "one.png")
    assert json.loads(command("read", tmp_path / "pages", "--json").out)[0]["picture"]
    unnamed = unnamed.rename(tmp_path / "scan")  # a picture whatever its name
    assert json.loads(command("predict", unnamed, "--json").out)[0]["label"]


@pytest.mark.parametrize("left", ["last.npz", "model.npz", "config.json"])
def test_an_unfinished_run_is_no_folder_of_pictures(tmp_path, command, left):
    (tmp_path / left).write_bytes(b"")
    Image.new("L", (30, 30)).save(tmp_path / "curves.png")
    answer = command("read", tmp_path, tmp_path / "curves.png")
    assert (answer.code, answer.out) == (2, "")
    assert f"{tmp_path}/" in answer.err


# ------------------------------------------------------------------ memory

LIMIT = 100e6
SMALL = nn.Sequential(nn.Flatten(), nn.Dense(3), input_shape=(4, 4, 1))


def npz(path: Path, about: dict, **arrays: np.ndarray) -> None:
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(path, about=text, **arrays)


def about(model: nn.Sequential, *layers: dict, shape=(4, 4, 1)) -> dict:
    config = {"input_shape": shape, "layers": layers or model.config()["layers"]}
    return {"format": "minicnn 1", "kind": "model", "model": config, "class_names": None}


def npz_of_units(path: Path) -> None:
    npz(path, about(SMALL, {"layer": "Flatten"}, {"layer": "Dense", "units": 10**9}))


def npz_of_members(path: Path) -> None:
    """The members of an ensemble are built while it is described."""
    inner = {"input_shape": [4], "layers": [{"layer": "Dense", "units": 10**9}]}
    npz(path, about(SMALL, {"layer": "MeanProbability", "members": [inner, inner]}, shape=(4,)))


def npz_of_channels(path: Path) -> None:
    npz(path, about(SMALL, {"layer": "BatchNorm"}, shape=(10**9,)))


def npz_of_layers(path: Path) -> None:
    """None is too large, all together are."""
    layers = [{"layer": "Dense", "units": 2_000, "name": f"d{i}"} for i in range(300)]
    npz(path, about(SMALL, *layers, shape=(2_000,)))


def npz_of_pictures(path: Path) -> None:
    npz(path, about(SMALL, {"layer": "ReLU"}, shape=(10**5, 10**5, 1)))


def npz_of_header(path: Path) -> None:
    """An array of 16 GB by its header, and nothing behind that."""
    save_model(path, SMALL)
    header = io.BytesIO()
    described = {"descr": "<f4", "fortran_order": False, "shape": (2**32,)}
    np.lib.format.write_array_header_1_0(header, described)
    with_parts(path, path, lambda p: p.update({"weights/dense.weight.npy": header.getvalue()}))


def npz_of_zeros(path: Path) -> None:
    """A zip bomb: 120 MB of zeros in 120 KB."""
    save_model(path, SMALL)
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x", "w") as bomb,
    ):
        for _ in range(12):
            bomb.write(bytes(10**7))


def packed_otherwise(path: Path) -> None:
    save_model(path, SMALL)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("weights/x.npy", bytes(10**7))


def keras_of_units(path: Path) -> None:
    path.write_bytes(keras_bytes(SMALL))

    def change(parts):
        parts["config.json"] = parts["config.json"].replace(b'"units": 3', b'"units": 1000000000')

    with_parts(path, path, change)


def h5_with(change):
    def make(path: Path) -> None:
        path.write_bytes(h5_bytes(SMALL))
        with h5py.File(path, "r+") as file:
            change(file)

    return make


def with_units(file) -> None:
    config = file.attrs["model_config"]
    file.attrs["model_config"] = config.replace('"units": 3', '"units": 1000000000')


KERNEL = "model_weights/dense/dense/kernel"


def unwritten(file) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, (2**16, 2**16), np.float32, chunks=(256, 256))


def compressed(file) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, data=np.zeros((3_000, 10_000), np.float32), compression=1)


def one_chunk(file) -> None:
    del file[KERNEL]
    file.create_dataset(
        KERNEL, (16, 3), np.float32, maxshape=(None, None), chunks=(2**14, 2**14), compression=1
    )


def heap(path: Path) -> None:
    """The heap of its texts is of 4 GB, as it says."""
    content = bytearray(h5_bytes(SMALL))
    place = content.index(b"GCOL") + 8
    content[place : place + 8] = (2**32).to_bytes(8, "little")
    path.write_bytes(content)


GIANTS = {
    "units.npz": npz_of_units,
    "members.npz": npz_of_members,
    "channels.npz": npz_of_channels,
    "layers.npz": npz_of_layers,
    "pictures.npz": npz_of_pictures,
    "header.npz": npz_of_header,
    "zeros.npz": npz_of_zeros,
    "packed.npz": packed_otherwise,
    "units.keras": keras_of_units,
    "units.h5": h5_with(with_units),
    "unwritten.h5": h5_with(unwritten),
    "compressed.h5": h5_with(compressed),
    "chunk.h5": h5_with(one_chunk),
    "heap.h5": heap,
}


@pytest.mark.parametrize("name", GIANTS)
def test_a_small_file_that_describes_a_giant_is_refused_before_it_has_memory(tmp_path, name):
    path = tmp_path / name
    GIANTS[name](path)
    assert path.stat().st_size < 2e6
    tracemalloc.start()
    try:
        said = refusal(open_model, path)
        assert tracemalloc.get_traced_memory()[1] < LIMIT
    finally:
        tracemalloc.stop()
    assert said.startswith(f"{path}: ")


def test_weights_that_compress_well_are_no_giant(tmp_path):
    """A layer of zeros, and of half zeros, in compressed files."""
    model = nn.Sequential(nn.Dense(600), input_shape=(700,))
    model.set_weights({name: np.zeros_like(w) for name, w in model.weights().items()})
    save_model(tmp_path / "m.npz", model)
    with np.load(tmp_path / "m.npz") as file:
        np.savez_compressed(tmp_path / "small.npz", **file)
    assert (tmp_path / "small.npz").stat().st_size < 5_000
    assert not load_model(tmp_path / "small.npz").weights()["dense.weight"].any()
    (tmp_path / "m.h5").write_bytes(h5_bytes(SMALL))
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        kernel = file[KERNEL][()]
        del file[KERNEL]
        file.create_dataset(KERNEL, data=kernel, compression=9, shuffle=True, fletcher32=True)
    weights = open_model(tmp_path / "m.h5").weights()
    np.testing.assert_array_equal(weights["dense.weight"], SMALL.weights()["dense.weight"])


# ------------------------------------------------------------------ weights and where they lie


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_refused_with_the_layer(tmp_path, wrong):
    model = nn.Sequential(nn.Dense(3, name="odd"), nn.BatchNorm(), input_shape=(4,))
    model.layers[0].bias[1] = wrong
    save_model(tmp_path / "m.npz", model)
    (tmp_path / "m.keras").write_bytes(keras_bytes(model))
    (tmp_path / "m.h5").write_bytes(h5_bytes(model))
    for ending in (".npz", ".keras", ".h5"):
        assert "'odd.bias'" in refusal(open_model, tmp_path / f"m{ending}")


def test_a_variance_that_is_negative_is_refused(tmp_path):
    model = nn.Sequential(nn.BatchNorm(name="odd"), input_shape=(4,))
    model.layers[0].moving_variance[2] = -0.5
    save_model(tmp_path / "m.npz", model)
    (tmp_path / "m.keras").write_bytes(keras_bytes(model))
    for ending in (".npz", ".keras"):
        assert "'odd.moving_variance' holds -0.5" in refusal(open_model, tmp_path / f"m{ending}")


def large(file) -> None:
    kernel = file[KERNEL][()].astype(np.float64)
    del file[KERNEL]
    file[KERNEL] = kernel + 1e300  # infinite as a float32


def external(file) -> None:
    del file[KERNEL]
    file[KERNEL] = h5py.ExternalLink("other.h5", "kernel")


def soft(file) -> None:
    del file[KERNEL]
    file[KERNEL] = h5py.SoftLink("/model_weights/dense/dense/bias")


def elsewhere(file) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, (16, 3), np.float32, external=[("/etc/passwd", 0, 192)])


def virtual(file) -> None:
    del file[KERNEL]
    layout = h5py.VirtualLayout((16, 3), np.float32)
    layout[...] = h5py.VirtualSource("other.h5", "kernel", (16, 3))
    file.create_virtual_dataset(KERNEL, layout)


def texts(file) -> None:
    del file[KERNEL]
    file[KERNEL] = np.array(["1"] * 48, "S1").reshape(16, 3)


LINKS = {
    large: "'dense.weight'",
    external: "are missing",
    soft: "are missing",
    elsewhere: "lies in another file",
    virtual: "lies in another file",
    texts: "must be numbers",
}


@pytest.mark.parametrize("change", LINKS, ids=lambda change: change.__name__)
def test_weights_lie_in_the_file_itself_and_are_numbers(tmp_path, monkeypatch, change):
    monkeypatch.chdir(tmp_path)
    with h5py.File("other.h5", "w") as other:
        other["kernel"] = np.zeros((16, 3), np.float32)
    h5_with(change)(tmp_path / "m.h5")
    assert LINKS[change] in refusal(open_model, tmp_path / "m.h5")


# ------------------------------------------------------------------ damage

ODD = [None, -1, 0, 2.5, "", "x", [], {}, [1], [-1], {"a": 1}, True, 1e308, 10**12, 10**30, "same"]
ODD += [float("nan"), float("inf"), [10**9, 10**9], "\0"]


def places(value, path=()):
    """Where something stands in plain data."""
    yield path
    items = enumerate(value) if isinstance(value, list) else getattr(value, "items", tuple)()
    for key, inner in items:
        yield from places(inner, (*path, key))


def replaced(value, path, odd):
    if not path:
        return odd
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], odd)
    return copy


def other_config(config):
    return lambda parts: parts.update({"config.json": json.dumps(config)})


def opens_or_refuses(path: Path) -> None:
    """Whatever it is that opens works."""
    with contextlib.suppress(MinicnnError):
        model = open_model(path)
        if np.prod(model.input_shape) < 1e5:
            model.predict(np.zeros((1, *model.input_shape), np.float32))


@pytest.mark.parametrize("count", [40, pytest.param(4_000, marks=pytest.mark.slow)])
def test_a_description_with_something_odd_anywhere_opens_or_is_refused(tmp_path, count):
    model, rng = every_layer(), np.random.default_rng(count)
    source = tmp_path / "m.keras"
    source.write_bytes(keras_bytes(model))
    with zipfile.ZipFile(source) as archive:
        config = json.loads(archive.read("config.json"))
    weights = {f"weights/{name}": array for name, array in model.weights().items()}
    for described in (config, about(model)):
        everywhere = list(places(described))
        for _ in range(count):
            path, odd = everywhere[rng.integers(len(everywhere))], ODD[rng.integers(len(ODD))]
            damaged = replaced(described, path, odd)
            if described is config:
                part = {"config.json": json.dumps(damaged)}
                with_parts(
                    source, tmp_path / "d.keras", lambda parts, part=part: parts.update(part)
                )
                opens_or_refuses(tmp_path / "d.keras")
            else:
                npz(tmp_path / "d.npz", damaged, **weights)
                opens_or_refuses(tmp_path / "d.npz")


@pytest.mark.parametrize("count", [50, pytest.param(2_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("ending", [".npz", ".keras", ".h5"])
def test_a_file_with_any_damage_opens_or_is_refused(tmp_path, ending, count):
    """Cut off, bytes lost, bytes put in, bytes changed."""
    model, rng = every_layer(), np.random.default_rng(count)
    save_model(tmp_path / "m.npz", model)
    whole = {".npz": (tmp_path / "m.npz").read_bytes, ".keras": lambda: keras_bytes(model)}
    content = whole.get(ending, lambda: h5_bytes(model))()
    path = tmp_path / f"damaged{ending}"
    for _ in range(count):
        damaged, place = bytearray(content), int(rng.integers(len(content)))
        match rng.integers(5):
            case 0:
                del damaged[place:]
            case 1:
                del damaged[place : place + int(rng.integers(1, 40))]
            case 2:
                damaged[place:place] = rng.bytes(int(rng.integers(1, 40)))
            case _:
                damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        opens_or_refuses(path)


def test_readers_by_content(tmp_path):
    """The reader of `.keras` looks into the file, the others by the name."""
    model = every_layer()
    (tmp_path / "m.keras").write_bytes(h5_bytes(model))
    assert read_keras(tmp_path / "m.keras").config() == model.config()
    (tmp_path / "link.keras").symlink_to(tmp_path / "m.keras")
    assert open_model(tmp_path / "link.keras").config() == model.config()
