"""The command line: what it prints and writes, and how it answers mistakes of every kind."""

import contextlib
import dataclasses
import json
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import minicnn as mc
from minicnn import cli, kernels, optim, zoo
from minicnn.data import idx, write_idx
from minicnn.data.augmentation import Augmentation
from minicnn.experiments import runs
from minicnn.experiments.settings import Settings

from .patterns import write_data

SIZES = dict(zip(zoo.MODELS, (623290, 542230, 592074, 59933, 225034, 225034, 329962), strict=True))
EPOCHS = 9


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "patterns")


@pytest.fixture(scope="module")
def run_folder(data, tmp_path_factory) -> Path:
    """A finished run that nobody changes."""
    folder = tmp_path_factory.mktemp("runs") / "mlp"
    settings = Settings.of("mlp", epochs=2, batch_size=40, data=str(data))
    return runs.train(settings, folder, progress=False).folder


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Every test starts in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def minicnn(command):
    return command


def plain(text: str) -> str:
    """Without the frames and line ends of rich."""
    return " ".join(re.sub("[─│╭╮╰╯]", " ", text).split())


def refused(result, *fragments: str) -> bool:
    """Whether this is the answer to a mistake: a message, on the error stream, and code 2."""
    assert (result.code, result.out) == (2, "")
    assert "Traceback" not in result.err
    assert "Warning" not in result.err
    missing = [fragment for fragment in fragments if fragment not in plain(result.err)]
    assert not missing, result.err
    return bool(result.err.strip())


@contextlib.contextmanager
def as_nobody():
    """Within this block, root is stopped by permissions as everybody else is."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


# --- models, summary


def test_models_lists_every_model_with_its_size(minicnn):
    result = minicnn("models")
    assert (result.code, result.err) == (0, "")
    rows = [line.split()[:2] for line in result.out.splitlines()[1:]]
    assert rows[: len(SIZES)] == [[n, f"{s:,}"] for n, s in SIZES.items()]
    assert [name for name, _ in rows[len(SIZES) :]] == [*zoo.RECORDS]


def test_models_as_json(minicnn):
    rows = json.loads(minicnn("models", "--json").out)
    assert {name: row["parameters"] for name, row in rows.items()} == {
        **SIZES,
        **{name: zoo.build(name).parameter_count() for name in zoo.RECORDS},
    }
    assert rows["best"]["augmentation"] == dataclasses.asdict(zoo.augmentation("best"))
    assert rows["cnn_baseline"] | {"about": ""} == {
        "about": "",
        "parameters": 542230,
        "optimizer": "sgd",
        "lr": 0.01,
        "momentum": 0.9,
        "batch_size": 32,
        "epochs": 10,
        "schedule": "constant",
        "weight_decay": 0.0,
        "beta1": 0.9,
        "beta2": 0.999,
        "label_smoothing": 0.0,
        "augmentation": dataclasses.asdict(Augmentation()),
        "ema": 0.0,
        "clip_norm": None,
        "dropout": None,
        "patience": None,
        "tta": 1,
        "validation": 0.1,
        "keep": "best",
    }


def test_summary_of_a_model(minicnn):
    result = minicnn("summary", "cnn_classic")
    assert (result.code, result.err) == (0, "")
    counts = [line.split()[-1] for line in result.out.splitlines()[2:10]]
    assert counts == ["320", "0", "18,496", "0", "0", "204,928", "0", "1,290"]
    assert "Total params: 225,034" in result.out


def test_summary_of_a_run(minicnn, run_folder):
    result = minicnn("summary", run_folder)
    assert result.code == 0
    assert "(None, 8, 8, 1)" not in result.out
    assert "(None, 64)" in result.out
    assert "dense_1 (Dense)" in result.out


HELP = {
    "": ["models", "summary", "train", "evaluate", "written from scratch", "--version"],
    "compare": ["--keras", "--epochs", "--seed", "--data", "--out", "--json", "finished runs"],
    "doctor": ["--data", "--json"],
    "explore": ["--data", "--out", "--augment", "--recipe", "--json"],
    "export": ["--to", "--int8", "--logits", "--out", "--json", "Keras, ONNX or TensorFlow Lite"],
    "profile": ["--batch-size", "--kernels", "--rounds", "--json", "cnn_classic"],
    "ensemble": ["RUN...", "--out", "--json", "the mean of their probabilities"],
    "report": ["--out", "--data", "--json", "The folder of a run, or a model's file"],
    "models": ["--json"],
    "summary": ["A model's name (`minicnn models`), a run or a model's file"],
    "predict": ["--examples", "--show", "--out", "--json", "Pictures of one digit each"],
    "evaluate": ["--data", "--tta", "--json", "The folder of a run, or a model's file"],
    "serve": ["--host", "--port", "models' files: .npz, .keras or .h5"],
    "read": ["--lines", "--expect", "--fields", "--csv", "--show", "--out", "--json"],
    "train": [
        *("--epochs", "--batch-size", "--optimizer", "--lr", "--momentum", "--weight-decay"),
        *("--schedule", "--clip-norm", "--label-smoothing", "--validation", "--patience"),
        *("--seed", "--data", "--kernels", "--out", "--resume", "--json", "cnn_classic"),
        *("--with", "--through", "--dropout", "--config"),
        *("--augment", "--no-augment", "--ema", "--tta", "--keep"),
    ],
    "tune": [
        *(
            "--out",
            "--trials",
            "--timeout",
            "--epochs",
            "--seed",
            "--validation",
            "--only",
            "--fix",
        ),
        *("--storage", "--data", "--json", "share the work", "postgresql://"),
    ],
}


@pytest.mark.parametrize("name", HELP)
def test_every_command_explains_itself(minicnn, name):
    result = minicnn(*name.split(), "--help")
    assert (result.code, result.err) == (0, "")
    assert [word for word in HELP[name] if word not in plain(result.out)] == []


def test_no_command_is_forgotten_above():
    assert {command.callback.__name__ for command in cli.app.registered_commands} <= {*HELP}


def test_without_a_command_the_help_is_shown(minicnn):
    result = minicnn()
    assert (result.code, result.err) == (2, "")
    assert result.out.strip() == minicnn("--help").out.strip()


# --- train and evaluate


def test_train_writes_a_run_and_says_what_to_do_next(minicnn, data):
    result = minicnn("train", "mlp", "--epochs", 2, "--data", data, "--out", "my run [1]")
    assert result.code == 0
    assert len(re.findall(r"^epoch [12]/2 ", result.err, re.MULTILINE)) == 2
    folder = Path("my run [1]")
    metrics = json.loads((folder / "metrics.json").read_text())
    best = f"{metrics['validation_accuracy']:.4f}, in epoch {metrics['best_epoch']}"
    table = dict(re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in _table(result.out))
    assert table == {
        "test accuracy": f"{metrics['test_accuracy']:.4f}",
        "test loss": f"{metrics['test_loss']:.4f}",
        "validation": best,
        "parameters": f"{metrics['parameters']:,}",
        "seconds": f"{metrics['seconds']:.1f}",
        "run folder": "my run [1]",
    }
    for name in ("curves.png", "confusion.png", "mistakes.png"):
        assert str(folder / name) in result.out
        with Image.open(folder / name) as picture:
            picture.verify()
    commands = re.search(r"Next:  (.*)", result.out)[1].split("    ")
    assert len(commands) == 3
    for command in commands:
        assert minicnn(*shlex.split(command)[1:]).code == 0


def _table(text: str) -> list[str]:
    return text.partition("\n\n")[0].splitlines()


def test_every_option_arrives_in_the_settings_and_json_is_all_that_is_printed(minicnn, data):
    options = {
        "epochs": 1,
        "batch_size": 50,
        "optimizer": "sgd",
        "lr": 0.02,
        "momentum": 0.5,
        "weight_decay": 0.001,
        "schedule": "one_cycle",
        "clip_norm": 2.5,
        "label_smoothing": 0.1,
        "ema": 0.9,
        "tta": 5,
        "keep": "last",
        "validation": 0.25,
        "patience": 3,
        "seed": 11,
        "kernels": "reference",
    }
    flags = [str(x) for name, v in options.items() for x in (f"--{name.replace('_', '-')}", v)]
    printed = json.loads(
        minicnn("train", "mlp", *flags, "--data", data, "--out", "r", "--json").out
    )
    assert printed == {"run": "r", **json.loads(Path("r/metrics.json").read_text())}
    assert set(printed) >= {"test_accuracy", "test_loss", "parameters", "seconds", "epochs"}
    config = json.loads(Path("r/config.json").read_text())
    assert re.fullmatch("[0-9a-f]{16}-[0-9a-f]{16}", config.pop("data_checksum"))
    assert config == {
        "model": "mlp",
        **options,
        "data": str(data),
        "prefix": None,
        "classes": None,
        "dropout": None,
        "beta1": 0.9,
        "beta2": 0.999,
        "augmentation": dataclasses.asdict(Augmentation()),
        "own_code": None,
        "through": None,
    }
    history = json.loads(Path("r/history.json").read_text())
    assert history["lr"] == [0.02 * optim.one_cycle(3 / 4)], "180 images are 4 batches"


def test_augmentation_is_switched_on_and_off(minicnn, data):
    """On is the recipe's own, or that of the records; both come back in config.json."""
    for flag, expected in ("--augment", zoo.MOVED), ("--no-augment", Augmentation()):
        options = ("mlp", flag, "--epochs", 1, "--data", data, "--out", f"r{flag}")
        assert minicnn("train", *options).code == 0
        assert runs.Run.opened(f"r{flag}").settings.augmentation == expected
    refused = minicnn("train", "--resume", "--augment", "--out", "r--no-augment")
    assert refused.code == 2
    assert "was started with other settings: augmentation {'rotation': 0.0" in refused.err
    assert minicnn("train", "--resume", "--augment", "--out", "r--augment").code == 0


def test_a_view_is_one_of_those_that_there_are(minicnn, run_folder):
    loss = json.loads(minicnn("evaluate", run_folder, "--json").out)["test_loss"]
    other = json.loads(minicnn("evaluate", run_folder, "--tta", 9, "--json").out)["test_loss"]
    assert loss != other
    assert minicnn("evaluate", run_folder, "--tta", 10).code == 2


def test_without_out_runs_are_numbered(minicnn, data):
    Path("runs/mlp-1").mkdir(parents=True)
    result = minicnn("train", "mlp", "--epochs", 1, "--data", data)
    assert result.code == 0
    assert Path("runs/mlp-2/metrics.json").exists()
    assert re.search("run folder +runs/mlp-2 ", result.out)


def test_cnn_classic_is_the_default(minicnn, tmp_path):
    write_data(tmp_path / "d", size=12)
    assert minicnn("train", "--epochs", 1, "--data", "d", "--out", "r").code == 0
    assert json.loads(Path("r/config.json").read_text())["model"] == "cnn_classic"


def test_evaluate_says_what_the_run_said(minicnn, run_folder):
    metrics = json.loads((run_folder / "metrics.json").read_text())
    result = minicnn("evaluate", run_folder)
    assert (result.code, result.err) == (0, "")
    assert f"accuracy {metrics['test_accuracy']:.4f}, loss {metrics['test_loss']:.4f}" in result.out
    assert "precision" in result.out
    assert re.search(r"95 % interval of the accuracy: 0\.\d{4} to [01]\.\d{4}", result.out)


def test_evaluate_as_json(minicnn, run_folder, data):
    metrics = json.loads((run_folder / "metrics.json").read_text())
    figures = json.loads(minicnn("evaluate", run_folder, "--json").out)
    assert figures["test_accuracy"] == metrics["test_accuracy"]
    assert figures["test_loss"] == metrics["test_loss"]
    confusion = np.array(figures["confusion"])
    assert confusion.trace() == round(60 * metrics["test_accuracy"])
    assert confusion.sum(axis=1).tolist() == np.bincount(idx(data)[1].labels).tolist()
    low, high = figures["interval"]
    assert 0 <= low < metrics["test_accuracy"] <= high <= 1


def test_evaluate_on_other_data(minicnn, run_folder, tmp_path):
    other = write_data(tmp_path / "other", seed=1)
    figures = json.loads(minicnn("evaluate", run_folder, "--data", "other", "--json").out)
    expected = mc.evaluate(runs.Run.opened(run_folder).model(), idx(other)[1])
    assert (figures["test_accuracy"], figures["test_loss"]) == (expected.accuracy, expected.loss)


def test_a_run_finds_its_data_from_any_folder(minicnn, tmp_path, monkeypatch):
    write_data(tmp_path / "d")
    assert minicnn("train", "mlp", "--epochs", 1, "--data", "d", "--out", "r").code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert minicnn("evaluate", "../r").code == 0
    again = ["--data", "../d/../d", "--epochs", 2, "--resume", "--out", "../r"]
    assert minicnn("train", *again).code == 0


# --- mistakes: nothing may be left that was not there

TYPOS = {
    "an unknown command": (["trian"], ["No such command 'trian'", "Did you mean 'train'"]),
    "an unknown option": (["train", "--epoch", "1"], ["No such option", "--epochs"]),
    "an unknown model": (["train", "cnn_clasic"], ["did you mean 'cnn_classic'?"]),
    "a model in capitals": (["train", "MLP"], ["unknown model 'MLP'", "Known: mlp"]),
    "an empty model": (["train", ""], ["unknown model ''"]),
    "two models": (["train", "mlp", "cnn_light"], ["unexpected extra argument"]),
    "an unknown optimizer": (["train", "--optimizer", "admw"], ["did you mean 'adamw'?"]),
    "an unknown schedule": (["train", "--schedule", "cosin"], ["did you mean 'cosine'?"]),
    "unknown kernels": (["train", "--kernels", "fats"], ["did you mean 'fast'?"]),
    "no epochs": (["train", "--epochs", "0"], ["epochs must be"]),
    "fewer than no epochs": (["train", "--epochs", "-3"], ["epochs must be"]),
    "half an epoch": (["train", "--epochs", "1.5"], ["--epochs"]),
    "epochs in words": (["train", "--epochs", "two"], ["--epochs"]),
    "no batch": (["train", "--batch-size", "0"], ["batch_size must be"]),
    "no rate": (["train", "--lr", "0"], ["lr must be positive and finite, got 0"]),
    "a rate below 0": (["train", "--lr", "-1"], ["lr must be positive and finite, got -1"]),
    "a rate that is NaN": (["train", "--lr", "nan"], ["lr must be positive and finite, got nan"]),
    "an endless rate": (["train", "--lr", "1e999"], ["lr must be positive and finite, got inf"]),
    "too much momentum": (["train", "cnn_baseline", "--momentum", "1"], ["momentum must be"]),
    "momentum for Adam": (["train", "mlp", "--momentum", "0.9"], ["momentum is for sgd alone"]),
    "a decay below 0": (["train", "--weight-decay", "-1"], ["weight_decay must be"]),
    "a norm below 0": (["train", "--clip-norm", "-1"], ["clip_norm must be positive"]),
    "a norm of 0": (["train", "--clip-norm", "0"], ["clip_norm must be positive"]),
    "smoothing that is NaN": (["train", "--label-smoothing", "nan"], ["label"]),
    "too much held out": (["train", "--validation", "1.5"], ["validation must be"]),
    "all held out": (["train", "--validation", "1"], ["validation must be"]),
    "less than nothing held out": (["train", "--validation", "-0.1"], ["validation must be"]),
    "an unknown share held out": (["train", "--validation", "nan"], ["validation"]),
    "no patience": (["train", "--patience", "0"], ["patience must be"]),
    "patience for nothing": (
        ["train", "--patience", "2", "--validation", "0"],
        ["patience needs a validation set"],
    ),
    "a seed below 0": (["train", "--seed", "-1"], ["seed must be"]),
    "resume without out": (["train", "--resume"], ["--resume needs --out"]),
    "resume of nothing": (["train", "--resume", "--out", "r"], ["r: there is no such run folder"]),
    "an unknown model to sum up": (["summary", "cnn_lite"], ["did you mean 'cnn_light'?"]),
    "nothing to sum up": (["summary"], ["Missing argument"]),
    "a folder to sum up that is no run": (["summary", "."], ["config.json"]),
    "a model to evaluate": (["evaluate", "mlp"], ["mlp: there is no such run folder"]),
    "a folder to evaluate that is no run": (["evaluate", "."], ["config.json", "finished run?"]),
}


@pytest.mark.parametrize("case", TYPOS)
def test_a_mistake_is_answered_and_leaves_nothing(minicnn, data, case):
    arguments, fragments = TYPOS[case]
    if arguments[:1] == ["train"] and "--resume" not in arguments:
        arguments = [*arguments, "--data", data, "--out", "r"]
    assert refused(minicnn(*arguments), *fragments)
    assert os.listdir() == []


def test_what_does_not_fit_the_data_leaves_no_folder_that_would_block(minicnn, data):
    train = ["train", "mlp", "--epochs", 1, "--data", data, "--out", "r"]
    assert refused(minicnn(*train, "--validation", 0.001), "holds out 0 and leaves 240")
    assert refused(
        minicnn("train", "cnn_deeper", *train[2:]), "Conv2D 'conv2d_2': an input with 2 rows"
    )
    assert os.listdir() == []
    done = minicnn(*train, "--batch-size", 217)
    assert done.code == 0
    assert plain(done.err).count("217 is more than the 216 pictures") == 1


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def relabel(folder: Path, part: str, labels: np.ndarray) -> None:
    write_idx(folder / f"{part}-labels-idx1-ubyte", labels, overwrite=True)


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
BAD_DATA = {
    "missing": (shutil.rmtree, ["cannot be read as a folder"]),
    "a file": (lambda d: (shutil.rmtree(d), d.write_text("")), ["cannot be read as a folder"]),
    "empty": (lambda d: (shutil.rmtree(d), d.mkdir()), ["needs a file of train images"]),
    "without labels": (lambda d: (d / LABELS).unlink(), ["a file of train labels"]),
    "cut off": (lambda d: cut(d / IMAGES), [IMAGES, "it is truncated"]),
    "with bytes to spare": (
        lambda d: (d / IMAGES).write_bytes((d / IMAGES).read_bytes() + b"!"),
        [IMAGES, "bytes follow the data"],
    ),
    "without a byte": (lambda d: (d / IMAGES).write_bytes(b""), [IMAGES, "is empty"]),
    "with text for images": (lambda d: (d / IMAGES).write_text("hello"), [IMAGES, "starts with"]),
    "with broken gzip": (
        lambda d: (d / IMAGES).write_bytes(b"\x1f\x8b rubbish"),
        [IMAGES, "damaged"],
    ),
    "with a folder for images": (
        lambda d: ((d / IMAGES).unlink(), (d / IMAGES).mkdir()),
        ["a file of train images"],
    ),
    "with labels for images": (lambda d: shutil.copy(d / LABELS, d / IMAGES), ["file of labels?"]),
    "with images for labels": (lambda d: shutil.copy(d / IMAGES, d / LABELS), ["file of images?"]),
    "with too few labels": (
        lambda d: relabel(d, "train", np.zeros(239, np.uint8)),
        [LABELS, "240 images have 239 labels"],
    ),
    "with labels below 0": (
        lambda d: relabel(d, "t10k", np.full(60, -1, np.int8)),
        ["t10k-labels", "labels go from -1"],
    ),
    "with absurd labels": (
        lambda d: relabel(d, "train", np.full(240, 2**31 - 1, np.int32)),
        ["labels go up to 2,147,483,647"],
    ),
    "with other pictures to test": (
        lambda d: write_idx(
            d / "t10k-images-idx3-ubyte", np.zeros((60, 9, 9), np.uint8), overwrite=True
        ),
        ["training pictures are (8, 8, 1), test pictures (9, 9, 1)"],
    ),
    "with NaN": (
        lambda d: write_idx(d / IMAGES, np.full((240, 8, 8), np.nan, np.float32), overwrite=True),
        [IMAGES, "NaN or infinity"],
    ),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data_is_answered_and_leaves_no_folder(minicnn, tmp_path, run_folder, case):
    damage, fragments = BAD_DATA[case]
    damage(write_data(tmp_path / "d"))
    assert refused(minicnn("train", "mlp", "--data", "d", "--out", "r"), *fragments)
    assert not Path("r").exists()
    assert refused(minicnn("evaluate", run_folder, "--data", "d"), *fragments)


@pytest.mark.parametrize(
    ("settings", "fragments"),
    [
        ({"size": 9}, ["('N', 8, 8, 1)", "9, 9, 1)"]),
        ({"classes": 5}, ["labels must be in 0..3 for 4 classes"]),
    ],
)
def test_a_model_is_not_evaluated_on_what_it_was_not_made_for(
    minicnn, tmp_path, run_folder, settings, fragments
):
    write_data(tmp_path / "d", **settings)
    assert refused(minicnn("evaluate", run_folder, "--data", "d"), *fragments)


def test_a_model_may_be_evaluated_on_some_of_its_classes(minicnn, tmp_path, run_folder):
    write_data(tmp_path / "d", classes=2, seed=7)
    figures = json.loads(minicnn("evaluate", run_folder, "--data", "d", "--json").out)
    confusion = np.array(figures["confusion"])
    assert confusion.shape == (4, 4)
    assert confusion.sum(axis=1).tolist() == [30, 30, 0, 0]
    assert confusion[:, 2:].any(), "some are taken for classes that are not there"
    assert minicnn("evaluate", run_folder, "--data", "d").code == 0


OUT_OF_REACH = {
    "below a file": ("file/r", "Not a directory"),
    "below nothing": ("/proc/none/r", "No such file"),
    "a name too long": ("x" * 300, "File name too long"),
    "a path too long": ("/".join(["x" * 200] * 25), "File name too long"),
}


@pytest.mark.parametrize("case", OUT_OF_REACH)
def test_a_folder_that_cannot_be_made_is_answered(minicnn, data, case):
    out, fragment = OUT_OF_REACH[case]
    Path("file").write_text("mine")
    result = minicnn("train", "mlp", "--epochs", 1, "--data", data, "--out", out)
    assert refused(result, fragment)
    for command in ("summary", "evaluate"):
        assert refused(minicnn(command, out))
    assert os.listdir() == ["file"]


def test_a_folder_that_is_not_ours_is_answered(minicnn, tmp_path, data):
    (tmp_path / "locked").mkdir(mode=0)
    try:
        with as_nobody():
            result = minicnn("train", "mlp", "--data", data, "--out", tmp_path / "locked" / "r")
    finally:
        (tmp_path / "locked").chmod(0o700)
    assert refused(result, "Permission denied")
    assert os.listdir("locked") == []


@pytest.mark.parametrize("name", [f"[/] it's ä€ {'x' * 200}", "\udcff"])
def test_a_folder_may_have_any_name(minicnn, data, name):
    train = ["train", "mlp", "--epochs", 1, "--data", data, "--kernels", "reference"]
    result = minicnn(*train, f"--out=./{name}")
    assert result.code == 0, result.err
    assert Path(name, "metrics.json").exists()
    if name.isprintable():
        assert re.search(rf"run folder +{re.escape(name)} *$", result.out, re.MULTILINE)


# --- a run that is there already


@pytest.fixture
def copied(run_folder) -> Path:
    return Path(shutil.copytree(run_folder, "copied"))


def files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in os.listdir(folder)}


def test_a_run_is_not_overwritten(minicnn, data, copied):
    before = files(copied)
    result = minicnn("train", "mlp", "--data", data, "--out", copied)
    assert refused(result, "copied exists already and is not overwritten", "--out", "--resume")
    assert files(copied) == before


RESUMED_OTHERWISE = {
    "another model": (["cnn_light"], "model 'mlp', now 'cnn_light'"),
    "another rate": (["--lr", "0.5"], "lr 0.001, now 0.5"),
    "another optimizer": (["--optimizer", "sgd"], "optimizer 'adam', now 'sgd'"),
    "momentum": (["--momentum", "0.9"], "momentum 0.0, now 0.9"),
    "another seed": (["mlp", "--seed", "1"], "seed 0, now 1"),
    "no data": (["--data", "."], "a file of train images"),
    "patience": (["--patience", "3"], "patience None, now 3"),
    "fewer epochs": (["--epochs", "1"], "it has 2 epochs, more than the 1 wanted"),
    "a typo": (["--optimizer", "admw"], "now 'admw'"),
}


@pytest.mark.parametrize("case", RESUMED_OTHERWISE)
def test_a_run_is_not_resumed_otherwise_than_it_was(minicnn, copied, case):
    changes, fragment = RESUMED_OTHERWISE[case]
    before = files(copied)
    assert refused(minicnn("train", *changes, "--out", copied, "--resume"), fragment)
    assert files(copied) == before


def test_a_run_without_its_model_is_not_evaluated(minicnn, copied):
    (copied / "model.npz").unlink()
    for command in ("evaluate", "summary"):
        assert refused(minicnn(command, copied), "model.npz", "not finished", "--resume")
    assert minicnn("train", "--out", copied, "--resume").code == 0
    assert minicnn("evaluate", copied).code == 0


def test_a_run_with_a_damaged_model_is_not_evaluated(minicnn, copied):
    cut(copied / "model.npz")
    assert refused(minicnn("evaluate", copied), "model.npz", "damaged or cut off")


def test_a_damaged_checkpoint_is_not_resumed(minicnn, copied):
    cut(copied / "last.npz")
    before = files(copied)
    result = minicnn("train", "--epochs", 3, "--out", copied, "--resume")
    assert refused(result, "last.npz", "damaged or cut off")
    assert files(copied) == before


def test_an_explosion_says_where_and_what_to_try(minicnn, data):
    result = minicnn("train", "mlp", "--lr", "1e30", "--data", data, "--out", "r")
    assert refused(result, "in epoch 1, batch 2", "1e+30; try a smaller learning rate")
    assert len(result.err.splitlines()) == 1
    assert set(os.listdir("r")) == {"config.json", "last.npz"}


# --- as processes, which can be stopped from outside


@pytest.fixture
def process():
    """Start minicnn in a process of its own, which does not outlive the test."""
    started = []

    def start(*arguments, **settings) -> subprocess.Popen:
        command = [sys.executable, "-m", "minicnn", *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, **pipes, **settings))
        return started[-1]

    yield start
    for running in started:
        with running:
            running.kill()


def ended(running: subprocess.Popen) -> SimpleNamespace:
    out, err = running.communicate(timeout=120)
    return SimpleNamespace(code=running.returncode, out=out, err=err)


def train(model: str, data: Path, out: str) -> list:
    options = ["--epochs", EPOCHS, "--batch-size", 8, "--patience", 9, "--seed", 4]
    return ["train", model, *options, "--data", data, "--out", out]


def after_epoch_1(running: subprocess.Popen) -> subprocess.Popen:
    """Wait until the first epoch is done."""
    line = running.stderr.readline()
    assert line.startswith(f"epoch 1/{EPOCHS} "), line
    return running


def contents(path: Path) -> tuple[dict, dict]:
    """What a checkpoint holds, without what a clock decides: (description, arrays)."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    about = json.loads(arrays.pop("about").tobytes())
    for figure in ("seconds", "images_per_second"):
        about.get("history", {}).pop(figure, None)
    return about, arrays


def assert_same_run(left: Path, right: Path) -> None:
    for name in ("last.npz", "model.npz"):
        (about, arrays), (other_about, others) = contents(left / name), contents(right / name)
        assert about == other_about
        assert list(arrays) == list(others)
        for key in arrays:
            np.testing.assert_array_equal(arrays[key], others[key], err_msg=f"{name} {key}")


@pytest.fixture(scope="module")
def never_stopped(data, tmp_path_factory):
    """By model, the folder of a run that nothing stopped."""
    folder = tmp_path_factory.mktemp("whole")
    settings = {"epochs": EPOCHS, "batch_size": 8, "patience": 9, "seed": 4, "data": str(data)}
    with kernels.use("fast"):
        for model in ("cnn_simple", "cnn_baseline"):
            runs.train(Settings.of(model, **settings), folder / model, progress=False)
    return folder


@pytest.fixture
def _fast_kernels():
    """Those that a process of its own begins with, whatever `--kernels` says of this one."""
    with kernels.use("fast"):
        yield


@pytest.mark.usefixtures("_fast_kernels")
@pytest.mark.parametrize(
    "model", [pytest.param("cnn_simple", marks=pytest.mark.slow), "cnn_baseline"]
)
def test_killed_in_epoch_2_and_resumed_is_as_never_stopped(
    minicnn, process, data, never_stopped, model
):
    """cnn_simple has dropout and is trained by Adam, cnn_baseline with momentum."""
    running = after_epoch_1(process(*train(model, data, "r")))
    running.kill()
    assert ended(running).code == -signal.SIGKILL
    assert "metrics.json" not in os.listdir("r")
    done = len(contents(Path("r/last.npz"))[0]["history"]["loss"])
    assert 1 <= done < EPOCHS
    assert refused(minicnn("evaluate", "r"), "not finished")
    resumed = minicnn("train", "--out", "r", "--resume")
    assert resumed.code == 0
    assert resumed.err.startswith(f"epoch {done + 1}/{EPOCHS} ")
    assert_same_run(Path("r"), never_stopped / model)


@pytest.mark.parametrize("how", ["plain", "as the cause", "lost in a callback"])
def test_ctrl_c_is_one_line_wherever_it_comes(command, monkeypatch, how):
    def interrupted(**_: object) -> None:
        if how == "plain":
            raise KeyboardInterrupt
        if how == "as the cause":
            raise RuntimeError from KeyboardInterrupt()
        lost = SimpleNamespace(exc_type=KeyboardInterrupt)
        sys.unraisablehook(lost)  # as Python does for one in a callback of numba's compiler
        raise RuntimeError("no compiled object yet")

    monkeypatch.setattr("minicnn.cli.app", interrupted)
    before = sys.unraisablehook
    result = command("models")
    assert (result.code, result.out, result.err) == (130, "", "minicnn: stopped by Ctrl-C\n")
    assert sys.unraisablehook is before


@pytest.mark.slow
@pytest.mark.usefixtures("_interruptible")
def test_ctrl_c_leaves_a_run_to_use_and_to_resume(minicnn, process, data, never_stopped):
    running = after_epoch_1(process(*train("cnn_simple", data, "my run")))
    running.send_signal(signal.SIGINT)
    result = ended(running)
    assert result.code == 130
    assert "Traceback" not in result.err
    metrics = json.loads(Path("my run/metrics.json").read_text())
    assert metrics["interrupted"] is True
    assert 1 <= metrics["epochs"] < EPOCHS
    assert not [name for name in os.listdir("my run") if name.startswith(".")]
    figures = json.loads(minicnn("evaluate", "my run", "--json").out)
    assert figures["test_accuracy"] == metrics["test_accuracy"]
    command = re.search(r"To go on:  (.*)", result.out)[1]
    assert minicnn(*shlex.split(command)[1:]).code == 0
    assert_same_run(Path("my run"), never_stopped / "cnn_simple")
    assert json.loads(Path("my run/metrics.json").read_text())["interrupted"] is False


@pytest.mark.slow
def test_of_two_runs_started_at_once_in_one_folder_one_is_refused(process, data):
    command = ["train", "mlp", "--epochs", 1, "--data", data, "--out", "r"]
    both = [ended(running) for running in [process(*command), process(*command)]]
    winner, loser = sorted(both, key=lambda result: result.code)
    assert winner.code == 0
    assert refused(loser, "r")
    assert "metrics.json" in os.listdir("r")


@pytest.fixture
def small_disk(tmp_path):
    """A folder where 700 kB fit, and what to call in a process that writes there.

    A file system of that size if we may mount one, otherwise a limit for each file.
    """
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", folder]
    with contextlib.suppress(FileNotFoundError, subprocess.CalledProcessError):
        subprocess.run(mount, check=True, capture_output=True)
        yield folder, None
        subprocess.run(["umount", folder], check=True)
        return
    limit = (700_000, resource.RLIM_INFINITY)
    yield folder, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)


@pytest.mark.slow
def test_a_full_disk_ends_a_run_with_a_message_and_its_last_good_files(process, data, small_disk):
    """The first checkpoint, 218 kB, fits; with the optimizer's moments, it does not any more."""
    folder, prepare = small_disk
    run = folder / "r"
    command = ["train", "mlp", "--epochs", 2, "--data", data, "--out", run]
    result = ended(process(*command, preexec_fn=prepare))
    assert (result.code, result.out) == (2, "")
    assert re.fullmatch(
        rf"minicnn: {run}/(last|model)\.npz: cannot be written: (No space left|File too large).*\n",
        result.err,
    )
    assert set(os.listdir(run)) - {"model.npz"} == {"config.json", "last.npz"}
    about, _ = contents(run / "last.npz")
    assert about["history"] == {}


def test_a_terminal_that_lacks_characters_gets_others(process):
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    result = ended(process("summary", "mlp", env=env))
    assert (result.code, result.err) == (0, "")
    assert "Total params: 623,290" in result.out


def test_a_reader_that_goes_away_is_no_reason_for_a_traceback(process):
    running = process("models", "--json")
    running.stdout.close()
    running.stdout = None
    assert "Traceback" not in ended(running).err


def test_the_module_runs_as_the_script_does(minicnn, process):
    result = ended(process("train", "cnn_clasic"))
    script = minicnn("train", "cnn_clasic")
    assert (result.code, result.err, result.out) == (script.code, script.err, "")
