"""The doctor finds what was broken on purpose, names it, and leaves healthy nets in peace."""

import copy
import json
import math

import numpy as np
import pytest

import minicnn as mc
from minicnn import functional as F
from minicnn import nn, optim
from minicnn.data import Dataset, write_idx
from minicnn.errors import ShapeError
from minicnn.insight.doctor import DoctorCallback, diagnose
from minicnn.insight.findings import Diagnosis
from minicnn.training.callbacks import TrainingState
from minicnn.training.fit import run_epochs


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """128 digits of MNIST, (N, 28, 28, 1) in [0, 1], and their labels."""
    train, _ = mc.data.mnist()
    chosen = np.random.default_rng(0).choice(len(train), 128, replace=False)
    return train.scaled(chosen), train.labels[chosen]


def mlp(activation: str = "relu", hidden: int = 2, init: str = "glorot_uniform") -> nn.Sequential:
    layers = [nn.Dense(48, activation, init) for _ in range(hidden)]
    return nn.Sequential(nn.Flatten(), *layers, nn.Dense(10), input_shape=(28, 28, 1))


def scaled_weights(model: nn.Sequential, factor: float) -> nn.Sequential:
    model.set_weights({name: factor * weight for name, weight in model.weights().items()})
    return model


def with_biases(model: nn.Sequential, value: float) -> nn.Sequential:
    weights = model.weights()
    weights["dense.bias"][:] = value
    model.set_weights(weights)
    return model


def of(found: Diagnosis, state: str) -> list[str]:
    return [finding.about for finding in found.of(state)]


# --- a batch and a net


@pytest.mark.parametrize("name", mc.zoo.MODELS)
def test_every_model_of_the_zoo_is_healthy_at_the_start(name, digits):
    found = diagnose(mc.zoo.build(name), digits)
    assert [(f.state, f.about) for f in found.findings] == [
        ("fine", about) for about in ("pixels", "labels", "pairing", "loss", "ReLU", "gradients")
    ]


def test_the_loss_is_the_one_measured_beside_that_of_even_odds(digits):
    images, labels = digits
    model = mlp()
    logits = model(images).data.astype(np.float64)
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    by_hand = -logits[np.arange(128), labels].mean()
    (says,) = [f.says for f in diagnose(model, digits).findings if f.about == "loss"]
    assert f"it is {by_hand:.4g};" in says
    assert f"ln(10) = {math.log(10):.3f}" in says


SABOTAGE = {
    "bytes": (lambda m, x, y: (m, (255 * x).astype(np.uint8), y), "pixels", "divide by 255"),
    "not scaled": (lambda m, x, y: (m, 255 * x, y), "pixels", "divide by 255"),
    "scaled twice": (lambda m, x, y: (m, x / 255, y), "pixels", "scaled twice"),
    "blank": (lambda m, x, y: (m, 0 * x, y), "pixels", "blank"),
    "not a number": (lambda m, x, y: (m, x / 0.0 * 0.0, y), "pixels", "NaN"),
    "one class": (lambda m, x, y: (m, x, 0 * y), "labels", "sorted by class"),
    "shuffled apart": (
        lambda m, x, y: (m, x, np.random.default_rng(1).permutation(y)),
        "pairing",
        "shuffled apart",
    ),
    "label out of range": (lambda m, x, y: (m, x, y + 1), "shapes", "labels must be in 0..9"),
    "another picture": (lambda m, x, y: (m, x[:, :20], y), "shapes", "the model takes"),
    "large weights": (lambda m, x, y: (scaled_weights(m, 8), x, y), "loss", "smaller weights"),
    "exploding": (lambda m, x, y: (scaled_weights(mlp(hidden=4), 8), x, y), "gradients", "explod"),
    "vanishing": (lambda m, x, y: (mlp("sigmoid", 6), x, y), "gradients", "vanishes"),
    "dead": (lambda m, x, y: (with_biases(m, -9), x, y), "ReLU", "48 of 48 units"),
    "zeros": (lambda m, x, y: (mlp(init="zeros"), x, y), "weights", "all 48 units are the same"),
    "nothing comes through": (lambda m, x, y: (mlp(init="zeros"), x, y), "gradients", "nothing"),
    "softmax twice": (
        lambda m, x, y: (
            nn.Sequential(nn.Flatten(), nn.Dense(10, "softmax"), input_shape=(28, 28, 1)),
            x,
            y,
        ),
        "outputs",
        "leave the softmax",
    ),
}


@pytest.mark.parametrize("what", SABOTAGE)
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value):RuntimeWarning")
def test_what_was_broken_is_found_and_named(what, digits):
    breaks, about, words = SABOTAGE[what]
    model, images, labels = breaks(mlp(), *digits)
    found = diagnose(model, (images, labels))
    assert not found.healthy
    assert about in of(found, "problem")
    (finding,) = [f for f in found.of("problem") if f.about == about]
    assert words in finding.says
    assert ";" in finding.says or about == "shapes"  # what was seen, and what is normal


def test_half_dead_is_a_problem_and_a_quarter_a_doubt(digits):
    for share, state in (0.1, "fine"), (0.3, "doubt"), (0.6, "problem"):
        model = mlp(hidden=1)
        weights = model.weights()
        weights["dense.bias"][: int(48 * share)] = -99
        model.set_weights(weights)
        assert "ReLU" in of(diagnose(model, digits), state)


def test_a_gradient_that_does_not_arrive_is_a_problem(digits):
    class Cut(nn.Module):
        def forward(self, x, training):
            return mc.Tensor(x.data * 1)

    model = nn.Sequential(nn.Flatten(), nn.Dense(8), Cut(), nn.Dense(10), input_shape=(28, 28, 1))
    (finding,) = diagnose(model, digits).of("problem")
    assert finding.about == "gradients"
    assert "none reaches dense.weight, dense.bias" in finding.says


def test_classes_that_no_mean_can_part_are_still_known_by_their_neighbours():
    """Two rings around one centre: the means are equal, the nearest neighbour knows."""
    rng = np.random.default_rng(0)
    angle, labels = rng.uniform(0, 2 * np.pi, 200), np.arange(200) % 2
    radius = 0.2 + 0.25 * labels
    rows = 0.5 + np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    model = nn.Sequential(nn.Flatten(), nn.Dense(2), input_shape=(1, 2, 1))
    found = diagnose(model, (rows.reshape(200, 1, 2, 1), labels))
    (finding,) = [f for f in found.findings if f.about == "pairing"]
    assert (finding.state, "nearest neighbour" in finding.says) == ("fine", True)


def test_noise_with_labels_is_seldom_taken_for_data():
    """By luck alone each of two tries passes in 0.5 % of cases."""
    model = nn.Sequential(nn.Flatten(), nn.Dense(4), input_shape=(6, 6, 1))
    rng = np.random.default_rng(0)
    taken = 0
    for _ in range(60):
        noise = rng.random((80, 6, 6, 1)), rng.integers(0, 4, 80)
        taken += "pairing" not in of(diagnose(model, noise), "problem")
    assert taken <= 2


def test_too_few_images_are_not_judged(digits):
    images, labels = digits
    found = diagnose(mlp(), (images[:20], labels[:20]))
    assert found.healthy
    unjudged = [f.about for f in found.findings if "not judged" in f.says]
    assert unjudged == ["pairing", "ReLU"]


def test_the_patient_is_left_as_it_was(digits):
    model = nn.Sequential(
        nn.Flatten(), nn.Dense(16), nn.BatchNorm(), nn.Dropout(0.5), nn.Dense(10),
        input_shape=(28, 28, 1),
    )  # fmt: skip
    F.softmax_cross_entropy(model(digits[0], training=True), digits[1]).backward()
    twin = copy.deepcopy(model)
    diagnose(model, digits)
    for (name, mine), (_, kept) in zip(model.named_tensors(), twin.named_tensors(), strict=True):
        np.testing.assert_array_equal(mine.data, kept.data, err_msg=name)
        if kept.grad is not None:
            np.testing.assert_array_equal(mine.grad, kept.grad, err_msg=name)
    assert [g.random() for g in model.generators()] == [g.random() for g in twin.generators()]


def test_one_hot_labels_a_data_set_and_a_model_not_built_yet(digits):
    images, labels = digits
    one_hot = np.eye(10)[labels]
    assert diagnose(mlp(), (images, one_hot)).findings == diagnose(mlp(), digits).findings
    data = Dataset(images, labels)
    assert diagnose(mlp(), data).healthy
    unbuilt = nn.Sequential(nn.Flatten(), nn.Dense(10))
    assert diagnose(unbuilt, data).healthy
    assert not unbuilt.built


@pytest.mark.parametrize(
    ("batch", "match"),
    [
        ((np.zeros((3, 4)), np.zeros(2, int)), r"got \(3, 4\) and \(2,\)"),
        ((np.zeros((0, 4)), np.zeros(0, int)), "at least one"),
        ((np.zeros((3, 4)), np.zeros(3)), "class numbers from 0 on, got float64 and float64"),
        ((np.zeros((3, 4)), np.array([0, -1, 2])), "int64 from -1"),
        ((np.full((3, 4), "a"), np.zeros(3, int)), "images must be numbers"),
        (np.zeros((3, 4)), "a pair, images and labels"),
        (None, "a pair, images and labels"),
    ],
)
def test_what_is_no_batch_is_refused(batch, match):
    with pytest.raises(ShapeError, match=match):
        diagnose(mlp(), batch)


# --- a step


def a_step(zero: bool = True, update: bool = True, smoothing: float = 0.0):
    optimizer = optim.Adam(1e-3)

    def step(model, images, labels):
        loss = F.softmax_cross_entropy(model(images, training=True), labels, smoothing)
        if zero:
            model.zero_grad()
        loss.backward()
        if update:
            optimizer.step(model.parameters())

    return step


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ("fine", "zero_grad", "its loss alone")),
        ({"zero": False}, ("problem", "zero_grad", "call model.zero_grad()")),
        ({"update": False}, ("problem", "step", "changes none of 4 weights")),
        ({"smoothing": 0.3}, ("doubt", "step", "label smoothing")),
    ],
)
def test_a_step_is_tried_out(settings, expected, digits):
    model = nn.Sequential(
        nn.Flatten(), nn.Dense(16, "relu"), nn.Dropout(0.5), nn.Dense(10), input_shape=(28, 28, 1)
    )
    before = model.weights()
    found = diagnose(model, digits, a_step(**settings))
    state, about, words = expected
    assert [f.about for f in found.of(state) if words in f.says] == [about]
    for name, weight in model.weights().items():
        np.testing.assert_array_equal(weight, before[name])


# --- along a training


def train(model, data, look, lr=0.05, zero=True, batch_size=32, epochs=1) -> None:
    step_of = a_step(zero, update=False)

    def step(training, images, labels):
        step_of(training.model, images, labels)
        training.optimizer.step(training.model.parameters())
        logits = training.model(images)
        return F.softmax_cross_entropy(logits, labels).item(), 0.0

    batches = math.ceil(len(data) / batch_size)
    rng = np.random.default_rng(0)
    training = TrainingState(model, optim.SGD(lr), rng, epochs, batches, [look])
    run_epochs(training, data, None, batch_size, optim.constant, step)


@pytest.fixture(scope="module")
def many_digits() -> Dataset:
    data, _ = mc.data.mnist()
    return data[np.arange(960)]


@pytest.mark.parametrize(("batch_size", "epochs"), [(32, 1), (960, 12)])
@pytest.mark.parametrize("zero", [True, False])
def test_gradients_that_add_up_are_noticed_on_the_way(zero, batch_size, epochs, many_digits):
    look = DoctorCallback(quiet=True)
    train(mlp(), many_digits, look, zero=zero, batch_size=batch_size, epochs=epochs)
    found = of(look.diagnosis, "problem")
    assert ("zero_grad" in found) == (not zero)


def test_a_training_that_gets_nowhere_is_noticed(many_digits, capsys):
    look = DoctorCallback()
    mc.fit(
        mlp(), many_digits, optimizer=optim.SGD(1e-9), epochs=2, batch_size=32,
        callbacks=[look], validation=None, progress=False,
    )  # fmt: skip
    assert of(look.diagnosis, "doubt") == ["progress"]
    err = capsys.readouterr().err
    assert err.count("doctor: doubt    progress: it began at") == 1


def test_units_that_die_in_training_are_noticed_at_the_end_of_the_epoch(many_digits):
    look = DoctorCallback(many_digits, quiet=True)
    mc.fit(
        mlp(), many_digits, optimizer=optim.Adam(1.0), epochs=1, batch_size=32,
        callbacks=[look], validation=None, progress=False,
    )  # fmt: skip
    assert "ReLU" in of(look.diagnosis, "problem")


def test_a_bad_beginning_is_noticed_at_the_first_batch(many_digits):
    look = DoctorCallback(quiet=True)
    train(scaled_weights(mlp(), 20), many_digits, look, lr=1e-9)
    assert "loss" in of(look.diagnosis, "problem")


def test_a_healthy_training_is_left_in_peace(many_digits, capsys):
    look = DoctorCallback(many_digits)
    mc.fit(mlp(), many_digits, epochs=2, batch_size=32, callbacks=[look], progress=False)
    assert (look.diagnosis.findings, capsys.readouterr().err) == ((), "")


# --- the command


@pytest.fixture(scope="module")
def folder(digits, tmp_path_factory):
    """IDX files of 128 digits to train and to test."""
    folder = tmp_path_factory.mktemp("digits")
    images, labels = digits
    for part in "train", "t10k":
        write_idx(folder / f"{part}-images-idx3-ubyte", (255 * images[..., 0]).astype(np.uint8))
        write_idx(folder / f"{part}-labels-idx1-ubyte", labels.astype(np.uint8))
    return folder


def test_the_command_prints_a_line_for_each_finding(command, folder):
    result = command("doctor", "mlp", "--data", folder)
    assert (result.code, result.err) == (0, "")
    lines = [line.split()[:2] for line in result.out.splitlines()]
    assert ["fine", "loss"] in lines
    assert len(lines) == 6


def test_the_command_for_programs_and_for_a_model_file(command, folder, tmp_path):
    model = with_biases(mlp(hidden=1), -9)
    mc.save_model(tmp_path / "dead.npz", model)
    result = command("doctor", tmp_path / "dead.npz", "--data", folder, "--json")
    found = json.loads(result.out)
    assert (result.code, found["healthy"]) == (0, False)
    assert {"problem"} == {f["state"] for f in found["findings"] if f["about"] == "ReLU"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nobody"], "unknown model 'nobody'"),
        (["mlp", "--data", "nowhere"], "nowhere"),
        (["nowhere.npz"], "unknown model 'nowhere.npz'"),
    ],
)
def test_mistakes_in_the_command_are_one_line(arguments, words, command):
    result = command("doctor", *arguments)
    assert (result.code, result.out) == (2, "")
    assert words in result.err
    assert result.err.count("\n") == 1
