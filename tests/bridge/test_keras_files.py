"""`.h5` and `.keras` files: every layer both ways, Keras 2's layouts, and names of classes."""

import io
import json
import os
import re
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from minicnn import kernels, nn
from minicnn.bridge.h5 import h5_bytes, read_h5
from minicnn.bridge.keras_archive import keras_bytes, read_keras
from minicnn.bridge.live import compare_layers, from_keras
from minicnn.errors import FileError, ShapeError, UnknownNameError
from minicnn.nn.layers import LAYERS

from .models import KERAS_SAVES, assert_same_weights, every_layer, inputs, randomised

pytestmark = KERAS_SAVES

READ = {".h5": read_h5, ".keras": read_keras}
CONTENT = {".h5": h5_bytes, ".keras": keras_bytes}
KERAS2 = Path(__file__).parent / "files"
both = pytest.mark.parametrize("ending", READ)


def write(path: Path, model: nn.Sequential, **settings) -> None:
    path.write_bytes(CONTENT[path.suffix](model, **settings))


@both
def test_every_layer_is_written_as_keras_reads_it(tmp_path, ending):
    model = every_layer()
    elsewhere = {"MeanProbability", "GlobalAveragePool2D"}  # Keras lacks it; in test_records.py
    assert {type(layer).__name__ for layer in model.layers} == {*LAYERS} - elsewhere
    path = tmp_path / f"model{ending}"
    write(path, model)
    theirs = keras.models.load_model(path, compile=False)
    x = inputs(model)
    assert_same_weights(theirs.get_weights(), model.weights().values())
    np.testing.assert_allclose(theirs(x), kernels.softmax(model.predict(x)), atol=1e-6)


@both
def test_what_is_written_is_read_back(tmp_path, ending):
    model = every_layer()
    write(tmp_path / f"model{ending}", model)
    again = READ[ending](tmp_path / f"model{ending}")
    assert again.config() == model.config()
    assert again.class_names == ("ä", "b", "c")
    assert_same_weights(again.weights().values(), model.weights().values())
    assert os.listdir(tmp_path) == [f"model{ending}"]


@both
def test_without_softmax_keras_gives_the_logits(tmp_path, ending):
    model = every_layer()
    path = tmp_path / f"model{ending}"
    write(path, model, softmax=False)
    x = inputs(model)
    theirs = keras.models.load_model(path, compile=False)
    np.testing.assert_allclose(theirs(x), model.predict(x), rtol=1e-5, atol=1e-6)
    assert READ[ending](path).config() == model.config()


@pytest.mark.parametrize("last", [nn.ReLU(), nn.BatchNorm(), nn.Dense(4, "softmax"), nn.Flatten()])
@both
def test_probabilities_agree_whatever_the_last_layer_is(tmp_path, ending, last):
    layers = [nn.Dense(4, name="softmax"), type(last)(**last.config())]
    model = randomised(nn.Sequential(*layers, input_shape=(5,)))
    path = tmp_path / f"model{ending}"
    write(path, model)
    x = inputs(model)
    theirs = keras.models.load_model(path, compile=False)
    outputs = model.predict(x)
    logits = not isinstance(last, nn.ReLU) and last.config().get("activation") is None
    expected = kernels.softmax(outputs) if logits else outputs  # as they are, then
    np.testing.assert_allclose(theirs(x), expected, atol=1e-6)
    again = READ[ending](path)
    if again.head.kind == model.head.kind:
        np.testing.assert_array_equal(again.predict(x), outputs)
    else:  # a softmax at the end is left to the loss again
        np.testing.assert_allclose(again.head.probabilities(again.predict(x)), outputs, atol=1e-6)


@both
def test_the_same_model_gives_the_same_bytes(ending):
    assert CONTENT[ending](every_layer()) == CONTENT[ending](every_layer())


@both
def test_two_layers_of_one_kind_are_told_apart_by_place_not_by_name(tmp_path, ending):
    """Their names are those that Keras would give the other one."""
    theirs = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(3, name="dense_1"),
            keras.layers.Dense(3, name="dense"),
        ]
    )
    theirs.save(tmp_path / f"model{ending}")
    model = READ[ending](tmp_path / f"model{ending}")
    assert [layer.name for layer in model.layers] == ["dense_1", "dense"]
    assert_same_weights(model.weights().values(), theirs.get_weights())


@both
def test_a_layer_without_a_bias_has_one_of_zeros(tmp_path, ending):
    theirs = keras.Sequential(
        [
            keras.Input((9, 8, 2)),
            keras.layers.Conv2D(4, 3, use_bias=False, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Conv2D(3, 2),
            keras.layers.Flatten(),
            keras.layers.Dense(6, use_bias=False, activation="tanh"),
            keras.layers.Dense(5, use_bias=False),
            keras.layers.Softmax(),
        ]
    )
    rng = np.random.default_rng(0)
    theirs.set_weights(
        [rng.uniform(0.1, 1, w.shape) - 0.4 * (w.ndim > 1) for w in theirs.get_weights()]
    )
    theirs.save(tmp_path / f"model{ending}")
    for model in READ[ending](tmp_path / f"model{ending}"), from_keras(theirs):
        x = inputs(model)
        np.testing.assert_allclose(kernels.softmax(model.predict(x)), theirs(x), atol=1e-6)
        assert compare_layers(model, theirs, x).first_difference is None
        biases = [w.any() for name, w in model.weights().items() if name.endswith(".bias")]
        assert biases == [False, True, False, False]
        write(tmp_path / f"back{ending}", model)
        back = keras.models.load_model(tmp_path / f"back{ending}", compile=False)
        np.testing.assert_allclose(back(x), theirs(x), atol=1e-6)


@both
def test_a_bias_that_is_missing_is_not_made_up(tmp_path, ending):
    """That the description has one, and the file has not."""
    layers = [keras.Input((4,)), keras.layers.Dense(3, use_bias=False)]
    keras.Sequential(layers).save(tmp_path / f"model{ending}")
    with_bias(tmp_path / f"model{ending}")
    assert "has 1 arrays of weights, needs 2" in refused(tmp_path / f"model{ending}")


def with_bias(path: Path) -> None:
    """Let the description say that every layer has a bias."""
    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            file.attrs["model_config"] = file.attrs["model_config"].replace(*SAYS_BIAS)
    else:
        in_parts(
            path,
            lambda parts: parts.update(
                {"config.json": parts["config.json"].decode().replace(*SAYS_BIAS)}
            ),
        )


SAYS_BIAS = '"use_bias": false', '"use_bias": true'


# --- Keras 2


def expected() -> dict[str, np.ndarray]:
    with np.load(KERAS2 / "keras2.npz") as file:
        return dict(file)


def assert_is_keras2(model: nn.Sequential) -> None:
    of_keras = expected()
    weights = [of_keras[f"weight_{i}"] for i in range(len(of_keras) - 2)]
    assert_same_weights(model.weights().values(), weights)
    predicted = kernels.softmax(model.predict(of_keras["images"]))
    np.testing.assert_allclose(predicted, of_keras["expected"], atol=1e-6)
    config = {layer.name: layer for layer in model.layers}
    assert (config["mine"].stride, config["mine"].activation) == ((2, 1), "tanh")
    assert config["batch_normalization"].momentum == 0.8
    assert config["dense"].init == "he_normal"
    assert config["dropout"].rate == 0.25


@both
def test_a_file_that_keras_2_wrote(ending):
    assert_is_keras2(READ[ending](KERAS2 / f"keras2{ending}"))


def test_an_old_file_with_bytes_and_without_an_input_layer(tmp_path):
    """As Keras 2 and h5py 2 wrote it; before Keras 2.2.3 the description was the bare list."""
    for bare in (False, True):
        path = tmp_path / f"{bare}.h5"
        path.write_bytes((KERAS2 / "keras2.h5").read_bytes())
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            assert config["config"]["layers"].pop(0)["class_name"] == "InputLayer"
            if bare:
                config["config"] = config["config"]["layers"]
            file.attrs["model_config"] = json.dumps(config).encode()
            for group in file["model_weights"].values():
                names = [str(name).encode() for name in group.attrs["weight_names"]]
                group.attrs["weight_names"] = np.array(names, "S80")
        assert_is_keras2(read_h5(path))


def test_a_file_that_tells_its_input_at_the_end(tmp_path):
    """Keras 2, when a model without an input layer was built by its first pictures."""
    path = tmp_path / "late.h5"
    path.write_bytes((KERAS2 / "keras2.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        shape = config["config"]["layers"].pop(0)["config"]["batch_input_shape"]
        del config["config"]["layers"][0]["config"]["batch_input_shape"]
        config["config"]["build_input_shape"] = shape
        file.attrs["model_config"] = json.dumps(config)
    assert_is_keras2(read_h5(path))


def test_weights_are_taken_in_the_order_of_weight_names(tmp_path):
    """Not in that of the file's groups, which is alphabetical."""
    path = tmp_path / "model.h5"
    write(path, every_layer())
    with h5py.File(path, "r+") as file:
        group = file["model_weights/dense"]
        kernel, bias = group["dense/kernel"][()], group["dense/bias"][()]
        del group["dense"]
        group["zz"], group["aa"] = kernel, bias
        group.attrs["weight_names"] = ["zz", "aa"]
    assert_same_weights(read_h5(path).weights().values(), every_layer().weights().values())


# --- what does not go


def spoiled_h5(path: Path, spoil) -> None:
    write(path, every_layer())
    with h5py.File(path, "r+") as file:
        spoil(file)


def spoiled_keras(path: Path, spoil) -> None:
    write(path, every_layer())
    in_parts(path, spoil)


def in_parts(path: Path, spoil) -> None:
    """Change the parts of a `.keras` file by name."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    spoil(parts)
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)


def in_weights(change):
    def spoil(parts):
        content = io.BytesIO(parts["model.weights.h5"])
        with h5py.File(content, "r+") as file:
            change(file)
        parts["model.weights.h5"] = content.getvalue()

    return spoil


def remove(name):
    def spoil(container):
        del container[name]

    return spoil


def replace(name, value):
    def spoil(container):
        del container[name]
        container[name] = value

    return spoil


WRONG_WEIGHTS = np.ones((3, 9), np.float32)
BAD_H5 = {
    "weights alone": (lambda f: f.attrs.pop("model_config"), "holds no description of a model"),
    "no weights": (remove("model_weights"), "weights of the layer .* are missing"),
    "no layer": (remove("model_weights/dense"), "weights of the layer 'dense' are missing"),
    "no kernel": (
        remove("model_weights/dense/dense/kernel"),
        r"of the layer 'dense' the weights \['dense/kernel'\] are missing",
    ),
    "no weight names": (
        lambda f: f["model_weights/dense"].attrs.pop("weight_names"),
        "damaged",
    ),
    "a weight not listed": (
        lambda f: f["model_weights/dense"].attrs.update(weight_names=["dense/kernel"]),
        r"'dense' has 1 arrays of weights, needs 2 \(weight, bias\)",
    ),
    "another shape": (
        replace("model_weights/dense/dense/kernel", WRONG_WEIGHTS),
        r"'dense.weight' has shape .*, got \(3, 9\)",
    ),
    "infinite weights": (
        replace("model_weights/dense/dense/bias", np.full(7, np.inf)),
        "'dense.bias' holds what is not a number, or infinite",
    ),
    "text for weights": (
        replace("model_weights/dense/dense/bias", ["a"] * 7),
        "must be numbers",
    ),
    "a description that is none": (
        lambda f: f.attrs.update(model_config="{"),
        "not a Keras .h5 file, or damaged",
    ),
}
BAD_H5 |= {
    f"class names that are {kind}": (
        lambda f, names=names: f.attrs.update(class_names=json.dumps(names)),
        "class_names must be a list of 3 names, got ",
    )
    for kind, names in {"two": ["a", "b"], "numbers": [1, 2, 3], "text": "abc", "3": 3}.items()
}
BAD_KERAS = {
    "two class names": (
        lambda parts: parts.update({"metadata.json": b'{"class_names": ["a", "b"]}'}),
        r"list of 3 names, got \['a', 'b'\]",
    ),
    "weights that are not numbers": (
        in_weights(replace("layers/dense/vars/1", np.full(7, np.nan))),
        "'dense.bias' holds what is not a number",
    ),
    "no description": (remove("config.json"), "holds no config.json$"),
    "no weights": (remove("model.weights.h5"), "holds no model.weights.h5$"),
    "weights that are none": (
        lambda parts: parts.update({"model.weights.h5": b"none"}),
        "not a .keras file, or damaged",
    ),
    "a description that is none": (lambda p: p.update({"config.json": b"[]"}), "damaged"),
    "no layer": (in_weights(remove("layers/dense")), "for 2 layers .* needs 3"),
    "no kernel": (in_weights(remove("layers/dense/vars/0")), r"only the weights \[1\]"),
    "another shape": (in_weights(replace("layers/dense/vars/0", WRONG_WEIGHTS)), r"got \(3, 9\)"),
}


@pytest.mark.parametrize("case", BAD_H5)
def test_a_spoiled_h5_file_is_refused(tmp_path, case):
    spoil, message = BAD_H5[case]
    spoiled_h5(tmp_path / "model.h5", spoil)
    assert re.search(message, refused(tmp_path / "model.h5"))


@pytest.mark.parametrize("case", BAD_KERAS)
def test_a_spoiled_keras_file_is_refused(tmp_path, case):
    spoil, message = BAD_KERAS[case]
    spoiled_keras(tmp_path / "model.keras", spoil)
    assert re.search(message, refused(tmp_path / "model.keras"))


def refused(path: Path) -> str:
    """The one line that says why the file is refused, after its name."""
    with pytest.raises(FileError) as error:
        READ[path.suffix](path)
    name, reason = str(error.value).split(": ", 1)
    assert name == str(path)
    assert "\n" not in reason
    return reason


@both
def test_what_is_no_such_file_is_refused(tmp_path, ending):
    path = tmp_path / f"model{ending}"
    assert refused(path) == "there is no such file"
    for content in (b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"<html>" * 1000):
        path.write_bytes(content)
        assert refused(path).startswith("not a")
    write(path, every_layer())
    whole = path.read_bytes()
    for length in np.linspace(0, len(whole) - 1, 12, dtype=int):
        path.write_bytes(whole[:length])
        assert refused(path).startswith("not a")
    path.unlink()
    path.mkdir()
    assert "Is a directory" in refused(path)


REFUSED = {
    "SeparableConv2D 'x'": keras.layers.SeparableConv2D(4, 3, name="x"),
    "GlobalMaxPooling2D": keras.layers.GlobalMaxPooling2D(),
    "LeakyReLU": keras.layers.LeakyReLU(),
    "dilation_rate": keras.layers.Conv2D(4, 3, dilation_rate=2),
    "groups=2": keras.layers.Conv2D(4, 3, groups=2),
    "negative_slope=0.1": keras.layers.ReLU(negative_slope=0.1),
    "max_value=6": keras.layers.ReLU(max_value=6),
    "axis=1": keras.layers.BatchNormalization(axis=1),
    "renorm=True": keras.layers.BatchNormalization(renorm=True),
    "'gelu'": keras.layers.Conv2D(4, 3, activation="gelu"),
    "'swish'|'silu'": keras.layers.Activation("silu"),
    "noise_shape": keras.layers.Dropout(0.5, noise_shape=(None, 1, 1, 2)),
    "model inside a model: Sequential .* has Dense": keras.Sequential([keras.layers.Dense(2)]),
}


@keras.saving.register_keras_serializable()
class Dense(keras.layers.Dense):
    """Somebody's own class, with the name of one of Keras's."""


@pytest.mark.parametrize("what", REFUSED)
@both
def test_what_minicnn_does_not_have_is_refused_by_name(tmp_path, ending, what):
    layers = [keras.Input((8, 8, 2)), REFUSED[what]]
    keras.Sequential(layers).save(tmp_path / f"model{ending}")
    assert re.search(what, refused(tmp_path / f"model{ending}"))


def test_a_class_of_somebodys_own_is_refused(tmp_path):
    model = keras.Sequential([keras.Input((4,)), Dense(3)])
    model.save(tmp_path / "model.keras")
    assert "minicnn has no layer as Dense" in refused(tmp_path / "model.keras")
    with pytest.raises(FileError, match="minicnn has no layer as Dense"):
        from_keras(model)


@both
def test_a_functional_model_is_refused(tmp_path, ending):
    x = keras.Input((4,))
    keras.Model(x, keras.layers.Dense(3)(x)).save(tmp_path / f"model{ending}")
    assert refused(tmp_path / f"model{ending}").endswith("alone, this is a Functional one")


@both
def test_pictures_of_any_size_are_refused(tmp_path, ending):
    layers = [keras.Input((None, None, 1)), keras.layers.Conv2D(2, 3)]
    keras.Sequential(layers).save(tmp_path / f"model{ending}")
    reason = refused(tmp_path / f"model{ending}")
    assert reason.startswith("the shape of its input is (None, None, 1)")


class Own(nn.Module):
    def forward(self, x, training):
        return x


@both
def test_a_model_that_cannot_be_written_is_refused(ending):
    content = CONTENT[ending]
    with pytest.raises(UnknownNameError, match="unknown layer 'Own'"):
        content(nn.Sequential(Own(), nn.Dense(2), input_shape=(3,)))
    with pytest.raises(ShapeError, match="has no weights yet"):
        content(nn.Sequential(nn.Dense(2)))
