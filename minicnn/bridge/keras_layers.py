"""Which layer of Keras's is which of minicnn's, and what becomes of every setting that it has.

Carried over is what decides the outputs, and dropout's rate, batch norm's momentum, the names of
the initializers, and which layers are frozen. Not carried over is what else belongs to training:
regularizers, constraints, seeds, and layers of noise and augmentation, which do nothing in
prediction. What does not stand here, a layer, a setting or a value, is refused with the layer's
name.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from minicnn import nn
from minicnn.errors import FileError, one_line
from minicnn.kernels.geometry import Pair
from minicnn.nn import Module
from minicnn.nn.arguments import ACTIVATIONS, as_pair
from minicnn.nn.init import INITIALIZERS
from minicnn.nn.module import Shape

Config = dict[str, Any]
Values = Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Kind:
    """What is known of a kind of Keras's layers.

    - `layer`: minicnn's; None if Keras's does nothing in prediction.
    - `takes`: Keras's names of the settings that minicnn's layer has too.
    - `only`: settings that it does not have, and the values with which Keras's layer is the same.
    - `ignores`: settings that matter in training alone.
    """

    layer: type[Module] | None
    takes: tuple[str, ...] = ()
    only: Values = field(default_factory=dict)
    ignores: tuple[str, ...] = ()


CHANNELS_LAST: Values = {"data_format": ("channels_last", None)}
BIAS: Values = {"use_bias": (True, False), "quantization_config": (None,)}
WINDOWS: Values = {"dilation_rate": (1,), "groups": (1,), **CHANNELS_LAST}
NORM: Values = {"center": (True, False), "scale": (True, False), "renorm": (False,)}
POOL = ("pool_size", "strides", "padding")


def _learnt(*weights: str) -> tuple[str, ...]:
    kinds = ("initializer", "regularizer", "constraint")
    return tuple(f"{weight}_{kind}" for weight in weights for kind in kinds)


LEARNT = (*_learnt("kernel", "bias"), "activity_regularizer")
AVERAGED = (*_learnt("beta", "gamma", "moving_mean", "moving_variance"), "synchronized", "fused")
AVERAGED = (*AVERAGED, "renorm_clipping", "renorm_momentum", "axis")

KINDS = {
    "Dense": Kind(nn.Dense, ("units", "activation", "kernel_initializer"), BIAS, LEARNT),
    "Conv2D": Kind(
        nn.Conv2D,
        ("filters", "kernel_size", "strides", "padding", "activation", "kernel_initializer"),
        {**BIAS, **WINDOWS},
        LEARNT,
    ),
    "BatchNormalization": Kind(nn.BatchNorm, ("momentum", "epsilon"), NORM, AVERAGED),
    "MaxPooling2D": Kind(nn.MaxPool2D, POOL, CHANNELS_LAST),
    "AveragePooling2D": Kind(nn.AveragePool2D, POOL, CHANNELS_LAST),
    "GlobalAveragePooling2D": Kind(
        nn.GlobalAveragePool2D, only={"keepdims": (False,), **CHANNELS_LAST}
    ),
    "Dropout": Kind(nn.Dropout, ("rate",), {"noise_shape": (None,)}, ("seed",)),
    "Flatten": Kind(nn.Flatten, only=CHANNELS_LAST),
    "Reshape": Kind(nn.Reshape, ("target_shape",)),
    "Rescaling": Kind(nn.Rescaling, ("scale", "offset")),
    "ReLU": Kind(
        nn.ReLU, only={"max_value": (None,), "negative_slope": (0,), "threshold": (0, None)}
    ),
    "Activation": Kind(nn.Activation, ("activation",)),
    "Softmax": Kind(nn.Activation, ignores=("axis",)),
    "InputLayer": Kind(None, only=dict.fromkeys(("sparse", "ragged", "optional"), (False,))),
}
"""By Keras's name; `axis` is looked at by itself."""

WITH_WEIGHTS = {"Dense", "Conv2D", "BatchNormalization"}

IDLE = re.compile(
    "ActivityRegularization|AugMix|CutMix|Identity|MixUp|RandAugment|Solarization|"
    "(Alpha|Gaussian|Spatial)Dropout([123]D)?|GaussianNoise|"
    "Random(Brightness|ColorDegeneration|ColorJitter|Contrast|ElasticTransform|Erasing|Flip|"
    "GaussianBlur|Grayscale|Height|Hue|Invert|Perspective|Posterization|Rotation|Saturation|"
    "Sharpness|Shear|Translation|Width|Zoom)"
)
"""Noise and augmentation: with whatever settings, in prediction Keras gives what it was given.
Not among them are RandomCrop, which crops then too, AutoContrast and Equalization."""

EVERY = ("name", "dtype", "batch_shape", "batch_input_shape")
"""Settings of every layer, besides `trainable`."""

FLOATS = ("float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16", None)
"""The types that Keras's layers may calculate in; minicnn's does in float32, and rounds less."""

MINICNN_SETTINGS = {"strides": "stride", "kernel_initializer": "init"}
"""Settings that have another name in minicnn."""

FUNCTIONS = {"softmax_v2": "softmax"}
"""Functions of TensorFlow's, as Keras writes them down, that are activations of minicnn's."""


def read_layer(described: Config, input_shape: Shape) -> Module | None:
    """Return the minicnn layer that a Keras layer's description stands for, not built.

    Gives None for an input layer and for what does nothing in prediction. Raises `FileError`
    for whatever the table does not know: a layer, a setting, or a value of one.
    """
    name, config = described["class_name"], described["config"]
    title = f"{name} {config.get('name')!r}"
    if is_own(described) or (name not in KINDS and not IDLE.fullmatch(name)):
        known = ", ".join(each for each, kind in KINDS.items() if kind.layer)
        raise FileError(f"minicnn has no layer as {title}; it takes {known}")
    try:
        _refuse_type(name, config)
        return None if IDLE.fullmatch(name) else _read(KINDS[name], config, input_shape)
    except Exception as error:  # whatever a damaged setting leads to
        raise FileError(f"{title}: {one_line(error)}") from error


def is_own(described: Config) -> bool:
    """Whether this is a class of somebody's own, which may do anything, whatever it is called."""
    module, name = described.get("module", "keras"), described.get("registered_name")
    of_keras = isinstance(module, str) and module.split(".")[0] in ("keras", "tf_keras")
    return not of_keras or name not in (None, described["class_name"])


def _read(kind: Kind, config: Config, input_shape: Shape) -> Module | None:
    only = {"trainable": (True, False), **kind.only}
    for setting, value in config.items():
        if setting in only:
            _refuse_other(setting, value, only[setting])
        elif setting not in (*EVERY, *kind.takes, *kind.ignores):
            raise FileError(f"minicnn does not know its setting {setting}={value!r:.60}")
    if "axis" in kind.ignores:
        _refuse_axis(config.get("axis", -1), len(input_shape))
    if kind.layer is None:
        return None
    if not isinstance(config["name"], str):
        raise FileError("its name is not a text")
    settings = {"name": config["name"]}
    for theirs in kind.takes:
        mine = MINICNN_SETTINGS.get(theirs, theirs)
        if theirs in config:
            settings[mine] = _IN.get(mine, _as_it_is)(config[theirs], input_shape)
    if settings.get("pool_size") == settings.get("stride"):
        settings.pop("stride", None)
    if kind is KINDS["Softmax"]:
        settings["activation"] = "softmax"
    layer = kind.layer(**settings)
    layer.trainable = bool(config.get("trainable", True))
    return layer


def _refuse_type(name: str, config: Config) -> None:
    """Refuse types of 8 bits, whose weights have scales; an input is turned to floats anyway."""
    value = config.get("dtype")
    held = value["config"].get("name", value["class_name"]) if isinstance(value, dict) else value
    if name != "InputLayer" and held not in FLOATS:
        raise FileError(f"minicnn has no dtype={held!r}, only floats")


def _refuse_other(setting: str, value: Any, allowed: tuple[Any, ...]) -> None:
    values = value if isinstance(value, list | tuple) else [value]
    if not values or any(each not in allowed for each in values):
        shown = " or ".join(map(repr, allowed))
        raise FileError(f"minicnn has no {setting}={value!r:.60}, only {shown}")


def _refuse_axis(axis: Any, rank: int) -> None:
    axis = axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis
    if axis not in (-1, rank):
        raise FileError(f"minicnn has no axis={axis!r:.60}, only -1, the channels")


# ------------------------------------------------------------------ how a setting is read


def _as_it_is(value: Any, input_shape: Shape) -> Any:
    """Return a number or a text; a list as a tuple, as minicnn's layers hold it."""
    return tuple(value) if isinstance(value, list) else value


def _activation(value: Any, input_shape: Shape) -> str | None:
    """Return the name of an activation that Keras has as a name, a function or a layer."""
    name = value
    if isinstance(value, dict) and value.get("class_name") == "function":
        name = FUNCTIONS.get(str(value.get("config")), value.get("config"))
        if name in ACTIVATIONS and name not in FUNCTIONS.values():
            name = f"{name}, a function of somebody's own"
    elif isinstance(value, dict) and "class_name" in value:
        layer = read_layer(value, input_shape)
        name = "relu" if isinstance(layer, nn.ReLU) else getattr(layer, "activation", name)
    name = FUNCTIONS.get(name, name) if isinstance(name, str) else name
    if name == "linear":
        return None
    if not isinstance(name, str) or name not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise FileError(f"minicnn has no activation {name!r:.60}, only {known}, linear")
    return name


def _initializer(value: Any, input_shape: Shape) -> str:
    """Keras's initializer if minicnn has it: the weights are drawn already."""
    name = value.get("class_name") if isinstance(value, dict) else value
    known = {"".join(word.title() for word in mine.split("_")): mine for mine in INITIALIZERS}
    return known.get(str(name), name if name in INITIALIZERS else "glorot_uniform")


def _size(value: Any, input_shape: Shape) -> int | Pair | None:
    if value is None:  # of a stride: as large as the window
        return None
    pair = as_pair(value, "a size")
    return pair[0] if pair[0] == pair[1] else pair


_IN: dict[str, Callable[[Any, Shape], Any]] = {
    "kernel_size": _size,
    "stride": _size,
    "pool_size": _size,
    "activation": _activation,
    "init": _initializer,
}


# ------------------------------------------------------------------ how a layer is written

KERAS_CLASSES = {kind.layer: name for name, kind in reversed(KINDS.items())}
KERAS_SETTINGS = {mine: theirs for theirs, mine in MINICNN_SETTINGS.items()}


def layer_config(layer: Module, name: str, dtype: str) -> Config:
    """Return a layer as Keras 3 describes it.

    - `name`: what it is called there; `dtype`: in what it calculates.
    """
    config: Config = {"name": name, "trainable": layer.trainable, "dtype": dtype}
    for setting in dataclasses.fields(layer):  # type: ignore[arg-type]
        if setting.init and setting.name != "name":
            value = getattr(layer, setting.name)
            mine = setting.name
            config[KERAS_SETTINGS.get(mine, mine)] = _OUT.get(mine, lambda v: v)(value)
    if config.get("strides", 0) is None:
        config["strides"] = config["pool_size"]
    return described_as(KERAS_CLASSES[type(layer)], config)


def described_as(kind: str, config: Config) -> Config:
    """Return a layer of Keras's and its settings as a file holds them."""
    return {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}


def _list(value: int | Pair | None) -> list[int] | None:
    return None if value is None else list(as_pair(value, "size"))


_OUT: dict[str, Callable[[Any], Any]] = {
    "kernel_size": _list,
    "stride": _list,
    "pool_size": _list,
    "activation": lambda name: name or "linear",
}
