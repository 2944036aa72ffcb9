"""``minicnn train --config``: a file of settings, and who wins over it."""

import json
from pathlib import Path

import pytest

from minicnn.errors import FileError, UnknownNameError
from minicnn.experiments import runs
from minicnn.experiments.settings import read_config

from ...patterns import write_data


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "patterns")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def config(**settings) -> str:
    Path("config.json").write_text(json.dumps(settings))
    return "config.json"


def test_options_win_over_the_file_and_the_file_over_the_recipe(data, command):
    file = config(model="mlp", lr=0.01, epochs=1, batch_size=50, augmentation={"rotation": 5})
    result = command(
        *("train", "--config", file, "--batch-size", 40, "--data", data, "--out", "run", "--json")
    )
    assert result.code == 0, result.err
    settings = runs.Run.opened("run").settings
    assert (settings.model, settings.lr, settings.batch_size) == ("mlp", 0.01, 40)
    assert (settings.epochs, settings.augmentation.rotation) == (1, 5)
    assert settings.optimizer == "adam"


@pytest.mark.slow
def test_a_runs_own_config_gives_the_run_again(data, command):
    first = ["train", "mlp", "--epochs", 1, "--dropout", 0.3, "--data", data, "--out", "first"]
    assert command(*first).code == 2, "mlp has no dropout"
    first[1] = "cnn_simple"
    Path("other").mkdir()
    write_data(Path("big"), size=12)
    first[first.index(data)] = "big"
    assert command(*first).code == 0
    assert command("train", "--config", "first/config.json", "--out", "second").code == 0
    history = [json.loads(Path(f"{name}/history.json").read_text()) for name in ("first", "second")]
    assert history[0]["loss"] == history[1]["loss"]
    assert runs.Run.opened("second").model().layers[2].rate == 0.3


BAD = {
    "an unknown setting": ({"learning_rate": 1}, UnknownNameError, "setting in .* 'learning_rate'"),
    "an unknown strength": ({"augmentation": {"twist": 1}}, FileError, "'twist'"),
    "a word for a number": ({"lr": "fast"}, FileError, "lr cannot be 'fast'"),
    "a number for a word": ({"optimizer": 3}, FileError, "optimizer cannot be 3"),
    "a fraction of an epoch": ({"epochs": 1.5}, FileError, "epochs cannot be 1.5"),
    "a truth": ({"lr": True}, FileError, "lr cannot be True"),
    "nothing": ({"lr": None}, FileError, "lr cannot be None"),
    "a word for strengths": ({"augmentation": "some"}, FileError, "augmentation cannot be"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_no_setting_can_be_is_refused_by_name(command, case):
    settings, error, words = BAD[case]
    with pytest.raises(error, match=words):
        read_config(config(**settings))
    result = command("train", "--config", "config.json", "--out", "run")
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert not Path("run").exists()


@pytest.mark.parametrize("content", [None, "{", "[]", "\0"])
def test_a_file_that_holds_no_settings_is_refused(command, content):
    if content is not None:
        Path("config.json").write_text(content)
    result = command("train", "--config", "config.json", "--out", "run")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("minicnn: config.json: ")


def test_whole_numbers_are_numbers_and_paths_become_absolute(tmp_path):
    found = read_config(config(lr=1, clip_norm=None, data="somewhere"))
    assert found == {"lr": 1, "clip_norm": None, "data": str(tmp_path / "somewhere")}
