"""Names of classes: from a line or a mapping file, into the model, and out again everywhere."""

import json
from pathlib import Path

import numpy as np
import pytest

import minicnn as mc
from minicnn.data import write_idx
from minicnn.data.class_names import read_names, split_names
from minicnn.errors import DataError, FileError
from minicnn.experiments.run import load_data
from minicnn.experiments.settings import Settings
from minicnn.training.checkpoint import load_model, save_model


@pytest.mark.parametrize(
    ("name", "text", "names"),
    [
        ("names.txt", "cat\ndog\n\n  T-shirt/top \n", ("cat", "dog", "T-shirt/top")),
        ("names.txt", "2 dog\n0: cat\n1\tbird of paradise\n", ("cat", "bird of paradise", "dog")),
        ("names.csv", "0,cat\n1,dog\n", ("cat", "dog")),
        ("names.json", '["cat", "dog"]', ("cat", "dog")),
        ("names.json", '{"1": "dog", "0": "cät"}', ("cät", "dog")),
        # As EMNIST is delivered: codes of ASCII, and letters that start at label 1.
        ("emnist-balanced-mapping.txt", "0 48\n1 65\n2 97\n", ("0", "A", "a")),
        ("emnist-letters-mapping.txt", "1 65 97\n2 66 98\n", ("0", "A", "B")),
    ],
)
def test_names_are_read_from_a_mapping_file(tmp_path, name, text, names):
    (tmp_path / name).write_text(text)
    assert read_names(str(tmp_path / name)) == names


def test_names_are_read_from_a_line():
    assert read_names("A, B,C c") == split_names("A,B,C c") == ("A", "B", "C c")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("names.txt", "", "holds no names"),
        ("names.txt", "cat\ncat\n", "two classes have the name 'cat'"),
        ("names.txt", "cat, dog\n", "a class name has no comma"),
        ("names.txt", "0 cat\n0 dog\n", "gives the same label twice"),
        ("names.txt", "0 cat\n2 dog\n", "has no name for label 1"),
        ("names.txt", "99999999999 cat\n", "must be whole numbers"),
        ("names.txt", "999999 cat\n", "need class_names"),
        ("names.txt", "x" * 61, "up to 60 letters"),
        ("a-mapping.txt", "0 cat\n", "invalid literal"),
        ("names.json", "{", "Expecting property name"),
        ("names.json", "7", "holds no names"),
        ("names.json", '["cat", 7]', "7 is no name"),
        ("names.json", '["cat", ""]', "'' is no name"),
        ("names.json", '{"cat": "0"}', "must be whole numbers"),
    ],
)
def test_a_bad_mapping_file_is_refused_with_its_name(tmp_path, name, text, says):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=says) as error:
        read_names(str(tmp_path / name))
    assert str(error.value).startswith(str(tmp_path / name))


def test_what_is_no_file_and_no_list_is_refused(tmp_path):
    for said in ("nowhere.txt", str(tmp_path)):
        with pytest.raises(DataError, match='give the names as "A,B,C"'):
            read_names(said)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="it is no text"):
        read_names(str(tmp_path / "binary"))
    for line in ("A,,B", "A,A", ","):
        with pytest.raises(DataError):
            split_names(line)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory) -> Path:
    """An IDX directory of three kinds of pictures, 28 × 28: a bar, a beam and a ring."""
    folder = tmp_path_factory.mktemp("shapes")
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:28, :28] - 13.5
    kinds = np.stack([abs(x) < 2, abs(y) < 2, abs(np.hypot(x, y) - 7) < 2])
    kinds &= np.maximum(abs(x), abs(y)) < 10
    for part, count in (("train", 240), ("t10k", 60)):
        labels = rng.integers(0, 3, count).astype(np.uint8)
        images = (kinds[labels] * rng.integers(180, 256, (count, 1, 1))).astype(np.uint8)
        write_idx(folder / f"{part}-images-idx3-ubyte", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte", labels)
    return folder


@pytest.fixture(scope="module")
def run(shapes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "shapes"
    settings = Settings(model="mlp", epochs=2, data=str(shapes), classes="bar,beam,ring")
    return mc.train(settings, folder, progress=False)


def test_the_names_go_through_the_run_to_every_answer(run, shapes, command, tmp_path):
    names = ("bar", "beam", "ring")
    assert run.model().class_names == names
    _, test = mc.data.idx(shapes)
    for image, label in zip(test.images[:5], test.labels, strict=False):
        assert mc.predict(run, image).label == names[label]
    found = mc.report_run(run.folder)
    assert list(found.to_dict()["classes"]) == [*names]
    result = command("evaluate", run.folder)
    assert (result.code, [name in result.out for name in names]) == (0, [True] * 3)
    for ending in ("keras", "h5"):
        path = tmp_path / f"model.{ending}"
        path.write_bytes(_content(run.model(), ending))
        assert mc.open_model(path).class_names == names


def _content(model, ending: str) -> bytes:
    from minicnn.bridge.h5 import h5_bytes
    from minicnn.bridge.keras_archive import keras_bytes

    return {"keras": keras_bytes, "h5": h5_bytes}[ending](model)


def test_the_command_takes_names_and_refuses_another_count(command, shapes, tmp_path):
    train = ["train", "mlp", "--epochs", 1, "--data", shapes, "--out", tmp_path / "run"]
    result = command(*train, "--classes", "bar,beam")
    assert result.code == 2
    assert "has labels 0 to 2, which need 3 class names; got 2: bar, beam" in result.err
    assert not (tmp_path / "run").exists()
    (tmp_path / "names.json").write_text('{"0": "bar", "1": "beam", "2": "ring"}')
    assert command(*train, "--classes", tmp_path / "names.json", "--json").code == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["classes"] == "bar,beam,ring"
    assert command(*train, "--classes", tmp_path / "none.json").code == 2


def test_settings_and_sets_refuse_names_that_cannot_be():
    with pytest.raises(DataError, match="two classes have the name 'A'"):
        Settings(classes="A,A")
    with pytest.raises(DataError, match="MNIST: has labels 0 to 9, which need 10 class names"):
        load_data(None, "A,B,C")


def test_a_file_with_names_that_do_not_fit_is_refused(run, tmp_path):
    model = run.model()
    model.class_names = ("bar", "beam")
    save_model(tmp_path / "model.npz", model)
    with pytest.raises(FileError, match="class_names must be a list of 3 names"):
        load_model(tmp_path / "model.npz")
