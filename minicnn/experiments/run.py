"""A run as a folder, and the data that it is of."""

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path
from typing import Any

from minicnn.data import Dataset, idx, mnist
from minicnn.data.class_names import check_count, split_names
from minicnn.errors import DataError, FileError, UnknownNameError
from minicnn.experiments.settings import CHECKSUM, Settings, given
from minicnn.files import StrPath, contents
from minicnn.nn import Sequential
from minicnn.plain_data import as_type, read_json, write_json
from minicnn.training.checkpoint import load_model

Sets = tuple[Dataset, Dataset]
"""Training and test set."""


def load_data(directory: str | None, classes: str | None = None, prefix: str | None = None) -> Sets:
    """(train, test) of an IDX directory, or of MNIST if there is none.

    - `classes`: their names, with commas between them; the numbers if there are none.
    - `prefix`: which set of the directory, if it holds several.

    Raises `DataError` for a directory that cannot be read, and for more names or fewer than it has
    classes.
    """
    if directory is None and prefix is not None:
        raise DataError(f"the prefix {prefix!r} is of a directory's files, and none is given")
    train, test = mnist() if directory is None else idx(directory, prefix=prefix)
    if classes is None:
        return train, test
    names = split_names(classes)
    check_count(names, train.classes - 1, directory or "MNIST")
    return replace(train, class_names=names), replace(test, class_names=names)


def checksum_of(sets: Sets) -> str:
    """Return what tells the training and the test set from all others."""
    return "-".join(each.checksum() for each in sets)


METRICS = {
    "model": str,
    "test_accuracy": float,
    "test_loss": float,
    "parameters": int,
    "epochs": int,
    "best_epoch": int,
    "interrupted": bool,
}
"""The types of the figures in `metrics.json`; of others, text or a number will do."""


class Run:
    """The folder of a run.

    - `checksum`: of the data that it was trained on; None if that is not known.
    - `begun`: whether there is a training to go on with.
    """

    def __init__(self, folder: StrPath, settings: Settings, checksum: str | None = None):
        self.folder, self.settings, self.checksum = Path(folder), settings, checksum
        self.begun = False

    @classmethod
    def created(cls, folder: StrPath, settings: Settings) -> "Run":
        """Return a new run, not on disk yet; raise `FileError` if there is something
        already.
        """
        cls.refuse_taken(Path(folder))
        return cls(folder, settings)

    @classmethod
    def resumed(cls, folder: StrPath, settings: Settings) -> "Run":
        """Return the stopped run in this folder; raise `FileError` if its settings are others."""
        run = cls.opened(folder)
        run.refuse_other(settings.to_dict())
        run.settings = settings
        run.begun = not _is_unbegun(run.folder)  # killed before its first checkpoint was whole
        return run

    @classmethod
    def opened(cls, folder: StrPath) -> "Run":
        """Return the run in this folder; raise `FileError` if there is none."""
        folder = Path(folder)
        cls.refuse_none(folder)
        path = folder / "config.json"
        config = _read(path)
        checksum = as_type(str | None, config.pop(CHECKSUM, None), f"{path}: {CHECKSUM}")
        return cls(folder, Settings.from_dict(config, str(path)), checksum)

    @staticmethod
    def refuse_taken(folder: Path) -> None:
        """Raise `FileError` if the folder is there, and more than the beginning of a run."""
        if folder.exists() and (not folder.is_dir() or contents(folder)):
            if folder.is_dir() and _is_unbegun(folder):
                return
            raise FileError(
                f"{folder} exists already and is not overwritten; choose another folder with "
                "--out, or go on with the run in it with --resume"
            )

    @staticmethod
    def refuse_none(folder: Path) -> None:
        """Raise `FileError` if there is no such folder, or nothing was begun in it."""
        if not folder.is_dir():
            raise FileError(f"{folder}: there is no such run folder")

    def refuse_other(self, settings: Mapping[str, Any]) -> None:
        """Raise `FileError` if these settings are not those of this run.

        The number of epochs may be another, and where the data is: that is known by its content.
        """
        free = ("epochs", "data", "prefix") if self.checksum else ("epochs",)
        mine = self.settings.to_dict()
        other = [
            f"{name} {mine[name]!r}, now {value!r}"
            for name, value in settings.items()
            if name not in free and mine[name] != value
        ]
        if other:
            raise FileError(f"{self.folder}: was started with other settings: {'; '.join(other)}")

    def changed(self, **changes: Any) -> Settings:
        """Return the settings to go on with: other epochs, or another place of the data.

        Raises `FileError` for any other change; those that are None are none.
        """
        changes = given(changes)
        plain = {k: asdict(v) if is_dataclass(v) else v for k, v in changes.items()}  # type: ignore[arg-type]
        self.refuse_other(plain)
        if "data" in changes:
            changes.setdefault("prefix", None)
        return replace(self.settings, **changes)

    @property
    def config_path(self) -> Path:
        """Where the settings are."""
        return self.folder / "config.json"

    def write_config(self) -> None:
        """Write the settings, and the checksum of the data."""
        write_json(self.config_path, {**self.settings.to_dict(), CHECKSUM: self.checksum})

    def load(self) -> Sets:
        """(train, test) by the settings; raises `DataError` if it is not the data of this run."""
        settings = self.settings
        sets = load_data(settings.data, settings.classes, settings.prefix)
        checksum = checksum_of(sets)
        if self.checksum not in (None, checksum):
            raise DataError(
                f"{settings.data or 'MNIST'}: is not the data of the run {self.folder}, whose "
                f"checksum is {self.checksum}; got {checksum}. Say with --data where it is"
            )
        self.checksum = checksum
        return sets

    def is_of(self, sets: Sets, directory: str | None) -> bool:
        """Whether it was trained on these sets, which are in `directory`; None for MNIST."""
        if self.checksum is None:
            return self.settings.data == directory
        return self.checksum == checksum_of(sets)

    def is_finished(self, settings: Settings) -> bool:
        """Whether it has been trained to the end with these settings, wherever the data is."""
        if self.checksum:
            mine = self.settings
            settings = replace(settings, data=mine.data, prefix=mine.prefix)
        return settings == self.settings and not self.metrics("interrupted")["interrupted"]

    def model(self) -> Sequential:
        """Return the trained model; raise `FileError` if there is none yet."""
        path = self.folder / "model.npz"
        if not path.exists():
            raise FileError(
                f"{path}: there is no such file; the run is not finished (see --resume)"
            )
        return load_model(path)

    def metrics(self, *needed: str) -> dict[str, Any]:
        """Return the figures of the finished run.

        Raises `FileError` for one that cannot be, and for one that is `needed` and not there.
        """
        path = self.folder / "metrics.json"
        metrics = _read(path)
        for name in needed:
            if name not in metrics:
                raise FileError(f"{path}: has no {name!r}; is the run finished?")
        for name, value in metrics.items():
            kind = str if isinstance(value, str) else float
            as_type(METRICS.get(name, kind), value, f"{path}: {name}")
        return metrics

    def history(self) -> dict[str, list[float]]:
        """Return the figures of every epoch; empty if none was written.

        Raises `FileError` for anything but lists of numbers, one for each epoch.
        """
        path = self.folder / "history.json"
        history = as_type(
            dict[str, list[float]], read_json(path) if path.exists() else {}, str(path)
        )
        if len({len(figures) for figures in history.values()}) > 1:
            raise FileError(f"{path}: its lists must have a number for each epoch")
        return history


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise FileError(
            f"{path}: there is no such file; is {path.parent} the folder of a finished run?"
        )
    return read_json(path)


def _is_unbegun(folder: Path) -> bool:
    """Whether there is nothing in a folder but the first file of a run that was killed at once.

    That is its settings, or its checkpoint: earlier versions wrote that first.
    """
    names = contents(folder)
    try:
        return names == ["last.npz"] or (names == ["config.json"] and bool(Run.opened(folder)))
    except (FileError, UnknownNameError):
        return False
