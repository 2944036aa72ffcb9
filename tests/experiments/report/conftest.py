"""A data set and a run that the tests of the reports look at; nobody changes them."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from minicnn import zoo
from minicnn.data import write_idx
from minicnn.experiments.settings import Settings
from minicnn.plain_data import write_json
from minicnn.training.checkpoint import save_model

HISTORY = {
    "loss": [0.9, 0.5],
    "accuracy": [0.6, 0.8],
    "val_loss": [0.8, 0.6],
    "val_accuracy": [0.7, 0.75],
}


def write_data(folder: Path, shape: tuple[int, ...] = (8, 8), classes: int = 4) -> Path:
    """IDX files of noise, 120 pictures to train and 60 to test."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, count in ("train", 120), ("t10k", 60):
        images = rng.integers(0, 256, (count, *shape)).astype(np.uint8)
        labels = (np.arange(count) % classes).astype(np.uint8)
        write_idx(folder / f"{part}-images-idx{images.ndim}-ubyte", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte", labels)
    return folder


def write_run(
    folder: Path, data: Path, model: str, shape: tuple[int, int, int] = (8, 8, 1), classes: int = 4
) -> Path:
    """The folder of a run as training leaves it, with weights that nobody trained."""
    folder.mkdir(parents=True)
    net = zoo.build(model, shape, classes)
    net.class_names = tuple(str(label) for label in range(classes))
    save_model(folder / "model.npz", net)
    write_json(folder / "config.json", asdict(Settings.of(model, data=str(data))))
    write_json(folder / "history.json", HISTORY)
    figures = {"epochs": 2, "best_epoch": 1, "training_seconds": 12.3, "test_accuracy": 0.25}
    write_json(folder / "metrics.json", figures)
    return folder


@pytest.fixture(scope="package")
def data(tmp_path_factory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "noise")


@pytest.fixture(scope="package")
def run_folder(tmp_path_factory, data) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "baseline-1", data, "cnn_baseline")
