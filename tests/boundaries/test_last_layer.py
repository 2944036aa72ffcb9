"""The last layer: what a model's outputs mean, wherever they are used.

Held here: a model knows whether it ends in logits, a softmax, sigmoids or numbers, whatever stands
behind its last activation; probabilities, losses, files and answers follow from that, or a sentence
says why there are none. The expected numbers are worked out by NumPy in float64, and by Keras.
"""

import json
import re

import numpy as np
import pytest
from PIL import Image
from scipy.special import expit, softmax

import minicnn as mc
from minicnn import functional as F
from minicnn import nn, optim
from minicnn.bridge.export import export
from minicnn.bridge.h5 import h5_bytes, read_h5
from minicnn.bridge.onnx import onnx_bytes, run_onnx
from minicnn.data import Dataset
from minicnn.errors import MinicnnError, SettingError, ShapeError
from minicnn.experiments.ensembles import ensemble
from minicnn.experiments.opening import open_model
from minicnn.insight.doctor import diagnose
from minicnn.insight.inspection import saliency
from minicnn.reader.recognise import predict
from minicnn.tensor import Tensor
from minicnn.training.checkpoint import load_model, save_model
from minicnn.training.tta import VIEWS, predict_with_tta
from minicnn.web.model_info import model_info

QUIET = {"progress": False, "validation": None, "epochs": 1}
PICTURE = (4, 4, 1)


class Own(nn.Module):
    """A function with a forward alone."""

    def __init__(self, function):
        self.function = function

    def forward(self, x, training):
        return self.function(x)


def by_hand(x):
    e = F.exp(x - x.data.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def dense(units, activation=None):
    return [nn.Flatten(), nn.Dense(units, activation)]


def conv(filters, size, activation):
    """Of pictures of 4 by 4 pixels: 3 gives 2 by 2 places, 4 one."""
    return [nn.Conv2D(filters, size, activation=activation)]


LOGITS = {
    "dense": lambda: dense(3),
    "two": lambda: dense(2),
    "norm": lambda: [*dense(3), nn.BatchNorm()],
    "relu, pooled": lambda: [*conv(3, 3, "relu"), nn.GlobalAveragePool2D()],
    "own": lambda: [*dense(3), Own(lambda x: x * 2)],
    "gated": lambda: [*dense(3), Own(lambda x: F.sigmoid(x) * x)],
}
SOFTMAX = {
    "dense": lambda: dense(3, "softmax"),
    "layer": lambda: [*dense(3), nn.Activation("softmax")],
    "dropout": lambda: [*dense(3, "softmax"), nn.Dropout(0.5)],
    "flatten": lambda: [*conv(3, 4, "softmax"), nn.Flatten()],
    "reshape": lambda: [*conv(3, 4, "softmax"), nn.Reshape((3,))],
    "mean": lambda: [*conv(3, 3, "softmax"), nn.GlobalAveragePool2D()],
    "average": lambda: [*conv(3, 3, "softmax"), nn.AveragePool2D(2), nn.Flatten()],
    "by hand": lambda: [*dense(3), Own(by_hand)],
    "in NumPy": lambda: [*dense(3), Own(lambda x: Tensor(softmax(x.data, axis=1)))],
    "scaled by 1": lambda: [*dense(3, "softmax"), nn.Rescaling(1.0)],
    "nested": lambda: [nn.Sequential(*dense(3, "softmax"))],
    "own": lambda: [*dense(3), Own(F.softmax)],
}
ONE_SIGMOID = {
    "dense": lambda: dense(1, "sigmoid"),
    "layer": lambda: [*dense(1), nn.Activation("sigmoid")],
    "dropout": lambda: [*dense(1, "sigmoid"), nn.Dropout(0.5)],
    "flatten": lambda: [*conv(1, 4, "sigmoid"), nn.Flatten()],
    "mean": lambda: [*conv(1, 3, "sigmoid"), nn.GlobalAveragePool2D()],
    "own": lambda: [*dense(1), Own(F.sigmoid)],
}
SIGMOIDS = {
    "dense": lambda: dense(3, "sigmoid"),
    "flatten": lambda: [*conv(3, 4, "sigmoid"), nn.Flatten()],
    "mean": lambda: [*conv(3, 3, "sigmoid"), nn.GlobalAveragePool2D()],
    "largest of softmaxes": lambda: [*conv(3, 3, "softmax"), nn.MaxPool2D(2), nn.Flatten()],
}
NUMBERS = {
    "one number.*Dense\\(2\\)": lambda: dense(1),
    "one unit of softmax, which is always 1": lambda: dense(1, "softmax"),
    "ends in tanh": lambda: dense(3, "tanh"),
    "ends in relu": lambda: dense(3, "relu"),
    "a sigmoid that is scaled": lambda: [*dense(3, "sigmoid"), nn.Rescaling(255)],
    "a softmax that is scaled": lambda: [*dense(3, "softmax"), nn.Rescaling(1.0, -0.5)],
    "\\(2, 2, 3\\)": lambda: conv(3, 3, None),
}
KINDS = {"logits": LOGITS, "softmax": SOFTMAX, "one sigmoid": ONE_SIGMOID, "sigmoids": SIGMOIDS}
CASES = [pytest.param(kind, case, id=f"{kind} {case}") for kind in KINDS for case in KINDS[kind]]
every_end = pytest.mark.parametrize(("kind", "case"), CASES)
every_number = pytest.mark.parametrize("why", NUMBERS)


def model_of(layers, seed=0, shape=PICTURE):
    """With random weights, of which none is 0."""
    model = nn.Sequential(*layers, input_shape=shape)
    rng = np.random.default_rng(seed)
    model.set_weights({n: rng.uniform(0.1, 1, w.shape) for n, w in model.weights().items()})
    for name, weight in model.named_tensors():
        if name.endswith(("weight", "bias")):
            weight[...] = rng.normal(0, 1, weight.shape)
    return model


def pictures(classes=3, count=30, shape=PICTURE):
    x = np.random.default_rng(1).integers(0, 256, (count, *shape), np.uint8)
    return Dataset(x, np.arange(count) % classes, tuple("abc"[:classes]))


def expected(kind, outputs):
    """Probabilities (N, classes) in float64."""
    y = outputs.astype(np.float64)
    if kind == "logits":
        return softmax(y, axis=1)
    return np.hstack([1 - y, y]) if kind == "one sigmoid" else y


def cross_entropy(kind, p, labels):
    """Of probabilities: the categorical one, or the mean over the sigmoids of the binary one."""
    true = np.eye(p.shape[1])[labels]
    if kind != "sigmoids":
        return -np.log((p * true).sum(axis=1)).mean()
    return -(true * np.log(p) + (1 - true) * np.log(1 - p)).mean()


# ------------------------------------------------------------------ what it is, and measuring it


@every_end
def test_a_model_is_measured_by_what_its_outputs_are(kind, case):
    model = model_of(KINDS[kind][case]())
    assert model.head.kind == ("sigmoids" if kind == "one sigmoid" else kind)
    outputs = model.predict(pictures().scaled())
    p = expected(kind, outputs)
    assert model.classes == p.shape[1]
    data = pictures(p.shape[1])
    found = mc.evaluate(model, data)
    np.testing.assert_allclose(found.probabilities, p, rtol=1e-5, atol=1e-7)
    assert found.accuracy == (p.argmax(axis=1) == data.labels).mean()
    assert found.loss == pytest.approx(cross_entropy(kind, p, data.labels), rel=1e-4)


@every_number
def test_numbers_are_no_classes_and_every_use_says_so(why, tmp_path):
    model, data = model_of(NUMBERS[why]()), pictures()
    assert model.head.kind == "numbers"
    with pytest.raises(ShapeError, match=f"gives no classes: .*{why}"):
        _ = model.head.classes
    with pytest.raises(ShapeError, match=why):
        mc.evaluate(model, data)
    with pytest.raises(ShapeError, match=why):
        mc.fit(model, data, batch_size=10, **QUIET)
    with pytest.raises(ShapeError, match=why):
        ensemble([model, model_of(NUMBERS[why](), seed=1)])
    assert re.search(why, str(diagnose(model, data)))
    with pytest.raises(SettingError, match=why):
        export(model, tmp_path / "model.onnx", data=(data, data), progress=False)
    assert not [*tmp_path.iterdir()]


def test_the_weights_do_not_make_logits_a_distribution():
    """A net that gives the same class to every picture, as tests and lessons make them."""
    model = nn.Sequential(*dense(3), input_shape=PICTURE)
    model.set_weights({"dense.weight": np.zeros((16, 3)), "dense.bias": [0, 1, 0]})
    assert model.head.kind == "logits"
    model.set_weights({"dense.weight": np.full((16, 3), np.nan), "dense.bias": [0, 1, 0]})
    assert model.head.kind == "logits"


def test_what_is_frozen_or_asked_without_a_tape_is_known_too():
    model = model_of(dense(1, "sigmoid"))
    model.trainable = False
    with mc.no_grad():
        assert mc.evaluate(model, pictures(2)).probabilities.shape == (30, 2)


# ------------------------------------------------------------------ training


@pytest.mark.parametrize("case", SOFTMAX)
def test_a_model_that_ends_in_softmax_is_told_by_fit(case):
    model = model_of(SOFTMAX[case]())
    before = model.weights()
    with pytest.raises(ShapeError, match=r"softmax.*end in logits"):
        mc.fit(model, pictures(), batch_size=10, **QUIET)
    for name, value in model.weights().items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize(("units", "classes"), [(1, 2), (3, 3)])
def test_a_step_on_sigmoids_goes_down_the_binary_cross_entropy(units, classes):
    """d loss / d z = (sigmoid(z) - target) / (N · units), by hand."""
    model, data = model_of(dense(units, "sigmoid")), pictures(classes)
    x, before = data.scaled().reshape(30, 16).astype(np.float64), model.weights()
    z = x @ before["dense.weight"] + before["dense.bias"]
    target = data.labels[:, None] if units == 1 else np.eye(3)[data.labels]
    dz = (expit(z) - target) / target.size
    history = mc.fit(model, data, optimizer=optim.SGD(0.5), batch_size=30, **QUIET)
    p = expit(z)
    loss = -(target * np.log(p) + (1 - target) * np.log(1 - p)).mean()
    assert history["loss"][0] == pytest.approx(loss, rel=1e-5)
    after = before["dense.weight"] - 0.5 * x.T @ dz
    np.testing.assert_allclose(model.weights()["dense.weight"], after, rtol=1e-5, atol=1e-6)
    right = (p[:, 0] > 0.5) if units == 1 else p.argmax(axis=1)
    assert history["accuracy"][0] == pytest.approx((right == data.labels).mean())


def test_a_saturated_sigmoid_still_learns():
    """Far out the sigmoid is 1 in float32, and the gradient by way of it 0."""
    model = nn.Sequential(*dense(1, "sigmoid"), input_shape=PICTURE)
    model.set_weights({"dense.weight": np.zeros((16, 1)), "dense.bias": [40.0]})
    data = Dataset(pictures(2).images, np.zeros(30, int), ("a", "b"))
    history = mc.fit(model, data, optimizer=optim.SGD(1.0), batch_size=30, **QUIET)
    assert history["loss"] == [pytest.approx(40)]
    assert model.layers[1].bias.item() == pytest.approx(39)


def test_label_smoothing_of_sigmoids_is_that_of_the_binary_labels():
    """As in Keras: the label 1 becomes 1 - s/2, the label 0 s/2."""
    model, data = model_of(dense(1, "sigmoid")), pictures(2)
    p = expected("one sigmoid", model.predict(data.scaled()))[:, 1]
    target = data.labels * 0.8 + 0.1
    loss = -(target * np.log(p) + (1 - target) * np.log(1 - p)).mean()
    history = mc.fit(model, data, label_smoothing=0.2, batch_size=30, **QUIET)
    assert history["loss"] == [pytest.approx(loss, rel=1e-5)]


def test_one_sigmoid_is_for_two_classes():
    with pytest.raises(ShapeError, match=r"gives \(1,\) outputs.* has 3 classes"):
        mc.fit(model_of(dense(1, "sigmoid")), pictures(3), batch_size=10, **QUIET)


@pytest.mark.parametrize("kind", ["logits", "one sigmoid", "sigmoids"])
def test_two_kinds_of_pictures_are_learnt(kind):
    images = np.zeros((40, *PICTURE), np.uint8)
    images[1::2, :, :2] = 255
    data = Dataset(images, np.arange(40) % 2)
    units = {"logits": dense(2), "one sigmoid": dense(1, "sigmoid")}.get(kind, dense(2, "sigmoid"))
    model = nn.Sequential(*units, input_shape=PICTURE)
    settings = {**QUIET, "epochs": 10, "validation": 0.2}
    history = mc.fit(model, data, optimizer=optim.Adam(0.1), batch_size=8, **settings)
    assert history["val_accuracy"][-1] == 1
    assert mc.evaluate(model, data).accuracy == 1


def test_the_doctor_knows_the_kinds():
    images, labels = pictures(2).scaled(), pictures(2).labels
    found = diagnose(model_of(dense(1, "sigmoid")), (images, labels))
    assert not found.of("problem") or all(f.about == "pairing" for f in found.of("problem"))
    told = diagnose(model_of(dense(3, "softmax")), pictures()).of("problem")
    assert any("softmax" in f.says for f in told)


# ------------------------------------------------------------------ several answers as one


@pytest.mark.parametrize("kind", KINDS)
def test_views_and_ensembles_average_probabilities(kind):
    layers = KINDS[kind]["dense"]
    members = [model_of(layers(), seed, (6, 6, 1)) for seed in (0, 1)]
    data = pictures(members[0].classes, shape=(6, 6, 1))
    each = [expected(kind, member.predict(data.scaled())) for member in members]
    joined = ensemble(members)
    assert joined.classes == members[0].classes
    found = mc.evaluate(joined, data)
    np.testing.assert_allclose(found.probabilities, np.mean(each, axis=0), rtol=1e-5, atol=1e-7)
    assert found.loss == pytest.approx(
        cross_entropy(kind, np.mean(each, axis=0), data.labels), rel=1e-4
    )
    views = [data.scaled(), *(_moved(data.scaled(), view) for view in VIEWS[1:5])]
    each = [expected(kind, members[0].predict(view)) for view in views]
    found = mc.evaluate(members[0], data, tta=5)
    np.testing.assert_allclose(found.probabilities, np.mean(each, axis=0), rtol=1e-5, atol=1e-6)
    assert predict_with_tta(members[0], data.scaled(), 5).shape == (30, members[0].outputs)


def _moved(x, view):
    from minicnn import kernels

    n = len(x)
    nothing_else = np.zeros((n, 1, 1, 2)), np.zeros(n), np.zeros((n, 4), np.int64)
    return kernels.augment(x, np.tile(view, (n, 1, 1)), *nothing_else)


def test_an_ensemble_may_mix_logits_and_softmaxes_but_not_sigmoids():
    members = [model_of(dense(3)), model_of(dense(3, "softmax"), 1)]
    data = pictures()
    p = [expected(k, m.predict(data.scaled())) for k, m in zip(KINDS, members, strict=False)]
    found = mc.evaluate(ensemble(members), data)
    np.testing.assert_allclose(found.probabilities, np.mean(p, axis=0), rtol=1e-5, atol=1e-7)
    with pytest.raises(ShapeError, match="some members end in sigmoids and some do not"):
        ensemble([members[0], model_of(dense(3, "sigmoid"))])


# ------------------------------------------------------------------ files


def in_files():
    """What ONNX and Keras have a layer for."""
    return [
        pytest.param(kind, case, id=f"{kind} {case}")
        for kind in KINDS
        for case in KINDS[kind]
        if case not in ("own", "gated", "by hand", "in NumPy", "nested")
    ]


@pytest.mark.parametrize(("kind", "case"), in_files())
def test_files_give_the_probabilities(kind, case, tmp_path):
    model = model_of(KINDS[kind][case]())
    x = pictures().scaled()
    p = expected(kind, model.predict(x))
    theirs = run_onnx(onnx_bytes(model), x)
    np.testing.assert_allclose(
        theirs, p[:, 1:] if kind == "one sigmoid" else p, rtol=1e-5, atol=1e-6
    )
    (tmp_path / "model.h5").write_bytes(h5_bytes(model))
    again = read_h5(tmp_path / "model.h5")
    np.testing.assert_allclose(again.head.probabilities(again.predict(x)), p, rtol=1e-5, atol=1e-6)


@every_number
def test_files_give_numbers_as_they_are(why, tmp_path):
    model, x = model_of(NUMBERS[why]()), pictures().scaled()
    theirs = run_onnx(onnx_bytes(model), x)
    np.testing.assert_allclose(theirs, model.predict(x), rtol=1e-4, atol=1e-5)


def test_an_export_is_checked_by_what_it_gives(tmp_path):
    data = pictures(2)
    made = export(
        model_of(dense(1, "sigmoid")), tmp_path / "a.onnx", data=(data, data), progress=False
    )
    assert made.agreement == 1
    assert made.accuracy == made.model_accuracy < 1
    assert 0 < made.largest_difference < 1e-6 or made.largest_difference == 0
    numbers = model_of(dense(1))
    made = export(numbers, tmp_path / "b.onnx", softmax=False, data=(data, data), progress=False)
    assert made.agreement == 1
    assert np.isnan(made.accuracy)
    for end in ("softmax", "sigmoid"):
        with pytest.raises(SettingError, match=f"ends in.* {end}.* no logits"):
            export(model_of(dense(3, end)), tmp_path / "c.onnx", softmax=False, data=(data, data))


# Of Keras's layers: those at the end, Keras's loss, and how many classes there are.
KERAS_ENDS = {
    "logits": (lambda k: [k.Flatten(), k.Dense(3)], "logits", 3),
    "softmax": (lambda k: [k.Flatten(), k.Dense(3, "softmax")], "categorical", 3),
    "softmax, dropout": (
        lambda k: [k.Flatten(), k.Dense(3, "softmax"), k.Dropout(0.5)],
        "categorical",
        3,
    ),
    "softmax, flatten": (
        lambda k: [k.Conv2D(3, 4, activation="softmax"), k.Flatten()],
        "categorical",
        3,
    ),
    "softmax, mean": (
        lambda k: [k.Conv2D(3, 3, activation="softmax"), k.GlobalAveragePooling2D()],
        "categorical",
        3,
    ),
    "one sigmoid": (lambda k: [k.Flatten(), k.Dense(1, "sigmoid")], "binary", 2),
    "sigmoids": (lambda k: [k.Flatten(), k.Dense(3, "sigmoid")], "binary", 3),
}


@pytest.mark.slow  # half a minute: Keras compiles each model
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("case", KERAS_ENDS)
def test_models_of_keras_are_measured_as_in_keras(case, ending, tmp_path):
    import keras

    layers, loss, classes = KERAS_ENDS[case]
    theirs = keras.Sequential([keras.Input(PICTURE), *layers(keras.layers)])
    theirs.save(tmp_path / f"model{ending}")
    data = pictures(classes)
    x, true = data.scaled(), np.eye(classes)[data.labels]
    target = data.labels[:, None] if theirs.output_shape == (None, 1) else true
    losses = {
        "logits": keras.losses.CategoricalCrossentropy(from_logits=True),
        "categorical": keras.losses.CategoricalCrossentropy(),
        "binary": keras.losses.BinaryCrossentropy(),
    }
    expected_loss = float(losses[loss](target.astype("f4"), theirs(x)))
    found = mc.evaluate(open_model(tmp_path / f"model{ending}"), data)
    assert found.loss == pytest.approx(expected_loss, rel=1e-5)
    outputs = np.asarray(theirs(x))
    p = softmax(outputs, axis=1) if loss == "logits" else outputs
    p = np.hstack([1 - p, p]) if p.shape[1] == 1 else p
    np.testing.assert_allclose(found.probabilities, p, rtol=1e-5, atol=1e-6)


# ------------------------------------------------------------------ answers


def one_for_two(names=None):
    model = model_of(dense(1, "sigmoid"), shape=(28, 28, 1))
    model.set_weights({n: 0.02 * w for n, w in model.weights().items()})
    model.class_names = names
    return model


def digit():
    picture = np.zeros((28, 28), np.uint8)
    picture[4:24, 12:16] = 255
    return picture


@pytest.mark.parametrize("names", [None, ("cat", "dog")])
def test_one_sigmoid_answers_with_one_of_two_classes(names, tmp_path):
    save_model(tmp_path / "model.npz", one_for_two(names))
    model = load_model(tmp_path / "model.npz")
    answer = predict(model, digit())
    p = model.predict(answer.seen[None, ..., None]).item()
    assert 0.02 < p < 0.98
    first, second = names or ("0", "1")
    chances = {c.label: c.probability for c in answer.candidates}
    assert chances == {first: pytest.approx(1 - p), second: pytest.approx(p)}
    assert answer.label == (second if p > 0.5 else first)
    assert model_info(model, tmp_path / "model.npz").classes == [first, second]


def test_ten_sigmoids_are_not_squashed():
    model = model_of(dense(10, "sigmoid"), shape=(28, 28, 1))
    answer = predict(model, digit())
    np.testing.assert_array_equal(
        answer.probabilities, model.predict(answer.seen[None, ..., None])[0]
    )


def test_the_saliency_of_one_sigmoid_is_that_of_the_class_that_wins():
    """d p / d x = p (1 - p) w, and d (1 - p) / d x its opposite."""
    model, x = model_of(dense(1, "sigmoid")), pictures().scaled()
    p = expected("one sigmoid", model.predict(x))[:, 1]
    assert 0 < (p > 0.5).sum() < len(p)
    slope = np.where(p > 0.5, 1, -1) * p * (1 - p)
    by_hand = slope[:, None] * model.weights()["dense.weight"].T
    np.testing.assert_allclose(saliency(model, x).reshape(30, 16), by_hand, rtol=1e-4, atol=1e-6)


def test_names_must_be_as_many_as_classes(tmp_path):
    model = one_for_two(("cat",))
    save_model(tmp_path / "model.npz", model)
    with pytest.raises(MinicnnError, match="list of 2 names"):
        load_model(tmp_path / "model.npz")


def test_the_command_line_answers_or_says_why_not(tmp_path, command):
    Image.fromarray(255 - digit()).save(tmp_path / "one.png")
    save_model(tmp_path / "two.npz", one_for_two(("cat", "dog")))
    save_model(tmp_path / "number.npz", model_of(dense(1), shape=(28, 28, 1)))
    picture = str(tmp_path / "one.png")
    answer = command("predict", str(tmp_path / "two.npz"), picture, "--json")
    (row,) = json.loads(answer.out)
    assert {c["label"] for c in row["candidates"]} == {"cat", "dog"}
    assert sum(c["probability"] for c in row["candidates"]) == pytest.approx(1)
    assert row["probability"] < 0.999
    refused = command("predict", str(tmp_path / "number.npz"), picture)
    assert refused.code == 2
    assert "one number" in " ".join(refused.err.split())
