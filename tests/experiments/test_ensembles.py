"""Ensembles: the mean of the members' probabilities, as a model among models."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy.special import log_softmax, logsumexp, softmax

from minicnn import kernels, nn, zoo
from minicnn.data import idx
from minicnn.errors import FileError, SettingError, ShapeError
from minicnn.experiments.ensembles import ensemble
from minicnn.experiments.opening import open_model
from minicnn.experiments.report.run_numbers import report_run
from minicnn.experiments.run import Run
from minicnn.experiments.runs import train
from minicnn.experiments.settings import Settings
from minicnn.training.checkpoint import load_model, save_model
from minicnn.training.fit import evaluate

from ..patterns import write_data

SHAPE, CLASSES = (8, 8, 1), 4
PICTURES = np.random.default_rng(0).random((20, *SHAPE), np.float32)


def model(name: str = "mlp", seed: int = 0, shape=SHAPE, classes: int = CLASSES) -> nn.Sequential:
    """A model of the zoo that is rather sure of itself, though nobody trained it."""
    built = zoo.build(name, shape, classes, seed)
    built.layers[-1].weight[...] = 20 * built.layers[-1].weight.data
    built.class_names = tuple(map(str, range(classes)))
    return built


def members() -> list[nn.Sequential]:
    return [model("mlp", 1), model("cnn_baseline", 2), model("mlp", 3)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> list[Path]:
    """Two finished runs."""
    folder = tmp_path_factory.mktemp("ensembles")
    data = str(write_data(folder / "data", noise=200))
    settings = [Settings.of("mlp", epochs=1, seed=seed, data=data, lr=0.01) for seed in (0, 1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "minicnn.experiments.runs._draw", lambda *_: None
        )  # takes longer than the training
        return [
            train(each, folder / f"run-{each.seed}", progress=False).folder for each in settings
        ]


def mean_probabilities(models, x) -> np.ndarray:
    return np.mean([softmax(each.predict(x).astype(float), axis=1) for each in models], axis=0)


def test_the_probabilities_are_the_mean_of_the_members():
    each = members()
    joined = ensemble(each)
    expected = mean_probabilities(each, PICTURES)
    assert np.abs(expected - softmax(each[0].predict(PICTURES), axis=1)).max() > 0.1
    np.testing.assert_allclose(kernels.softmax(joined.predict(PICTURES)), expected, atol=1e-6)
    np.testing.assert_allclose(np.exp(joined.predict(PICTURES)).sum(axis=1), 1, rtol=1e-5)
    assert joined.input_shape == SHAPE
    assert joined.class_names == ("0", "1", "2", "3")
    assert joined.parameter_count() == sum(one.parameter_count() for one in each)


def test_probabilities_too_small_for_their_type_stay_finite_logarithms():
    rng = np.random.default_rng(0)
    logits = [rng.normal(0, 1000, (1, 5)).astype(np.float32) for _ in range(3)]
    fixed = [nn.Sequential(nn.Dense(5), input_shape=(1,)) for _ in logits]
    for one, values in zip(fixed, logits, strict=True):
        one.layers[0].weight[...] = values
    found = ensemble(fixed).predict(np.ones((1, 1), np.float32))
    each = [log_softmax(values.astype(float), axis=1) for values in logits]
    expected = logsumexp(each, axis=0) - np.log(3)
    assert expected.min() < -1000
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_an_ensemble_of_ensembles_counts_each_as_one():
    a, b, c = members()
    joined = ensemble([ensemble([a, b]), c])
    expected = (mean_probabilities([a, b], PICTURES) + mean_probabilities([c], PICTURES)) / 2
    np.testing.assert_allclose(kernels.softmax(joined.predict(PICTURES)), expected, atol=1e-6)


def test_it_comes_back_from_its_file_and_goes_to_another_process(tmp_path):
    joined = ensemble([ensemble(members()[:2]), members()[2]])
    save_model(tmp_path / "joined.npz", joined)
    for again in load_model(tmp_path / "joined.npz"), pickle.loads(pickle.dumps(joined)):
        assert again.config() == joined.config()
        assert again.class_names == joined.class_names
        np.testing.assert_array_equal(again.predict(PICTURES), joined.predict(PICTURES))


def test_runs_folders_and_files_may_be_given(runs, tmp_path):
    save_model(tmp_path / "third.npz", Run.opened(runs[0]).model())
    joined = ensemble([Run.opened(runs[0]), runs[1], str(tmp_path / "third.npz")])
    first, second = (open_model(folder) for folder in runs)
    expected = mean_probabilities([first, second, first], PICTURES)
    np.testing.assert_allclose(kernels.softmax(joined.predict(PICTURES)), expected, atol=1e-6)


def test_what_does_not_fit_together_is_refused(runs, tmp_path):
    other = model(shape=(9, 9, 1))
    save_model(tmp_path / "other.npz", other)
    named = model()
    named.class_names = ("a", "b", "c", "d")
    for models, message in (
        ([], "an ensemble needs two models or more, got 0"),
        ([model()], "needs two models or more, got 1"),
        ([model(), other], r"model 2 takes inputs \(9, 9, 1\) of 4 .* model 1 takes .*\(8, 8, 1\)"),
        ([model(), model(classes=3)], "model 2 takes .* of 3 classes .* of 4 classes"),
        ([runs[0], tmp_path / "other.npz"], r"other.npz takes inputs .*run-0 takes inputs"),
        ([model(), named], r"\(a, b, c, d\), while model 1 .*\(0, 1, 2, 3\)"),
    ):
        with pytest.raises((SettingError, ShapeError), match=message):
            ensemble(models)
    with pytest.raises(FileError, match="nowhere: there is no such run folder"):
        ensemble([runs[0], "nowhere"])


def test_the_layer_refuses_members_that_do_not_fit():
    dense = nn.Sequential(nn.Dense(2), input_shape=(3,))
    for others, message in (
        ([], "two members or more, got 1"),
        ([nn.Sequential(nn.Dense(2), input_shape=(4,))], r"member 2 takes inputs \(4,\)"),
        ([dense, nn.Sequential(nn.Dense(5), input_shape=(3,))], r"member 3 .* gives \(5,\)"),
        ([nn.Sequential(nn.Dense(2))], "a member has no weights yet"),
    ):
        with pytest.raises((SettingError, ShapeError), match=message):
            nn.MeanProbability([dense, *others])


# ------------------------------------------------------------------ the commands


@pytest.fixture
def joined(command, runs, tmp_path) -> Path:
    path = tmp_path / "joined.npz"
    result = command("ensemble", *runs, "--out", path, "--json")
    assert (result.code, result.err) == (0, "")
    figures = json.loads(result.out)
    assert figures == {
        "file": str(path),
        "members": [str(run) for run in runs],
        "parameters": 2 * open_model(runs[0]).parameter_count(),
        "bytes": path.stat().st_size,
    }
    return path


def test_the_commands_take_an_ensemble_as_a_model(command, joined, runs):
    data = runs[0].parent / "data"
    figures = json.loads(command("evaluate", joined, "--data", data, "--json").out)
    expected = evaluate(ensemble(runs), idx(data)[1])
    assert figures["test_accuracy"] == expected.accuracy
    assert figures["test_loss"] == pytest.approx(expected.loss)
    assert "mean_probability (MeanProbability)" in command("summary", joined).out
    assert report_run(joined, data, progress=False).to_dict()["test_accuracy"] == expected.accuracy


@pytest.mark.slow
def test_the_report_on_an_ensemble_is_whole(command, joined, runs, tmp_path):
    report = command("report", joined, "--data", runs[0].parent / "data", "--json")
    assert (report.code, report.err) == (0, "")
    page = (tmp_path / "joined-report" / "report.html").read_text()
    assert "mean_probability (MeanProbability)" in page
    assert len(list((tmp_path / "joined-report" / "figures").iterdir())) == 8


@pytest.mark.parametrize(
    "ending", ["keras", "h5", "onnx", pytest.param("tflite", marks=pytest.mark.slow)]
)
def test_an_ensemble_is_not_exported(command, joined, runs, ending):
    data = runs[0].parent / "data"
    result = command("export", joined, "--to", ending, "--data", data)
    assert (result.code, result.out) == (2, "")
    assert "is an ensemble of 2 models, for which other engines have no layer" in result.err
    assert result.err.count("\n") == 1
    assert sorted(path.name for path in joined.parent.iterdir()) == ["joined.npz"]


def test_the_command_refuses_in_one_line(command, joined, runs, tmp_path):
    before = joined.read_bytes()
    for arguments, message in (
        ([*runs, "--out", joined], "exists already and is not overwritten"),
        ([*runs, "--out", tmp_path / "joined.h5"], "the name must end in .npz"),
        ([*runs, "--out", tmp_path / "no" / "x.npz"], "cannot be written"),
        ([runs[0], "--out", tmp_path / "x.npz"], "needs two models or more, got 1"),
        ([runs[0], "nowhere", "--out", tmp_path / "x.npz"], "nowhere: there is no such run"),
        ([runs[0], tmp_path, "--out", tmp_path / "x.npz"], "config.json: there is no such file"),
    ):
        result = command("ensemble", *arguments)
        assert (result.code, result.out) == (2, ""), arguments
        assert message in " ".join(result.err.replace("│", " ").split())
    assert joined.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["joined.npz"]
