"""What hangs into training: when it stops, what it keeps, what it shows."""

import io
import math
import re
import time

import numpy as np
import pytest
from rich.console import Console

import minicnn as mc
from minicnn import nn, optim
from minicnn.data import Dataset
from minicnn.training.callbacks import Callback, EarlyStopping, History, KeepBest, TrainingState
from minicnn.training.progress import ShowProgress


def a_training(**changes) -> TrainingState:
    model = nn.Sequential(nn.Dense(2), input_shape=(3,))
    rng = np.random.default_rng(0)
    return TrainingState(model, optim.SGD(), rng, epochs=9, batches=5, callbacks=[], **changes)


def pictures(count: int = 40) -> Dataset:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 4, 4, 1), np.uint8)
    return Dataset(images, np.arange(count) % 3)


def classifier() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Dense(3), input_shape=(4, 4, 1))


def stopped_after(callback: Callback, metric: str, values: list[float]) -> int | None:
    """The epoch after which the callback asks to stop, or None."""
    training = a_training()
    for epoch, value in enumerate(values, start=1):
        training.history.add(loss=1.0, **{metric: value})
        callback.on_epoch(training)
        if training.stop:
            return epoch
    return None


# --- history


def test_history_counts_epochs_and_is_a_dict():
    history = History()
    assert (history.epochs, history.interrupted, history) == (0, False, {})
    history.add(loss=2.0, accuracy=0.5)
    history.add(loss=1.0, accuracy=0.75)
    assert history == {"loss": [2.0, 1.0], "accuracy": [0.5, 0.75]}
    assert history.epochs == 2


# --- early stopping


@pytest.mark.parametrize(
    ("patience", "losses", "expected"),
    [
        (2, [1.0, 0.9, 0.95, 0.96, 0.1], 4),
        (2, [1.0, 0.9, 0.95, 0.8, 0.85, 0.81], 6),
        (1, [1.0, 1.0], 2),
        (3, [1.0, 0.9, 0.8, 0.7, 0.6], None),
        (2, [math.nan, math.nan, 0.5], 2),
    ],
)
def test_a_loss_must_get_smaller_within_the_patience(patience, losses, expected):
    assert stopped_after(EarlyStopping(patience), "val_loss", losses) == expected


def test_an_accuracy_must_get_larger():
    accuracies = [0.5, 0.6, 0.6, 0.55]
    assert stopped_after(EarlyStopping(2, "val_accuracy"), "val_accuracy", accuracies) == 4


def test_what_another_callback_has_stopped_stays_stopped():
    training = a_training(stop=True)
    training.history.add(loss=1.0, val_loss=1.0)
    EarlyStopping().on_epoch(training)
    assert training.stop


def test_early_stopping_goes_on_from_its_state():
    losses = [1.0, 0.9, 0.95, 0.96, 0.97]
    whole, first, second = (EarlyStopping(3) for _ in range(3))
    assert stopped_after(whole, "val_loss", losses) == 5
    assert stopped_after(first, "val_loss", losses[:3]) is None
    second.set_state(first.state())
    assert stopped_after(second, "val_loss", losses[3:]) == 2


# --- the best weights


def feed(keep: KeepBest, training: TrainingState, metric: str, values: list[float]) -> None:
    """Epochs with these figures; the first weight is the number of the epoch."""
    for value in values:
        training.history.add(loss=1.0, **{metric: value})
        training.model.parameters()[0][0, 0] = training.history.epochs
        keep.on_epoch(training)


@pytest.mark.parametrize(
    ("metric", "values", "best"),
    [
        ("val_accuracy", [0.5, 0.7, 0.7, 0.6], 2),  # of equals, the first
        ("val_loss", [0.5, 0.7, 0.4, 0.6], 3),
        ("accuracy", [0.1, 0.2, 0.3], 3),
    ],
)
def test_the_best_epochs_weights_come_back(metric, values, best):
    training, keep = a_training(), KeepBest(metric)
    feed(keep, training, metric, values)
    keep.on_end(training)
    assert training.model.weights()["dense.weight"][0, 0] == best
    assert keep.epoch == best
    assert abs(keep.best) == values[best - 1]


def test_without_an_epoch_the_weights_stay():
    training, keep = a_training(), KeepBest()
    before = training.model.weights()["dense.weight"]
    keep.on_end(training)
    np.testing.assert_array_equal(training.model.weights()["dense.weight"], before)


def test_keep_best_goes_on_from_its_state():
    training, first, second = a_training(), KeepBest(), KeepBest()
    feed(first, training, "val_accuracy", [0.5, 0.9])
    second.set_state(first.state())
    feed(second, training, "val_accuracy", [0.8])
    second.on_end(training)
    assert training.model.weights()["dense.weight"][0, 0] == 2
    assert (second.best, second.epoch) == (0.9, 2)


# --- progress


def shown(terminal: bool, **settings) -> str:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=160, color_system=None)
    mc.fit(
        classifier(),
        pictures(),
        epochs=2,
        batch_size=10,
        progress=False,
        callbacks=[ShowProgress(console)],
        **settings,
    )
    return screen.getvalue()


LINE = r"epoch {0}/2  loss \d+\.\d{{4}}  accuracy [01]\.\d{{4}}  [\d,]+ images/s"
VALIDATION = r"  val loss \d+\.\d{4}  val accuracy [01]\.\d{4}"


def test_elsewhere_than_in_a_terminal_there_is_a_line_per_epoch():
    lines = shown(terminal=False, validation=0.25).splitlines()
    assert len(lines) == 2
    for number, line in enumerate(lines, start=1):
        assert re.fullmatch(LINE.format(number) + VALIDATION, line)


def test_without_validation_the_line_says_nothing_of_it():
    lines = shown(terminal=False, validation=None).splitlines()
    assert [bool(re.fullmatch(LINE.format(n), line)) for n, line in enumerate(lines, 1)] == [1, 1]


def test_the_line_tells_the_figures_of_the_history():
    screen = io.StringIO()
    history = mc.fit(
        classifier(),
        pictures(),
        epochs=1,
        batch_size=10,
        progress=False,
        callbacks=[ShowProgress(Console(file=screen, width=160))],
    )
    assert screen.getvalue() == (
        f"epoch 1/1  loss {history['loss'][0]:.4f}  accuracy {history['accuracy'][0]:.4f}  "
        f"{history['images_per_second'][0]:,.0f} images/s  "
        f"val loss {history['val_loss'][0]:.4f}  val accuracy {history['val_accuracy'][0]:.4f}\n"
    )


def test_a_terminal_shows_a_bar_with_batch_and_time_left():
    screen = shown(terminal=True, validation=None)
    assert re.search(r"epoch \d/2 .*━.* batch \d/4  loss .* images/s .*\d:\d\d.* left", screen)
    assert [n for n in (1, 2) if re.search(LINE.format(n), screen)] == [1, 2]


def test_the_speed_counts_the_time_of_the_first_batch():
    """At 20 ms a step, 10 images cannot come faster than 500 a second.

    What other callbacks do between the epochs does not count.
    """
    show, figures = ShowProgress(Console(file=io.StringIO(), force_terminal=True)), []

    class Read(Callback):
        def on_batch(self, training: TrainingState) -> None:
            figures.append(show.bar.tasks[0].fields["figures"])

    class Pause(Callback):
        def on_epoch(self, training: TrainingState) -> None:
            time.sleep(0.5)

    def slow(progress: float) -> float:
        time.sleep(0.02)
        return 1.0

    mc.fit(
        classifier(),
        pictures(),
        epochs=2,
        batch_size=10,
        validation=None,
        progress=False,
        callbacks=[Pause(), show, Read()],
        schedule=slow,
    )
    speeds = [int(text.split()[-2].replace(",", "")) for text in figures]
    assert len(speeds) == 8
    assert max(speeds) <= 500
    assert speeds[4] > 10 / 0.5, "of the first batch of the second epoch"


def test_progress_is_on_the_error_stream_and_can_be_left_out(capsys):
    mc.fit(classifier(), pictures(), epochs=1, batch_size=10)
    out, err = capsys.readouterr()
    assert (out, err.count("epoch 1/1")) == ("", 1)
    mc.fit(classifier(), pictures(), epochs=1, batch_size=10, progress=False)
    assert capsys.readouterr() == ("", "")
