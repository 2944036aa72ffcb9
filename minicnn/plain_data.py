"""Plain data from outside, JSON and settings: what is declared of it, and checked, in one place.

A setting is a field that says more than its type and default. The option of the command line, its
help, the check of a file, the table of a report and what a search draws from follow from it:

>>> @dataclasses.dataclass
... class Pace:
...     lr: float = setting(0.1, "Learning rate.", "(0, inf)")
...     def __post_init__(self):
...         check_settings(self)
>>> Pace(lr=0)
Traceback (most recent call last):
minicnn.errors.SettingError: lr must be positive and finite, got 0
>>> from_dict(Pace, {"lr": "fast"}, "pace.json")
Traceback (most recent call last):
minicnn.errors.FileError: pace.json: lr cannot be 'fast'
"""

import dataclasses
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from minicnn.errors import FileError, MinicnnError, SettingError, UnknownNameError
from minicnn.files import StrPath, atomic

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Setting:
    """What is declared of a setting.

    - `help`: a sentence for the command line.
    - `limits`: the interval that a number must be in, such as "[0, 1)"; none if empty.
    - `known`: the values that a text may have, and `kind` what they are called.
    - `search`: what a search draws it from, the arguments of a `Range` or a `Choice` of
      `minicnn.experiments.tune.space`; None if it is not searched.
    - `word`: its name for people, and `left_out` what None means, in a report.
    - `option`: of the command line, if that is not the field's own name.
    - `of_optimizer`: senseless with another optimizer than it was chosen for.
    """

    help: str
    limits: str = ""
    known: Collection[str] = ()
    kind: str = ""
    search: Mapping[str, Any] | None = None
    word: str = ""
    left_out: str = "none"
    option: str = ""
    of_optimizer: bool = False


def setting(default: Any, help: str, limits: str = "", **more: Any) -> Any:
    """Declare a field of a dataclass as a setting, with what `Setting` has."""
    return dataclasses.field(default=default, metadata={"setting": Setting(help, limits, **more)})


def settings_of(kind: type) -> dict[str, Setting]:
    """Return the settings among the fields of a dataclass, by name."""
    return {
        field.name: field.metadata["setting"]
        for field in dataclasses.fields(kind)
        if "setting" in field.metadata
    }


def check_settings(values: Any) -> None:
    """Raise `SettingError` or `UnknownNameError` if a setting of this object cannot be.

    Plain data takes the place of nothing but itself: numbers of NumPy's become Python's, and the
    description of a dataclass becomes the dataclass.
    """
    types = get_type_hints(type(values))
    for name, declared in settings_of(type(values)).items():
        value = getattr(values, name)
        of = [each for each in get_args(types[name]) or [types[name]] if each is not NoneType]
        try:
            if not (of == [float] and isinstance(value, float)):  # NaN has words below
                object.__setattr__(values, name, as_type(types[name], value, name))
        except FileError:
            raise SettingError(f"{name} must be {_named(of[0])}, got {value!r}") from None
        if value is None:
            continue
        if declared.known and value not in declared.known:
            raise UnknownNameError(declared.kind or name, value, declared.known)
        if declared.limits and not _within(declared.limits, value):
            raise SettingError(f"{name} must be {limits_in_words(declared.limits)}, got {value}")


def _named(kind: type) -> str:
    names = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    return names.get(kind, kind.__name__)


def limits_in_words(limits: str) -> str:
    """Say in words what an interval is.

    >>> [limits_in_words(each) for each in ("(0, inf)", "[1, inf)", "[1, 9]", "[0, 1)")]
    ['positive and finite', 'at least 1', 'from 1 to 9', 'in [0, 1)']
    """
    low, high = limits[1:-1].split(", ")
    if high == "inf":
        return f"at least {low}" if limits[0] == "[" else "positive and finite"
    return f"from {low} to {high}" if limits[0] + limits[-1] == "[]" else f"in {limits}"


def _within(limits: str, value: float) -> bool:
    low, high = map(float, limits[1:-1].split(", "))
    above = low <= value if limits[0] == "[" else low < value
    return above and (value <= high if limits[-1] == "]" else value < high)


def from_dict(kind: type[Kind], plain: Any, where: str) -> Kind:
    """Make a dataclass of plain data, and all that is inside it; `where` is what an error names.

    Numbers are finite, a whole number will do for a float, a list becomes a tuple or NamedTuple.
    Raises `FileError` for an entry that the class does not have, that is missing, of another
    type, or refused by the class itself.
    """
    try:
        made = checked_fields(kind, plain, where)
    except UnknownNameError as error:
        raise FileError(f"{where}: {error}") from error
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        needed = field.default is field.default_factory is dataclasses.MISSING
        if needed and field.name not in made:
            raise FileError(f"{where}: has no {field.name!r}")
    try:
        return kind(**made)
    except MinicnnError as error:
        raise FileError(f"{where}: {error}") from error


def checked_fields(kind: type, plain: Any, where: str) -> dict[str, Any]:
    """Return some of the fields of a dataclass out of plain data.

    Raises `UnknownNameError` for one that it does not have, and what `from_dict` raises.
    """
    if not isinstance(plain, dict):
        raise FileError(f"{where} cannot be {_short(plain)}; need {{...}}")
    types = get_type_hints(kind)
    known = [field.name for field in dataclasses.fields(kind)]
    for name in plain:
        if name not in known:
            raise UnknownNameError("entry", name, known)
    return {name: as_type(types[name], v, f"{where}: {name}") for name, v in plain.items()}


def as_type(kind: Any, value: Any, where: str) -> Any:
    """Return plain data as what a type hint says; raise what `from_dict` raises."""
    if dataclasses.is_dataclass(kind):
        return value if isinstance(value, kind) else from_dict(kind, value, where)  # type: ignore[arg-type]
    if NoneType in get_args(kind):
        (other,) = (each for each in get_args(kind) if each is not NoneType)
        return None if value is None else as_type(other, value, where)
    if kind is Any or (kind in (str, bool) and type(value) is kind):
        return value
    if isinstance(value, list | dict):
        return _container(kind, value, where)
    if kind in (int, float) and not isinstance(value, bool) and _finite(value):
        if isinstance(value, Integral):
            return int(value)
        if kind is float:
            return float(value)
    raise FileError(f"{where} cannot be {_short(value)}")


def _container(kind: Any, value: Any, where: str) -> Any:
    """Return a list as a list, a tuple or a NamedTuple, or a dict, with its values as they say."""
    origin, inner = get_origin(kind), get_args(kind)
    if isinstance(value, dict) and origin in (dict, Mapping):
        return {name: as_type(inner[1], v, f"{where}: {name}") for name, v in value.items()}
    named = hasattr(kind, "_fields")
    if isinstance(value, list) and (origin in (list, tuple) or named):
        items = tuple(get_type_hints(kind).values()) if named else inner
        if origin is list or inner[-1:] == (...,):
            items = inner[:1] * len(value)
        if len(items) == len(value):
            pairs = zip(items, value, strict=True)
            made = [as_type(t, v, f"{where}[{i}]") for i, (t, v) in enumerate(pairs)]
            return kind(*made) if named else made if origin is list else tuple(made)
    raise FileError(f"{where} cannot be {_short(value)}")


def _finite(value: Any) -> bool:
    try:
        return isinstance(value, Real) and math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


# ------------------------------------------------------------------ JSON


def write_json(path: StrPath, value: Any, overwrite: bool = True) -> None:
    """Write plain data as indented JSON, atomically."""
    with atomic(path, overwrite) as partial:
        partial.write_text(json.dumps(value, indent=2) + "\n")


def read_json(path: Path, error: type[MinicnnError] = FileError) -> dict[str, Any]:
    """Read a file of JSON that holds an object; raise `error` for anything else."""
    try:
        value = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as cause:
        raise error(f"{path}: there is no such file") from cause
    except (OSError, ValueError, RecursionError) as cause:
        raise error(f"{path}: cannot be read as JSON: {cause}") from cause
    if not isinstance(value, dict):
        raise error(f"{path}: holds no JSON object, {{...}}")
    return value


def parse_json(text: str) -> Any:
    """Return what a text of JSON holds; `ValueError` for NaN, and for a key that stands twice.

    >>> parse_json('{"lr": 0.1, "lr": 0.01}')
    Traceback (most recent call last):
    ValueError: 'lr' stands twice
    """
    return json.loads(text, parse_constant=_no_number, object_pairs_hook=_once)


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(n for n in names if names.count(n) > 1)!r} stands twice")
    return found
