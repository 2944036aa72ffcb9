"""Layers and models: building, shapes, weights, descriptions, and what they say when it goes wrong.

Their gradients are held in `tests/properties/test_layer_gradients.py`.
"""

import json
import math
import re

import numpy as np
import pytest

from minicnn import functional as F
from minicnn import kernels, nn, zoo
from minicnn.errors import SettingError, ShapeError, UnknownNameError
from minicnn.nn import init
from minicnn.tensor import Tensor

both_sets = pytest.mark.parametrize("kernel_set", kernels.SETS)


def images(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def small(**settings):
    """A model with every kind of memory: weights, running averages, dropout's generator."""
    return nn.Sequential(
        nn.Conv2D(3, 3, activation="relu"),
        nn.BatchNorm(),
        nn.MaxPool2D(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Dense(4),
        **settings,
    )


# ------------------------------------------------------------------ building


def test_weights_appear_with_the_first_input():
    model = small()
    assert (model.built, model.weights(), model.parameter_count()) == (False, {}, 0)
    assert model(images(2, 8, 8, 1)).shape == (2, 4)
    assert {name: w.shape for name, w in model.weights().items()} == {
        "conv2d.weight": (3, 3, 1, 3),
        "conv2d.bias": (3,),
        "batch_norm.gamma": (3,),
        "batch_norm.beta": (3,),
        "batch_norm.moving_mean": (3,),
        "batch_norm.moving_variance": (3,),
        "dense.weight": (27, 4),
        "dense.bias": (4,),
    }
    before = model.weights()
    model(images(3, 8, 8, 1))
    assert all((before[name] == w).all() for name, w in model.weights().items())


def test_only_trainable_weights_are_parameters():
    model = small(input_shape=(8, 8, 1))
    assert len(model.parameters()) == 6
    assert model.parameter_count() == 30 + 6 + 27 * 4 + 4


def test_the_same_seed_gives_the_same_weights_built_early_or_late():
    early, late, generator = (
        small(input_shape=(8, 8, 1)),
        small(),
        small(rng=np.random.default_rng(9)),
    )
    x = images(2, 8, 8, 1)
    np.testing.assert_array_equal(early(x).data, late(x).data)
    assert (early(x).data != generator(x).data).any()
    np.testing.assert_array_equal(
        small(rng=7, input_shape=(8, 8, 1)).weights()["dense.weight"],
        small(rng=np.random.default_rng(7), input_shape=(8, 8, 1)).weights()["dense.weight"],
    )
    other = small(rng=7, input_shape=(8, 8, 1)).weights()
    assert (other["dense.weight"] != early.weights()["dense.weight"]).any()


def test_the_same_seed_drops_the_same_values():
    x = images(2, 8, 8, 1)
    one, other = small(rng=3), small(rng=3)
    np.testing.assert_array_equal(one(x, training=True).data, other(x, training=True).data)
    assert (one(x, training=True).data != one(x, training=True).data).any()
    assert one.generators() == [one.rng]


def test_float32_stays_float32_through_a_whole_model():
    model = small(input_shape=(8, 8, 1))
    loss = F.softmax_cross_entropy(model(images(2, 8, 8, 1), training=True), np.array([0, 3]))
    loss.backward()
    assert loss.dtype == np.float32
    assert {p.grad.dtype for p in model.parameters()} == {np.dtype(np.float32)}
    assert {w.dtype for w in model.weights().values()} == {np.dtype(np.float32)}


@both_sets
def test_float64_inputs_train_a_float32_model(kernel_set):
    """Most of NumPy gives float64, and the check of inputs allows it."""
    x, labels = images(2, 8, 8, 1), np.array([0, 3])

    def gradients(x):
        model = small(input_shape=(8, 8, 1))
        F.softmax_cross_entropy(model(x, training=True), labels).backward()
        return [p.grad for p in model.parameters()]

    with kernels.use(kernel_set):
        for one, other in zip(gradients(x.astype(np.float64)), gradients(x), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
            assert one.dtype == np.float32


@both_sets
@pytest.mark.parametrize("follower", [nn.MaxPool2D(2), nn.MaxPool2D(2, 1), nn.AveragePool2D(2)])
@pytest.mark.parametrize("activation", ["relu", None])
def test_a_weight_that_is_no_number_makes_the_loss_none(activation, follower, kernel_set):
    """Training stops at a loss of NaN; no layer may turn NaN into a number on the way there."""
    follower.name = None
    layers = nn.Conv2D(2, 3, activation=activation), follower, nn.ReLU(), nn.Flatten(), nn.Dense(4)
    model = nn.Sequential(*layers, input_shape=(8, 8, 1))
    weights = model.weights()
    weights["conv2d.weight"][:] = np.nan
    model.set_weights(weights)
    with kernels.use(kernel_set):
        loss = F.softmax_cross_entropy(model(images(2, 8, 8, 1)), np.array([0, 3]))
    assert math.isnan(loss.item())


# ------------------------------------------------------------------ initial weights

LAW = {
    "glorot_uniform": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "glorot_normal": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "he_uniform": lambda fan_in, fan_out: 2 / fan_in,
    "he_normal": lambda fan_in, fan_out: 2 / fan_in,
    "zeros": lambda fan_in, fan_out: 0,
}


@pytest.mark.parametrize(
    ("shape", "fans"), [((300, 200), (300, 200)), ((3, 5, 40, 60), (600, 900))]
)
@pytest.mark.parametrize("name", LAW)
def test_initial_weights_have_the_variance_of_the_papers(name, shape, fans):
    w = init.initializer(name)(np.random.default_rng(0), shape)
    variance = LAW[name](*fans)
    # A sample's variance of n numbers is off by sqrt(2 / n), or less; three of those.
    assert w.var() == pytest.approx(variance, rel=3 * math.sqrt(2 / w.size))
    assert w.mean() == pytest.approx(0, abs=4 * math.sqrt(variance / w.size))
    assert (w.shape, w.dtype) == (shape, np.float32)
    if name.endswith("uniform"):
        limit = math.sqrt(3 * variance)
        assert 0.999 * limit < np.abs(w).max() <= np.float32(limit)


def test_the_known_initializers_and_the_nearest_of_an_unknown_one():
    assert {*init.INITIALIZERS} == {*LAW}
    with pytest.raises(UnknownNameError, match="'he_norml'; did you mean 'he_normal'"):
        nn.Dense(3, init="he_norml")


def test_biases_start_at_zero_and_layers_use_the_initializer_they_name():
    layers = nn.Conv2D(50, 3, init="he_normal"), nn.Dense(900, init="zeros")
    model = nn.Sequential(*layers[:1], nn.Flatten(), layers[1], input_shape=(3, 3, 8))
    weights = model.weights()
    assert not weights["dense.weight"].any()
    assert not weights["conv2d.bias"].any()
    assert weights["conv2d.weight"].var() == pytest.approx(2 / 72, rel=0.1)


# ------------------------------------------------------------------ the zoo, row by row

# What the reports on these models say.
PARAMETERS = {
    "mlp": 623_290,
    "cnn_baseline": 542_230,
    "cnn_simple": 592_074,
    "cnn_compact": 59_933,
    "cnn_classic": 225_034,
    "cnn_light": 225_034,
    "cnn_deeper": 329_962,
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_zoo_has_the_parameters_that_were_reported(name):
    model = zoo.build(name)
    assert model.parameter_count() == PARAMETERS[name]
    assert f"Total params: {PARAMETERS[name]:,} (" in model.summary()
    assert model(images(2, 28, 28, 1)).shape == (2, 10)


def test_the_zoo_is_complete():
    assert {*zoo.MODELS} == {*PARAMETERS}
    assert {*zoo.RECORDS} == {*MOST_PARAMETERS}
    assert {*zoo.ENTRIES} == {*PARAMETERS, *MOST_PARAMETERS}


MOST_PARAMETERS = {
    "best": 500_000,  # 2 MB
    "compact-best": PARAMETERS["cnn_compact"],
    "tiny-best": 10_000,
    "speedrun": 500_000,
}


@pytest.mark.parametrize("name", MOST_PARAMETERS)
def test_the_records_are_as_small_as_they_say(name):
    model = zoo.build(name)
    assert model.parameter_count() <= MOST_PARAMETERS[name]
    assert model(images(2, 28, 28, 1)).shape == (2, 10)


@pytest.mark.parametrize("name", MOST_PARAMETERS)
def test_a_record_has_no_epoch_chosen_and_no_picture_held_out(name):
    recipe = zoo.entry(name).recipe
    assert (recipe.keep, recipe.validation) == ("last", 0)


def test_global_average_pooling_by_hand():
    x = np.array([[1, 10], [2, 20], [3, 30], [6, 60]], np.float32).reshape(1, 2, 2, 2)
    np.testing.assert_array_equal(nn.GlobalAveragePool2D()(x).data, [[3, 30]])
    with pytest.raises(ShapeError, match=r"must be images \(N, H, W, C\), got \('N', 4\)"):
        nn.Sequential(nn.Flatten(), nn.GlobalAveragePool2D(), input_shape=(2, 2, 1))


def test_the_summary_of_cnn_classic_row_by_row():
    lines = zoo.build("cnn_classic").summary().splitlines()
    rows = [re.split(r"  +", line.strip()) for line in lines]
    assert rows[0] == ["Layer (type)", "Output shape", "Param #"]
    assert rows[2:-4] == [
        ["conv2d (Conv2D)", "(None, 26, 26, 32)", "320"],
        ["max_pool2d (MaxPool2D)", "(None, 13, 13, 32)", "0"],
        ["conv2d_1 (Conv2D)", "(None, 11, 11, 64)", "18,496"],
        ["max_pool2d_1 (MaxPool2D)", "(None, 5, 5, 64)", "0"],
        ["flatten (Flatten)", "(None, 1600)", "0"],
        ["dense (Dense)", "(None, 128)", "204,928"],
        ["dropout (Dropout)", "(None, 128)", "0"],
        ["dense_1 (Dense)", "(None, 10)", "1,290"],
    ]
    assert lines[-3:] == [
        "Total params: 225,034 (879.04 KB)",
        "Trainable params: 225,034 (879.04 KB)",
        "Non-trainable params: 0",
    ]
    assert len({len(line) for line in lines[:-3]}) == 1  # columns are aligned


def test_running_averages_are_counted_as_not_trainable():
    lines = small(input_shape=(8, 8, 1)).summary().splitlines()
    assert [line.split(" (")[0] for line in lines[-3:]] == [
        "Total params: 154",
        "Trainable params: 148",
        "Non-trainable params: 6",
    ]


def test_a_summary_needs_shapes():
    with pytest.raises(ShapeError, match="needs the input's shape"):
        small().summary()


# ------------------------------------------------------------------ names


def test_layers_are_named_as_keras_names_them():
    model = nn.Sequential(
        nn.ReLU(),
        nn.BatchNorm(),
        nn.AveragePool2D(),
        nn.Dense(1, name="dense_1"),
        nn.Dense(1),
        nn.Dense(1),
        nn.Dense(1),
    )
    assert [layer.name for layer in model.layers] == [
        "re_lu",
        "batch_norm",
        "average_pool2d",
        "dense_1",
        "dense",
        "dense_2",
        "dense_3",
    ]


def test_two_layers_cannot_have_one_name():
    with pytest.raises(ShapeError, match="two layers have the same name: a"):
        nn.Sequential(nn.ReLU(name="a"), nn.ReLU(name="b"), nn.Flatten(name="a"))


def test_a_model_needs_a_layer():
    with pytest.raises(ShapeError, match="at least one layer"):
        nn.Sequential()


# ------------------------------------------------------------------ descriptions


def test_a_description_survives_json_and_builds_the_same_model():
    model = nn.Sequential(
        nn.Conv2D(3, (3, 2), stride=(1, 2), padding="same", activation="tanh", init="he_normal"),
        nn.BatchNorm(momentum=0.9, epsilon=1e-5, name="norm"),
        nn.MaxPool2D((2, 1), stride=1),
        nn.AveragePool2D(2, padding="same"),
        nn.ReLU(),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Dense(5, activation="sigmoid"),
        nn.Activation("softmax"),
        input_shape=(9, 8, 2),
        rng=5,
    )
    config = json.loads(json.dumps(model.config()))
    again = nn.Sequential.from_config(config, rng=5)
    assert again.config() == model.config()
    assert again.summary() == model.summary()
    x = images(2, 9, 8, 2)
    np.testing.assert_array_equal(again(x).data, model(x).data)


def test_a_description_holds_what_differs_from_the_defaults():
    model = nn.Sequential(nn.Conv2D(3, 3), nn.Flatten(), nn.Dense(2, activation="relu"))
    assert model.config() == {
        "input_shape": None,
        "layers": [
            {"layer": "Conv2D", "filters": 3, "kernel_size": 3, "name": "conv2d"},
            {"layer": "Flatten", "name": "flatten"},
            {"layer": "Dense", "units": 2, "activation": "relu", "name": "dense"},
        ],
    }
    assert not nn.Sequential.from_config(model.config()).built


def test_unknown_layers_have_no_description():
    class Mine(nn.Module):
        pass

    with pytest.raises(UnknownNameError, match="unknown layer 'Mine'"):
        nn.Sequential(Mine()).config()
    with pytest.raises(UnknownNameError, match="unknown layer 'Danse'; did you mean 'Dense'"):
        nn.Sequential.from_config({"layers": [{"layer": "Danse", "units": 3}]})


# ------------------------------------------------------------------ setting weights


def unfitting(weights, name):
    last = "dense.bias"
    return {
        "one is missing": {n: w for n, w in weights.items() if n != last},
        "one too many": {**weights, "dense_9.bias": weights[last]},
        "another name": {**{n: w for n, w in weights.items() if n != last}, "x": weights[last]},
        "another shape": {**weights, last: np.zeros(5)},
        "a shape that broadcasts": {**weights, last: np.zeros(1)},
        "not numbers": {**weights, last: np.array(["a", "b", "c", "d"])},
    }[name]


MESSAGES = {
    "one is missing": r"missing \['dense.bias'\], unknown \[\]",
    "one too many": r"missing \[\], unknown \['dense_9.bias'\]",
    "another name": r"missing \['dense.bias'\], unknown \['x'\]",
    "another shape": r"'dense.bias' has shape \(4,\), got \(5,\)",
    "a shape that broadcasts": r"'dense.bias' has shape \(4,\), got \(1,\)",
    "not numbers": "dense.bias",
}


@pytest.mark.parametrize("name", MESSAGES)
def test_weights_that_do_not_fit_change_nothing(name):
    model = small(input_shape=(8, 8, 1))
    before = model.weights()
    others = {n: w + 1 for n, w in before.items()}
    with pytest.raises((SettingError, ShapeError), match=MESSAGES[name]):
        model.set_weights(unfitting(others, name))
    for n, w in model.weights().items():
        np.testing.assert_array_equal(w, before[n])


def test_weights_go_from_one_model_to_another():
    one, other = small(input_shape=(8, 8, 1), rng=1), small(input_shape=(8, 8, 1), rng=2)
    other.set_weights(one.weights())
    x = images(2, 8, 8, 1)
    np.testing.assert_array_equal(one(x).data, other(x).data)
    weights = one.weights()
    weights["dense.bias"] += 1  # a copy, both ways
    other.set_weights(weights)
    weights["dense.bias"] += 1
    assert (other.weights()["dense.bias"] == 1).all()
    assert not one.weights()["dense.bias"].any()


def test_a_model_without_weights_yet_takes_none():
    with pytest.raises(ShapeError, match="no weights yet"):
        small().set_weights(small(input_shape=(8, 8, 1)).weights())


def test_new_weights_are_a_change_in_place_for_the_tape():
    model = small(input_shape=(8, 8, 1))
    loss = model(images(2, 8, 8, 1)).sum()
    model.set_weights(model.weights())
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


def test_gradients_are_forgotten_on_request():
    model = small(input_shape=(8, 8, 1))
    model(images(2, 8, 8, 1), training=True).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())


# ------------------------------------------------------------------ modules of one's own


def test_weights_are_found_in_attributes_lists_and_modules_within():
    class Block(nn.Module):
        def __init__(self):
            self.parts = [nn.Dense(2), nn.Dense(2, name="named")]
            self.last = nn.Dense(1)

        def build(self, input_shape, rng):
            self.scale = Tensor(np.ones(2), requires_grad=True)

        def forward(self, x, training):
            for part in self.parts:
                x = part(x, training)
            return self.last(x * self.scale, training)

    block = Block()
    assert block(images(3, 4)).shape == (3, 1)
    names = [name for name, _ in block.named_tensors()]
    layers = ("parts.0", "named", "last")
    assert names == ["scale", *[f"{layer}.{w}" for layer in layers for w in ("weight", "bias")]]
    assert [type(m).__name__ for m in block.modules()] == ["Block", *["Dense"] * 3]


def test_a_module_must_have_a_forward():
    with pytest.raises(TypeError, match="Module has no forward"):
        nn.Module()(images(1, 2))


# ------------------------------------------------------------------ inputs that are refused

NAN, INFINITE = images(2, 8, 8, 1), images(2, 8, 8, 1)
NAN[1, 2, 3, 0] = np.nan
INFINITE[0, 0, 7, 0] = -np.inf

REFUSED = {
    "bytes": (np.zeros((2, 8, 8, 1), np.uint8), r"got uint8; scale pictures to 0\.\.1 first"),
    "integers": (np.zeros((2, 8, 8, 1), int), "must be float32 or float64, got int64"),
    "not a number": (NAN, r"holds nan at \(1, 2, 3, 0\); every value must be finite"),
    "infinity": (INFINITE, r"holds -inf at \(0, 0, 7, 0\); every value must be finite"),
    "no batch": (images(8), r"must be a batch \(N, \.\.\.\), got shape \(8,\)"),
    "one image": (images(8, 8, 1), r"takes \('N', 8, 8, 1\), got an input of \(8, 8, 1\)"),
    "other images": (images(2, 8, 9, 1), r"takes \('N', 8, 8, 1\), got .* \(2, 8, 9, 1\)"),
}


@pytest.mark.parametrize(("x", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_an_input_that_would_train_wrong_is_refused(x, message):
    model = small(input_shape=(8, 8, 1))
    with pytest.raises(ShapeError, match=message):
        model(x)
    with pytest.raises(ShapeError, match=message):
        model.predict(x)


def test_an_error_names_the_layer_and_the_arithmetic():
    """On building as on running."""
    wanted = (
        "Conv2D 'conv2d_1': an input with 2 rows is smaller than the window of 3: "
        "(2 - 3) // 1 + 1 = 0 rows"
    )
    layers = nn.Conv2D(2, 3), nn.MaxPool2D(2), nn.Conv2D(2, 3)
    with pytest.raises(ShapeError) as on_building:
        nn.Sequential(*layers, input_shape=(6, 9, 1))
    with pytest.raises(ShapeError) as on_running:
        nn.Sequential(*layers)(images(1, 6, 9, 1))
    assert str(on_building.value) == str(on_running.value) == wanted


def test_of_layers_within_layers_the_innermost_is_named_and_no_other():
    inner = nn.Sequential(nn.ReLU(), nn.Dense(2, name="culprit"))
    model = nn.Sequential(nn.ReLU(), inner)
    with pytest.raises(ShapeError, match=r"^Dense 'culprit': the input must be rows"):
        model(images(1, 6, 9, 1))


UNFITTING = {
    "dense on images": (nn.Dense(3), (2, 4, 4, 1), r"Dense 'here': .*rows \(N, in\)"),
    "convolution of rows": (nn.Conv2D(3, 1), (2, 4), r"Conv2D 'here': .*images \(N, H, W, C\)"),
    "pooling of rows": (nn.MaxPool2D(), (2, 4), r"MaxPool2D 'here': .*images \(N, H, W, C\)"),
    "pool too large": (nn.AveragePool2D(5), (2, 4, 4, 1), r"\(4 - 5\) // 5 \+ 1 = 0 rows"),
}


@pytest.mark.parametrize(("layer", "shape", "message"), UNFITTING.values(), ids=UNFITTING.keys())
def test_a_layer_says_what_it_needs(layer, shape, message):
    layer.name = "here"
    with pytest.raises(ShapeError, match=message):
        layer(images(*shape))


def test_a_built_layer_holds_on_to_its_input():
    dense, norm, convolution = nn.Dense(3), nn.BatchNorm(), nn.Conv2D(3, 1)
    for layer, shape in ((dense, (2, 4)), (norm, (2, 4)), (convolution, (2, 5, 5, 4))):
        layer(images(*shape))
        with pytest.raises(ShapeError, match="4"):
            layer(images(*shape[:-1], 5))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Dense(0), "units must be a positive integer, got 0"),
        (lambda: nn.Conv2D(2.5, 3), "filters must be a positive integer, got 2.5"),
        (lambda: nn.Conv2D(2, 0), "kernel_size must be a positive integer or a pair of them"),
        (lambda: nn.Conv2D(2, (3, 3, 3)), r"got \(3, 3, 3\)"),
        (lambda: nn.Conv2D(2, 3, stride=0), "stride must be a positive integer"),
        (lambda: nn.MaxPool2D(2, stride=(1, -1)), r"stride .*got \(1, -1\)"),
        (lambda: nn.MaxPool2D(2, stride=0), "stride .*got 0"),
        (lambda: nn.Dropout(1.0), r"rate must be in \[0, 1\), got 1.0"),
        (lambda: nn.Dropout(-0.1), r"got -0.1"),
        (lambda: nn.Conv2D(2, 3, padding="smae"), "'smae'; did you mean 'same'"),
        (lambda: nn.MaxPool2D(padding="full"), "unknown padding 'full'"),
        (lambda: nn.Dense(2, activation="rleu"), "'rleu'; did you mean 'relu'"),
        (lambda: nn.Activation("gelu"), "unknown activation 'gelu'"),
    ],
)
def test_settings_that_cannot_be_are_refused_at_once(make, message):
    with pytest.raises((SettingError, ShapeError, UnknownNameError), match=message):
        make()


# ------------------------------------------------------------------ what layers compute


def test_predict_goes_batch_by_batch_and_records_nothing():
    model, x = small(input_shape=(8, 8, 1)), images(7, 8, 8, 1)
    seen = []
    forward = model.forward

    def watched(x, training):
        y = forward(x, training)
        seen.append((len(x), training, y.requires_grad))
        return y

    model.forward = watched
    y = model.predict(x, batch_size=3)
    assert seen == [(3, False, False), (3, False, False), (1, False, False)]
    np.testing.assert_allclose(y, forward(Tensor(x), False).data, rtol=1e-6, atol=1e-7)
    with pytest.raises(ShapeError, match="at least one input"):
        model.predict(x[:0])


def test_flatten_is_row_major():
    x = np.arange(24.0).reshape(2, 2, 3, 2)
    assert nn.Flatten()(x).data.tolist() == [list(range(12)), list(range(12, 24))]


def test_dropout_keeps_the_mean_and_scales_what_it_keeps():
    layer, x = nn.Dropout(0.2), np.full((400, 500), 2.0, np.float32)
    layer.ensure_built((500,), np.random.default_rng(0))
    y = layer(x, training=True).data
    assert np.unique(y).tolist() == [0, 2.5]
    deviation = 2.5 * math.sqrt(0.2 * 0.8 / y.size)
    assert y.mean() == pytest.approx(2, abs=4 * deviation)
    assert (y == 0).mean() == pytest.approx(0.2, abs=4 * deviation / 2.5)


def test_dropout_drops_rows_and_columns_alike():
    layer = nn.Dropout(0.5)
    layer.ensure_built((300,), np.random.default_rng(0))
    y = layer(np.ones((300, 300), np.float32), training=True).data
    for axis in (0, 1):
        assert np.abs(y.mean(axis=axis) - 1).max() < 5 / math.sqrt(300)


def test_dropout_does_nothing_outside_training_or_at_rate_0():
    x = images(5, 6)
    for layer, training in ((nn.Dropout(0.9), False), (nn.Dropout(0.0), True)):
        np.testing.assert_array_equal(layer(x, training=training).data, x)


def test_batch_norm_in_training_uses_the_batch():
    layer = nn.BatchNorm(epsilon=0.25)
    x = 3 + 2 * np.random.default_rng(0).standard_normal((6, 5, 4, 3))
    y = layer(x, training=True).data
    mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(variance + 0.25), rtol=1e-12, atol=1e-14)
    layer.gamma[...], layer.beta[...] = [2, 3, 4], [5, 6, 7]
    scaled = layer(x, training=True).data
    np.testing.assert_allclose(scaled, y * [2, 3, 4] + [5, 6, 7], rtol=1e-6)


def test_batch_norm_keeps_running_averages_for_inference():
    """From 0 and 1 on, average = 0.75 * average + 0.25 * batch's: three batches by hand."""
    layer = nn.BatchNorm(momentum=0.75)
    mean, variance = np.zeros(2), np.ones(2)
    for offset in (0, 10, 20):
        x = offset + np.array([[-1.0, -2], [1, 2]])
        layer(x, training=True)
        mean, variance = 0.75 * mean + 0.25 * offset, 0.75 * variance + 0.25 * np.array([1, 4])
    np.testing.assert_allclose(layer.moving_mean.data, mean, rtol=1e-6)
    np.testing.assert_allclose(layer.moving_variance.data, variance, rtol=1e-6)
    x = images(4, 2)
    np.testing.assert_allclose(
        layer(x).data, (x - mean) / np.sqrt(variance + 1e-3), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(layer.moving_mean.data, mean, rtol=1e-6)  # inference left it alone


def conv(activation):
    return nn.Conv2D(4, 3, activation=activation)


NEIGHBOURS = {
    "relu inside, pool": lambda: [conv("relu"), nn.MaxPool2D(2)],
    "relu behind, pool": lambda: [conv(None), nn.ReLU(), nn.MaxPool2D(2)],
    "relu twice, oblong pool": lambda: [conv("relu"), nn.ReLU(), nn.MaxPool2D((3, 1))],
    "relu and no pool": lambda: [conv(None), nn.ReLU()],
    "pool and no relu": lambda: [conv(None), nn.MaxPool2D(2), nn.ReLU()],
    "tanh, then relu": lambda: [conv("tanh"), nn.ReLU(), nn.MaxPool2D(2)],
    "tanh, pool": lambda: [conv("tanh"), nn.MaxPool2D(2)],
    "relu, another activation": lambda: [conv("relu"), nn.Activation("tanh"), nn.MaxPool2D(2)],
    "overlapping pool": lambda: [conv("relu"), nn.MaxPool2D(2, stride=1)],
    "pool with gaps": lambda: [conv("relu"), nn.MaxPool2D(2, stride=(2, 3))],
    "padded pool": lambda: [conv("relu"), nn.MaxPool2D(2, padding="same")],
    "average pool": lambda: [conv("relu"), nn.AveragePool2D(2)],
    "dropout between": lambda: [conv("relu"), nn.Dropout(0.5), nn.MaxPool2D(2)],
    "normed": lambda: [conv(None), nn.BatchNorm(), nn.ReLU()],
    "normed, pool": lambda: [conv(None), nn.BatchNorm(), nn.ReLU(), nn.MaxPool2D(2)],
    "normed, no relu": lambda: [conv(None), nn.BatchNorm(), nn.MaxPool2D(2)],
    "normed behind relu": lambda: [conv("relu"), nn.BatchNorm(), nn.ReLU()],
    "normed behind pool": lambda: [conv("relu"), nn.MaxPool2D(2), nn.BatchNorm(), nn.ReLU()],
    "normed rows": lambda: [nn.Flatten(), nn.Dense(7), nn.BatchNorm(), nn.ReLU()],
    "twice": lambda: [conv("relu"), nn.MaxPool2D(2), conv(None), nn.ReLU(), nn.MaxPool2D((1, 2))],
}


def with_statistics(model):
    """The model as it is after some training: running averages that are not 0 and 1."""
    rng = np.random.default_rng(2)
    for layer in model.layers:
        if isinstance(layer, nn.BatchNorm):
            for tensor in (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance):
                tensor[...] = rng.uniform(0.2, 1, tensor.shape)
    return model


@both_sets
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("layers", NEIGHBOURS.values(), ids=NEIGHBOURS.keys())
def test_a_model_computes_what_its_layers_compute_one_by_one(layers, training, kernel_set):
    """It may take neighbours together; nobody must be able to tell."""
    x = images(3, 9, 10, 2)

    def together(model, y):
        return model(y, training)

    def one_by_one(model, y):
        for layer in model.layers:
            y = layer(y, training)
        return y

    def values_and_gradients(run):
        model = with_statistics(nn.Sequential(*layers(), input_shape=x.shape[1:]))
        start = Tensor(x, requires_grad=True)
        y = run(model, start)
        assert y.shape[1:] == model.output_shape(x.shape[1:])
        y.backward(np.random.default_rng(1).standard_normal(y.shape))
        return {"y": y.data, "dx": start.grad, "after": model.weights()} | {
            name: p.grad for name, p in model.named_tensors() if p.requires_grad
        }

    with kernels.use("reference"):
        expected = values_and_gradients(one_by_one)
    with kernels.use(kernel_set):
        found = values_and_gradients(together)
    for name, one in expected.pop("after").items():
        np.testing.assert_allclose(found["after"][name], one, rtol=2e-6, atol=4e-6, err_msg=name)
    for name, one in expected.items():
        np.testing.assert_allclose(found[name], one, rtol=2e-6, atol=4e-6, err_msg=name)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("mine_at", [0, 1, 2, 3])
def test_a_layer_of_ones_own_is_never_passed_by(mine_at, training):
    """A subclass with its own forward pass runs as written, whatever stands beside it."""
    kinds = [nn.Conv2D, nn.BatchNorm, nn.ReLU, nn.MaxPool2D]
    ran = []

    class Mine(kinds[mine_at]):
        def forward(self, x, training):
            ran.append(type(self))
            return super().forward(x, training)

    kinds[mine_at] = Mine
    model = nn.Sequential(
        kinds[0](4, 3), kinds[1](), kinds[2](), kinds[3](2), input_shape=(9, 9, 1)
    )
    model(images(2, 9, 9, 1), training)
    assert ran == [Mine]
