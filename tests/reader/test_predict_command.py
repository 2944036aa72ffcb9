"""``minicnn predict``: what it prints and saves, and that a bad picture stops no other."""

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageSequence

import minicnn as mc
from minicnn import cli, nn
from minicnn.examples import labelled
from minicnn.experiments.opening import SHIPPED


def make_run(folder: Path, model) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    mc.save_model(folder / "model.npz", model)
    return folder


@pytest.fixture(scope="module")
def run(model, tmp_path_factory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "compact", model)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def predict(run, monkeypatch, capsys):
    """Call ``minicnn predict RUN *arguments``; an exception is a failure of the test."""

    def call(*arguments, run=run) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["minicnn", "predict", *map(str, (run, *arguments))])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return SimpleNamespace(code=end.value.code or 0, out=out, err=err)

    return call


def page(name: str, level: int = 230) -> Path:
    """A "1" on a page, or a blank page."""
    pixels = np.full((60, 50), 230, np.uint8)
    pixels[12:48, 23:28] = level
    Image.fromarray(pixels).save(name)
    return Path(name)


def test_the_examples_are_read_at_once(predict):
    result = predict("--examples")
    assert (result.code, result.err) == (0, "")
    rows = [re.split(r"\s{2,}", line.strip()) for line in result.out.splitlines()[1:]]
    assert {Path(row[0]): row[1] for row in rows} == labelled()
    assert all(re.fullmatch(r"\d+\.\d %", row[2]) for row in rows)
    assert list(Path().iterdir()) == []


def test_json_is_what_python_says(predict, model):
    path = next(iter(labelled()))
    (row,) = json.loads(predict(path, "--json").out)
    expected = mc.predict(model, path)
    assert set(row) == {"picture", "label", "probability", "sure", "candidates", "notes"}
    assert row["picture"] == str(path)
    assert (row["label"], row["probability"]) == (expected.label, expected.probability)
    assert [c["label"] for c in row["candidates"]] == [c.label for c in expected.candidates]
    assert sum(c["probability"] for c in row["candidates"]) == pytest.approx(1, abs=1e-5)


def test_a_doubtful_answer_names_the_second_candidate(predict, tmp_path):
    model = nn.Sequential(nn.Flatten(), nn.Dense(3), input_shape=(28, 28, 1))
    weights = model.weights()
    weights["dense.weight"][:] = 0
    weights["dense.bias"][:] = np.log([0.1, 0.3, 0.6])
    model.set_weights(weights)
    model.class_names = ("cat", "dog", "owl")
    folder = make_run(tmp_path / "doubtful", model)
    result = predict(page("a.png", 0), run=folder)
    assert result.code == 0
    assert re.search(r"a.png +owl +60\.0 % +not sure, perhaps dog \(30\.0 %\)", result.out)


def test_figures_are_saved_for_each_picture(predict):
    Path("more").mkdir()
    one, two, three = page("one.png", 0), page("more/one.png", 20), page("one.tif", 40)
    result = predict(one, two, three, "--out", "seen")
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith("What the model saw:  seen\n")
    assert {path.name for path in Path("seen").iterdir()} == {"one.png", "one-2.png", "one-3.png"}
    for path in Path("seen").iterdir():
        with Image.open(path) as figure:
            figure.load()
            assert figure.size == (1200, 435)
    shown = json.loads(predict(one, three, "--show", "--json").out)
    assert [row["figure"] for row in shown] == ["one.png", "one-2.png"]
    assert len(list(Path("predictions-1").iterdir())) == 2
    assert predict(one, "--show").code == 0
    assert Path("predictions-2/one.png").exists()


def test_a_folder_that_is_taken_is_not_overwritten(predict):
    Path("seen").mkdir()
    Path("seen/mine.txt").write_text("mine")
    result = predict(page("one.png", 0), "--out", "seen")
    assert (result.code, result.out) == (2, "")
    assert "seen exists already and is not overwritten" in result.err
    assert [path.name for path in Path("seen").iterdir()] == ["mine.txt"]


def bad_pictures() -> dict[str, str]:
    """A file of each kind of bad picture, and what must be said of it."""
    Path("folder.png").mkdir()
    Path("empty.png").write_bytes(b"")
    Path("text.png").write_text("seven")
    Path("half.png").write_bytes(page("whole.png", 0).read_bytes()[:90])
    Image.new("1", (9000, 9000)).save("huge.png")
    Image.new("L", (1, 1)).save("dot.png")
    page("blank.png")
    return {
        "folder.png": "is a folder",
        "empty.png": "is empty: 0 bytes",
        "text.png": "is not a picture of a format that can be read",
        "half.png": "is damaged or cut off",
        "huge.png": "is 9,000 × 9,000 pixels",
        "dot.png": "is 1 × 1 pixels",
        "blank.png": "is blank: there is no writing on it",
        "none.png": "there is no such file",
    }


@pytest.mark.parametrize("options", [(), ("--json",), ("--out", "seen")])
def test_bad_pictures_do_not_stop_the_others(predict, options):
    bad = bad_pictures()
    first, last = page("first.png", 0), page("last.png", 0)
    result = predict(first, *bad, last, *options)
    assert result.code == 2
    lines = result.err.splitlines()
    assert len(lines) == len(bad)
    for line, (name, reason) in zip(lines, bad.items(), strict=True):
        assert line.startswith(f"minicnn: {name}: {reason}")
    if "--json" in options:
        rows = json.loads(result.out)
        assert [row["picture"] for row in rows] == ["first.png", *bad, "last.png"]
        assert [set(row) for row in rows[1:-1]] == [{"picture", "error"}] * len(bad)
        assert "probability" in rows[0]
        assert "probability" in rows[-1]
    else:
        assert re.search(r"^ *first\.png +\d", result.out, re.MULTILINE)
        assert re.search(r"^ *last\.png +\d", result.out, re.MULTILINE)
    if "--out" in options:
        assert {path.name for path in Path("seen").iterdir()} == {"first.png", "last.png"}


def test_nothing_is_left_where_no_picture_can_be_read(predict):
    before = {*bad_pictures(), "whole.png"} - {"none.png"}
    result = predict("empty.png", "none.png", "--show")
    assert (result.code, result.out) == (2, "")
    assert {path.name for path in Path().iterdir()} == before


def test_an_animation_is_said_to_be_one(predict):
    with Image.open(page("still.png", 0)) as image:
        blank = Image.new("L", image.size, 230)
        image.save("moving.gif", save_all=True, append_images=[blank])
    with Image.open("moving.gif") as image:
        assert len(list(ImageSequence.Iterator(image))) == 2
    assert "the first of its 2 pictures was read" in predict("moving.gif").out


MISTAKES = {
    "no picture": ([], "give at least one picture, or --examples"),
    "an option that is none": (["a.png", "--shwo"], "--show"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_answered(predict, name):
    arguments, message = MISTAKES[name]
    result = predict(*arguments)
    assert (result.code, result.out) == (2, "")
    assert message in " ".join(re.sub("[─│╭╮╰╯]", " ", result.err).split())


def test_a_run_that_is_none(predict):
    result = predict("a.png", run="nowhere")
    assert (result.code, result.out) == (2, "")
    assert "nowhere" in result.err


def test_a_model_that_does_not_read_pictures(predict, tmp_path):
    model = nn.Sequential(nn.Flatten(), nn.Dense(3), input_shape=(8, 8, 3))
    result = predict(page("a.png", 0), run=make_run(tmp_path / "colours", model))
    assert (result.code, result.out) == (2, "")
    assert "inputs (H, W, 1), this takes (8, 8, 3)" in result.err


def test_the_model_that_comes_with_minicnn_needs_no_training(command):
    assert SHIPPED.stat().st_size <= 2 * 2**20
    result = command("predict", "--examples", "--json")
    assert (result.code, result.err) == (0, "")
    answers = {Path(row["picture"]).name: row["label"] for row in json.loads(result.out)}
    assert answers == {path.name: label for path, label in labelled().items()}


def test_its_export_lies_here_and_not_in_the_package(command, tmp_path):
    result = command("export", "--to", "h5", "--json")
    assert result.code == 0, result.err
    assert [path.name for path in tmp_path.iterdir()] == ["best.h5"]
    assert json.loads(result.out)["agreement"] >= 0.999
