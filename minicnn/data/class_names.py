"""Names for the classes of a set whose files hold only numbers: in a line, or in a mapping file."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from minicnn.data.dataset import numbered_classes
from minicnn.errors import DataError
from minicnn.files import StrPath
from minicnn.plain_data import parse_json

MOST_LETTERS = 60


def split_names(line: str) -> tuple[str, ...]:
    """Return the names in a line, with commas between them; `DataError` for empty or equal names.

    >>> split_names("T-shirt/top, Trouser, Pullover")
    ('T-shirt/top', 'Trouser', 'Pullover')
    """
    return _checked([name.strip() for name in line.split(",")])


def read_names(said: str) -> tuple[str, ...]:
    """Return the names in a line, or in the mapping file of this name.

    Raises `DataError` for a file that is none, and for names that are empty, equal or hold commas.
    """
    path = Path(said)
    if "," in said and not path.exists():
        return split_names(said)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise DataError(
            f'{said}: {reason}; give the names as "A,B,C", or a file that holds them'
        ) from error
    try:
        found = parse_json(text) if path.suffix == ".json" else _lines(text, path)
        return _checked(_in_order(found))
    except (ValueError, RecursionError) as error:  # DataError is a ValueError
        raise DataError(f"{path}: {error}") from error


def check_count(names: Sequence[str], largest_label: int, directory: StrPath) -> None:
    """Raise `DataError` unless there is a name for each label from 0 to the largest, and no more.

    >>> check_count(("cat", "dog"), 2, "pets")
    Traceback (most recent call last):
    minicnn.errors.DataError: pets: has labels 0 to 2, which need 3 class names; got 2: cat, dog
    """
    if len(names) != largest_label + 1:
        listed = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
        raise DataError(
            f"{directory}: has labels 0 to {largest_label}, which need {largest_label + 1} class "
            f"names; got {len(names)}: {listed}"
        )


def _lines(text: str, path: Path) -> Mapping[str, str] | list[str]:
    """Parse one name a line; or a label and its name; or, as in EMNIST, a label and letters'
    codes.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    pairs = [re.fullmatch(r"(\d+)[\s,;:=]+(.+)", line) for line in lines]
    if not all(pairs):
        return lines
    found = {pair[1]: pair[2] for pair in pairs if pair}
    if len(found) < len(pairs):
        raise DataError("gives the same label twice")
    if path.name.endswith("-mapping.txt"):
        return {label: chr(int(codes.split()[0])) for label, codes in found.items()}
    return found


def _in_order(found: Any) -> list[str]:
    """Return a list as it is, and a mapping in the order of its labels, which may start at 1."""
    if isinstance(found, list):
        return found
    if not isinstance(found, dict) or not found:
        raise DataError("holds no names: a list of them, or a name for each label")
    if not all(re.fullmatch(r"\d{1,9}", label) for label in found):
        raise DataError("its labels must be whole numbers from 0")
    by_label = {int(label): name for label, name in found.items()}
    names: list[str] = list(numbered_classes(max(by_label)))
    missing = [label for label in range(1, len(names)) if label not in by_label]
    if missing:
        raise DataError(f"has no name for label {missing[0]}")
    for label, name in by_label.items():
        names[label] = name
    return names


def _checked(names: list[Any]) -> tuple[str, ...]:
    for name in names:
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise DataError(f"{name!r} is no name of a class")
        if "," in name or len(name) > MOST_LETTERS:
            raise DataError(f"a class name has no comma and up to {MOST_LETTERS} letters: {name!r}")
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise DataError(f"two classes have the name {twice[0]!r}")
    if not names:
        raise DataError("holds no names")
    return tuple(name.strip() for name in names)
