"""The student's functions inside the engine, for a whole training."""

import contextlib
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minicnn.errors import LessonError, MinicnnError
from minicnn.files import StrPath
from minicnn.learn import library
from minicnn.learn.exercise import Exercise
from minicnn.learn.library import Lesson
from minicnn.learn.outcome import failure_of
from minicnn.learn.source import engine_function
from minicnn.learn.student import StudentFile
from minicnn.learn.swap import swap
from minicnn.learn.workspace import Workspace


@dataclass(frozen=True)
class Provenance:
    """Whose function an exercise's is in a training: "yours" or "engine's"."""

    lesson: Lesson
    exercise: Exercise
    path: Path | None

    @property
    def whose(self) -> str:
        return "engine's" if self.path is None else "yours"


def parts(folder: StrPath, through: int | None = None) -> list[Provenance]:
    """Whose each function is, of the lessons up to number `through`, or of all.

    A function counts as the student's if it is there and no longer the stub, whether it passes or
    not. Raises `LessonError` for a folder that is none for lessons, a lesson that is not there, or
    a file that is no Python.
    """
    workspace = Workspace.find(folder)
    if through is not None:
        library.lesson(through)
    found = []
    for lesson in library.lessons():
        if through is None or lesson.number <= through:
            path = workspace.path(lesson)
            file = StudentFile(path) if path.exists() else None
            for exercise in lesson.exercises:
                written = file and file.has(exercise.name) and not file.is_stub(exercise.name)
                found.append(Provenance(lesson, exercise, path if written else None))
    return found


@contextlib.contextmanager
def own_code(folder: StrPath | None, through: int | None = None) -> Iterator[None]:
    """Let the engine use the student's functions; with None for the folder, its own.

    An error that they lead to becomes a `LessonError`, which names their file and line if it can.
    """
    if folder is None:
        yield
        return
    mine = [part for part in parts(folder, through) if part.path is not None]
    try:
        with swap({part.exercise.target: _load(part) for part in mine}):
            yield
    except (MinicnnError, OSError):
        raise
    except Exception as error:
        raise LessonError(_blame(error, mine)) from error


def _load(part: Provenance) -> Any:
    name, path = part.exercise.name, part.path
    assert path is not None
    file = StudentFile(path)
    stubs = {
        each.name: engine_function(each)
        for each in part.lesson.exercises
        if each.name != name and (not file.has(each.name) or file.is_stub(each.name))
    }
    try:
        return file.function(name, stubs)
    except Exception as error:
        raise LessonError(f"{path}: {failure_of(error, str(path))}") from error


def _blame(error: Exception, mine: list[Provenance]) -> str:
    """Return the last line of the student's that the error came through, or where to look for
    it.
    """
    files = {str(part.path) for part in mine}
    through = [f.filename for f in traceback.extract_tb(error.__traceback__) if f.filename in files]
    if through:
        return f"{through[-1]}: {failure_of(error, through[-1])}"
    stop = failure_of(error, None)
    return f"with your functions the engine stops with {stop}; see `minicnn learn check`"
