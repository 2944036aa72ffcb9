"""What `tune` searches: the settings that declare it, each with the values that it may have.

>>> [row.name for row in rows_for("mlp")][:4]
['optimizer', 'lr', 'momentum', 'batch_size']
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import NoneType
from typing import Any, get_args, get_type_hints

from minicnn import zoo
from minicnn.data.augmentation import Augmentation
from minicnn.errors import SettingError, UnknownNameError
from minicnn.plain_data import settings_of
from minicnn.zoo.recipe import Recipe


@dataclass(frozen=True)
class Choice:
    """A setting that is one of a few values."""

    name: str
    values: tuple[Any, ...]
    log: bool = False
    """Whether numbers are drawn at distances by their ratio."""

    def suggest(self, trial: Any) -> Any:
        """Let a trial of Optuna's choose a value."""
        return trial.suggest_categorical(self.name, self.values)

    def nearest(self, value: Any) -> Any:
        """Return the value itself, or None if it is not one of the choices."""
        return value if value in self.values else None

    def __str__(self) -> str:
        return ", ".join(map(str, self.values))


@dataclass(frozen=True)
class Range:
    """A setting that is any number from `low` to `high`; with `log`, each power of ten alike."""

    name: str
    low: float
    high: float
    log: bool = False

    def suggest(self, trial: Any) -> float:
        """Let a trial of Optuna's choose a value."""
        return trial.suggest_float(self.name, self.low, self.high, log=self.log)

    def nearest(self, value: float | None) -> float | None:
        """Return the number from `low` to `high` that is nearest to `value`; None for None."""
        return None if value is None else min(max(value, self.low), self.high)

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}{', by powers of ten' if self.log else ''}"


Dimension = Choice | Range


def _rows(kind: type) -> Iterator[Dimension]:
    """Yield the rows that the settings of a dataclass declare, those of one inside it in its
    place.
    """
    for name, declared in settings_of(kind).items():
        if name == "augmentation":
            yield from _rows(Augmentation)
        elif declared.search:
            row = Range if "low" in declared.search else Choice
            yield row(name, **declared.search)


SPACE = tuple(_rows(Recipe))
"""All that can be searched, in the order in which it is drawn."""

PLANNED = ("epochs", "validation", "patience", "keep", "augmentation", "tta")
"""Settings of a recipe that the search decides by itself; the others can be given one value."""


def rows_for(
    model: str,
    only: Sequence[str] | None = None,
    fix: Mapping[str, Any] | None = None,
    images: int | None = None,
) -> tuple[Dimension, ...]:
    """Return the rows to search for a model of the zoo.

    - `only`: the names of these; all of `SPACE` if not given.
    - `fix`: settings with values that are not searched.
    - `images`: how many there are to train on; no batch is larger.

    Raises `UnknownNameError` for another name, `SettingError` if nothing is left to search.

    >>> rows = rows_for("mlp", only=["lr", "batch_size"], fix={"lr": 0.01}, images=64)
    >>> [str(row) for row in rows]
    ['32, 64']
    """
    names = [row.name for row in SPACE]
    for name in only or ():
        if name not in names:
            raise UnknownNameError("setting to search", name, names)
    fixed = {**(fix or {})}
    if not zoo.dropout_rates(model):
        if "dropout" in (only or ()):
            raise SettingError(f"dropout cannot be searched: {model} has no dropout layer")
        fixed["dropout"] = None
    rows = [row for row in SPACE if (not only or row.name in only) and row.name not in fixed]
    rows = [_of_batches(row, images) if row.name == "batch_size" else row for row in rows]
    if not rows:
        raise SettingError("nothing is left to search: every setting is fixed")
    return tuple(rows)


def _of_batches(row: Dimension, images: int | None) -> Dimension:
    """Keep the batch sizes that do not exceed the training set; keep the smallest in any case."""
    assert isinstance(row, Choice)
    fitting = tuple(size for size in row.values if images is None or size <= images)
    return Choice(row.name, fitting or row.values[:1], row.log)


def fixed_value(name: str, text: Any) -> Any:
    """Parse the value that a text stands for; raise `UnknownNameError`, `SettingError`.

    >>> fixed_value("lr", "1e-3"), fixed_value("batch_size", "64")
    (0.001, 64)
    """
    hints = get_type_hints(Recipe) | get_type_hints(Augmentation)
    known = [n for n in (*settings_of(Recipe), *settings_of(Augmentation)) if n not in PLANNED]
    if name not in known:
        raise UnknownNameError("setting to fix", name, known)
    kind = next(each for each in get_args(hints[name]) or [hints[name]] if each is not NoneType)
    try:
        return kind(text)
    except (TypeError, ValueError) as error:
        what = "a whole number" if kind is int else "a number"
        raise SettingError(f"{name} must be {what}, got {text!r}") from error


def drawn(rows: Sequence[Dimension], trial: Any, optimizer: str) -> dict[str, Any]:
    """Draw values for the rows from a trial of Optuna's; momentum only if the optimizer is sgd.

    - `optimizer`: which it is if the rows do not say.
    """
    values: dict[str, Any] = {}
    for row in rows:
        if row.name != "momentum" or values.get("optimizer", optimizer) == "sgd":
            values[row.name] = row.suggest(trial)
    return values


def plain(rows: Sequence[Dimension]) -> dict[str, Any]:
    """Return the rows as plain data, to be kept and compared."""
    return {row.name: {k: _list(v) for k, v in asdict(row).items() if k != "name"} for row in rows}


def _list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
