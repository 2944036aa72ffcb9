"""Runs: their settings, their folder, the same again, and what is left when they end badly."""

import contextlib
import dataclasses
import json
import math
import os
import resource
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minicnn as mc
from minicnn import functional as F
from minicnn import optim, zoo
from minicnn.data import idx, write_idx
from minicnn.data.augmentation import Augmentation
from minicnn.errors import (
    FileError,
    SettingError,
    TrainingError,
    UnknownNameError,
    WriteError,
)
from minicnn.experiments import runs
from minicnn.experiments.opening import open_trained
from minicnn.experiments.run import Run
from minicnn.experiments.settings import Settings
from minicnn.training.checkpoint import load_model

from ..lanes import slow_but
from ..patterns import write_data

WHOLE = ("finished", "finished_with_momentum", "finished_with_averages")
FILES = {
    "config.json",
    "last.npz",
    "model.npz",
    "history.json",
    "metrics.json",
    "curves.png",
    "confusion.png",
    "mistakes.png",
}
DECENT = {"clip_norm": 1.0, "label_smoothing": 0.1, "patience": 9}
RECORD = {
    "augmentation": Augmentation(rotation=20, shift=0.1, elastic=1.0, erasing=0.5, stroke=0.5),
    "ema": 0.9,
    "tta": 5,
    "keep": "last",
    "optimizer": "adamw",
    "weight_decay": 0.01,
    "beta1": 0.8,
    "beta2": 0.95,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> str:
    return str(write_data(tmp_path_factory.mktemp("data") / "patterns", noise=150))


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory) -> Run:
    """A run of 3 epochs that nobody changes."""
    folder = tmp_path_factory.mktemp("runs") / "deep" / "finished"
    return runs.train(settings(data), folder, progress=False)


@pytest.fixture(scope="module")
def finished_with_momentum(data, tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "momentum"
    return runs.train(settings(data, "cnn_baseline", **DECENT), folder, progress=False)


@pytest.fixture(scope="module")
def finished_with_averages(data, tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "averages"
    return runs.train(settings(data, **RECORD), folder, progress=False)


@pytest.fixture(params=slow_but(WHOLE[-1:], WHOLE))
def whole(request) -> Run:
    """A run that was never stopped: with Adam and dropout, with momentum, with all of a record."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def copied(finished, tmp_path) -> Run:
    """A copy of that run to change."""
    shutil.copytree(finished.folder, tmp_path / "copy")
    return Run(tmp_path / "copy", finished.settings)


def settings(data: str, model: str = "cnn_simple", **changes) -> Settings:
    """cnn_simple has dropout and Adam, cnn_baseline has momentum."""
    usual = {"epochs": 3, "batch_size": 48, "schedule": "constant"}
    return Settings.of(model, data=data, **{**usual, **changes})


def contents(path: Path) -> tuple[dict, dict]:
    """What a checkpoint holds, without what a clock decides: (description, arrays)."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    about = json.loads(arrays.pop("about").tobytes())
    for figure in ("seconds", "images_per_second"):
        about.get("history", {}).pop(figure, None)
    return about, arrays


def assert_same_run(left: Run, right: Run) -> None:
    """The same model, the same memory, the same figures, bit for bit."""
    for name in ("last.npz", "model.npz"):
        (about, arrays), (other_about, other_arrays) = (
            contents(run.folder / name) for run in (left, right)
        )
        assert about == other_about
        assert list(arrays) == list(other_arrays)
        for key in arrays:
            np.testing.assert_array_equal(arrays[key], other_arrays[key], err_msg=f"{name} {key}")
    timed = {"seconds", "training_seconds"}
    figures = [{k: v for k, v in run.metrics().items() if k not in timed} for run in (left, right)]
    assert figures[0] == figures[1]


def files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in os.listdir(folder)}


@contextlib.contextmanager
def largest_file(size: int):
    """Within this block the system lets no file grow beyond `size` bytes, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# --- settings


@pytest.mark.parametrize("name", zoo.ENTRIES)
def test_without_changes_the_settings_are_the_recipe(name):
    recipe = dataclasses.asdict(zoo.ENTRIES[name].recipe)
    chosen = dataclasses.asdict(Settings.of(name))
    assert {key: chosen[key] for key in recipe} == recipe
    assert chosen["validation"] == (0.1 if name in zoo.MODELS else 0)
    assert (chosen["seed"], chosen["data"]) == (0, None)


def test_changes_that_are_none_are_none():
    changed = Settings.of("mlp", epochs=None, lr=0.5, seed=None)
    assert changed == dataclasses.replace(Settings.of("mlp"), lr=0.5)


def test_another_optimizer_brings_its_own_rate():
    assert Settings.of("cnn_baseline", optimizer="adam").lr == optim.Adam().lr
    assert Settings.of("cnn_baseline", optimizer="adam").momentum == 0
    assert Settings.of("mlp", optimizer="sgd").lr == optim.SGD().lr
    assert Settings.of("mlp", optimizer="adamw").weight_decay == optim.AdamW().weight_decay
    assert Settings.of("mlp", optimizer="adamw", lr=0.5, weight_decay=0.0).weight_decay == 0
    assert Settings.of("cnn_baseline", optimizer="sgd").momentum == 0.9, "its own, as the recipe"
    slower = Settings.of("speedrun", optimizer="sgd")
    assert (slower.beta1, slower.beta2) == (0.9, 0.999)
    assert slower.ema == zoo.entry("speedrun").recipe.ema, "no matter of the optimizer"


@pytest.mark.parametrize("name", optim.OPTIMIZERS)
def test_the_optimizer_has_the_settings(name):
    momentum = {"momentum": 0.5} if name == "sgd" else {}
    betas = {"beta1": 0.5, "beta2": 0.75}
    built = Settings.of("mlp", optimizer=name, lr=0.25, weight_decay=0.125, **momentum, **betas)
    optimizer = built.build_optimizer()
    assert type(optimizer) is optim.OPTIMIZERS[name]
    assert (optimizer.lr, optimizer.weight_decay) == (0.25, 0.125)
    assert [getattr(optimizer, beta, None) for beta in ("beta1", "beta2")] == (
        [None, None] if name == "sgd" else [0.5, 0.75]
    )
    assert getattr(optimizer, "momentum", 0.5) == 0.5


WRONG_NAMES = {
    "model": ("cnn_clasic", "unknown model 'cnn_clasic'; did you mean 'cnn_classic'"),
    "optimizer": ("adma", "unknown optimizer 'adma'; did you mean 'adam'"),
    "schedule": ("cosin", "unknown schedule 'cosin'; did you mean 'cosine'"),
    "kernels": ("fats", "unknown kernel set 'fats'; did you mean 'fast'"),
    "keep": ("least", "unknown epoch to keep 'least'; did you mean 'last'"),
}


@pytest.mark.parametrize("setting", WRONG_NAMES)
def test_an_unknown_name_is_answered_with_the_nearest(setting):
    name, message = WRONG_NAMES[setting]
    with pytest.raises(UnknownNameError, match=message):
        Settings.of(**{"model": "mlp", setting: name})


WRONG_NUMBERS = [
    {"epochs": 0},
    {"epochs": -1},
    {"batch_size": 0},
    {"lr": 0.0},
    {"lr": -1.0},
    {"lr": math.nan},
    {"lr": math.inf},
    {"momentum": 1.0, "optimizer": "sgd"},
    {"momentum": -0.1, "optimizer": "sgd"},
    {"momentum": math.nan, "optimizer": "sgd"},
    {"momentum": 0.9, "optimizer": "adam"},
    {"weight_decay": -0.1},
    {"weight_decay": math.nan},
    {"weight_decay": math.inf},
    {"clip_norm": 0.0},
    {"clip_norm": -1.0},
    {"clip_norm": math.nan},
    {"label_smoothing": 1.0},
    {"label_smoothing": -0.1},
    {"label_smoothing": math.nan},
    {"validation": 1.0},
    {"validation": -0.1},
    {"validation": math.nan},
    {"patience": 0},
    {"patience": 3, "validation": 0.0},
    {"seed": -1},
    {"beta1": 1.0},
    {"beta2": -0.5},
    {"ema": 1.0},
    {"ema": math.nan},
    {"tta": 0},
    {"tta": 10},
]


@pytest.mark.parametrize("changes", WRONG_NUMBERS, ids=str)
def test_a_number_that_cannot_be_is_refused(changes):
    name, value = next(iter(changes.items()))
    with pytest.raises(SettingError, match=rf"^{name} .*, got {value}$"):
        Settings.of("mlp", **changes)


@pytest.mark.parametrize("seed", [0, 2**70])
def test_any_other_seed_will_do(seed, data):
    assert Settings.of("mlp", seed=seed).seed == seed
    zoo.build("mlp", rng=seed)


# --- the folder of a finished run


def test_a_run_leaves_all_its_files_and_no_other(finished):
    assert set(os.listdir(finished.folder)) == FILES


def test_config_is_the_settings(finished):
    config = json.loads((finished.folder / "config.json").read_text())
    assert config.pop("data_checksum") == finished.checksum
    assert Settings(**config) == finished.settings
    assert Run.opened(finished.folder).settings == finished.settings


def test_settings_come_back_from_json():
    chosen = Settings.of("mlp", **RECORD)
    again = Settings(**json.loads(json.dumps(dataclasses.asdict(chosen))))
    assert again == chosen
    assert again.augmentation == RECORD["augmentation"]


def test_a_run_of_earlier_days_opens_as_it_was_meant(copied):
    """Before there were augmentation and averaging, its config.json had no word on them."""
    config = json.loads((copied.folder / "config.json").read_text())
    for name in (
        "data_checksum",
        "prefix",
        "augmentation",
        "ema",
        "tta",
        "keep",
        "beta1",
        "beta2",
        "dropout",
    ):
        del config[name]
    (copied.folder / "config.json").write_text(json.dumps(config))
    assert Run.opened(copied.folder).settings == copied.settings
    runs.train(copied.settings, copied.folder, resume=True, progress=False)


def test_a_record_ends_with_its_last_epoch_measured_from_all_views(finished_with_averages, data):
    run = finished_with_averages
    metrics, (train, test) = run.metrics(), idx(data)
    assert metrics["best_epoch"] == metrics["epochs"] == 3
    assert metrics["validation_accuracy"] == run.history()["val_accuracy"][-1]
    result = mc.evaluate(run.model(), test, tta=5)
    assert metrics["test_loss"] == result.loss != mc.evaluate(run.model(), test).loss
    _, held_out = train.split(0.1, run.settings.generator())
    assert run.history()["val_loss"][-1] == mc.evaluate(run.model(), held_out).loss
    assert open_trained(run.folder).tta == 5
    assert open_trained(run.folder / "model.npz").tta == 1


def test_metrics_are_those_of_the_saved_model_on_the_test_set(finished, data):
    metrics = finished.metrics()
    train, test = idx(data)
    model = load_model(finished.folder / "model.npz")
    result = mc.evaluate(model, test)
    assert metrics["test_accuracy"] == result.accuracy
    assert metrics["test_loss"] == result.loss
    assert metrics["parameters"] == zoo.build("cnn_simple", (8, 8, 1), 4).parameter_count()
    assert (metrics["model"], metrics["epochs"]) == ("cnn_simple", 3)
    assert metrics["interrupted"] is False
    assert metrics["seconds"] > metrics["training_seconds"] > 0
    assert model.class_names == test.class_names == train.class_names == tuple("0123")


def test_history_and_the_best_epoch_belong_together(finished):
    history = json.loads((finished.folder / "history.json").read_text())
    metrics = finished.metrics()
    assert {len(numbers) for numbers in history.values()} == {3}
    assert metrics["validation_accuracy"] == max(history["val_accuracy"])
    assert history["val_accuracy"].index(max(history["val_accuracy"])) == metrics["best_epoch"] - 1
    assert metrics["training_seconds"] == sum(history["seconds"])


def test_json_is_strict_json(finished):
    def refuse(constant):
        raise AssertionError(constant)

    for path in finished.folder.glob("*.json"):
        json.loads(path.read_text(), parse_constant=refuse)


@pytest.mark.parametrize("name", sorted(name for name in FILES if name.endswith(".png")))
def test_pictures_open_and_show_something(finished, name):
    with Image.open(finished.folder / name) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) >= 100
        assert len(np.unique(np.asarray(picture.convert("L")))) > 10


def test_the_folder_opens_as_a_run(finished):
    model = Run.opened(finished.folder).model()
    assert model.predict(np.zeros((2, 8, 8, 1), np.float32)).shape == (2, 4)


def test_without_validation_there_are_no_such_figures(data, tmp_path):
    """And a folder may be there already, if it is empty."""
    run = runs.train(settings(data, "mlp", validation=0.0, epochs=1), tmp_path, progress=False)
    assert set(os.listdir(tmp_path)) == FILES
    assert "validation_accuracy" not in run.metrics()
    assert "val_loss" not in json.loads((run.folder / "history.json").read_text())


def test_pictures_that_are_neither_grey_nor_coloured_train_too(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "d").mkdir()
    for part in ("train", "t10k"):
        images = rng.integers(0, 256, (40, 6, 5, 2), np.uint8)
        write_idx(tmp_path / "d" / f"{part}-images-idx4-ubyte", images)
        write_idx(tmp_path / "d" / f"{part}-labels-idx1-ubyte", (np.arange(40) % 3).astype("u1"))
    chosen = settings(str(tmp_path / "d"), "mlp", epochs=1, batch_size=9)
    run = runs.train(chosen, tmp_path / "r", progress=False)
    assert set(os.listdir(run.folder)) == FILES


def test_patience_ends_a_run(data, tmp_path):
    chosen = settings(data, "mlp", optimizer="sgd", lr=1e-12, patience=2, epochs=20)
    metrics = runs.train(chosen, tmp_path / "r", progress=False).metrics()
    assert (metrics["epochs"], metrics["best_epoch"]) == (3, 1)


# --- the same again


def test_the_same_seed_gives_the_same_run_bit_for_bit(whole, tmp_path):
    assert_same_run(runs.train(whole.settings, tmp_path / "again", progress=False), whole)


def test_seed_clipping_and_smoothing_reach_the_training(data, tmp_path):
    """With gradients clipped to almost nothing, what a run began with is there at its end."""
    chosen = settings(
        data, "mlp", optimizer="sgd", epochs=1, seed=5, clip_norm=1e-25, label_smoothing=0.5
    )
    run = runs.train(chosen, tmp_path / "r", progress=False)
    first = zoo.build("mlp", (8, 8, 1), 4, rng=5)
    for name, weight in run.model().weights().items():
        np.testing.assert_allclose(weight, first.weights()[name], rtol=0, atol=1e-20)
    train, held_out = idx(data)[0].split(0.1, np.random.default_rng((5, 1)))
    logits = first.predict(train.scaled())
    history = json.loads((run.folder / "history.json").read_text())
    smoothed = F.softmax_cross_entropy(logits, train.labels, 0.5).item()
    assert history["loss"] == [pytest.approx(smoothed, rel=1e-5)]
    assert history["val_loss"] == [pytest.approx(mc.evaluate(first, held_out).loss, rel=1e-5)]


@pytest.fixture
def schedules():
    """Schedules of one's own, which let something happen in the midst of a run."""
    before = dict(optim.SCHEDULES)
    yield optim.SCHEDULES
    optim.SCHEDULES.clear()
    optim.SCHEDULES.update(before)


class Killed(BaseException):
    """Not an Exception, so that nothing on the way can take care of it, as of a kill."""


def test_kernels_are_chosen_for_the_run_alone(data, tmp_path, schedules):
    seen = []

    def spy(progress: float) -> float:
        seen.append(mc.kernels.provenance()["relu"])
        raise Killed

    schedules["constant"] = spy
    with mc.kernels.use("fast"):
        before = mc.kernels.provenance()["relu"]
        with pytest.raises(Killed):
            runs.train(settings(data, kernels="reference"), tmp_path / "r", progress=False)
        assert mc.kernels.provenance()["relu"] == before != seen[0]
    assert seen == ["minicnn.kernels.reference.activations.relu"]


def killed_run(whole: Run, folder: Path, schedules, share: float) -> Run:
    """The same run, killed when this share of its steps is done."""

    def deadly(progress: float) -> float:
        if progress >= share:
            raise Killed
        return 1.0

    schedules["constant"] = deadly
    with pytest.raises(Killed):
        runs.train(whole.settings, folder, progress=False)
    schedules["constant"] = optim.constant
    return Run(folder, whole.settings)


def test_killed_in_epoch_2_and_resumed_is_as_never_stopped(whole, tmp_path, schedules):
    run = killed_run(whole, tmp_path / "r", schedules, share=0.4)
    assert set(os.listdir(run.folder)) == {"config.json", "last.npz", "model.npz"}
    assert len(contents(run.folder / "last.npz")[0]["history"]["loss"]) == 1
    runs.train(run.settings, run.folder, resume=True, progress=False)
    assert_same_run(run, whole)
    assert set(os.listdir(run.folder)) == FILES


def test_killed_in_epoch_1_and_again_in_epoch_3(finished, tmp_path, schedules):
    run = killed_run(finished, tmp_path / "r", schedules, share=0.1)
    schedules["constant"] = explode_after(0.8)
    with pytest.raises(TrainingError):
        runs.train(run.settings, run.folder, resume=True, progress=False)
    schedules["constant"] = optim.constant
    runs.train(run.settings, run.folder, resume=True, progress=False)
    assert_same_run(run, finished)


def test_more_epochs_go_on_where_it_ended(finished, tmp_path):
    shorter = dataclasses.replace(finished.settings, epochs=1)
    runs.train(shorter, tmp_path / "r", progress=False)
    longer = runs.train(finished.settings, tmp_path / "r", resume=True, progress=False)
    assert_same_run(longer, finished)
    assert Run.opened(longer.folder).settings.epochs == 3


def test_a_finished_run_may_be_resumed_and_stays_the_same(copied, finished):
    runs.train(copied.settings, copied.folder, resume=True, progress=False)
    assert_same_run(copied, finished)


# --- what is refused leaves the folder as it was


def test_a_folder_with_something_in_it_is_not_overwritten(copied):
    before = files(copied.folder)
    with pytest.raises(FileError, match="exists already and is not overwritten"):
        runs.train(copied.settings, copied.folder, progress=False)
    assert files(copied.folder) == before


@pytest.mark.parametrize("name", ["somebody's.txt", ".hidden"])
def test_nor_is_somebodys_folder(data, tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(FileError, match="exists already"):
        runs.train(settings(data), tmp_path, progress=False)
    assert files(tmp_path) == {name: b"mine"}


def test_nor_is_a_file(data, tmp_path):
    (tmp_path / "r").write_text("mine")
    with pytest.raises(FileError, match="exists already"):
        runs.train(settings(data), tmp_path / "r", progress=False)
    assert (tmp_path / "r").read_text() == "mine"


@pytest.mark.parametrize(
    "changes",
    [
        {"validation": 0.001},
        {"data": "nowhere"},
        {"model": "cnn_deeper"},  # needs larger pictures
    ],
    ids=str,
)
def test_what_does_not_fit_the_data_leaves_no_folder(data, tmp_path, changes):
    chosen = dataclasses.replace(settings(data), **changes)
    with pytest.raises(mc.errors.MinicnnError):
        runs.train(chosen, tmp_path / "r", progress=False)
    assert os.listdir(tmp_path) == []


def test_other_settings_are_not_resumed(copied):
    before = files(copied.folder)
    other = dataclasses.replace(copied.settings, lr=0.5, seed=9, epochs=5)
    with pytest.raises(FileError) as error:
        runs.train(other, copied.folder, resume=True, progress=False)
    assert str(error.value) == (
        f"{copied.folder}: was started with other settings: lr 0.001, now 0.5; seed 0, now 9"
    )
    assert files(copied.folder) == before


def test_settings_of_a_run_take_more_epochs_only(copied):
    assert Run.opened(copied.folder).changed(lr=None) == copied.settings
    longer = Run.opened(copied.folder).changed(epochs=7, lr=0.001)
    assert longer == dataclasses.replace(copied.settings, epochs=7)
    with pytest.raises(FileError, match=r"lr 0\.001, now 0\.5$"):
        Run.opened(copied.folder).changed(epochs=7, lr=0.5)


def test_fewer_epochs_than_done_are_refused(copied):
    before = files(copied.folder)
    fewer = dataclasses.replace(copied.settings, epochs=2)
    with pytest.raises(FileError, match="has 3 epochs, more than the 2 wanted"):
        runs.train(fewer, copied.folder, resume=True, progress=False)
    assert files(copied.folder) == before


def damage_config(text: str):
    return lambda folder: (folder / "config.json").write_text(text)


BROKEN_RUNS = {
    "no folder": shutil.rmtree,
    "no config": lambda folder: (folder / "config.json").unlink(),
    "an empty config": damage_config(""),
    "a config cut off": damage_config('{"model": "mlp", '),
    "a config that is a list": damage_config("[1]"),
    "a config that is no text": lambda folder: (folder / "config.json").write_bytes(b"\xff\xfe"),
    "a config without end": damage_config("[" * 100_000),
    "a config with more than there is": damage_config('{"model": "mlp", "colour": 1}'),
    "a config with text for a number": damage_config('{"model": "mlp", "epochs": "two"}'),
    "no checkpoint": lambda folder: (folder / "last.npz").unlink(),
    "a checkpoint cut off": lambda folder: os.truncate(folder / "last.npz", 10_000),
    "a checkpoint that is a folder": lambda folder: (
        (folder / "last.npz").unlink(),
        (folder / "last.npz").mkdir(),
    ),
}


@pytest.mark.parametrize("case", BROKEN_RUNS)
def test_a_broken_run_is_not_resumed_and_not_changed(copied, case):
    BROKEN_RUNS[case](copied.folder)
    before = {p.name: p.is_file() and p.read_bytes() for p in copied.folder.glob("*")}
    with pytest.raises(FileError) as error:
        runs.train(copied.settings, copied.folder, resume=True, progress=False)
    assert str(error.value).startswith(str(copied.folder))
    assert "\n" not in str(error.value)
    assert {p.name: p.is_file() and p.read_bytes() for p in copied.folder.glob("*")} == before


# --- runs that end badly


def explode_after(share: float):
    return lambda progress: 1.0 if progress < share else 1e30


def test_an_explosion_keeps_the_last_good_checkpoint_and_the_best_model(
    data, tmp_path, schedules, finished
):
    """The same training up to the explosion, so the kept epoch is the same to the bit."""
    schedules["constant"] = explode_after(0.4)
    with pytest.raises(TrainingError, match=r"the loss became (nan|inf) in epoch 2, batch \d"):
        runs.train(settings(data), tmp_path / "r", progress=False)
    assert set(os.listdir(tmp_path / "r")) == {"config.json", "last.npz", "model.npz"}
    about, arrays = contents(tmp_path / "r" / "last.npz")
    assert len(about["history"]["loss"]) == 1
    assert (
        about["history"]["loss"] == contents(finished.folder / "last.npz")[0]["history"]["loss"][:1]
    )
    saved = Run.opened(tmp_path / "r").model().weights()
    for name, weight in saved.items():
        assert np.isfinite(weight).all()
        np.testing.assert_array_equal(weight, arrays[f"weights/{name}"])
    schedules["constant"] = optim.constant
    again = runs.train(settings(data), tmp_path / "r", resume=True, progress=False)
    assert_same_run(again, finished)


def test_an_explosion_in_the_first_epoch_keeps_the_start(data, tmp_path):
    chosen = settings(data, optimizer="sgd", lr=1e38)
    with pytest.raises(TrainingError, match="in epoch 1, batch"):
        runs.train(chosen, tmp_path / "r", progress=False)
    assert set(os.listdir(tmp_path / "r")) == {"config.json", "last.npz"}
    _, arrays = contents(tmp_path / "r" / "last.npz")
    for name, weight in zoo.build("cnn_simple", (8, 8, 1), 4, 0).weights().items():
        np.testing.assert_array_equal(arrays[f"weights/{name}"], weight)


def test_an_explosion_in_the_very_last_step_is_no_result(data, tmp_path):
    chosen = settings(data, optimizer="sgd", lr=1e38, validation=0.0, batch_size=240, epochs=1)
    with pytest.raises(TrainingError, match="the loss became nan on the test set"):
        runs.train(chosen, tmp_path / "r", progress=False)
    assert "metrics.json" not in os.listdir(tmp_path / "r")


def test_a_model_that_is_not_there_yet_is_an_error_that_says_why(data, tmp_path):
    chosen = settings(data, optimizer="sgd", lr=1e38)
    with pytest.raises(TrainingError):
        runs.train(chosen, tmp_path / "r", progress=False)
    with pytest.raises(FileError, match=r"model\.npz: .* is not finished .*--resume"):
        Run.opened(tmp_path / "r").model()
    with pytest.raises(FileError, match=r"metrics\.json: there is no such file"):
        Run.opened(tmp_path / "r").metrics()


@pytest.mark.usefixtures("_interruptible")
def test_ctrl_c_in_epoch_1_leaves_a_run_to_use_and_to_resume(data, tmp_path, schedules, finished):
    def interrupted(progress: float) -> float:
        if progress >= 0.1:
            signal.raise_signal(signal.SIGINT)
        return 1.0

    schedules["constant"] = interrupted
    run = runs.train(settings(data), tmp_path / "r", progress=False)
    metrics = run.metrics()
    assert (metrics["interrupted"], metrics["epochs"]) == (True, 0)
    assert set(os.listdir(run.folder)) == FILES - {"curves.png"}
    result = mc.evaluate(Run.opened(run.folder).model(), idx(data)[1])
    assert result.accuracy == metrics["test_accuracy"]
    schedules["constant"] = optim.constant
    runs.train(run.settings, run.folder, resume=True, progress=False)
    assert_same_run(run, finished)
    assert set(os.listdir(run.folder)) == FILES


def test_a_disk_that_fills_up_keeps_the_last_good_files(data, tmp_path, finished):
    """Only the weights fit, not the two moments beside them and the best weights."""
    room = 2 * (finished.folder / "model.npz").stat().st_size
    with largest_file(room), pytest.raises(WriteError, match=r"last\.npz: cannot be written"):
        runs.train(settings(data), tmp_path / "r", progress=False)
    assert set(os.listdir(tmp_path / "r")) == {"config.json", "last.npz", "model.npz"}
    about, arrays = contents(tmp_path / "r" / "last.npz")
    assert about["history"] == {}
    for name, weight in Run.opened(tmp_path / "r").model().weights().items():
        assert weight.shape == arrays[f"weights/{name}"].shape


@pytest.mark.parametrize(("room", "there"), [(0, False), (1000, False), (0, True)])
def test_a_disk_that_is_full_from_the_start_leaves_no_folder(data, tmp_path, room, there):
    out = tmp_path / "r"
    if there:
        out.mkdir()
    with largest_file(room), pytest.raises(WriteError, match=r"(config|last).*: cannot be written"):
        runs.train(settings(data), out, progress=False)
    assert out.exists() == there
    assert list(tmp_path.rglob("*")) == ([out] if there else [])
