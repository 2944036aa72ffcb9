"""`tune`: what it trains, keeps, shares, goes on with and refuses."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import optuna
import pytest

import minicnn as mc
from minicnn.bridge.extras import install_command
from minicnn.data import idx, read_idx, write_idx
from minicnn.errors import (
    FileError,
    MissingPackageError,
    SettingError,
    UnknownNameError,
    WriteError,
)
from minicnn.experiments import runs
from minicnn.experiments.settings import Settings
from minicnn.experiments.tune import Tuning, journal, search

from ...patterns import write_data

USUAL = {"trials": 3, "epochs": 2, "only": ["lr", "dropout", "optimizer"], "progress": False}
RESULTS = {"best.json", "trials.json", "tuning.html", "study.json", "journal.log"}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "patterns", size=12, noise=200)


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory) -> Tuning:
    """A search that nothing stopped and nobody changes."""
    return tune(data, tmp_path_factory.mktemp("whole") / "search")


@pytest.fixture
def copied(whole, tmp_path) -> Path:
    return Path(shutil.copytree(whole.folder, tmp_path / "search"))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def impatient(monkeypatch):
    """Whoever is silent for two seconds is taken for dead."""
    monkeypatch.setattr(journal, "PATIENCE", 2)
    monkeypatch.setattr(search, "POLL", 0.1)


def tune(data: Path, out="search", model: str = "cnn_simple", **changes) -> Tuning:
    return mc.tune(model, out=out, data=data, **{**USUAL, **changes})


def timeless(found: Tuning) -> list:
    return [(t.number, t.state, t.accuracies, t.values) for t in found.trials]


# --- what is trained, and what comes of it


def test_every_trial_is_what_training_with_its_settings_gives(whole, data):
    train, _ = idx(data)
    for trial in whole.trials:
        model = mc.zoo.build("cnn_simple", train.image_shape, train.classes, 0)
        model.layers[2].rate = trial.values["dropout"]
        history = mc.fit(
            model,
            train,
            optimizer=mc.optim.optimizer(trial.values["optimizer"], lr=trial.values["lr"]),
            epochs=2,
            batch_size=200,
            validation=0.1,
            schedule=mc.optim.cosine,
            rng=np.random.default_rng((0, 1)),
            progress=False,
        )
        assert (trial.state, trial.accuracies) == ("complete", tuple(history["val_accuracy"]))


def test_the_best_trial_is_the_one_with_the_highest_accuracy_in_the_end(whole):
    ends = [trial.accuracies[-1] for trial in whole.trials]
    assert whole.best.number == ends.index(max(ends))
    settings = Settings(**json.loads((whole.folder / "best.json").read_text()))
    assert settings == whole.settings
    assert {name: getattr(settings, name) for name in whole.best.values} == whole.best.values
    assert (settings.keep, settings.epochs, settings.validation) == ("last", 2, 0.1)


def test_the_first_trial_is_the_recipe(whole):
    assert whole.trials[0].values == {"optimizer": "adam", "lr": 1e-3, "dropout": 0.2}
    assert len({trial.values["lr"] for trial in whole.trials}) == 3


def test_the_test_set_decides_nothing(whole, data, tmp_path):
    other = Path(shutil.copytree(data, tmp_path / "patterns"))
    for name in os.listdir(other):
        if name.startswith("t10k"):
            write_idx(other / name, np.zeros_like(read_idx(other / name)), overwrite=True)
    assert timeless(tune(other)) == timeless(whole)


def test_what_is_written(whole):
    assert {*os.listdir(whole.folder)} == {*RESULTS, "figures", "alive"}
    assert os.listdir(whole.folder / "alive") == []
    assert {*os.listdir(whole.folder / "figures")} == {"history.png", "slices.png", "epochs.png"}
    trials = json.loads((whole.folder / "trials.json").read_text())
    assert trials == json.loads(json.dumps(whole.to_dict()))
    assert trials["best"]["values"] == whole.best.values
    page = (whole.folder / "tuning.html").read_text()
    assert f"{whole.best.accuracies[-1]:.2%}" in page
    assert "too few complete trials" in page


def test_pruned_trials_end_early(data, monkeypatch):
    pruner = optuna.pruners.ThresholdPruner(lower=2)
    monkeypatch.setattr(search.Search, "_pruner", lambda self: pruner)
    found = tune(data)
    assert [(t.state, len(t.accuracies)) for t in found.trials] == [("pruned", 1)] * 3
    assert found.best is None
    assert {*os.listdir("search")} == {"trials.json", "study.json", "journal.log", "alive"}


def test_what_is_below_the_median_is_pruned_after_a_third_of_the_epochs():
    plan = type("Plan", (), {"epochs": 6})
    pruner = search.Search._pruner(type("Search", (), {"plan": plan}))
    study = optuna.create_study(direction="maximize", pruner=pruner)
    for _ in range(5):
        values = dict.fromkeys(range(1, 7), 0.9)
        study.add_trial(optuna.create_trial(value=0.9, intermediate_values=values))
    trial, pruned = study.ask(), []
    for epoch in range(1, 7):
        trial.report(0.8, epoch)
        pruned.append(bool(trial.should_prune()))
    assert pruned == [False, False, True, True, True, True]


def test_a_loss_that_is_no_number_ends_its_trial_alone(data):
    found = tune(data, trials=2, fix={"lr": 1e30, "optimizer": "sgd"}, only=["dropout"])
    assert [(t.state, t.accuracies) for t in found.trials] == [("pruned", ())] * 2


def test_what_is_fixed_is_in_every_trial(data):
    fix = {"schedule": "one_cycle", "rotation": "5", "momentum": 0.9}
    found = tune(data, fix=fix, only=["optimizer"], trials=4, epochs=1)
    assert {t.values["optimizer"] for t in found.trials} == {"adam", "sgd"}
    assert (found.settings.schedule, found.settings.augmentation.rotation) == ("one_cycle", 5)
    assert found.settings.momentum == (0.9 if found.settings.optimizer == "sgd" else 0)


# --- stopped and gone on with


def interrupt_at(monkeypatch, number: int) -> None:
    """Ctrl-C in the training of this trial."""
    fit_model, calls = runs.fit_model, Counter()

    def interrupted(*arguments, **options):
        history = fit_model(*arguments, **options)
        calls["fit"] += 1
        history.interrupted = calls["fit"] == number
        return history

    monkeypatch.setattr(search.runs, "fit_model", interrupted)


def test_ctrl_c_leaves_things_whole_and_the_same_call_goes_on(whole, data, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_at(patch, 2)
        stopped = tune(data)
    assert stopped.interrupted
    assert [t.state for t in stopped.trials] == ["complete", "failed", "waiting"]
    assert {*os.listdir("search")} == {*RESULTS, "figures", "alive"}
    found = tune(data)
    assert not found.interrupted
    assert [t.state for t in found.trials] == ["complete", "failed", "complete", "complete"]
    assert found.trials[1].values == found.trials[2].values
    assert found.trials[0].accuracies == whole.trials[0].accuracies
    assert found.trials[2].accuracies == whole.trials[1].accuracies


def test_a_search_that_is_done_is_only_looked_at(whole, copied, data, monkeypatch):
    monkeypatch.setattr(search.Search, "_try_one", lambda self: pytest.fail("a trial"))
    assert timeless(tune(data)) == timeless(whole)
    assert timeless(tune(data, trials=1)) == timeless(whole)


def test_more_trials_may_be_wanted_later(whole, copied, data):
    found = tune(data, trials=4)
    assert timeless(found)[:3] == timeless(whole)
    assert len(found.trials) == 4


def test_no_trial_begins_after_the_time(data):
    found = tune(data, timeout=1e-9)
    assert (list(found.trials), found.best, found.interrupted) == (found.trials, None, False)
    assert found.finished == 0


WORKER = """
import os, sys, time
import minicnn as mc
from minicnn.experiments import runs
from minicnn.experiments.tune import journal, search
journal.BEAT, journal.PATIENCE, search.POLL = 0.3, 3, 0.1
if sys.argv[2] == "hangs":
    fit_model = runs.fit_model
    def hang(*arguments, **options):
        fit_model(*arguments, **options)
        print("hangs", flush=True)
        time.sleep(100)
    search.runs.fit_model = hang
options = {"trials": 4, "epochs": 1, "only": ["lr", "dropout"], "progress": False}
found = mc.tune("cnn_simple", out="search", data=sys.argv[1], **options)
print(found.finished, flush=True)
"""


@pytest.fixture
def worker(data):
    """Start a process that works on a search in the current folder."""
    started = []

    def start(how: str) -> subprocess.Popen:
        command = [sys.executable, "-c", WORKER, str(data), how]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, **pipes))
        return started[-1]

    yield start
    for running in started:
        with running:
            running.kill()


@pytest.mark.slow
def test_a_process_that_is_killed_does_not_stop_the_others(worker):
    victim = worker("hangs")
    assert victim.stdout.readline() == "hangs\n", victim.stderr.read()
    other = worker("works")
    victim.kill()
    out, err = other.communicate(timeout=120)
    assert (out, other.returncode) == ("4\n", 0), err
    trials = json.loads(Path("search/trials.json").read_text())["trials"]
    assert Counter(t["state"] for t in trials) == {"complete": 4, "failed": 1}
    assert trials[0]["state"] == "failed", "the one that was killed in the middle"
    assert trials[0]["values"] in [t["values"] for t in trials if t["state"] == "complete"]
    assert os.listdir("search/alive") == ["0"]  # its last sign of life


@pytest.mark.slow
def test_processes_share_the_trials(worker):
    both = [worker("works"), worker("works")]
    for each in both:
        out, err = each.communicate(timeout=120)
        assert (out, each.returncode) == ("4\n", 0), err
    trials = json.loads(Path("search/trials.json").read_text())["trials"]
    assert Counter(t["state"] for t in trials)["complete"] == 4
    assert len({t["values"]["lr"] for t in trials if t["state"] == "complete"}) == 4


def test_who_was_taken_for_dead_goes_on_with_something_else(data, monkeypatch, impatient):
    """A laptop that slept through its trial: meanwhile another process has taken that over."""
    fit_model, slept = runs.fit_model, []

    def sleep(*arguments, **options):
        if not slept:
            slept.append(True)
            os.utime("search/alive/0", (0, 0))
            with journal.opened(Path("search"), None) as (storage, heartbeats):
                other = optuna.load_study(storage=storage, study_name="search")
                heartbeats.fail_stale(other)
        return fit_model(*arguments, **options)

    monkeypatch.setattr(search.runs, "fit_model", sleep)
    found = tune(data)
    assert [t.state for t in found.trials] == ["failed", *["complete"] * 3]
    assert found.trials[1].values == found.trials[0].values


@pytest.mark.slow
def test_a_database_does_what_a_journal_does(whole, data):
    found = tune(data, storage="sqlite:///study.db", trials=2)
    assert timeless(found) == timeless(whole)[:2]
    assert "journal.log" not in os.listdir("search")
    again = tune(data, storage="sqlite:///study.db")
    assert timeless(again) == timeless(whole)
    shutil.rmtree("search")
    with pytest.raises(FileError, match="study 'search' in the database: its search is anot"):
        tune(data, storage="sqlite:///study.db", seed=1)


# --- refused


OTHERS = {
    "model": ({"model": "cnn_classic"}, "model cnn_simple, now cnn_classic"),
    "epochs": ({"epochs": 3}, "epochs 2, now 3"),
    "space": ({"only": ["lr", "optimizer"]}, "space dropout {.*}, now dropout –"),
    "fixed": ({"fix": {"batch_size": 50}}, "fixed batch_size –, now batch_size 50"),
    "seed": ({"seed": 1}, "seed 0, now 1"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_another_search_is_not_gone_on_with(copied, data, case):
    changes, words = OTHERS[case]
    before = {path: path.read_bytes() for path in copied.glob("*.*")}
    with pytest.raises(FileError, match=f"^search: its search is another: {words}$"):
        tune(data, **changes)
    assert {path: path.read_bytes() for path in copied.glob("*.*")} == before


def test_other_data_is_refused(copied, tmp_path):
    other = write_data(tmp_path / "other", size=12, seed=1)
    with pytest.raises(FileError, match="its search is on other data"):
        tune(other)


def test_a_study_of_another_kind_is_refused(copied, data):
    (copied / "study.json").write_text('{"title": "a thesis"}')
    with pytest.raises(FileError, match="search: holds no search of minicnn's"):
        tune(data)
    (copied / "study.json").write_text("{")
    with pytest.raises(FileError, match=r"study\.json: cannot be read as JSON"):
        tune(data)


def test_a_study_that_another_program_made_is_refused(data, monkeypatch):
    monkeypatch.setattr(search.time, "sleep", lambda seconds: None)
    optuna.create_study(storage="sqlite:///study.db", study_name="search")
    with pytest.raises(FileError, match="holds no search of minicnn's"):
        tune(data, storage="sqlite:///study.db")


@pytest.mark.parametrize(
    "content", [b"not a journal\n\n", b"[]\n", b"\x00\xff\n{}\n", b'{"a": 1}\n']
)
def test_a_journal_that_cannot_be_read_is_refused(copied, data, content):
    (copied / "journal.log").write_bytes(content)
    with pytest.raises(FileError, match=r"journal\.log: no journal of a search, or damaged"):
        tune(data)


def test_a_line_that_a_failing_machine_left_is_cut_off(whole, copied, data):
    with open(copied / "journal.log", "ab") as file:
        file.write(b'{"op_code":4,"wor')
    found = tune(data, trials=4)
    assert timeless(found)[:3] == timeless(whole)
    assert timeless(tune(data, trials=4)) == timeless(found)


def test_a_folder_that_holds_something_else_is_not_touched(data, tmp_path):
    Path("search").mkdir()
    Path("search/notes.txt").write_text("mine")
    with pytest.raises(WriteError, match="search exists already and is not overwritten"):
        tune(data)
    assert os.listdir("search") == ["notes.txt"]


BAD = {
    "a model": ({"model": "cnn_simpel"}, UnknownNameError, "did you mean 'cnn_simple'"),
    "fix": ({"fix": {"lrr": 1}}, UnknownNameError, "unknown setting to fix 'lrr'"),
    "only": ({"only": ["lrr"]}, UnknownNameError, "unknown setting to search 'lrr'"),
    "a fixed value": ({"fix": {"lr": -1}}, SettingError, "lr must be positive and finite, got -1"),
    "an optimizer": ({"fix": {"optimizer": "x"}}, UnknownNameError, "unknown optimizer 'x'"),
    "trials": ({"trials": 0}, SettingError, "trials must be positive, got 0"),
    "timeout": ({"timeout": 0}, SettingError, "timeout must be positive, got 0"),
    "validation": ({"validation": 0}, SettingError, r"validation must be in \(0, 1\), got 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_answered_before_anything_is_made(data, case):
    changes, error, words = BAD[case]
    with pytest.raises(error, match=words):
        tune(data, **changes)
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("no url", "'no url': cannot be opened as a database"),
        (
            "postgresql+psycopg://me:secret@localhost:1/x",
            r"psycopg://me:\*\*\*@localhost:1/x: cannot",
        ),
        ("sqlite:////no/such/folder/x.db", "sqlite:////no/such/folder/x.db: cannot be opened"),
    ],
)
def test_a_database_that_cannot_be_reached_is_named_without_its_password(data, url, words):
    with pytest.raises(FileError, match=words) as caught:
        tune(data, storage=url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_optuna_the_extra_is_named(data, monkeypatch, command):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingPackageError, match=re.escape(install_command("tune"))):
        tune(data)
    assert os.listdir() == []


# --- the command


def test_the_command_says_what_was_found_and_what_to_do_next(data, command):
    options = ["--data", data, "--trials", 2, "--epochs", 1, "--only", "lr,batch_size"]
    result = command("tune", "mlp", *options, "--fix", "schedule=cosine", "--out", "my search")
    assert result.code == 0
    lines = result.err.splitlines()
    assert [line[:9] for line in lines] == ["trial   0", "trial   1"]
    assert lines[0].endswith(" best")
    found = json.loads(Path("my search/trials.json").read_text())
    assert f"{found['best']['accuracy']:.4f}, trial {found['best']['number']}" in result.out
    assert found["settings"]["schedule"] == "cosine"
    assert {*found["trials"][0]["values"]} <= {"lr", "batch_size"}
    following = shlex.split(re.search("Next:  minicnn (.*)", result.out)[1])
    trained = command(*following, "--out", "run", "--json")
    assert trained.code == 0
    assert json.loads(trained.out)["validation_accuracy"] == found["best"]["accuracy"]
    config = json.loads(Path("run/config.json").read_text())
    del config["data_checksum"]
    assert config == json.loads(Path("my search/best.json").read_text())


def test_json_is_all_that_is_printed(copied, data, command, whole):
    options = ["--data", data, "--trials", 3, "--epochs", 2, "--only", "lr dropout,optimizer"]
    result = command("tune", "cnn_simple", *options, "--out", "search", "--json")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["trials"] == json.loads(json.dumps(whole.to_dict()["trials"]))


def test_ctrl_c_ends_the_command_with_130(data, command, monkeypatch):
    interrupt_at(monkeypatch, 1)
    options = ["--data", data, "--trials", 2, "--epochs", 1]
    result = command("tune", "mlp", *options)
    assert result.code == 130
    assert result.out == (
        "No trial is complete yet, of 2.\nStopped early. To go on, give the same command again.\n"
    )
    assert Path("runs/mlp-tuning/journal.log").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fix", "lr"], "takes NAME=VALUE"),
        (["--fix", "lr=x"], "lr must be a number, got 'x'"),
        (["--trials", "0"], "--trials"),
        (["--storage", "no url"], "cannot be opened as a database"),
    ],
)
def test_a_mistake_in_the_command_is_one_line(data, command, options, words):
    result = command("tune", "mlp", "--data", data, *options)
    assert (result.code, result.out) == (2, "")
    assert words in result.err
    assert "Traceback" not in result.err
