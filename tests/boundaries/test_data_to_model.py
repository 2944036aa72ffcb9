"""A data set meets a model: pixels' range, size, classes and their order, and how many there are.

Held here: what would train or be answered silently wrong is refused with what was seen and what is
needed; the smallest sets train with the defaults; a rate that a callback sets is the rate.
"""

import warnings

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn, optim
from minicnn.data import Dataset
from minicnn.errors import DataError, MinicnnError, Notice, ShapeError
from minicnn.training.callbacks import Callback
from minicnn.training.checkpoint import Checkpoint, load_model, save_model

QUIET = {"progress": False, "validation": None}


def pictures(count=40, classes=2, names=()):
    x = np.random.default_rng(1).integers(0, 256, (count, 4, 4, 1), np.uint8)
    return Dataset(x, np.arange(count) % classes, names)


def model(classes=2, **settings):
    return nn.Sequential(nn.Flatten(), nn.Dense(classes), input_shape=(4, 4, 1), **settings)


def floats(low, high, count=12):
    x = np.random.default_rng(0).uniform(low, high, (count, 4, 4, 1)).astype(np.float32)
    x.ravel()[:2] = low, high
    return x


# ------------------------------------------------------------------ the range of the pixels

RANGES = {"bytes": (0, 255), "signed": (-1, 1), "standardised": (-0.42, 2.82), "a little": (0, 1.3)}


@pytest.mark.parametrize("case", RANGES)
def test_floats_of_another_range_are_no_data_set(case):
    low, high = RANGES[case]
    with pytest.raises(DataError, match=f"{low:g} to {high:g}.* 0 to 1"):
        Dataset(floats(low, high), np.arange(12) % 2)


@pytest.mark.parametrize("ask", [lambda m, x: m(x), lambda m, x: m.predict(x)])
@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("case", RANGES)
def test_a_trained_model_refuses_pictures_of_another_range(case, kept, ask, tmp_path):
    trained = model()
    mc.fit(trained, pictures(), epochs=1, batch_size=10, **QUIET)
    if kept:
        save_model(tmp_path / "model.npz", trained)
        trained = load_model(tmp_path / "model.npz")
    low, high = RANGES[case]
    with pytest.raises(ShapeError, match=f"0 to 1: pixels go from {low:g} to {high:g}"):
        ask(trained, floats(low, high))
    assert ask(trained, floats(0, 1)).shape == (12, 2)
    assert ask(trained, floats(0, 1 + 1e-5)).shape == (12, 2)  # of a scaling that was rounded
    assert ask(trained, np.zeros((3, 4, 4, 1))).shape == (3, 2)


def test_a_model_that_was_not_trained_refuses_bytes_alone():
    """A loop written by hand may take what it likes, but hardly floats from 0 to 255."""
    with pytest.raises(ShapeError, match="bytes: pixels go from 0 to 255; need 0 to 1"):
        model()(floats(0, 255), training=True)
    for low, high in ((-1, 1), (-0.42, 2.82), (-200, 200)):
        assert model()(floats(low, high)).shape == (12, 2)
    features = np.full((2, 4, 4, 16), 50.0)
    assert nn.Sequential(nn.Flatten(), nn.Dense(2))(features).shape == (2, 2)
    scaling = nn.Sequential(nn.Rescaling(1 / 255), nn.Flatten(), nn.Dense(2))
    assert scaling(floats(0, 255)).shape == (12, 2)


# ------------------------------------------------------------------ the classes


def test_classes_in_another_order_are_not_measured_as_if_they_were_in_the_same():
    trained = model()
    mc.fit(trained, pictures(names=("cat", "dog")), epochs=1, batch_size=10, **QUIET)
    mc.evaluate(trained, pictures(names=("cat", "dog")))
    mc.evaluate(trained, pictures(names=("Katze", "Hund")))  # other names may be the same things
    with pytest.raises(DataError, match=r"order cat, dog, .* order dog, cat"):
        mc.evaluate(trained, pictures(names=("dog", "cat")))


def test_validation_with_classes_in_another_order_is_refused_before_a_step():
    trained, watch = model(), []
    before = trained.weights()

    class Watch(Callback):
        def on_batch(self, training):
            watch.append(training.batch)

    data, held_out = (pictures(names=names) for names in (("cat", "dog"), ("dog", "cat")))
    with pytest.raises(DataError, match=r"cat, dog.* dog, cat"):
        mc.fit(
            trained,
            data,
            epochs=1,
            batch_size=10,
            validation=held_out,
            progress=False,
            callbacks=[Watch()],
        )
    assert watch == []
    np.testing.assert_array_equal(trained.weights()["dense.weight"], before["dense.weight"])


@pytest.mark.parametrize(("outputs", "classes"), [(1, 1), (1, 2), (2, 1), (3, 2), (2, 3)], ids=str)
def test_classes_and_outputs_must_be_as_many(outputs, classes):
    with pytest.raises(MinicnnError, match=f"{outputs},|one number"):
        mc.fit(model(outputs), pictures(classes=classes), batch_size=10, **QUIET)


@pytest.mark.parametrize("labels", [[0, 1, 2], [0, -1, 1]])
def test_labels_outside_the_classes_are_refused(labels):
    with pytest.raises(DataError, match=r"labels go from .* need labels 0 to 1"):
        Dataset(np.zeros((3, 4, 4, 1), np.uint8), labels, ("a", "b"))


# ------------------------------------------------------------------ small sets


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9, 10, 90, 140])
def test_small_sets_train_with_the_defaults(count):
    trained = model()
    data = pictures(count, names=("a", "b"))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        history = mc.fit(trained, data, epochs=2, progress=False)
    held_out = max(1, round(count / 10)) if count > 1 else 0
    left = count - held_out
    assert history.epochs == 2
    assert ("val_loss" in history) == (count > 1)
    if left < 128:
        (notice,) = said
        assert notice.category is Notice
        assert notice.filename == __file__
        assert "128" in str(notice.message)
        assert f"{left} pictures" in str(notice.message)
    else:
        assert not said


def test_a_batch_larger_than_the_set_is_the_set():
    one, two = model(), model()
    with pytest.warns(Notice, match=r"1000.* 40"):
        mc.fit(one, pictures(), epochs=2, batch_size=1000, **QUIET)
    mc.fit(two, pictures(), epochs=2, batch_size=40, **QUIET)
    np.testing.assert_array_equal(one.weights()["dense.weight"], two.weights()["dense.weight"])


# ------------------------------------------------------------------ rates that callbacks set


class SetRate(Callback):
    """Sets the rate on an occasion, as `rates` has it by epoch."""

    def __init__(self, occasion, rates):
        self.rates = rates
        setattr(self, occasion, self.set_rate)

    def set_rate(self, training):
        rate = self.rates.get(training.history.epochs)
        if rate is not None:
            training.optimizer.lr = rate


class Seen(optim.SGD):
    """Writes down the rate that every step is taken with."""

    def __post_init__(self):
        super().__post_init__()
        self.used = []

    def step(self, parameters):
        self.used.append(self.lr)
        super().step(parameters)


@pytest.mark.parametrize("schedule", [optim.constant, optim.cosine, optim.one_cycle])
@pytest.mark.parametrize(
    ("occasion", "rates", "steps"),
    [
        ("on_start", {0: 0.5}, [0.5] * 6),
        ("on_epoch_start", {0: 0.5, 2: 0.25}, [0.5] * 4 + [0.25] * 2),
        ("on_epoch", {1: 0.5}, [None] * 2 + [0.5] * 4),
        ("on_batch", {1: 0.5}, [None] * 3 + [0.5] * 3),
    ],
)
def test_a_rate_that_a_callback_sets_is_used(occasion, rates, steps, schedule):
    optimizer = Seen(0.1)
    history = mc.fit(
        model(),
        pictures(),
        optimizer=optimizer,
        epochs=3,
        batch_size=20,
        schedule=schedule,
        callbacks=[SetRate(occasion, rates)],
        **QUIET,
    )
    scheduled = [0.1 * schedule(step / 6) for step in range(6)]
    wanted = [s if step is None else step for s, step in zip(scheduled, steps, strict=True)]
    assert optimizer.used == wanted
    assert history["lr"] == [wanted[1], wanted[3], wanted[5]] or occasion == "on_batch"
    assert optimizer.lr == steps[-1]


def test_without_one_the_schedule_goes_on_and_the_rate_comes_back():
    optimizer = Seen(0.1)
    settings = {"epochs": 2, "batch_size": 20, "schedule": optim.cosine, **QUIET}
    mc.fit(model(), pictures(), optimizer=optimizer, **settings)
    mc.fit(model(), pictures(), optimizer=Seen(0.1), **settings)
    assert optimizer.used == [0.1 * optim.cosine(step / 4) for step in range(4)]
    assert optimizer.lr == 0.1


@pytest.mark.parametrize("occasion", ["on_epoch", "on_batch", "on_epoch_start"])
def test_a_stopped_training_goes_on_with_the_rate_that_a_callback_set(occasion, tmp_path):
    def run(path, epochs, resume=False):
        trained, optimizer = model(), Seen(0.1)
        callbacks = [SetRate(occasion, {1: 0.5}), Checkpoint(path, resume)]
        settings = {"epochs": epochs, "batch_size": 20, "callbacks": callbacks, **QUIET}
        mc.fit(trained, pictures(), optimizer=optimizer, **settings)
        return trained, optimizer

    whole, all_rates = run(tmp_path / "whole.npz", 4)
    run(tmp_path / "stopped.npz", 2)
    resumed, rest = run(tmp_path / "stopped.npz", 4, resume=True)
    assert rest.used == all_rates.used[4:]
    np.testing.assert_array_equal(
        whole.weights()["dense.weight"], resumed.weights()["dense.weight"]
    )
