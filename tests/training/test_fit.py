"""`fit` and `evaluate`: what they count, what they obey, what they refuse, how they end."""

import math
import re
import signal
from dataclasses import dataclass, field

import numpy as np
import pytest

import minicnn as mc
from minicnn import functional as F
from minicnn import nn, optim
from minicnn.data import Dataset
from minicnn.errors import DataError, SettingError, ShapeError, TrainingError
from minicnn.tensor import Tensor
from minicnn.training.callbacks import Callback, EarlyStopping, KeepBest, TrainingState

CLASSES = 4
QUIET = {"progress": False, "validation": None}


def pictures(count: int, seed: int = 0, noise: float = 40) -> Dataset:
    """Pictures (count, 6, 6, 1) of four patterns, the same for each seed, under noise."""
    rng = np.random.default_rng(seed)
    patterns = np.random.default_rng(99).integers(0, 256, (CLASSES, 6, 6, 1))
    labels = rng.integers(0, CLASSES, count)
    images = patterns[labels] + rng.normal(0, noise, (count, 6, 6, 1))
    return Dataset(images.clip(0, 255).astype(np.uint8), labels, tuple("abcd"))


def linear(seed: int = 0) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Dense(CLASSES), input_shape=(6, 6, 1), rng=seed)


def convolutional(seed: int = 0) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2D(4, 3),
        nn.BatchNorm(momentum=0.9),
        nn.ReLU(),
        nn.MaxPool2D(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Dense(CLASSES),
        input_shape=(6, 6, 1),
        rng=seed,
    )


@dataclass
class Watch(Callback):
    """Write down what is seen of a training."""

    rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    images: list[int] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    weights: list[dict[str, np.ndarray]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def on_start(self, training: TrainingState) -> None:
        self.told.append("start")

    def on_batch(self, training: TrainingState) -> None:
        self.told.append("batch")
        self.rates.append(training.optimizer.lr)
        self.losses.append(training.loss)

    def on_epoch(self, training: TrainingState) -> None:
        self.told.append("epoch")
        self.images.append(training.images)
        self.batches.append(training.batches)
        self.weights.append(training.model.weights())

    def on_end(self, training: TrainingState) -> None:
        self.told.append("end")


def numpy_cross_entropy(model, data, targets) -> float:
    """The mean loss of a linear model, in float64 and by the formula."""
    logits = data.scaled().reshape(len(data), -1).astype(np.float64)
    weights = model.weights()
    logits = logits @ weights["dense.weight"] + weights["dense.bias"]
    log_softmax = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return float(-(targets * log_softmax).sum(axis=1).mean())


def assert_same_weights(left, right):
    assert left.keys() == right.keys()
    for name in left:
        np.testing.assert_array_equal(left[name], right[name], err_msg=name)


# --- what is counted


def test_history_has_one_number_per_epoch_and_figure():
    history = mc.fit(linear(), pictures(50), epochs=3, batch_size=8, progress=False)
    assert set(history) == {
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
        "lr",
        "seconds",
        "images_per_second",
    }
    assert all(len(numbers) == 3 for numbers in history.values())
    assert all(math.isfinite(number) for numbers in history.values() for number in numbers)
    assert (history.epochs, history.interrupted) == (3, False)


@pytest.mark.parametrize("validation", [None, 0, 0.0])
def test_without_validation_there_are_no_such_figures_and_every_image_trains(validation):
    watch = Watch()
    history = mc.fit(
        linear(),
        pictures(50),
        epochs=1,
        batch_size=8,
        **QUIET | {"validation": validation},
        callbacks=[watch],
    )
    assert set(history) == {"loss", "accuracy", "lr", "seconds", "images_per_second"}
    assert (watch.images, watch.batches) == ([50], [7])


@pytest.mark.parametrize(
    ("share", "held"), [(0.1, 5), (0.25, 12), (0.5, 25), (np.float32(0.5), 25)]
)
def test_a_share_of_the_images_is_held_out(share, held):
    watch = Watch()
    mc.fit(
        linear(),
        pictures(50),
        epochs=2,
        batch_size=8,
        validation=share,
        progress=False,
        callbacks=[watch],
    )
    assert watch.images == [50 - held] * 2
    assert watch.batches == [math.ceil((50 - held) / 8)] * 2


def test_held_out_images_are_not_trained_on():
    """Each image has a pixel of its own, so the pixel's weights tell whether it was seen."""
    images = np.eye(36, dtype=np.uint8).reshape(36, 6, 6, 1) * 255
    data = Dataset(images, np.arange(36) % CLASSES)
    model = linear()
    before = model.weights()["dense.weight"]
    mc.fit(
        model,
        data,
        optimizer=optim.SGD(0.5),
        epochs=2,
        validation=0.25,
        batch_size=9,
        progress=False,
    )
    changed = (model.weights()["dense.weight"] != before).any(axis=1)
    assert changed.sum() == 36 - 9


def test_a_validation_set_of_its_own_is_evaluated_after_each_epoch():
    train, held_out = pictures(60), pictures(30, seed=1)
    model, watch = linear(), Watch()
    history = mc.fit(
        model,
        train,
        epochs=2,
        batch_size=16,
        validation=held_out,
        progress=False,
        callbacks=[watch],
    )
    assert watch.images == [60, 60]
    for epoch, weights in enumerate(watch.weights):
        model.set_weights(weights)
        result = mc.evaluate(model, held_out)
        assert history["val_loss"][epoch] == result.loss
        assert history["val_accuracy"][epoch] == result.accuracy


def test_loss_and_accuracy_are_means_over_images_not_over_batches():
    """At a rate of almost nothing an epoch sees one model only; its last batch is short."""
    data, model = pictures(50), linear()
    history = mc.fit(model, data, optimizer=optim.SGD(1e-12), epochs=1, batch_size=16, **QUIET)
    expected = numpy_cross_entropy(model, data, data.one_hot())
    assert history["loss"][0] == pytest.approx(expected, rel=1e-6)
    predictions = model.predict(data.scaled()).argmax(axis=1)
    assert history["accuracy"][0] == pytest.approx((predictions == data.labels).mean(), rel=1e-12)


def test_evaluate_is_the_mean_over_batches_of_different_sizes():
    data, model = pictures(50), linear()
    result = mc.evaluate(model, data, batch_size=16)
    assert result.loss == pytest.approx(numpy_cross_entropy(model, data, data.one_hot()), rel=1e-6)
    assert result.probabilities.shape == (50, CLASSES)
    np.testing.assert_allclose(result.probabilities.sum(axis=1), 1, rtol=1e-6)
    right = result.probabilities.argmax(axis=1) == data.labels
    assert result.accuracy == right.mean()
    assert str(result) == f"accuracy {right.mean():.4f}, loss {result.loss:.4f} on 50 images"


def test_evaluate_leaves_dropout_off_and_averages_as_they_are():
    model, data = convolutional(), pictures(20)
    before = model.weights()
    first, second = mc.evaluate(model, data), mc.evaluate(model, data)
    np.testing.assert_array_equal(first.probabilities, second.probabilities)
    assert_same_weights(model.weights(), before)


def test_speed_is_images_by_time():
    history = mc.fit(linear(), pictures(50), epochs=2, batch_size=8, **QUIET)
    for seconds, speed in zip(history["seconds"], history["images_per_second"], strict=True):
        assert seconds > 0
        assert speed == pytest.approx(50 / seconds)


def test_training_is_done_in_training_mode():
    """Dropout of nearly everything leaves nearly no gradient; averages of the batches move."""
    model = nn.Sequential(
        nn.BatchNorm(), nn.Flatten(), nn.Dropout(0.999), nn.Dense(CLASSES), input_shape=(6, 6, 1)
    )
    before = model.weights()
    mc.fit(model, pictures(8), optimizer=optim.SGD(1.0), epochs=1, batch_size=8, **QUIET)
    after = model.weights()
    assert after["batch_norm.moving_mean"] != before["batch_norm.moving_mean"]
    untouched = (after["dense.weight"] == before["dense.weight"]).all(axis=1)
    assert untouched.mean() > 0.5


def test_the_class_names_of_the_data_become_those_of_the_model():
    model = linear()
    mc.fit(model, pictures(20), epochs=1, batch_size=8, **QUIET)
    assert model.class_names == tuple("abcd")


def test_callbacks_are_told_in_order():
    watch = Watch()
    mc.fit(linear(), pictures(20), epochs=2, batch_size=8, **QUIET, callbacks=[watch])
    assert watch.told == ["start", *["batch"] * 3, "epoch", *["batch"] * 3, "epoch", "end"]


# --- it learns


def test_it_learns_patterns():
    model = convolutional()
    history = mc.fit(
        model, pictures(200), optimizer=optim.Adam(0.01), epochs=8, batch_size=20, progress=False
    )
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert mc.evaluate(model, pictures(100, seed=1)).accuracy > 0.95


def test_it_learns_handwritten_digits():
    train, test = mc.data.mnist()
    model = nn.Sequential(
        nn.Conv2D(8, 5, activation="relu"),
        nn.MaxPool2D(2),
        nn.Flatten(),
        nn.Dense(10),
        input_shape=(28, 28, 1),
    )
    mc.fit(model, train[:2000], optimizer=optim.Adam(0.01), epochs=3, batch_size=50, **QUIET)
    assert mc.evaluate(model, test[:1000]).accuracy > 0.87


class Own(nn.Module):
    """A model that is not Sequential: two ways side by side, and a number that is learnt."""

    def __init__(self):
        self.wide, self.narrow = nn.Dense(8, activation="relu"), nn.Dense(2, activation="tanh")
        self.last = nn.Dense(CLASSES)

    def build(self, input_shape, rng):
        for layer, size in ((self.wide, 36), (self.narrow, 36), (self.last, 10)):
            layer.ensure_built((size,), rng)
        self.scale = Tensor(np.ones(1, np.float32), requires_grad=True)

    def forward(self, x, training):
        x = x.reshape(x.shape[0], -1)
        return self.last(mc.concatenate([self.wide(x), self.narrow(x) * self.scale], axis=1))


def test_a_module_of_ones_own_trains():
    model = Own()
    history = mc.fit(
        model, pictures(200), optimizer=optim.Adam(0.01), epochs=8, batch_size=20, progress=False
    )
    assert mc.evaluate(model, pictures(100, seed=1)).accuracy > 0.95
    assert model.scale.item() != 1
    assert history.epochs == 8


def test_the_seed_of_fit_decides_the_weights_of_a_model_that_is_not_built():
    first, second, other = Own(), Own(), Own()
    for model, seed in ((first, 3), (second, 3), (other, 4)):
        mc.fit(model, pictures(40), epochs=1, batch_size=8, rng=seed, **QUIET)
    assert_same_weights(first.weights(), second.weights())
    assert (first.weights()["last.weight"] != other.weights()["last.weight"]).any()


def test_the_same_seeds_give_the_same_weights_bit_for_bit():
    runs = []
    for _ in range(2):
        model = convolutional(seed=5)
        history = mc.fit(model, pictures(70), epochs=2, batch_size=16, rng=7, progress=False)
        runs.append((model.weights(), history["loss"], history["val_loss"]))
    assert_same_weights(runs[0][0], runs[1][0])
    assert runs[0][1:] == runs[1][1:]


@pytest.mark.parametrize(("model_seed", "fit_seed"), [(5, 8), (6, 7)])
def test_another_seed_gives_other_weights(model_seed, fit_seed):
    weights = []
    for seeds in ((5, 7), (model_seed, fit_seed)):
        model = convolutional(seed=seeds[0])
        mc.fit(model, pictures(70), epochs=1, batch_size=16, rng=seeds[1], **QUIET)
        weights.append(model.weights()["dense.weight"])
    assert (weights[0] != weights[1]).any()


# --- rates, clipping, smoothing

STEPS = 8  # of 2 epochs with 4 batches each
EXPECTED_FACTORS = {
    "constant": [1.0] * STEPS,
    "step_decay": [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01],
    "cosine": [(1 + math.cos(math.pi * k / STEPS)) / 2 for k in range(STEPS)],
    "one_cycle": [
        # up to 30 % of the way from 1/25 to 1, then down to 1e-4, both along half a cosine
        1 / 25 + (1 - 1 / 25) * (1 - math.cos(math.pi * p / 0.3)) / 2
        if (p := k / STEPS) < 0.3
        else 1e-4 + (1 - 1e-4) * (1 + math.cos(math.pi * (p - 0.3) / 0.7)) / 2
        for k in range(STEPS)
    ],
}


@pytest.mark.parametrize("name", EXPECTED_FACTORS)
def test_the_rate_of_each_step_follows_the_schedule(name):
    watch, optimizer = Watch(), optim.SGD(0.2)
    history = mc.fit(
        linear(),
        pictures(50),
        optimizer=optimizer,
        schedule=optim.schedule(name),
        epochs=2,
        batch_size=16,
        **QUIET,
        callbacks=[watch],
    )
    np.testing.assert_allclose(watch.rates, 0.2 * np.array(EXPECTED_FACTORS[name]), rtol=1e-9)
    assert history["lr"] == [watch.rates[3], watch.rates[7]]
    assert optimizer.lr == 0.2, "the rate that was given comes back"


def test_the_rate_comes_back_after_an_error_too():
    optimizer = optim.SGD(0.2)
    with pytest.raises(ZeroDivisionError):
        mc.fit(
            linear(),
            pictures(20),
            optimizer=optimizer,
            epochs=1,
            batch_size=8,
            **QUIET,
            schedule=lambda p: 0.5 if p < 0.5 else 1 / 0,
        )
    assert optimizer.lr == 0.2


def step_length(**settings) -> float:
    """How far one step of plain gradient descent at rate 1 goes, over all weights."""
    model, data = linear(), pictures(40)
    before = model.weights()
    mc.fit(model, data, optimizer=optim.SGD(1.0), epochs=1, batch_size=40, **QUIET, **settings)
    return math.sqrt(sum(((w - before[n]) ** 2).sum() for n, w in model.weights().items()))


def test_clip_norm_shortens_long_gradients_and_leaves_short_ones():
    free = step_length()
    assert step_length(clip_norm=free / 2) == pytest.approx(free / 2, rel=1e-5)
    assert step_length(clip_norm=free * 2) == free


def test_label_smoothing_is_in_the_loss():
    data, model, watch = pictures(40), linear(), Watch()
    targets = data.one_hot() * 0.8 + 0.2 / CLASSES
    expected = numpy_cross_entropy(model, data, targets)
    mc.fit(model, data, epochs=1, batch_size=40, label_smoothing=0.2, **QUIET, callbacks=[watch])
    assert watch.losses == [pytest.approx(expected, rel=1e-6)]
    assert abs(expected - numpy_cross_entropy(linear(), data, data.one_hot())) > 0.01


# --- early stopping, best weights


def test_early_stopping_ends_the_training():
    history = mc.fit(
        linear(),
        pictures(50),
        optimizer=optim.SGD(1e-12),
        epochs=20,
        batch_size=25,
        validation=0.2,
        progress=False,
        callbacks=[EarlyStopping(patience=3)],
    )
    assert history.epochs == 1 + 3, "the first epoch is better than none, then nothing moves"


def test_early_stopping_on_a_figure_that_is_not_there_names_those_that_are():
    with pytest.raises(LookupError, match=r"unknown metric 'val_loss'.*Known: loss, accuracy"):
        mc.fit(
            linear(), pictures(50), epochs=2, batch_size=25, **QUIET, callbacks=[EarlyStopping()]
        )


@pytest.mark.parametrize(("metric", "best"), [("val_accuracy", np.argmax), ("val_loss", np.argmin)])
def test_keep_best_gives_the_best_weights_back(metric, best):
    """At this rate the validation figures go up and down, and the last are not the best."""
    model, watch, keep = linear(), Watch(), KeepBest(metric)
    history = mc.fit(
        model,
        pictures(60, noise=120),
        optimizer=optim.SGD(3.0),
        epochs=8,
        batch_size=10,
        validation=pictures(40, seed=1, noise=120),
        progress=False,
        callbacks=[watch, keep],
    )
    epoch = int(best(history[metric]))
    assert epoch != 7, "the data of this test must leave something to give back"
    assert keep.epoch == epoch + 1
    assert_same_weights(model.weights(), watch.weights[epoch])


# --- what ends a training


def test_a_loss_that_is_no_number_says_where_and_what_to_try():
    with pytest.raises(TrainingError) as error:
        mc.fit(
            linear(),
            pictures(50),
            optimizer=optim.SGD(1.0),
            epochs=4,
            batch_size=10,
            **QUIET,
            schedule=lambda p: 1 if p < 0.3 else 1e38,
        )
    message = str(error.value)
    assert re.match("the loss became (nan|inf) in epoch 2, batch [34], at", message)
    assert "at a learning rate of 1e+38; try a smaller learning rate or clip_norm=1" in message


def test_an_explosion_in_the_last_step_is_found_on_the_validation_set():
    with pytest.raises(
        TrainingError, match=r"became (nan|inf) on the validation set after epoch 1, at .* 1e"
    ):
        mc.fit(
            linear(),
            pictures(50),
            optimizer=optim.SGD(1e38),
            epochs=1,
            batch_size=40,
            validation=0.2,
            progress=False,
        )


def test_after_an_explosion_the_best_weights_are_back():
    model, watch = linear(), Watch()
    with pytest.raises(TrainingError):
        mc.fit(
            model,
            pictures(50),
            optimizer=optim.SGD(0.1),
            epochs=2,
            batch_size=10,
            validation=0.2,
            progress=False,
            callbacks=[watch, KeepBest()],
            schedule=lambda p: 1 if p < 0.5 else 1e38,
        )
    assert_same_weights(model.weights(), watch.weights[0])


@dataclass
class CtrlC(Callback):
    """Send this process the signal of Ctrl-C after so many batches."""

    after: int

    def on_batch(self, training: TrainingState) -> None:
        self.after -= 1
        if self.after == 0:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("_interruptible")
@pytest.mark.parametrize(("after", "epochs"), [(2, 0), (7, 1), (10, 1)])
def test_ctrl_c_ends_the_training_in_order(after, epochs):
    model, watch, optimizer = linear(), Watch(), optim.Adam(0.01)
    history = mc.fit(
        model,
        pictures(50),
        optimizer=optimizer,
        epochs=4,
        batch_size=10,
        **QUIET,
        callbacks=[CtrlC(after), watch, KeepBest("accuracy")],
        schedule=optim.cosine,
    )
    assert history.interrupted
    assert history.epochs == epochs
    assert watch.told[-1] == "end"
    assert optimizer.lr == 0.01
    if epochs:
        assert_same_weights(model.weights(), watch.weights[0])


# --- what is refused, before anything is changed

REFUSED = {
    "no epochs": ({"epochs": 0}, SettingError, "epochs must be .* got 0"),
    "half an epoch": ({"epochs": 2.5}, SettingError, "whole number .* got 2.5"),
    "no batch": ({"batch_size": 0}, SettingError, "batch_size is 0; need .* 1 to 50"),
    "all held out": ({"validation": 1.0}, SettingError, "fraction is 1.0"),
    "a share above 1": ({"validation": 1.5}, SettingError, "fraction is 1.5"),
    "a share below 0": ({"validation": -0.1}, SettingError, "fraction is -0.1"),
    "a share that is NaN": ({"validation": math.nan}, SettingError, "fraction is nan"),
    "a share of no image": ({"validation": 0.001}, DataError, "holds out 0"),
    "a norm of 0": ({"clip_norm": 0}, SettingError, "clip_norm must be positive, got 0"),
    "a norm below 0": ({"clip_norm": -1.0}, SettingError, "clip_norm must be positive, got -1"),
    "a norm that is NaN": ({"clip_norm": math.nan}, SettingError, "clip_norm .* got nan"),
    "all smoothed": ({"label_smoothing": 1.0}, SettingError, r"in \[0, 1\), got 1.0"),
    "smoothing below 0": ({"label_smoothing": -0.1}, SettingError, "got -0.1"),
    "smoothing that is NaN": ({"label_smoothing": math.nan}, SettingError, "got nan"),
    "validation pictures of another size": (
        {"validation": Dataset(np.zeros((9, 5, 5, 1), np.uint8), np.arange(9) % CLASSES)},
        ShapeError,
        r"takes \('N', 6, 6, 1\), got an input of \(1, 5, 5, 1\)",
    ),
    "validation labels of more classes": (
        {"validation": Dataset(np.zeros((9, 6, 6, 1), np.uint8), np.arange(9))},
        ShapeError,
        r"gives \(4,\) outputs for an image, the data has 9 classes",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_settings_that_cannot_be_are_refused_at_once(case):
    settings, kind, message = REFUSED[case]
    model, watch = linear(), Watch()
    before = model.weights()
    given = {"epochs": 1, "batch_size": 10, **QUIET, **settings}
    with pytest.raises(kind, match=message):
        mc.fit(model, pictures(50), callbacks=[watch], **given)
    assert watch.told == []
    assert_same_weights(model.weights(), before)


@pytest.mark.parametrize("outputs", [3, 5])
def test_a_model_with_other_outputs_than_there_are_classes_is_refused(outputs):
    model = nn.Sequential(nn.Flatten(), nn.Dense(outputs), input_shape=(6, 6, 1))
    with pytest.raises(ShapeError, match=rf"gives \({outputs},\) outputs.* has 4 classes"):
        mc.fit(model, pictures(20), epochs=1, batch_size=5, **QUIET)


def test_a_module_of_ones_own_with_other_outputs_is_refused_too():
    class Pixels(nn.Module):
        def forward(self, x, training):
            return F.relu(x)

    with pytest.raises(ShapeError, match=r"gives \(6, 6, 1\) outputs.* has 4 classes"):
        mc.fit(Pixels(), pictures(20), epochs=1, batch_size=5, **QUIET)


def test_pictures_of_another_size_are_refused():
    data = Dataset(np.zeros((20, 8, 8, 1), np.uint8), np.arange(20) % CLASSES)
    with pytest.raises(ShapeError, match=r"takes \('N', 6, 6, 1\)"):
        mc.fit(linear(), data, epochs=1, batch_size=5, **QUIET)
    with pytest.raises(ShapeError, match=r"takes \('N', 6, 6, 1\)"):
        mc.evaluate(linear(), data)


def test_the_model_sees_what_augment_makes_of_each_batch():
    seen = []

    def darkened(images, rng):
        assert images.dtype == np.float32
        seen.append((images.shape, rng.random()))
        return images / 2

    data, by_hand = pictures(30), pictures(30).scaled() / 2
    settings = {"epochs": 2, "batch_size": 10, **QUIET}
    model, other = linear(), linear()
    mc.fit(model, data, augment=darkened, rng=3, **settings)
    assert [shape for shape, _ in seen] == [(10, 6, 6, 1)] * 6
    assert len({number for _, number in seen}) == 6, "drawn from a generator that goes on"

    def drawing_only(images, rng):
        rng.random()
        return images

    mc.fit(other, Dataset(by_hand, data.labels), augment=drawing_only, rng=3, **settings)
    np.testing.assert_array_equal(model.parameters()[0].data, other.parameters()[0].data)


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda x, rng: x[1:], r"floats \(4, 6, 6, 1\), it returned float32 \(3, 6, 6, 1\)"),
        (lambda x, rng: (255 * x).astype(np.uint8), "it returned uint8"),
        (lambda x, rng: None, "it returned NoneType"),
    ],
)
def test_what_augment_returns_must_fit(made, says):
    with pytest.raises(ShapeError, match=says):
        mc.fit(linear(), pictures(4), augment=made, batch_size=4, epochs=1, **QUIET)
