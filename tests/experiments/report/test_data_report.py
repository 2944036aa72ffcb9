"""The report on a data set: its parts, any kind of pictures, and how it refuses."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minicnn import zoo
from minicnn.data import Dataset, write_idx
from minicnn.data.augmentation import Augmentation
from minicnn.experiments.explore import explore
from minicnn.experiments.explore.augmented import augmented
from minicnn.experiments.report import data_figures as draw
from minicnn.experiments.report.data_page import data_page
from minicnn.experiments.report.html import html
from minicnn.experiments.report.page import PagePicture, Text
from minicnn.experiments.report.pdf import pdf

from ...lanes import slow_but
from .conftest import write_data


def noise(count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *shape)).astype(np.uint8)


def page_of(images, labels, test=None):
    data = Dataset(images, labels)
    return data_page(explore(data, data if test is None else data[test], progress=False), "noise")


def section(page, title):
    (found,) = [each for each in page.sections if each.title == title]
    return found.parts


def _without_pictures(page):
    return [
        replace(each, parts=[part for part in each.parts if not isinstance(part, PagePicture)])
        for each in page.sections
    ]


def texts(parts) -> str:
    return " ".join(part.text for part in parts if isinstance(part, Text))


KINDS = {
    "one picture": (noise(1, 5, 5, 1), [0]),
    "one picture of each class": (noise(3, 8, 8, 1), [0, 1, 2]),
    "colour": (noise(60, 12, 9, 3), np.arange(60) % 7),
    "one pixel": (noise(20, 1, 1, 1), np.arange(20) % 2),
    "all black": (np.zeros((20, 5, 5, 1), np.uint8), np.arange(20) % 2),
    "large, of five channels": (noise(9, 300, 200, 5), np.arange(9) % 2 * 2),
    "very wide": (noise(20, 1, 400, 1), np.arange(20) % 2),
    "floats": (noise(30, 7, 7, 1) / np.float32(300), np.arange(30) % 3),
}


@pytest.mark.parametrize("kind", slow_but(("one picture", "colour"), KINDS))
def test_any_pictures_have_a_page(kind):
    page = page_of(*KINDS[kind], test=slice(0, 5))
    assert [each.title for each in page.sections] == [
        "The arrays",
        "Classes and their balance",
        "Samples",
        "Mean and variance",
        "Pixels",
        "Ink, slant and aspect",
        "Principal components",
        "The most unusual pictures",
        "Equal pictures",
        "Nearly equal pictures",
    ]
    assert all(each.parts for each in page.sections)
    names = [each.name for each in page.pictures]
    assert len(set(names)) == len(names) >= 5
    for each in page.pictures:
        assert each.alt
        assert max(each.width, each.height) < 20
    assert not re.search(r"\bnan\b", html(replace(page, sections=_without_pictures(page))))
    assert pdf(page).startswith(b"%PDF")
    if kind == "one picture":
        assert html(page) == html(page_of(*KINDS[kind], test=slice(0, 5)))


@pytest.mark.slow
def test_many_classes_are_shown_in_several_figures_and_the_rest_is_counted():
    page = page_of(noise(115, 4, 5, 1), np.arange(115) % 110)
    names = [each.name for each in page.pictures if each.name.startswith("samples")]
    assert names == [f"samples_{number}" for number in range(1, 6)]
    assert "The first 100 of 110 classes are shown." in texts(section(page, "Samples"))


def test_balance_is_said_in_words():
    images = noise(200, 2, 2, 1)

    def words_on(labels, test=None):
        data = Dataset(images, labels)
        found = explore(data, data if test is None else data[test], progress=False)
        return texts(section(data_page(found, "noise"), "Classes and their balance"))

    words = words_on(np.arange(200) % 2)
    assert "Nothing says that the training classes are not equally frequent (χ² = 0.00" in words
    assert "The test set follows the training set's shares" in words
    words = words_on(np.repeat([0, 1, 3], [150, 45, 5]), slice(100, 200))
    assert "The training classes are not equally frequent" in words
    assert "p < 0.0001" in words
    assert "The largest has 30.00 times the smallest." in words
    assert "The test set does not follow" in words
    assert "Training has no picture of class 2. Test has no picture of class 2." in words
    assert "one class only" in words_on(np.zeros(200, int))


def test_equal_pictures_are_counted_and_shown():
    images = noise(30, 4, 4, 1)
    images[[4, 9]] = images[2]
    train, test = Dataset(images, np.arange(30) % 2), Dataset(images[20:23], [0, 1, 0])
    page = data_page(explore(train, test, progress=False), "noise")
    table, shown = section(page, "Equal pictures")
    assert [row[1:] for row in table.rows] == [["1", "3"], ["0", "0"], ["3", "3"], ["1", ""]]
    assert shown.name == "equal"
    assert dict(page.facts)["equal pictures"] == "4"


def test_nearly_equal_pictures_are_counted_and_shown():
    images = noise(30, 6, 6, 1)
    images[[4, 9, 21]] = images[2] // 2 + np.array([0, 20, 40]).reshape(3, 1, 1, 1)
    train, test = Dataset(images[:20], np.arange(20) % 2), Dataset(images[20:], [1] * 10)
    page = data_page(explore(train, test, progress=False), "noise")
    said, table, most, other, own = section(page, "Nearly equal pictures")
    assert "30 different pictures of both sets" in said.text
    assert [row[1:] for row in table.rows] == [["3", "3"], ["0", "0"], ["1", "1"]]
    assert most.text == "Most of them are of class 0: 2 of 4."
    assert (other.name, own.name) == ("different_labels", "nearly_equal")


@pytest.mark.parametrize("kind", ["colour", "one pixel", "floats", "very wide"])
def test_a_picture_of_each_class_is_augmented_and_drawn(kind):
    images, labels = KINDS[kind]
    data = Dataset(images, labels)
    settings = Augmentation(rotation=30, shift=0.2, elastic=1, elastic_spacing=4)
    found = augmented(data, settings, np.random.default_rng(0))
    classes = np.unique(labels)
    assert found.index.tolist() == [[*labels].index(label) for label in classes]
    assert found.pictures.shape == (len(classes), 9, *data.image_shape)
    np.testing.assert_array_equal(found.pictures[:, 0], data.scaled(found.index))
    new = settings(np.repeat(data.scaled(found.index), 8, axis=0), np.random.default_rng(0))
    np.testing.assert_array_equal(found.pictures[:, 1:].reshape(new.shape), new)
    left, right = draw.augmented(found.pictures, [str(label) for label in classes]).axes
    assert len(left.images) == len(right.images) == len(classes)


def test_of_many_classes_ten_are_augmented():
    data = Dataset(noise(60, 5, 5, 1), np.arange(60) % 15)
    found = augmented(data, Augmentation(shift=0.1), np.random.default_rng(0))
    assert found.index.tolist() == [*range(10)]


# The command


def test_the_command_writes_a_folder_and_says_where(command, data, tmp_path):
    result = command("explore", "--data", data, "--out", tmp_path / "a" / "out")
    assert (result.code, result.err) == (0, "")
    out = tmp_path / "a" / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        *("exploration.html", "exploration.json", "exploration.pdf", "figures"),
    ]
    for path in (out / "figures").iterdir():
        with Image.open(path) as figure:
            assert figure.format == "PNG"
            figure.verify()
    numbers = json.loads((out / "exploration.json").read_text())
    assert numbers["balance"]["train"] == [30] * 4
    assert "Data report: noise" in (out / "exploration.html").read_text(encoding="utf-8")
    assert "120" in result.out
    assert str(out / "exploration.html") in result.out


@pytest.mark.slow
def test_the_command_prints_the_numbers_as_json(command, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = command("explore", "--data", data, "--out", ".", "--json")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == json.loads(Path("exploration.json").read_text())


@pytest.mark.parametrize(
    "asked", [["--augment"], pytest.param(["--recipe", "other"], marks=pytest.mark.slow)]
)
def test_the_command_shows_the_augmentation_of_a_recipe(
    command, data, tmp_path, asked, monkeypatch
):
    recipes = {"best": Augmentation(rotation=12), "other": Augmentation(zoom=0.25, stroke=0.5)}
    monkeypatch.setattr(zoo, "augmentation", recipes.__getitem__)
    result = command("explore", "--data", data, "--out", tmp_path / "out", *asked, "--json")
    assert (result.code, result.err) == (0, "")
    settings = json.loads(result.out)["augmentation"]
    assert settings.pop("pictures") == [0, 1, 2, 3]
    assert Augmentation(**settings) == recipes["best" if len(asked) == 1 else "other"]
    page = (tmp_path / "out" / "exploration.html").read_text(encoding="utf-8")
    assert ("rotation 12, zoom 0, " if len(asked) == 1 else "rotation 0, zoom 0.25, ") in page
    with Image.open(tmp_path / "out" / "figures" / "augmentation.png") as figure:
        figure.verify()


def test_what_cannot_be_explored_is_refused_in_one_line(command, data, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    other = write_data(tmp_path / "other")
    write_idx(other / "t10k-images-idx3-ubyte", noise(60, 9, 9), overwrite=True)
    cut = write_data(tmp_path / "cut")
    images = cut / "train-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:-1])
    labels = write_data(tmp_path / "labels")
    write_idx(labels / "train-labels-idx1-ubyte", np.zeros(7, np.uint8), overwrite=True)
    for arguments, message in (
        (["--data", "nowhere", "--out", tmp_path / "o"], "nowhere: cannot be read as a folder"),
        (["--data", tmp_path / "empty", "--out", tmp_path / "o"], "found none"),
        (["--data", other, "--out", tmp_path / "o"], "training pictures are (8, 8, 1)"),
        (["--data", cut, "--out", tmp_path / "o"], "train-images-idx3-ubyte"),
        (["--data", labels, "--out", tmp_path / "o"], "120 images have 7 labels"),
        (["--data", data, "--out", tmp_path / "o", "--recipe", "bets"], "did you mean 'best'?"),
        (["--data", data, "--out", data], "noise exists already and is not overwritten"),
        (["--data", data, "--out", tmp_path / "file"], "file exists already"),
        (["--data", data, "--out", tmp_path / "file" / "x"], "is not a folder"),
    ):
        before = sorted(os.listdir(tmp_path))
        result = command("explore", *arguments)
        assert (result.code, result.out) == (2, ""), arguments
        assert message in result.err
        assert result.err.startswith("minicnn: ")
        assert result.err.count("\n") == 1
        assert sorted(os.listdir(tmp_path)) == before


def test_a_folder_to_write_to_must_be_named(command):
    result = command("explore")
    assert result.code == 2
    assert "--out" in result.err
