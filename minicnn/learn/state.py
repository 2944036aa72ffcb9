"""How far a student has come: one JSON file, written whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from minicnn.errors import LessonError, MinicnnError, one_line
from minicnn.plain_data import as_type, read_json, write_json

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
        if self.attempts < 0 or self.hints < 0:
            raise LessonError(f"attempts and hints are counts, got {self.attempts}, {self.hints}")


@dataclass
class LessonState:
    """The progress of every exercise that was looked at, by ``07/im2col``."""

    exercises: dict[str, Progress] = field(default_factory=dict)

    def of(self, lesson: int, name: str) -> Progress:
        """Return the progress of an exercise; a change of it is a change of the state."""
        return self.exercises.setdefault(f"{lesson:02d}/{name}", Progress())


def read(folder: Path) -> LessonState:
    """Return the state in this folder; raise `LessonError` if its file is damaged."""
    path = folder / FILE
    try:
        about = read_json(path)
        if about.get("format") != FORMAT:
            raise LessonError(f"{path}: its format is {about.get('format')!r}, not {FORMAT!r}")
        exercises = about.get("exercises")
        return LessonState(as_type(dict[str, Progress], exercises, f"{path}: exercises"))
    except MinicnnError as error:
        raise LessonError(
            f"{one_line(error)}; if you remove it, and call `minicnn learn init` for the folder, "
            "the counts of attempts and hints are lost, and no script"
        ) from error


def write(folder: Path, state: LessonState) -> None:
    """Write the state, in place of the one before."""
    exercises = {key: asdict(value) for key, value in sorted(state.exercises.items())}
    write_json(folder / FILE, {"format": FORMAT, "exercises": exercises})


@contextmanager
def changing(folder: Path) -> Iterator[LessonState]:
    """Yield the state to change; it is written at the end of the block."""
    state = read(folder)
    yield state
    write(folder, state)
