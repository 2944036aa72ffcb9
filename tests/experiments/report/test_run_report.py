"""The report on a run: its numbers against scikit-learn, its parts, and how it refuses."""

import io
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from scipy.stats import binomtest
from sklearn import metrics as sklearn

from minicnn import zoo
from minicnn.data import Dataset
from minicnn.data.corruption import CORRUPTIONS
from minicnn.experiments.report.page import PagePicture, Table, Text
from minicnn.experiments.report.run_numbers import report_run
from minicnn.experiments.report.run_page import run_page
from minicnn.insight.robustness import measure_robustness
from minicnn.training.checkpoint import save_model
from minicnn.training.fit import Evaluation

from .conftest import write_data, write_run


@pytest.fixture(scope="module")
def report(run_folder):
    """With answers that are right in most cases, and one class that is never predicted."""
    found = report_run(run_folder)
    rng = np.random.default_rng(0)
    scores = 2 * np.eye(4)[found.labels] + rng.normal(size=(60, 4))
    scores[:, 2] = -5
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    right = float((shares.argmax(axis=1) == found.labels).mean())
    return replace(found, evaluation=Evaluation(0.5, right, found.labels, shares))


@pytest.fixture(scope="module")
def page(report):
    return run_page(report)


@pytest.fixture
def sections_of(monkeypatch):
    """The parts of a report's sections by their anchors, its pictures left blank: it is quick."""
    blank = io.BytesIO()
    Image.new("RGB", (1, 1)).save(blank, "PNG")
    monkeypatch.setattr(Figure, "savefig", lambda self, to, **_: to.write(blank.getvalue()))
    return lambda report: {each.anchor: each.parts for each in run_page(report).sections}


def copied(run_folder, tmp_path) -> Path:
    return Path(shutil.copytree(run_folder, tmp_path / "copy"))


def test_numbers_equal_sklearn(report):
    numbers = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    labels, answers = report.labels, report.probabilities.argmax(axis=1)
    assert 0.3 < numbers["test_accuracy"] < 0.9
    expected = sklearn.classification_report(
        labels, answers, labels=range(4), output_dict=True, zero_division=0
    )
    for name in "0123":
        for measure, key in ("precision",) * 2, ("recall",) * 2, ("f1", "f1-score"):
            assert numbers["classes"][name][measure] == pytest.approx(expected[name][key])
        assert numbers["classes"][name]["support"] == expected[name]["support"]
    for ours, theirs in ("macro", "macro avg"), ("weighted", "weighted avg"):
        found = numbers[ours]
        assert list(found.values()) == pytest.approx(list(expected[theirs].values())[:3])
    assert numbers["test_accuracy"] == pytest.approx(expected["accuracy"])
    np.testing.assert_array_equal(numbers["confusion"], sklearn.confusion_matrix(labels, answers))
    interval = binomtest(int((labels == answers).sum()), 60).proportion_ci(method="wilson")
    assert numbers["interval"] == pytest.approx([interval.low, interval.high])
    worst = numbers["worst_mistakes"]
    assert [each["probability"] for each in worst] == sorted(
        (report.probabilities[i].max() for i in np.flatnonzero(labels != answers)), reverse=True
    )[:25]


def test_calibration_is_over_fifteen_equal_bins(report, page):
    numbers = report.to_dict()
    assert len(numbers["reliability"]) == 15
    assert sum(each["count"] for each in numbers["reliability"]) == 60
    confidence, answers = report.probabilities.max(axis=1), report.probabilities.argmax(axis=1)
    right, error = answers == report.labels, 0.0
    for place, each in enumerate(numbers["reliability"]):
        inside = (confidence > place / 15) & (confidence <= (place + 1) / 15)
        assert each["count"] == inside.sum()
        if inside.any():
            assert each["accuracy"] == pytest.approx(right[inside].mean())
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert numbers["expected_calibration_error"] == pytest.approx(error)
    (text,) = [
        part.text
        for each in page.sections
        for part in each.parts
        if each.anchor == "reliability-of-the-probabilities" and isinstance(part, Text)
    ]
    assert "15 bins of equal width" in text
    assert f"{error:.4f}" in text


def test_the_layer_table_is_exact(report, sections_of):
    model = zoo.build("cnn_classic")
    data = Dataset(np.zeros((60, 28, 28, 1), np.uint8), report.labels)
    (table,) = sections_of(replace(report, model=model, test=data))["layers"]
    assert [row[2] for row in table.rows] == [
        *("320", "0", "18,496", "0", "0", "204,928", "0", "1,290"),
        *("225,034", "225,034", "0"),
    ]
    assert table.rows[0][:2] == ["conv2d (Conv2D)", "(None, 26, 26, 32)"]


def test_the_page_has_every_section_and_no_part_is_empty(report, page):
    assert [each.title for each in page.sections] == [
        "Settings",
        "Layers",
        "Learning curves",
        "Precision and recall",
        "Confusion matrix",
        "Reliability of the probabilities",
        "Robustness",
        "Test pictures and answers",
        "Worst mistakes",
        "Filters of the first layer",
        "One picture through the net",
        "What the answers hang on",
    ]
    assert len({each.anchor for each in page.sections}) == 12
    assert [each.name for each in page.pictures] == [
        *("curves", "confusion", "reliability", "robustness", "corrupted"),
        *("answers", "mistakes", "filters", "feature_maps", "saliency"),
    ]
    assert all(each.alt for each in page.pictures)
    low, high = report.interval
    assert dict(page.facts)["95 % interval"] == f"{100 * low:.2f} – {100 * high:.2f}%"
    assert dict(page.facts)["epochs"] == "2 (best: 1)"


def test_the_settings_name_the_data_and_the_rate(report, sections_of):
    settings = {**report.settings, "data": None}
    (table,) = sections_of(replace(report, settings=settings))["settings"]
    rows = dict(pair for row in table.rows for pair in (row[:2], row[2:]))
    assert (rows["data"], rows["learning rate"], rows["optimizer"]) == ("MNIST", "0.01", "sgd")


def test_without_a_history_the_curves_are_left_out_with_a_word(report, sections_of):
    (part,) = sections_of(replace(report, history={}))["learning-curves"]
    assert part == Text("No epoch was recorded in this run, so there are no curves to show.")


def test_an_mlp_has_no_filters_and_says_so(report, sections_of):
    model = zoo.build("mlp", (8, 8, 1), 4)
    (part,) = sections_of(replace(report, model=model))["filters-of-the-first-layer"]
    assert part == Text("The model has no convolution, so there are no filters to show.")


@pytest.mark.parametrize("right", [True, False])
def test_a_model_that_is_always_right_or_never(report, sections_of, right):
    chosen = report.labels if right else (report.labels + 1) % 4
    shares = np.eye(4)[chosen]
    always = replace(report, evaluation=Evaluation(0.1, float(right), report.labels, shares))
    parts = sections_of(always)
    assert [type(part) for part in parts["confusion-matrix"]] == [Text, PagePicture][right:]
    assert [type(part) for part in parts["what-the-answers-hang-on"]] == [PagePicture]
    numbers = json.loads(json.dumps(always.to_dict(), allow_nan=False))
    assert len(numbers["worst_mistakes"]) == (0 if right else 25)
    assert numbers["expected_calibration_error"] == (0 if right else 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "shape", "classes"),
    [
        ("cnn_baseline", (6, 9, 3), 30),
        ("cnn_baseline", (9, 7, 5), 2),
        ("mlp", (400, 1, 1), 1),
    ],
)
def test_reports_on_other_pictures(tmp_path, model, shape, classes):
    data = write_data(tmp_path / "data", shape, classes)
    page = run_page(report_run(write_run(tmp_path / "run", data, model, shape, classes)))
    for each in page.pictures:
        Image.open(io.BytesIO(each.png)).verify()
    assert all(isinstance(p, PagePicture | Table | Text) for s in page.sections for p in s.parts)


# The command


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_command_writes_into_the_run_and_says_what_it_found(
    command, run_folder, tmp_path, options
):
    run = copied(run_folder, tmp_path)
    result = command("report", run, *options)
    assert (result.code, result.err) == (0, "")
    found = {str(path.relative_to(run)) for path in (run / "report").rglob("*")}
    assert found >= {"report/report.html", "report/report.pdf", "report/report.json"}
    assert len([name for name in found if name.startswith("report/figures/")]) == 10
    numbers = json.loads((run / "report" / "report.json").read_text())
    assert numbers == json.loads(json.dumps({**report_run(run_folder).to_dict(), "run": "copy"}))
    if options:
        assert json.loads(result.out) == numbers
    else:
        assert f"{numbers['test_accuracy']:.2%}" in result.out
        assert str(run / "report" / "report.html") in result.out
    with Image.open(run / "report" / "figures" / "confusion.png") as shown:
        shown.verify()
    again = command("report", run)
    assert again.code == 2
    assert "report exists already and is not overwritten" in again.err


def _without(name):
    return lambda run: (run / name).unlink()


def _holding(name, text):
    return lambda run: (run / name).write_text(text)


def _model_of(shape, classes):
    def change(run):
        save_model(run / "model.npz", zoo.build("mlp", shape, classes))

    return change


BAD_RUNS = {
    "no settings": (_without("config.json"), "config.json: there is no such file"),
    "no metrics": (_without("metrics.json"), "metrics.json: there is no such file"),
    "no model": (_without("model.npz"), "model.npz: there is no such file"),
    "damaged metrics": (_holding("metrics.json", "{"), "metrics.json: cannot be read as JSON"),
    "a damaged history": (_holding("history.json", "[]"), "history.json: holds no JSON object"),
    "a damaged model": (_holding("model.npz", "x"), "model.npz: not a file of minicnn"),
    "a model of other pictures": (_model_of((9, 9, 1), 4), "the model takes pictures (9, 9, 1)"),
    "a model of fewer classes": (_model_of((8, 8, 1), 3), "of 3 classes; the test set"),
    "half a history": (_holding("history.json", '{"loss": [1]}'), "history: no 'accuracy'"),
}


@pytest.mark.parametrize("case", BAD_RUNS)
def test_a_run_that_is_not_whole_is_refused_in_one_line(command, run_folder, tmp_path, case):
    run = copied(run_folder, tmp_path)
    change, message = BAD_RUNS[case]
    change(run)
    before = sorted(run.iterdir())
    result = command("report", run)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("minicnn: ")
    assert result.err.count("\n") == 1
    assert message in result.err
    assert sorted(run.iterdir()) == before


def test_what_is_no_run_or_no_data_is_refused(command, run_folder, data, tmp_path):
    (tmp_path / "file").write_text("")
    for arguments, message in (
        (["nowhere"], "nowhere: there is no such run folder"),
        ([tmp_path], "config.json: there is no such file"),
        ([tmp_path / "file"], "file: not a model's file"),
        ([run_folder, "--data", "nowhere", "--out", tmp_path / "o"], "nowhere: cannot be read"),
        ([run_folder, "--out", data], "exists already and is not overwritten"),
        ([run_folder, "--out", tmp_path / "file"], "exists already"),
        ([run_folder, "--out", tmp_path / "file" / "x"], "is not a folder"),
        ([run_folder, "--out", tmp_path / ("x" * 300)], "File name too long"),
    ):
        result = command("report", *arguments)
        assert (result.code, result.out) == (2, ""), arguments
        assert message in result.err
        assert result.err.count("\n") == 1
    assert os.listdir(tmp_path) == ["file"]


def test_a_model_by_itself_is_reported_without_its_training(
    run_folder, data, tmp_path, sections_of
):
    shutil.copy(run_folder / "model.npz", tmp_path / "mine.npz")
    alone = report_run(tmp_path / "mine.npz", data, progress=False)
    expected = report_run(run_folder, progress=False).to_dict()
    assert alone.to_dict() == {**expected, "run": "mine.npz", "settings": {}, "training": {}}
    parts = sections_of(alone)
    assert parts["settings"] == [Text("A model's file does not say how it was trained.")]
    (part,) = parts["learning-curves"]
    assert isinstance(part, Text)


@pytest.mark.slow
def test_the_report_on_a_file_stands_beside_it(command, run_folder, data, tmp_path):
    shutil.copy(run_folder / "model.npz", tmp_path / "mine.npz")
    result = command("report", tmp_path / "mine.npz", "--data", data)
    assert (result.code, result.err) == (0, "")
    assert (tmp_path / "mine-report" / "report.html").exists()


def test_the_robustness_in_the_report_is_that_of_the_model(report, page):
    expected = measure_robustness(report.model, report.test, progress=False)
    assert report.robustness == expected
    assert report.to_dict()["robustness"] == expected.to_dict()
    assert dict(page.facts)["robustness"] == f"{expected.overall:.2%}"
    (section,) = [each for each in page.sections if each.anchor == "robustness"]
    text, table, *_ = section.parts
    assert "all 60 test pictures" in text.text
    assert [row[0] for row in table.rows] == [*CORRUPTIONS, "mean"]
    for row in table.rows[:-1]:
        assert row[2:6] == [f"{share:.2%}" for share in expected.accuracy[row[0]]]
        assert row[6] == f"{expected.mean(row[0]):.2%}"


def test_other_data_can_be_measured(run_folder, tmp_path):
    numbers = report_run(run_folder, write_data(tmp_path / "other", (8, 8), 3)).to_dict()
    assert [numbers["classes"][name]["support"] for name in "0123"] == [20, 20, 20, 0]
    assert numbers["images"] == 60
