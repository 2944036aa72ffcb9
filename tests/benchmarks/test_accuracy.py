"""The protocol of the accuracies, with models and data that take no time."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import softmax

from benchmarks import stats
from benchmarks.accuracy import __main__ as program
from benchmarks.accuracy import protocol as protocol_module
from benchmarks.accuracy import shown, summary
from benchmarks.accuracy.protocol import Protocol, Seed
from benchmarks.machine import ROOT
from benchmarks.processes import Timed
from minicnn import metrics, zoo
from minicnn.data import idx
from minicnn.errors import FileError, UnknownNameError
from minicnn.experiments import runs
from minicnn.experiments.run import Run
from minicnn.experiments.settings import Settings

from ..patterns import write_data

EPOCHS = 2


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_data(tmp_path_factory.mktemp("accuracy") / "data", noise=200)


@pytest.fixture(autouse=True)
def no_pictures_of_a_run(monkeypatch) -> None:
    """They take longer than the training."""
    monkeypatch.setattr(runs, "_draw", lambda *_: None)


@pytest.fixture
def ask(tmp_path, data, capsys):
    """Call the command with these arguments; gives exit code, output and errors."""

    def call(*recipes: str, seeds: int = 2, plain: str = "none", **options) -> SimpleNamespace:
        code = 0
        given = {"epochs": EPOCHS, "data": data, "runs": tmp_path / "runs", "out": tmp_path / "out"}
        capsys.readouterr()
        try:
            program.main([*recipes], seeds, plain, **{"markdown": True, **given, **options})
        except SystemExit as end:
            code = end.code
        printed = capsys.readouterr()
        return SimpleNamespace(code=code, out=printed.out, err=printed.err)

    return call


@pytest.fixture
def results(tmp_path):
    """What the files of results hold, by recipe."""
    return lambda: shown.load(tmp_path / "out")


@pytest.fixture
def trained(monkeypatch) -> list[tuple[str, int]]:
    """Model and seed of each training that is begun or gone on with."""
    calls = []
    train = runs.train

    def noted(settings, *arguments, **more):
        calls.append((settings.model, settings.seed))
        return train(settings, *arguments, **more)

    monkeypatch.setattr(runs, "train", noted)
    return calls


def without_clock(found: dict) -> dict:
    """Results without what a clock and the call decide."""
    seeds = [
        {key: value for key, value in seed.items() if key not in ("training_seconds", "machine")}
        for seed in found["seeds"]
    ]
    return {**found, "seeds": seeds, "training_seconds": None}


# ------------------------------------------------------------------ the whole


def test_the_figures_are_those_of_the_runs(ask, results, tmp_path, data):
    assert ask("mlp", plain="cnn_baseline").code == 0
    found, labels = results()["mlp"], idx(data)[1].labels
    probabilities = []
    for number, seed in enumerate(found["seeds"]):
        run = Run.opened(tmp_path / "runs" / "mlp" / f"seed-{number}")
        settings = run.settings
        assert (settings.seed, settings.validation, settings.keep) == (number, 0, "last")
        assert (settings.model, settings.epochs, settings.batch_size) == ("mlp", EPOCHS, 200)
        each = softmax(run.model().predict(idx(data)[1].scaled()).astype(float), axis=1)
        probabilities.append(each)
        right = each.argmax(axis=1) == labels
        assert seed["accuracy"] == right.mean() == run.metrics()["test_accuracy"]
        assert seed["mistakes"] == np.flatnonzero(~right).tolist()
        error = metrics.expected_calibration_error(each, labels)
        assert seed["calibration_error"] == pytest.approx(error, abs=1e-6)
        assert seed["process_seconds"] is None
    values = [seed["accuracy"] for seed in found["seeds"]]
    assert values[0] != values[1]
    assert found["accuracy"]["mean"] == pytest.approx(np.mean(values))
    assert found["accuracy"]["deviation"] == pytest.approx(np.std(values, ddof=1))
    together = np.mean(probabilities, axis=0)
    assert found["ensemble"]["accuracy"] == (together.argmax(axis=1) == labels).mean()
    assert "undisputed" not in found  # these are labels of MNIST
    other = results()["cnn_baseline"]
    for pair, mine, theirs in zip(
        found["against"]["seeds"], found["seeds"], other["seeds"], strict=True
    ):
        assert pair["only_first"] == len({*theirs["mistakes"]} - {*mine["mistakes"]})
        assert pair["only_second"] == len({*mine["mistakes"]} - {*theirs["mistakes"]})
    assert found["against"]["ensemble"].keys() == {"only_first", "only_second", "p_value"}
    assert found["robustness"].keys() == {"mlp", "cnn_baseline"}
    assert (tmp_path / "out" / "mlp-robustness.png").exists()


def test_the_tables_show_every_seed(ask, results, tmp_path):
    result = ask("mlp", plain="cnn_baseline")
    seeds = ", ".join(f"{100 * seed['accuracy']:.2f}" for seed in results()["mlp"]["seeds"])
    assert seeds in result.out
    for title in ("Accuracy on the test set", "calibration", "McNemar", "mlp: accuracy on corr"):
        assert f"{title}" in result.out
    text = (tmp_path / "out" / "accuracy.md").read_text()
    assert seeds in text
    assert ask().out == result.out  # without a recipe: what is there
    assert "There is nothing in" in ask(out=tmp_path / "empty").err


# ------------------------------------------------------------------ stopping and going on


def test_each_seed_is_kept_when_it_is_there_and_the_next_call_goes_on(
    ask, results, trained, monkeypatch
):
    measure = Protocol._measure

    def stopped_after_one(self, seed, seconds):
        if seed == 1:
            raise KeyboardInterrupt
        return measure(self, seed, seconds)

    with monkeypatch.context() as patch:
        patch.setattr(Protocol, "_measure", stopped_after_one)
        result = ask("mlp")
    assert (result.code, trained) == (130, [("mlp", 0), ("mlp", 1)])
    assert "the same command goes on" in result.err
    assert [seed["seed"] for seed in results()["mlp"]["seeds"]] == [0]
    assert "1 of 2 seeds are done" in ask().out
    trained.clear()
    assert ask("mlp").code == 0
    assert trained == [("mlp", 1)]  # resumed, where no epoch is left to train
    assert [seed["seed"] for seed in results()["mlp"]["seeds"]] == [0, 1]
    trained.clear()
    assert ask("mlp", seeds=3).code == 0
    assert trained == [("mlp", 2)]
    assert ask("mlp", seeds=1).code == 0  # what is known stays
    assert len(results()["mlp"]["seeds"]) == 3


@pytest.mark.slow
def test_a_seed_that_ctrl_c_interrupts_goes_on_in_its_epoch(ask, results, tmp_path, monkeypatch):
    from minicnn.training import fit as training

    step, calls = training._step, []

    def interrupted(*arguments, **more):
        calls.append(1)
        if len(calls) == 3:  # the first step of the second epoch of 240 pictures
            raise KeyboardInterrupt
        return step(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(training, "_step", interrupted)
        assert ask("mlp", seeds=1).code == 130
    folder = tmp_path / "runs" / "mlp" / "seed-0"
    assert Run.opened(folder).metrics()["epochs"] == 1
    assert not (folder / "seed.json").exists()
    assert results() == {}
    assert ask("mlp", seeds=1).code == 0
    gone_on = without_clock(results()["mlp"])
    assert ask("mlp", seeds=1, runs=tmp_path / "others", out=tmp_path / "whole").code == 0
    never_stopped = without_clock(shown.load(tmp_path / "whole")["mlp"])
    assert gone_on == never_stopped


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on_as_if_never_stopped(ask, results, tmp_path, data):
    many = {"epochs": 300, "seeds": 1}
    options = ["--seeds", "1", "--epochs", "300", "--plain", "none", "--data", str(data)]
    options += ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.accuracy", "mlp", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        while "epoch   5/300" not in process.stderr.readline():
            assert process.poll() is None
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
    assert ask("mlp", **many).code == 0
    gone_on = without_clock(results()["mlp"])
    other = {"runs": tmp_path / "others", "out": tmp_path / "whole"}
    assert ask("mlp", **many, **other).code == 0
    assert gone_on == without_clock(shown.load(tmp_path / "whole")["mlp"])


# ------------------------------------------------------------------ whole processes


def test_the_process_of_a_timed_recipe_is_timed_after_one_that_warms_up(
    ask, results, tmp_path, data, monkeypatch
):
    asked = []

    def timed(command: list[str]) -> Timed:
        """Train in this process instead."""
        start = command.index("train")
        given = dict(zip(command[start + 2 :: 2], command[start + 3 :: 2], strict=True))
        asked.append(Path(given["--out"]).name)
        assert (command[start + 1], given["--validation"], given["--keep"]) == ("mlp", "0", "last")
        changes = {"validation": 0.0, "keep": "last", "epochs": int(given["--epochs"])}
        seed = int(given["--seed"])
        settings = Settings.of("mlp", seed=seed, data=given["--data"], **changes)
        runs.train(settings, given["--out"], progress=False)
        return Timed([], 7.5)

    monkeypatch.setattr(protocol_module, "TIMED", ("mlp",))
    monkeypatch.setattr(protocol_module, "timed", timed)
    half = tmp_path / "runs" / "mlp" / "seed-0"
    half.mkdir(parents=True)
    (half / "last.npz").write_text("of a process that was killed")
    assert ask("mlp").code == 0
    assert [seed["process_seconds"] for seed in results()["mlp"]["seeds"]] == [7.5, 7.5]
    assert results()["mlp"]["process_seconds"]["median"] == 7.5
    assert "7.5 s" in ask().out
    assert asked == ["run", "seed-0", "run", "seed-1"]


@pytest.mark.slow
def test_a_timed_recipe_runs_as_the_command_that_a_user_types(tmp_path):
    large = write_data(tmp_path / "large", size=28)
    protocol = Protocol("speedrun", 1, tmp_path / "runs", data=str(large), progress=False)
    started = time.perf_counter()
    found = protocol.figures(0)
    assert 0 < found.process_seconds < time.perf_counter() - started
    assert found.process_seconds > found.training_seconds
    assert Run.opened(protocol.run_folder(0)).settings == protocol.settings(0)


# ------------------------------------------------------------------ refusals


def test_a_folder_of_other_settings_is_refused(ask, data, results):
    assert ask("mlp", seeds=1).code == 0
    before = results()
    for change, message in (
        ({"epochs": 3}, "was started with epochs 2, now 3"),
        ({"data": data.parent}, "was started with data"),
    ):
        result = ask("mlp", seeds=1, **change)
        assert result.code == 2
        assert message in " ".join(result.err.split())
        assert "Traceback" not in result.err
    assert results() == before


def test_an_unknown_recipe_is_refused_before_anything_is_trained(ask, trained, tmp_path):
    for recipes, plain in ((["mlpp"], "none"), (["mlp"], "cnn_clasic")):
        result = ask(*recipes, plain=plain)
        assert result.code == 2
        assert "did you mean" in result.err
    assert trained == []
    assert not (tmp_path / "out").exists()
    with pytest.raises(UnknownNameError):
        Protocol("mlpp", 1, tmp_path).settings(0)


def test_a_seed_that_is_done_is_not_trained_again(tmp_path, data, trained):
    protocol = Protocol("mlp", 1, tmp_path, EPOCHS, str(data), progress=False)
    first = protocol.figures(0)
    assert protocol.figures(0) == first == protocol.kept(0)
    assert trained == [("mlp", 0)]


def test_a_damaged_run_is_named(tmp_path, data):
    protocol = Protocol("mlp", 1, tmp_path, EPOCHS, str(data), progress=False)
    protocol.run_folder(0).mkdir(parents=True)
    (protocol.run_folder(0) / "config.json").write_text("{")
    with pytest.raises(FileError, match=r"config.json: cannot be read as JSON"):
        protocol.figures(0)


# ------------------------------------------------------------------ arithmetic


def test_disputed_labels_are_left_out_of_both_sides():
    assert len({*summary.DISPUTED}) == 15
    assert summary.undisputed([], 10_000) == 1
    assert summary.undisputed([*summary.DISPUTED], 10_000) == 1
    assert summary.undisputed([*range(950)], 10_000) == pytest.approx(1 - 949 / 9_985, rel=1e-9)


def fake(model: str, accuracies: list[float], **more) -> dict:
    """Results as of MNIST."""
    spread = summary.spread(accuracies)
    return {
        "model": model,
        "settings": {"data": None},
        "parameters": 1234,
        "wanted": len(accuracies),
        "seeds": [{"accuracy": each} for each in accuracies],
        "accuracy": spread,
        "undisputed": spread,
        "calibration_error": summary.spread([0.004]),
        "training_seconds": stats.spread([600.0])._asdict(),
        **more,
    }


def test_goals_are_met_or_not_and_only_of_what_was_measured():
    ensemble = {"accuracy": 0.9977, "undisputed": 0.999, "calibration_error": 0.02}
    results = {
        "best": fake("best", [0.9971, 0.9969, 0.9970], ensemble=ensemble),
        "speedrun": fake("speedrun", [0.9889], process_seconds=stats.spread([11.0])._asdict()),
        "tiny-best": fake("tiny-best", [0.9999], settings={"data": "elsewhere"}),
    }
    rows = {(row[0], row[1]): row[2:] for row in shown.goals(results).rows}
    assert rows == {
        ("best", "mean"): ["≥ 99.700", "99.700", "yes"],
        ("best", "ensemble"): ["≥ 99.78", "99.77", "no"],
        ("best", "calibration error"): ["≤ 1.00", "0.40", "yes"],
        ("best", "one run"): ["≤ 30.0 min", "10.0 min", "yes"],
        ("speedrun", "mean"): ["≥ 99.000", "98.890", "no"],
        ("speedrun", "process"): ["≤ 12 s", "11 s", "yes"],
    }
    (row,) = [row for row in shown.accuracies(results).rows if row[0] == "best"]
    assert row == ["best", "1,234", "99.700 ± 0.010", "99.71, 99.69, 99.70", "99.77"]


def test_every_recipe_with_a_goal_is_in_the_zoo():
    assert {goal.of for goal in shown.GOALS} | {*protocol_module.TIMED} <= {*zoo.ENTRIES}


def test_a_seed_is_plain_data(tmp_path):
    seed = Seed(0, 0.5, 0.1, 0.2, [1, 2], 3.0, None, {})
    assert Seed(**json.loads(json.dumps(seed.__dict__))) == seed
