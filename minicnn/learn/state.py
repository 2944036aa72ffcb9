"""How far a student has come: one JSON file, written whole or not at all."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from minicnn.errors import LessonError, one_line
from minicnn.files import write_json

FILE = "progress.json"
FORMAT = "minicnn lessons 1"


@dataclass
class Progress:
    """How far one exercise is.

    - `status`: of the last check, "todo" before the first; `source`: the hash of what was checked.
    - `attempts`: how many different versions were checked; `hints`: how many were shown.
    - `passed`: the text of the function when it last passed, empty if it never did.
    """

    status: str = "todo"
    source: str = ""
    attempts: int = 0
    hints: int = 0
    passed: str = ""

    def __post_init__(self) -> None:
        texts, counts = (self.status, self.source, self.passed), (self.attempts, self.hints)
        if not all(isinstance(each, str) for each in texts):
            raise TypeError(f"status, source and passed must be text, and are {texts}")
        if not all(isinstance(each, int) and each >= 0 for each in counts):
            raise ValueError(f"attempts and hints must be counts, and are {counts}")


@dataclass
class LessonState:
    """The progress of every exercise that was looked at, by ``07/im2col``."""

    exercises: dict[str, Progress] = field(default_factory=dict)

    def of(self, lesson: int, name: str) -> Progress:
        """The progress of an exercise; a change of it is a change of the state."""
        return self.exercises.setdefault(f"{lesson:02d}/{name}", Progress())


def read(folder: Path) -> LessonState:
    """The state in this folder; raises `LessonError` if its file is damaged."""
    path = folder / FILE
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        if about["format"] != FORMAT:
            raise ValueError(f"its format is {about['format']!r}, not {FORMAT!r}")
        return LessonState({key: Progress(**value) for key, value in about["exercises"].items()})
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise LessonError(
            f"{path}: cannot be read: {one_line(error)}; if you remove it, and call `minicnn learn "
            "init` for the folder, the counts of attempts and hints are lost, and no script"
        ) from error


def write(folder: Path, state: LessonState) -> None:
    """Write the state, in place of the one before."""
    exercises = {key: asdict(value) for key, value in sorted(state.exercises.items())}
    write_json(folder / FILE, {"format": FORMAT, "exercises": exercises})


@contextmanager
def changing(folder: Path) -> Iterator[LessonState]:
    """The state to change; it is written at the end of the block."""
    state = read(folder)
    yield state
    write(folder, state)
