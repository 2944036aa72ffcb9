"""`export` and the commands: the file is run before it stays, and models are opened from files."""

import dataclasses
import json
import math
import os
import re
import shutil
import sys

import numpy as np
import onnxruntime
import pytest

import minicnn as mc
from minicnn.bridge.export import FORMATS, export
from minicnn.bridge.extras import install_command
from minicnn.data import Dataset
from minicnn.errors import (
    DataError,
    ExportError,
    FileError,
    MissingPackageError,
    UnknownNameError,
    WriteError,
)
from minicnn.experiments.opening import open_model
from minicnn.experiments.settings import Settings
from minicnn.plain_data import write_json

endings = pytest.mark.parametrize("ending", FORMATS)


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    """A run folder with the trained model."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    folder.mkdir()
    mc.save_model(folder / "model.npz", trained)
    write_json(folder / "config.json", dataclasses.asdict(Settings.of("mlp")))
    return folder


@pytest.fixture
def run(folder, tmp_path):
    """A copy of it to write to."""
    return shutil.copytree(folder, tmp_path / "run")


# --- from Python


@endings
def test_the_file_agrees_on_1000_pictures(trained, tmp_path, ending):
    result = export(trained, tmp_path / f"model{ending}", progress=False)
    assert (result.images, result.agreement) == (1_000, 1.0)
    assert 0 < result.largest_difference < 1e-5
    assert result.accuracy == result.model_accuracy > 0.9
    assert result.bytes == (tmp_path / f"model{ending}").stat().st_size
    assert os.listdir(tmp_path) == [f"model{ending}"]


def test_8_bits_keep_the_accuracy_on_all_test_pictures(trained, tmp_path):
    result = export(trained, tmp_path / "model.tflite", int8=True, progress=False)
    assert result.images == 10_000
    assert result.accuracy > result.model_accuracy - 0.003
    assert 0.002 < result.largest_difference < 0.3


def test_logits_are_compared_as_probabilities(trained, tmp_path):
    path = tmp_path / "model.onnx"
    assert export(trained, path, softmax=False, progress=False).largest_difference < 1e-5
    session = onnxruntime.InferenceSession(path)
    assert session.get_outputs()[0].name == "logits"


@endings
def test_a_file_that_predicts_otherwise_is_not_left(trained, tmp_path, ending, monkeypatch):
    """The file is of a model that has one class wrong a little more often than once in 1,000."""
    kind = FORMATS[ending]
    _, test = mc.data.mnist()
    x = test[:1000].scaled()
    classes = trained.predict(x).argmax(axis=1)
    wrong = trained.from_config(trained.config())
    wrong.set_weights(trained.weights())
    while (differ := (wrong.predict(x).argmax(axis=1) != classes).sum()) < 2:
        wrong.layers[-1].bias[...] = wrong.layers[-1].bias.data + np.eye(10, dtype="f4")[3] / 20
    assert differ < 10
    spoiled = dataclasses.replace(kind, content=lambda _, *others: kind.content(wrong, *others))
    monkeypatch.setitem(FORMATS, ending, spoiled)
    message = r"same class as minicnn for 99\.\d* % of 1,000 pictures, 99.9 % are needed"
    with pytest.raises(ExportError, match=message):
        export(trained, tmp_path / f"model{ending}", progress=False)
    assert os.listdir(tmp_path) == []


def answering(monkeypatch, model, test: Dataset, lost: int, gained: int) -> None:
    """Let a file of 8 bits be wrong where the model is right, and right where it is wrong."""
    right = model.predict(test.scaled()).argmax(axis=1) == test.labels
    classes = np.where(right, test.labels, (test.labels + 1) % 10)
    classes[np.flatnonzero(right)[:lost]] += 1
    classes[np.flatnonzero(~right)[:gained]] = test.labels[~right][:gained]
    kind = dataclasses.replace(
        FORMATS[".tflite"],
        content=lambda model, softmax, **_: b"file",
        run=lambda path, images: np.eye(10, dtype=np.float32)[classes % 10],
    )
    monkeypatch.setitem(FORMATS, ".tflite", kind)


@pytest.mark.parametrize(
    ("pictures", "lost", "gained", "kept"),
    [
        (10_000, 0, 0, True),
        (10_000, 0, 60, True),  # better by more than it may be worse
        (10_000, 35, 5, True),  # surely worse, by 0.3 points
        (10_000, 50, 10, False),
        (10_000, 250, 215, True),  # 0.35 points, which chance explains
        (200, 3, 0, True),  # 1.5 points
        (200, 6, 0, True),
        (200, 7, 0, False),
        (200, 9, 1, True),
        (200, 10, 1, False),
    ],
)
def test_8_bits_are_kept_if_as_good_by_mcnemars_test(
    trained, tmp_path, monkeypatch, pictures, lost, gained, kept
):
    train, test = mc.data.mnist()
    test = test[:pictures]
    answering(monkeypatch, trained, test, lost, gained)
    path, settings = tmp_path / "m.tflite", {"data": (train, test), "progress": False}
    if not kept:
        with pytest.raises(ExportError, match=f"{lost} are lost, {gained} gained") as error:
            export(trained, path, int8=True, **settings)
        assert f"{pictures:,} pictures" in str(error.value)
        assert os.listdir(tmp_path) == []
    result = export(trained, path, int8=True, insist=not kept, **settings)
    assert (result.lost, result.gained) == (lost, gained)
    assert result.accuracy - result.model_accuracy == pytest.approx((gained - lost) / pictures)
    both = lost + gained
    p = sum(math.comb(both, k) for k in range(lost, both + 1)) / 2**both
    assert result.p_value == pytest.approx(p)


def test_nan_of_8_bits_is_refused_even_if_insisted(trained, tmp_path, monkeypatch):
    train, test = mc.data.mnist()
    answering(monkeypatch, trained, test[:3], 0, 0)
    nan = dataclasses.replace(FORMATS[".tflite"], run=lambda *_: np.full((3, 10), np.nan))
    monkeypatch.setitem(FORMATS, ".tflite", nan)
    with pytest.raises(ExportError):
        export(trained, tmp_path / "m.tflite", int8=True, insist=True, data=(train, test[:3]))
    assert os.listdir(tmp_path) == []


def test_nan_is_no_agreement(trained, tmp_path):
    broken = trained.from_config(trained.config())
    broken.set_weights({name: np.full_like(w, np.nan) for name, w in trained.weights().items()})
    with pytest.raises(ExportError, match="no file was left"):
        export(broken, tmp_path / "model.onnx", progress=False)
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_exported_is_refused(trained, tmp_path):
    (tmp_path / "there.onnx").write_text("mine")
    cases = {
        "model.pb": (UnknownNameError, "unknown ending of a file to export '.pb'"),
        "there.onnx": (WriteError, "exists already and is not overwritten"),
        "missing/model.onnx": (WriteError, "No such file or directory"),
    }
    for name, (kind, message) in cases.items():
        with pytest.raises(kind, match=message):
            export(trained, tmp_path / name, progress=False)
    with pytest.raises(ExportError, match=r"8 bits are for \.tflite files alone"):
        export(trained, tmp_path / "model.onnx", int8=True, progress=False)
    small = Dataset(np.zeros((4, 8, 8, 1), np.uint8), [0, 1, 2, 3])
    with pytest.raises(DataError, match=r"takes pictures \(28, 28, 1\), the test set has \(8, 8"):
        export(trained, tmp_path / "model.onnx", data=(small, small), progress=False)
    assert os.listdir(tmp_path) == ["there.onnx"]
    assert (tmp_path / "there.onnx").read_text() == "mine"


PACKAGES = {
    ".keras": ("keras", install_command("keras")),
    ".h5": ("h5py", "pip install h5py"),
    ".onnx": ("onnxruntime", install_command("export")),
    ".tflite": ("tensorflow", install_command("export")),
}


@endings
def test_a_missing_package_is_named_with_the_command(trained, tmp_path, ending, monkeypatch):
    package, install = PACKAGES[ending]
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=re.escape(install)) as caught:
        export(trained, tmp_path / f"model{ending}", progress=False)
    assert package in str(caught.value)
    assert os.listdir(tmp_path) == []


# --- from the command line


def test_the_command_writes_into_the_run(run, command):
    answer = command("export", run, "--to", "onnx")
    assert answer.code == 0, answer.err
    assert "1,000 test pictures" in answer.out
    assert "100.00 %" in answer.out
    assert {*os.listdir(run)} == {"config.json", "model.npz", "model.onnx"}


def test_the_command_prints_json(run, command, tmp_path):
    arguments = ["--to", "tflite", "--int8", "--json"]
    answer = command("export", run, *arguments)
    assert answer.code == 0, answer.err
    figures = json.loads(answer.out)
    assert figures["path"] == str(run / "model-int8.tflite")
    assert (figures["format"], figures["int8"], figures["images"]) == ("tflite", True, 10_000)
    again = command("export", run, *arguments)
    assert (again.code, again.out) == (2, "")
    assert "exists already and is not overwritten" in again.err


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_file_of_keras_serves_as_a_run(run, command, ending):
    path = run / f"model{ending}"
    path.write_bytes(FORMATS[ending].content(open_model(run)))
    of_run = json.loads(command("evaluate", run, "--json").out)
    of_file = json.loads(command("evaluate", path, "--json").out)
    assert of_file == of_run
    assert command("summary", path).out == command("summary", run).out
    assert command("export", path, "--to", "onnx", "--out", run / "x.onnx").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--to", "onnx", "--out", "x.h5"], "the name must end in .onnx"),
        (["run", "--to", "onnx", "--int8"], "8 bits are for .tflite files alone"),
        (["run", "--to", "xml"], "'xml' is not one of"),
        (["no", "--to", "onnx"], "no: there is no such run folder or model's file; those end in"),
        (["no.h5", "--to", "onnx"], "no.h5: there is no such file"),
        (["text.h5", "--to", "onnx"], "text.h5: not a Keras .h5 file, or damaged or cut off: "),
        (["text.txt", "--to", "onnx"], "text.txt: not a model's file; those end in"),
        (["run", "--to", "onnx", "--data", "no"], "no"),
    ],
)
def test_mistakes_are_one_line_and_leave_no_file(run, command, monkeypatch, arguments, message):
    monkeypatch.chdir(run.parent)
    for name in ("text.h5", "text.txt"):
        (run.parent / name).write_text("text")
    before = {*os.listdir(run), *os.listdir(run.parent)}
    answer = command("export", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert message in " ".join(answer.err.replace("│", " ").split())
    assert "Traceback" not in answer.err
    assert {*os.listdir(run), *os.listdir(run.parent)} == before


def test_open_model_takes_what_save_model_wrote(run, trained):
    assert open_model(run / "model.npz").config() == trained.config()
    with pytest.raises(FileError, match=r"config\.json: there is no such file"):
        open_model(run.parent)
