"""`compare`: the figures, the Keras twin, what is skipped, resumed and refused."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, log_loss

import minicnn as mc
from minicnn import zoo
from minicnn.bridge.extras import install_command
from minicnn.data import idx
from minicnn.errors import (
    DataError,
    FileError,
    MissingPackageError,
    TrainingError,
    UnknownNameError,
    WriteError,
)
from minicnn.experiments import compare as comparison
from minicnn.experiments import runs
from minicnn.experiments.compare import job, keras_twin, measuring, table
from minicnn.experiments.run import Run
from minicnn.experiments.settings import Settings
from minicnn.training import fit as training

from .. import patterns

# Keras asks NumPy for arrays in a way that is not that of NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIZE, CLASSES = 12, 4


def write_data(folder: Path, size: int = SIZE, classes: int = CLASSES, turn: int = 0) -> Path:
    return patterns.write_data(folder, size, classes, noise=250, turn=turn)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "patterns")


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory) -> comparison.Comparison:
    """A comparison of two models, in Keras too, that nothing stopped and nobody changes."""
    out = tmp_path_factory.mktemp("whole") / "out"
    return compare(["mlp", "cnn_simple"], out, data, keras=True)


@pytest.fixture
def copied(whole, tmp_path) -> Path:
    return Path(shutil.copytree(whole.folder, tmp_path / "copied"))


@pytest.fixture(scope="module")
def run_folder(data, tmp_path_factory) -> Path:
    """A finished run of every setting that a twin must take over."""
    settings = Settings.of(
        "mlp",
        epochs=3,
        batch_size=50,
        optimizer="sgd",
        lr=0.1,
        momentum=0.9,
        weight_decay=0.01,
        schedule="cosine",
        clip_norm=0.5,
        label_smoothing=0.1,
        patience=3,
        seed=5,
        data=str(data),
    )
    return runs.train(settings, tmp_path_factory.mktemp("runs") / "mine", progress=False).folder


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Every test starts in an empty folder of its own, and draws no pictures of its runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runs, "_draw", lambda *_: None)


def compare(models, out, data, **options) -> comparison.Comparison:
    return mc.compare(models, out=out, data=data, **{"epochs": 2, "progress": False, **options})


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def timeless(row: comparison.ComparisonRow) -> comparison.ComparisonRow:
    """Without what a clock decides, and without Keras."""
    result = replace(row.minicnn, seconds=0, images_per_second=0)
    return replace(row, folder="", minicnn=result, keras=None, disagreement=None)


class Stopped(BaseException):
    """What a process does not survive."""


def stop_at(monkeypatch, module, name, number, how):
    """At this call of a function, `how` is raised in its place."""
    original, calls = getattr(module, name), [0]

    def counting(*arguments, **settings):
        calls[0] += 1
        if calls[0] == number:
            raise how
        return original(*arguments, **settings)

    monkeypatch.setattr(module, name, counting)


# --- the figures


def by_hand(model, images, labels) -> tuple[float, float]:
    """Accuracy and loss by scikit-learn."""
    logits = model((images / 255).astype(np.float32)).data.astype(np.float64)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = odds / odds.sum(axis=1, keepdims=True)
    right = accuracy_score(labels, probabilities.argmax(axis=1))
    return right, log_loss(labels, probabilities, labels=range(CLASSES))


@pytest.mark.parametrize("place", [0, 1])
def test_the_figures_are_those_of_scikit_learn(whole, data, place):
    row = whole.rows[place]
    model = mc.load_model(whole.folder / row.name / "model.npz")
    train, test = idx(data)
    order = np.random.default_rng((0, 1)).permutation(240)
    parts = {"train": order[24:], "validation": order[:24]}
    for part, chosen in parts.items():
        expected = by_hand(model, train.images[chosen], train.labels[chosen])
        assert getattr(row.minicnn, f"{part}_accuracy") == expected[0]
        assert getattr(row.minicnn, f"{part}_loss") == pytest.approx(expected[1], rel=1e-5)
    expected = by_hand(model, test.images, test.labels)
    assert row.minicnn.test_accuracy == expected[0] < 1
    assert row.minicnn.test_loss == pytest.approx(expected[1], rel=1e-5)
    assert row.minicnn.error_rate == pytest.approx(1 - expected[0])
    found = binomtest(round(60 * expected[0]), 60).proportion_ci(0.95, "wilson")
    assert row.minicnn.interval == pytest.approx((found.low, found.high))
    history = json.loads((whole.folder / row.name / "history.json").read_text())
    assert row.minicnn.seconds == pytest.approx(sum(history["seconds"]))
    assert row.minicnn.images_per_second == pytest.approx(np.mean(history["images_per_second"]))
    best = 1 + int(np.argmax(history["val_accuracy"]))
    assert (row.minicnn.epochs, row.minicnn.best_epoch) == (2, best)


def test_what_the_models_are(whole):
    mlp, simple = whole.rows
    parameters = 144 * 784 + 784 + 784 * 4 + 4
    assert (mlp.parameters, mlp.bytes, mlp.lr) == (parameters, 4 * parameters, 1e-3)
    assert (simple.optimizer, simple.schedule) == ("adam", "cosine")
    assert simple.layers == (
        "Conv 32@5×5 ReLU",
        "MaxPool 2",
        "Dropout 0.2",
        "Flatten",
        "Dense 128 ReLU",
        "Dense 4",
    )


def test_the_tables(whole):
    simple = whole.rows[1]
    lines = comparison.results_table(whole.rows)
    assert [line[:3] for line in lines] == [
        ["model", "engine", "layers"],
        ["mlp", "minicnn", "3"],
        ["mlp", "Keras", "3"],
        ["cnn_simple", "minicnn", "6"],
        ["cnn_simple", "Keras", "6"],
    ]
    cells = dict(zip(lines[0], lines[3], strict=True))
    accuracy, interval = simple.minicnn.test_accuracy, simple.minicnn.interval
    assert cells["learning rate"] == "0.001 adam, cosine"
    assert cells["parameters"] == "67,012"  # 832 + 65,664 + 516
    assert cells["size"] == "262 KB"
    assert cells["test"] == f"{accuracy:.4f}"
    assert cells["error"] == f"{100 - 100 * accuracy:.2f} %"
    assert cells["95 % interval"] == f"{interval.low:.4f}–{interval.high:.4f}"
    sides = comparison.engines_table(whole.rows)[2]
    difference = accuracy - simple.keras.test_accuracy
    assert sides[:4] == [
        "cnn_simple",
        f"{accuracy:.4f}",
        f"{simple.keras.test_accuracy:.4f}",
        f"{difference:+.4f}",
    ]


def test_what_is_written(whole):
    assert set(os.listdir(whole.folder)) == {
        "best.npz",
        "comparison.json",
        "comparison.md",
        "comparison.png",
        "cnn_simple",
        "cnn_simple-keras",
        "mlp",
        "mlp-keras",
    }
    written = json.loads((whole.folder / "comparison.json").read_text())
    plain = json.loads(json.dumps([row.to_dict() for row in whole.rows]))
    assert (written["rows"], written["best"]) == (plain, whole.best)
    text = (whole.folder / "comparison.md").read_text()
    for cells in comparison.results_table(whole.rows), comparison.engines_table(whole.rows):
        assert all(f"| {' | '.join(line)} |" in text for line in cells)
    assert f"Best in validation: `{whole.best}`" in text


def test_where_two_models_part():
    labels = np.array([0, 0, 0, 0, 0, 0, 1, 1, 2])
    minicnn = np.array([0, 0, 0, 0, 0, 1, 1, 2, 0])
    keras = np.array([1, 1, 1, 1, 1, 0, 1, 2, 1])  # the last: both wrong, and different
    apart = measuring.disagreement(labels, minicnn, keras)
    assert (apart.pictures, apart.only_minicnn, apart.only_keras) == (7, 5, 1)
    assert apart.p_value == pytest.approx(2 * (1 + 6) / 2**6)  # 0 or 1 head in 6 throws, twice
    assert measuring.disagreement(labels, keras, keras).p_value == 1


# --- the best


def test_the_best_is_chosen_by_validation_though_the_test_says_otherwise(tmp_path):
    """With its labels turned by one, the test set is the worse for a model the better it is."""
    data = write_data(tmp_path / "turned", turn=1)
    found = compare(["cnn_baseline", "mlp"], "out", data, epochs=3)
    worse, better = (row.minicnn for row in found.rows)
    assert better.validation_accuracy > worse.validation_accuracy
    assert better.test_accuracy < worse.test_accuracy
    assert found.best == "mlp"
    kept, expected = mc.load_model("out/best.npz"), mc.load_model("out/mlp/model.npz")
    assert kept.config() == expected.config()
    for name, weight in expected.weights().items():
        np.testing.assert_array_equal(kept.weights()[name], weight)


def test_of_equals_the_first_is_the_best(whole):
    def row(name, validation):
        result = replace(whole.rows[0].minicnn, validation_accuracy=validation)
        return replace(whole.rows[0], name=name, minicnn=result)

    rows = [row("a", 0.5), row("b", None), row("c", 0.75), row("d", 0.75)]
    assert table.best_of(rows).name == "c"
    assert table.best_of([row("a", None)]) is None


# --- the Keras twin


def test_the_twin_sees_the_same_batches_at_the_same_rates_and_learns_the_same(data, monkeypatch):
    seen = {"minicnn": [], "keras": []}

    def spy(module, name, engine):
        original = getattr(module, name)

        def watched(training, x, labels, **settings):
            before = training.model.weights() if not seen[engine] else None
            figures = original(training, x, labels, **settings)
            seen[engine].append((x, labels, training.optimizer.lr, *figures, before))
            return figures

        monkeypatch.setattr(module, name, watched)

    spy(training, "_step", "minicnn")
    spy(keras_twin, "step", "keras")
    found = compare(["cnn_light"], "out", data, keras=True, epochs=3, seed=7)
    assert len(seen["minicnn"]) == len(seen["keras"]) == 3 * 2  # 216 in batches of 128
    for mine, theirs in zip(seen["minicnn"], seen["keras"], strict=True):
        np.testing.assert_array_equal(mine[0], theirs[0])
        np.testing.assert_array_equal(mine[1], theirs[1])
        assert mine[2] == theirs[2]
        assert mine[3:5] == pytest.approx(theirs[3:5], rel=1e-5)
    weights = seen["minicnn"][0][5], seen["keras"][0][5]
    for mine, theirs in zip(weights[0].values(), weights[1].values(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    row = found.rows[0]
    assert row.keras.test_accuracy == row.minicnn.test_accuracy
    assert (row.difference, row.disagreement.pictures) == (0, 0)
    assert row.keras.best_epoch == row.minicnn.best_epoch


@pytest.mark.slow
def test_the_twin_takes_over_every_setting_of_a_run(run_folder, data):
    before = files(run_folder)
    found = compare([run_folder], "out", None, keras=True, epochs=None)
    row = found.rows[0]
    mine = json.loads((run_folder / "history.json").read_text())
    theirs = json.loads(Path("out/mine-keras/history.json").read_text())
    for figure in ("loss", "accuracy", "val_loss", "val_accuracy", "lr"):
        assert theirs[figure] == pytest.approx(mine[figure], rel=1e-4), figure
    assert mine["lr"][-1] < mine["lr"][0]
    assert row.keras.test_accuracy == row.minicnn.test_accuracy
    assert row.disagreement.pictures == 0
    assert files(run_folder) == before
    assert not Path("out/mine").exists()
    assert Path(row.folder) == run_folder


def test_the_twin_takes_over_betas_views_and_the_last_epoch(data, tmp_path):
    own = {"beta1": 0.5, "beta2": 0.8, "tta": 3, "keep": "last", "lr": 0.01}
    settings = Settings.of("mlp", epochs=3, batch_size=50, data=str(data), **own)
    run = runs.train(settings, tmp_path / "mine", progress=False)
    row = compare([run.folder], "out", None, keras=True, epochs=None).rows[0]
    theirs = json.loads(Path("out/mine-keras/history.json").read_text())
    assert theirs["loss"] == pytest.approx(run.history()["loss"], rel=1e-4)
    assert row.keras.best_epoch == row.minicnn.best_epoch == 3
    assert row.minicnn.test_loss == pytest.approx(run.metrics()["test_loss"])
    assert row.keras.test_loss == pytest.approx(run.metrics()["test_loss"], rel=1e-3)


def test_the_twins_file_is_kerass_own_and_predicts_as_measured(whole, data):
    import keras

    row, (_, test) = whole.rows[1], idx(data)
    folder = whole.folder / "cnn_simple-keras"
    model = keras.models.load_model(folder / "model.keras")
    probabilities = model.predict_on_batch(test.scaled())
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    theirs = probabilities.argmax(axis=1)
    assert row.keras.test_accuracy == accuracy_score(test.labels, theirs)
    mine = mc.load_model(whole.folder / "cnn_simple" / "model.npz")(test.scaled()).data
    assert row.disagreement.pictures == (mine.argmax(axis=1) != theirs).sum() > 0
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["test_accuracy"] == row.keras.test_accuracy
    assert metrics["validation_accuracy"] == row.keras.validation_accuracy


@pytest.mark.slow
def test_a_twin_that_was_stopped_goes_on_as_if_it_had_not(data, monkeypatch):
    """cnn_simple has dropout, whose generators must go on too."""
    settings = Settings.of("cnn_simple", epochs=3, batch_size=60, data=str(data))
    sets = idx(data)
    keras_twin.train_twin(settings, "never", sets, progress=False)
    with monkeypatch.context() as patch:
        stop_at(patch, keras_twin, "step", 7, Stopped())  # in the second epoch
        with pytest.raises(Stopped):
            keras_twin.train_twin(settings, "stopped", sets, progress=False)
    assert not Path("stopped/metrics.json").exists()
    calls = []
    original = keras_twin.step
    monkeypatch.setattr(keras_twin, "step", lambda *a: calls.append(1) or original(*a))
    keras_twin.train_twin(settings, "stopped", sets, progress=False)
    assert len(calls) == 2 * 4
    whole, resumed = (json.loads(Path(f, "history.json").read_text()) for f in ("never", "stopped"))
    for figure in ("loss", "accuracy", "val_loss", "val_accuracy", "lr"):
        assert resumed[figure] == pytest.approx(whole[figure], rel=1e-5), figure


def test_keras_draws_its_masks_from_the_seed_and_leaves_the_global_generators_alone(data):
    before = np.random.get_state()[1].tolist()
    train, _ = idx(data)
    models = [keras_twin.twin_of(Settings.of("cnn_simple", seed=s), train)[0] for s in (1, 1, 2)]
    x = train.scaled()
    a, b, c = (np.asarray(model.keras_model(x, training=True)) for model in models)
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
    assert np.random.get_state()[1].tolist() == before


# --- again, and stopped


def test_what_is_done_is_not_done_again(whole, copied, data, monkeypatch):
    stop_at(monkeypatch, runs, "train", 1, AssertionError("trained"))
    stop_at(monkeypatch, keras_twin, "train_twin", 1, AssertionError("trained in Keras"))
    stop_at(monkeypatch, job, "measured", 1, AssertionError("measured"))
    before = files(copied)
    again = compare(["mlp", "cnn_simple"], copied, data, keras=True)
    assert again.best == whole.best
    assert [replace(row, folder="") for row in again.rows] == [
        replace(row, folder="") for row in whole.rows
    ]
    after = files(copied)
    assert {name for name in after if after[name] != before[name]} <= {
        "comparison.json",  # the folder has moved
        "comparison.png",
    }


@pytest.mark.parametrize("how", [KeyboardInterrupt(), Stopped()])
@pytest.mark.parametrize("steps", [3, 6])  # in the first model, in the second
def test_stopped_in_epoch_2_and_begun_again_is_as_never_stopped(
    whole, data, monkeypatch, how, steps
):
    with monkeypatch.context() as patch:
        stop_at(patch, training, "_step", steps + 1, how)
        if isinstance(how, KeyboardInterrupt):
            found = compare(["mlp", "cnn_simple"], "out", data)
            assert found.interrupted
            assert [row.name for row in found.rows] == ["mlp"][: steps // 6]
            assert not Path("out/best.npz").exists()
        else:
            with pytest.raises(Stopped):
                compare(["mlp", "cnn_simple"], "out", data)
    again = compare(["mlp", "cnn_simple"], "out", data)
    assert [timeless(row) for row in again.rows] == [timeless(row) for row in whole.rows]
    assert not again.interrupted


def test_killed_before_the_first_file_was_whole(data):
    with contextlib.suppress(Stopped), pytest.MonkeyPatch.context() as patch:
        stop_at(patch, runs, "train", 1, Stopped())
        compare(["mlp"], "out", data)
    Path("out/mlp").mkdir()
    Path("out/mlp/last.npz").write_text("half")
    Path(f"out/mlp/.{'0' * 32}.npz").write_text("half")
    assert len(compare(["mlp"], "out", data).rows) == 1
    assert [name for name in os.listdir("out/mlp") if name.startswith(".")] == []


@pytest.mark.slow
def test_a_killed_process_is_gone_on_with(data, whole, command):
    arguments = ["compare", "mlp", "cnn_simple", "--epochs", 2, "--data", data, "--out", "out"]
    running = subprocess.Popen(
        [sys.executable, "-m", "minicnn", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with running:
        for line in running.stderr:
            if line.startswith("model 2 of 2: cnn_simple, in minicnn"):
                break
        running.kill()
    assert running.returncode == -signal.SIGKILL
    result = command(*arguments)
    assert result.code == 0
    assert "model 1 of 2" not in result.err
    rows = json.loads(Path("out/comparison.json").read_text())["rows"]
    expected = [timeless(row) for row in whole.rows]
    assert [timeless(comparison.ComparisonRow.from_dict(row)) for row in rows] == expected


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(data, command, monkeypatch):
    arguments = ["compare", "mlp", "--keras", "--epochs", 2, "--seed", 3, "--data", data]
    with monkeypatch.context() as patch:
        stop_at(patch, keras_twin, "step", 4, KeyboardInterrupt())
        result = command(*arguments, "--out", "my out")
    assert result.code == 130
    last = result.out.splitlines()[-1]
    assert last == (
        "Stopped early. To go on:  minicnn compare mlp --keras --epochs 2 --seed 3 "
        f"--data {data} --out 'my out'"
    )
    metrics = json.loads(Path("my out/mlp-keras/metrics.json").read_text())
    assert (metrics["interrupted"], metrics["epochs"]) == (True, 1)
    result = command(*arguments, "--out", "my out")
    assert result.code == 0
    assert "in minicnn" not in result.err
    assert "epoch 1/2" not in result.err
    assert "epoch 2/2" in result.err


# --- the command


def test_the_command(data, run_folder, command):
    result = command("compare", "mlp", run_folder, "--epochs", 2, "--data", data, "--out", "out")
    assert (result.code, result.out.splitlines()[0].split()[:2]) == (0, ["model", "layers"])
    assert "model 1 of 2: mlp, in minicnn" in result.err
    found = json.loads(Path("out/comparison.json").read_text())
    assert f"Best in validation: {found['best']}, saved as out/best.npz" in result.out
    assert [row["name"] for row in found["rows"]] == ["mlp", "mine"]


def test_the_command_as_json(data, command):
    result = command("compare", "mlp", "--epochs", 1, "--data", data, "--out", "out", "--json")
    found = json.loads(result.out)
    assert found["rows"] == json.loads(Path("out/comparison.json").read_text())["rows"]
    assert (found["best"], found["interrupted"]) == ("mlp", False)


def test_without_a_name_all_models_are_compared(monkeypatch, tmp_path):
    data = write_data(tmp_path / "large", size=16)
    stop_at(monkeypatch, runs, "train", 1, KeyboardInterrupt())
    assert compare([], "out", data).interrupted
    found = json.loads(Path("out/comparison.json").read_text())
    assert (found["settings"]["models"], found["rows"]) == (list(zoo.MODELS), [])


# --- what is refused


def refuse(kind, models, data, *fragments, out="out", **options):
    with pytest.raises(kind) as error:
        compare(models, out, data, **options)
    message = str(error.value)
    assert "\n" not in message
    assert [fragment for fragment in fragments if fragment not in message] == [], message


def test_an_unknown_model(data):
    refuse(UnknownNameError, ["mpl"], data, "'mpl'; did you mean 'mlp'")
    refuse(FileError, ["runs/mlp"], data, "runs/mlp: there is no such run folder")
    assert os.listdir() == []


def test_a_model_given_twice(data, run_folder):
    refuse(FileError, ["mlp", "mlp"], data, "'mlp' is given 2 times")
    refuse(FileError, [run_folder, f"{run_folder}/../mine"], None, "'mine' is given 2 times")
    assert os.listdir() == []


def test_a_recipe_that_keras_cannot_follow(data, tmp_path):
    names = ["mlp", "speedrun"]
    need = "speedrun: its ema cannot be done in Keras; compare it without --keras"
    refuse(TrainingError, names, data, need, keras=True)
    both = "best: its augmentation and ema cannot be done in Keras"
    refuse(TrainingError, ["best"], data, both, keras=True)
    settings = Settings.of("mlp", epochs=1, batch_size=50, ema=0.9, data=str(data))
    run = runs.train(settings, tmp_path / "averaged", progress=False)
    refuse(TrainingError, [run.folder], None, "averaged: its ema cannot", keras=True)
    assert os.listdir() == ["averaged"]
    assert compare([run.folder], "out", None).best == "averaged"


def test_a_run_that_is_not_finished(run_folder, tmp_path):
    run = Path(shutil.copytree(run_folder, tmp_path / "run"))
    metrics = json.loads((run / "metrics.json").read_text())
    (run / "metrics.json").write_text(json.dumps({**metrics, "interrupted": True}))
    refuse(FileError, [run], None, "was stopped", f"--out {run} --resume")
    (run / "metrics.json").write_text("{}")
    refuse(FileError, [run], None, "metrics.json: has no 'interrupted'")
    (run / "metrics.json").unlink()
    refuse(FileError, [run], None, "metrics.json", "the folder of a finished run?")
    assert os.listdir() == ["run"]


def test_runs_of_different_data(run_folder, tmp_path):
    data = write_data(tmp_path / "other", size=9, classes=5)
    settings = Settings.of("mlp", epochs=1, data=str(data))
    runs.train(settings, "theirs", progress=False)
    words = ["theirs: trained on", "(9, 9, 1), 5 classes", "(12, 12, 1), 4 classes"]
    refuse(DataError, [run_folder, "theirs"], None, *words)
    refuse(DataError, ["theirs"], Run.opened(run_folder).settings.data, *words)
    shutil.rmtree(data)
    write_data(data, size=9, classes=6)
    refuse(DataError, ["theirs"], None, "(9, 9, 1), 5 classes", "(9, 9, 1), 6 classes")
    assert not Path("out").exists()


def test_data_that_does_not_fit_a_model(tmp_path):
    data = write_data(tmp_path / "small", size=4)
    refuse(DataError, ["mlp", "cnn_simple"], data, "cnn_simple: ", "smaller than the window of 5")
    assert not Path("out").exists()


def test_a_folder_that_holds_other_things(data):
    Path("file").write_text("mine")
    refuse(WriteError, ["mlp"], data, "file exists already", out="file")
    Path("full").mkdir()
    Path("full/notes").write_text("mine")
    refuse(WriteError, ["mlp"], data, "full exists already", out="full")
    Path("full/comparison.json").write_text("[]")
    refuse(FileError, ["mlp"], data, "comparison.json: holds no JSON object", out="full")
    assert sorted(os.listdir("full")) == ["comparison.json", "notes"]


OTHERWISE = {
    "more epochs": ({"epochs": 3}, "epochs 2, now 3"),
    "another seed": ({"seed": 1}, "seed None, now 1"),
    "without Keras": ({"keras": False}, "keras True, now False"),
    "other models": ({"models": ["mlp"]}, "models ['mlp', 'cnn_simple'], now ['mlp']"),
}


@pytest.mark.parametrize("case", OTHERWISE)
def test_a_comparison_is_not_gone_on_with_otherwise(copied, data, case):
    changes, fragment = OTHERWISE[case]
    before = files(copied)
    options = {"models": ["mlp", "cnn_simple"], "keras": True, **changes}
    models = options.pop("models")
    words = ["was begun with other settings", fragment]
    refuse(FileError, models, data, *words, out=copied, **options)
    assert files(copied) == before


def test_without_keras_nothing_is_trained(data, monkeypatch, command):
    monkeypatch.setitem(sys.modules, "keras", None)
    refuse(MissingPackageError, ["mlp"], data, install_command("keras"), keras=True)
    result = command("compare", "mlp", "--keras", "--data", data, "--out", "out")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("minicnn: keras is not installed")
    assert not Path("out").exists()
