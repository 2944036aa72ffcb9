"""``minicnn read``: what it prints and saves, and that a bad picture stops no other."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minicnn as mc
from minicnn.cli.pictures import answer_all
from minicnn.experiments.opening import SHIPPED
from minicnn.plain_data import write_json
from minicnn.reader import canvas


@pytest.fixture(scope="module")
def run(model, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "compact"
    folder.mkdir()
    write_json(folder / "config.json", {})
    mc.save_model(folder / "model.npz", model)
    return folder


@pytest.fixture
def read(run, command, tmp_path, monkeypatch):
    """Call ``minicnn read RUN *arguments`` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: command("read", run, *arguments)


def number(digits, *which: int, gap: float = 6) -> np.ndarray:
    """A picture of these test digits in a row."""
    ink = canvas.handwritten(digits.images[[*which]], np.random.default_rng(1), gap, side=50).max(0)
    return np.round(255 * (0.95 - 0.85 * ink)).astype(np.uint8)


def saved(name: str, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(name)
    return Path(name)


BLANK = np.full((60, 90), 240, np.uint8)


def test_numbers_are_read_and_drawn(read, digits):
    one, two = saved("a.png", number(digits, 0, 2, 1)), saved("b.png", number(digits, 3, 4))
    result = read(one, two, "--show")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0].split() == ["picture", "answer", "sure", "of", "all"]
    assert [line.split()[:2] for line in lines[1:3]] == [["a.png", "712"], ["b.png", "04"]]
    assert lines[-1] == "The boxes:  readings-1"
    for name in ("a.png", "b.png"):
        with Image.open(Path("readings-1") / name) as figure:
            figure.load()
            assert figure.width == 1200
    assert read(one, "--out", "readings-1").code == 2, "it is taken"


def test_json_is_what_python_says(read, digits, model):
    path = saved("a.png", number(digits, 0, 2, 1))
    (row,) = json.loads(read(path, "--json").out)
    expected = mc.read_digits(model, path)
    assert row == {"picture": "a.png", **expected.to_dict()}
    assert row["text"] == "712"
    assert [digit["label"] for digit in row["digits"]] == [*"712"]
    for digit in row["digits"]:
        left, top, right, bottom = digit["box"]
        assert 0 <= left < right <= row["width"]
        assert 0 <= top < bottom <= row["height"]


def test_lines(read, digits):
    first, second = number(digits, 0, 2, 1), number(digits, 3, 4)
    wide = max(first.shape[1], second.shape[1])
    both = [
        np.pad(p, ((0, 0), (0, wide - p.shape[1])), constant_values=242) for p in (first, second)
    ]
    path = saved("page.png", np.vstack(both))
    (row,) = json.loads(read(path, "--lines", "--json").out)
    assert row["text"] == "712\n04"
    assert [digit["line"] for digit in row["digits"]] == [0, 0, 0, 1, 1]
    (row,) = json.loads(read(path, "--json").out)
    assert (row["text"], row["notes"]) == ("712", ["the largest of 2 lines was read"])


def test_a_number_of_digits_is_kept(read, digits):
    path = saved("a.png", number(digits, 0, 2, 1, gap=0))
    for count in (2, 3, 4):
        (row,) = json.loads(read(path, "--expect", count, "--json").out)
        assert len(row["text"]) == count
    assert json.loads(read(path, "--expect", 3, "--json").out)[0]["text"] == "712"
    result = read(path, "--expect", 90)
    assert result.code == 2
    assert result.err == "minicnn: a.png: has no line that could be 90 digits\n"


def test_the_fields_of_a_form(read, digits):
    form = np.full((300, 700), 242, np.uint8)
    for (top, left), part in {
        (20, 30): number(digits, 0, 2, 1),
        (170, 300): number(digits, 3, 4, 5),
    }.items():
        form[top : top + part.shape[0], left : left + part.shape[1]] = part
    write_json(
        "form.json",
        {
            "code": [0, 0, 300, 150],
            "year": {"box": [250, 150, 700, 300], "expect": 3},
            "name": [400, 0, 600, 100],
            "more": [0, 0, 701, 300],
        },
    )
    result = read(saved("scan.png", form), "--fields", "form.json", "--json", "--csv", "all.csv")
    assert result.code == 2
    assert result.err.splitlines() == [
        "minicnn: scan.png: field 'name': is blank: there is no writing on it",
        "minicnn: scan.png: field 'more': the box [0, 0, 701, 300] is not all on the picture, "
        "which is 700 × 300 pixels",
    ]
    rows = json.loads(result.out)
    assert [(row["field"], row.get("text")) for row in rows] == [
        ("code", "712"),
        ("year", "041"),
        ("name", None),
        ("more", None),
    ]
    with open("all.csv", newline="") as file:
        table = [*csv.DictReader(file)]
    assert [(row["field"], row["text"]) for row in table[:2]] == [("code", "712"), ("year", "041")]
    assert 0 < float(table[0]["confidence"]) <= float(table[0]["least_probability"]) <= 1
    assert table[2]["error"] == "field 'name': is blank: there is no writing on it"


@pytest.mark.parametrize("name", ["day/month", "../../month", "day\\month"])
def test_a_field_is_no_path(read, digits, name):
    write_json(Path("form.json"), {name: [0, 0, 100, 80]})
    scan = saved("scan.png", number(digits, 0, 2, 1))
    result = read(scan, "--fields", "form.json", "--show", "--out", "boxes", "--json")
    assert result.code == 0, result.err
    (row,) = json.loads(result.out)
    assert row["field"] == name
    assert [each.name for each in Path("boxes").iterdir()] == [row["figure"]]


def test_a_folder_of_scans_becomes_a_table(read, digits):
    Path("scans").mkdir()
    saved("scans/b.png", number(digits, 3, 4))
    saved("scans/a.jpg", number(digits, 0, 2, 1))
    Path("scans/notes.txt").write_text("no picture")
    result = read("scans", "--csv", "all.csv")
    assert (result.code, result.err) == (0, "")
    with open("all.csv", newline="") as file:
        rows = [*csv.DictReader(file)]
    assert [(row["picture"], row["text"]) for row in rows] == [
        ("scans/a.jpg", "712"),
        ("scans/b.png", "04"),
    ]
    before = Path("all.csv").read_bytes()
    again = read("scans", "--csv", "all.csv")
    assert (again.code, again.out) == (2, "")
    assert "all.csv exists already and is not overwritten" in again.err
    assert Path("all.csv").read_bytes() == before


@pytest.mark.parametrize("name", [b"\xff12.png", b"a\nb.png", b"\x1b[1m.png"])
def test_a_name_that_is_no_text_is_in_the_table_as_it_is_on_the_disk(read, digits, name):
    Path("scans").mkdir()
    path = Path("scans", os.fsdecode(name))
    Path(saved("712.png", number(digits, 0, 2, 1))).rename(path)
    result = read("scans", "--csv", "all.csv", "--show")
    assert (result.code, result.err) == (0, "")
    with open("all.csv", newline="", encoding="utf-8", errors="surrogateescape") as file:
        rows = [*csv.DictReader(file)]
    assert [(row["picture"], row["text"]) for row in rows] == [(str(path), "712")]
    assert len([*Path("readings-1").iterdir()]) == 1


def test_what_cannot_be_read_stops_no_other(read, digits):
    rng = np.random.default_rng(0)
    good = saved("good.png", number(digits, 0, 2, 1))
    saved("blank.png", BLANK)
    saved("dot.png", BLANK[:1, :1])
    Path("text.png").write_text("712")
    photo = np.kron(rng.integers(0, 256, (12, 16)), np.ones((25, 25))).astype(np.uint8)
    saved("photo.png", photo)
    result = read("blank.png", "dot.png", "text.png", "photo.png", "none.png", good)
    assert result.code == 2
    assert "good.png  712" in result.out
    messages = result.err.splitlines()
    assert len(messages) == 5
    for message, part in zip(
        messages,
        ["is blank", "is 1 × 1 pixels", "is not a picture", "photo.png: ", "there is no such file"],
        strict=True,
    ):
        assert part in message
    assert "nothing was read" in messages[3] or "is blank" in messages[3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.png", "--fields", "none.json"], "none.json: there is no such file"),
        (["a.png", "--csv", "no/such/all.csv"], "there is no folder no/such"),
        (["a.png", "--expect", "0"], "greater than or equal to 1"),
        (["empty"], "empty: there are no pictures in this folder"),
        ([], "give at least one picture"),
    ],
)
def test_mistakes_are_named_before_anything_is_read(read, arguments, message):
    Path("empty").mkdir()
    result = read(*arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert "Traceback" not in result.err


def test_after_ctrl_c_what_was_read_is_kept(tmp_path):
    def answer(path, folder):
        if path.name == "b.png":
            raise KeyboardInterrupt
        (folder / "figure.png").touch()
        return [{"picture": path.name}]

    kept, paths, out = [], [Path("a.png"), Path("b.png"), Path("c.png")], tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        answer_all(paths, answer, out, kept.extend)
    assert kept == [{"picture": "a.png"}]
    assert [path.name for path in out.iterdir()] == ["figure.png"]
    with pytest.raises(KeyboardInterrupt):
        answer_all(paths[1:], answer, tmp_path / "none", kept.extend)
    assert not (tmp_path / "none").exists()


def test_without_a_model_the_one_that_comes_with_minicnn_reads(command, digits, tmp_path):
    first, second = (saved(tmp_path / f"{i}.png", number(digits, 0, 2, 1)) for i in range(2))
    alone = command("read", first, "--json")
    assert [row["text"] for row in json.loads(alone.out)] == ["712"]
    both = command("read", SHIPPED, first, second, "--json")
    assert [row["text"] for row in json.loads(both.out)] == ["712", "712"]
    missing = command("read", tmp_path / "runs" / "mine-1", first)
    assert missing.code == 2
    assert "mine-1: there is no such run folder or model's file" in missing.err
    unread = command("read", tmp_path / "none.png")
    assert unread.code == 2
    assert "none.png: there is no such file" in unread.err
