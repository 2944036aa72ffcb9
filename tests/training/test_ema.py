"""The running mean of the weights: against a loop by hand, and its statistics against NumPy."""

import warnings

import numpy as np
import pytest

import minicnn as mc
from minicnn import functional as F
from minicnn import kernels, nn, optim
from minicnn.data import Dataset
from minicnn.errors import SettingError, TrainingError
from minicnn.tensor import Tensor
from minicnn.training.callbacks import Callback, KeepBest, KeepLast, TrainingState
from minicnn.training.checkpoint import Checkpoint
from minicnn.training.ema import recalibrate_batch_norm, update_average, warmed_up

CLASSES = 3


def pictures(count: int = 48, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 6, 5, 1), np.uint8)
    return Dataset(images, rng.integers(0, CLASSES, count), tuple("abc"))


def normed(seed: int = 0) -> nn.Sequential:
    """With batch normalisation behind a convolution and behind a dense layer, and dropout."""
    return nn.Sequential(
        nn.Conv2D(4, 3),
        nn.BatchNorm(momentum=0.9),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Flatten(),
        nn.Dense(6),
        nn.BatchNorm(),
        nn.Dense(CLASSES),
        input_shape=(6, 5, 1),
        rng=seed,
    )


def linear(seed: int = 0) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Dense(CLASSES), input_shape=(6, 5, 1), rng=seed)


def by_hand(data: Dataset, decay: float, epochs: int, batch_size: int) -> dict[str, np.ndarray]:
    """The mean of a linear model's weights, in float64, over a training written out here."""
    model, optimizer, rng = linear(), optim.SGD(0.5), np.random.default_rng(3)
    means = {name: weight.astype(np.float64) for name, weight in model.weights().items()}
    step = 0
    for _ in range(epochs):
        for x, labels in data.batches(batch_size, rng):
            for p in model.parameters():
                p.grad = None
            F.softmax_cross_entropy(model(Tensor(x), training=True), labels).backward()
            optimizer.step(model.parameters())
            step += 1
            share = min(decay, (1 + step) / (10 + step))
            for name, weight in model.weights().items():
                means[name] = share * means[name] + (1 - share) * weight
    return means


@pytest.mark.parametrize("decay", [0.3, 0.97])
def test_the_mean_is_that_of_a_loop_by_hand(decay):
    """Over three epochs: between them the model has the mean, yet goes on with its own weights."""
    data, model = pictures(), linear()
    settings = {"optimizer": optim.SGD(0.5), "epochs": 3, "batch_size": 16, "rng": 3}
    mc.fit(model, data, validation=None, ema=decay, progress=False, **settings)
    expected = by_hand(data, decay, 3, 16)
    for name, weight in model.weights().items():
        np.testing.assert_allclose(weight, expected[name], rtol=1e-5, atol=1e-6)


def test_the_mean_forgets_its_start():
    assert [warmed_up(0.9, step) for step in (0, 8, 10_000)] == [0.1, 0.5, 0.9]
    average = np.array([1, 2], np.float32)
    update_average(average, np.array([5, -2], np.float32), 0.75)
    np.testing.assert_array_equal(average, [2, 1])
    assert average.dtype == np.float32


class Watch(Callback):
    """The weights within an epoch and at its end."""

    def __init__(self):
        self.within, self.after = [], []

    def on_batch(self, training: TrainingState) -> None:
        self.within.append(training.model.weights())

    def on_epoch(self, training: TrainingState) -> None:
        self.after.append(training.model.weights())


def test_what_is_trained_does_not_know_of_the_mean():
    """The weights within epochs are those of a training without averaging, to the bit."""
    seen = []
    for ema in (0.0, 0.9):
        watch = Watch()
        mc.fit(
            linear(),
            pictures(),
            epochs=3,
            batch_size=16,
            validation=None,
            ema=ema,
            callbacks=[watch],
            progress=False,
        )
        seen.append(watch)
    plain, averaged = seen
    assert len(plain.within) == len(averaged.within) == 9
    for mine, theirs in zip(averaged.within, plain.within, strict=True):
        for name in mine:
            np.testing.assert_array_equal(mine[name], theirs[name])
    assert not np.array_equal(averaged.after[-1]["dense.weight"], plain.after[-1]["dense.weight"])


def test_validation_measures_the_mean_and_the_best_is_a_mean():
    data, held_out, model = pictures(), pictures(30, seed=1), normed()
    watch, best = Watch(), KeepBest("val_loss")
    settings = {"epochs": 4, "batch_size": 16, "ema": 0.9, "progress": False}
    history = mc.fit(model, data, validation=held_out, callbacks=[watch, best], **settings)
    for weights, loss in zip(watch.after, history["val_loss"], strict=True):
        again = normed()
        again.set_weights(weights)
        assert mc.evaluate(again, held_out).loss == loss
    for name, weight in model.weights().items():
        np.testing.assert_array_equal(weight, watch.after[best.epoch - 1][name])


# --- statistics


def moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows = x.reshape(-1, x.shape[-1]).astype(np.float64)
    return rows.mean(axis=0), rows.var(axis=0)


def test_statistics_are_those_of_all_pictures_at_once():
    """Both layers, in one batch; the second sees what NumPy makes of the first's output."""
    model, x = normed(), pictures(40).scaled()
    convolution, norm, *_, dense, second, _ = model.layers
    norm.gamma[...] = [1, -2, 0.5, 3]
    norm.beta[...] = [0.1, -0.3, 0.7, 0]
    recalibrate_batch_norm(model, [x])
    y = convolution(x).data
    mean, variance = moments(y)
    np.testing.assert_allclose(norm.moving_mean.data, mean, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(norm.moving_variance.data, variance, rtol=1e-5)
    y = norm.gamma.data * (y - mean) / np.sqrt(variance + 1e-3) + norm.beta.data
    y = np.maximum(y, 0).reshape(len(x), -1)  # dropout is off
    mean, variance = moments(y @ dense.weight.data + dense.bias.data)
    np.testing.assert_allclose(second.moving_mean.data, mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(second.moving_variance.data, variance, rtol=1e-4)


def test_batches_of_different_sizes_count_by_their_pictures():
    """Of brightness that differs from batch to batch, so that their means do too."""
    x = pictures(40).scaled() * np.linspace(0, 1, 40, dtype=np.float32).reshape(-1, 1, 1, 1)
    model = normed()
    recalibrate_batch_norm(model, [x[:25], x[25:30], x[30:]])
    convolution, norm = model.layers[:2]
    mean, variance = moments(convolution(x).data)
    np.testing.assert_allclose(norm.moving_mean.data, mean, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(norm.moving_variance.data, variance, rtol=1e-5)


def test_measuring_leaves_settings_weights_and_dropout_alone():
    model = normed()
    before, state = model.config(), model.generators()[0].bit_generator.state
    weights = model.weights()
    recalibrate_batch_norm(model, [pictures().scaled()])
    assert model.config() == before
    assert model.generators()[0].bit_generator.state == state
    for name, weight in model.weights().items():
        assert ("moving" in name) is not np.array_equal(weight, weights[name]), name


def test_without_batch_normalisation_no_picture_is_asked_for():
    batches = iter([pictures().scaled()])
    recalibrate_batch_norm(linear(), batches)
    assert len([*batches]) == 1


def test_statistics_are_of_pictures_as_they_are_augmented():
    def white(images, rng):
        return np.ones_like(images)

    model = normed()
    mc.fit(
        model,
        pictures(),
        epochs=1,
        batch_size=16,
        validation=None,
        augment=white,
        ema=0.5,
        progress=False,
    )
    convolution, norm = model.layers[:2]
    mean = convolution(np.ones((1, 6, 5, 1), np.float32)).data.reshape(-1, 4).mean(axis=0)
    np.testing.assert_allclose(norm.moving_mean.data, mean, rtol=1e-5)
    np.testing.assert_allclose(norm.moving_variance.data, 0, atol=1e-9)


# --- stopped and gone on with


def fitted(path, epochs: int, resume: bool = False, **changes) -> nn.Sequential:
    model = normed()
    settings = {"batch_size": 16, "rng": 5, "ema": 0.9, "progress": False, **changes}
    mc.fit(
        model,
        pictures(),
        epochs=epochs,
        callbacks=[Checkpoint(path, resume)],
        augment=lambda images, rng: images * rng.uniform(0.5, 1, (len(images), 1, 1, 1)),
        **settings,
    )
    return model


def test_a_training_that_goes_on_is_as_one_that_never_stopped(tmp_path):
    whole = fitted(tmp_path / "whole.npz", 4).weights()
    fitted(tmp_path / "parts.npz", 2)
    parts = fitted(tmp_path / "parts.npz", 4, resume=True).weights()
    for name in whole:
        np.testing.assert_array_equal(parts[name], whole[name], err_msg=name)


class Interrupt(Callback):
    """Ctrl-C in the midst of the second epoch."""

    def on_batch(self, training: TrainingState) -> None:
        if training.history.epochs == 1 and training.batch == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize("keep", [None, KeepLast("accuracy")])
def test_interrupted_the_model_has_a_mean_all_the_same(keep):
    """That of the last whole epoch where it is kept, else that of this moment."""
    data, model, watch = pictures(), linear(), Watch()
    callbacks = [watch, Interrupt(), *([keep] if keep else [])]
    settings = {"epochs": 3, "batch_size": 16, "validation": None, "rng": 3}
    settings["optimizer"] = optim.SGD(0.5)
    history = mc.fit(model, data, ema=0.97, callbacks=callbacks, progress=False, **settings)
    assert (history.interrupted, history.epochs, len(watch.within)) == (True, 1, 5)
    weight = model.weights()["dense.weight"]
    if keep:
        expected = by_hand(data, 0.97, 1, 16)["dense.weight"]
        np.testing.assert_allclose(weight, expected, rtol=1e-5, atol=1e-6)
        assert keep.epoch == 1
        return
    mean = linear().weights()["dense.weight"].astype(np.float64)
    for step, weights in enumerate(watch.within, 1):
        share = min(0.97, (1 + step) / (10 + step))
        mean = share * mean + (1 - share) * weights["dense.weight"]
    np.testing.assert_allclose(weight, mean, rtol=1e-5, atol=1e-6)


def test_an_explosion_is_told_as_ever():
    with pytest.raises(TrainingError, match="the loss became"):
        mc.fit(
            normed(),
            pictures(),
            optimizer=optim.SGD(1e38),
            batch_size=8,
            ema=0.9,
            progress=False,
        )


def test_an_explosion_in_the_last_step_prints_no_warnings():
    """NumPy's kernels overflow where the statistics of the means are measured."""
    with kernels.use("reference"), warnings.catch_warnings(record=True) as printed:
        warnings.simplefilter("always")
        history = mc.fit(
            normed(),
            pictures(),
            optimizer=optim.SGD(1e38),
            epochs=1,
            batch_size=48,
            validation=None,
            ema=0.9,
            progress=False,
        )
    assert (printed, history.epochs) == ([], 1)


@pytest.mark.parametrize("decay", [1.0, -0.1, float("nan")])
def test_a_decay_that_cannot_be_is_refused(decay):
    with pytest.raises(SettingError, match=rf"ema must be in \[0, 1\), got {decay}"):
        mc.fit(linear(), pictures(), batch_size=16, ema=decay, progress=False)


def test_the_last_epoch_is_kept_however_bad():
    training = TrainingState(linear(), optim.SGD(), np.random.default_rng(0), 9, 5, [])
    keeper = KeepLast("val_accuracy")
    for accuracy in (0.9, 0.8, 0.1):
        training.model.layers[1].bias[...] = accuracy
        training.history.add(loss=1.0, val_accuracy=accuracy)
        keeper.on_epoch(training)
    assert (keeper.best, keeper.epoch) == (0.1, 3)
    training.model.layers[1].bias[...] = 7
    keeper.on_end(training)
    np.testing.assert_allclose(training.model.weights()["dense.bias"], 0.1)
