"""Finds the lessons and loads what they are made of."""

import dataclasses
import functools
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from minicnn.errors import LessonError, UnknownNameError
from minicnn.learn.exercise import Exercise

_PACKAGE = Path(__file__).parent
_FOLDER = re.compile(r"\d\d_\w+")


@dataclass(frozen=True)
class Lesson:
    """A lesson's folder, and the exercises in it in the order of the text."""

    number: int
    folder: Path
    title: str
    exercises: tuple[Exercise, ...]

    @property
    def name(self) -> str:
        """As its folder: ``07_convolution``."""
        return self.folder.name

    @property
    def script(self) -> str:
        """The text of the lesson, with the engine's functions for exercises."""
        return (self.folder / "lesson.py").read_text(encoding="utf-8")

    def exercise(self, name: str) -> Exercise:
        """Return the exercise of this name; raise `UnknownNameError` if there is none."""
        for each in self.exercises:
            if each.name == name:
                return each
        raise UnknownNameError("exercise", name, [each.name for each in self.exercises])


def root() -> Path:
    """Return the folder of all lessons: in the installed package, or beside it in a checkout."""
    for folder in _PACKAGE / "lessons", _PACKAGE.parents[1] / "lessons":
        if folder.is_dir():
            return folder
    raise LessonError("the lessons are not there: install minicnn anew")


def numbers() -> list[int]:
    """Return the numbers of all lessons that are there."""
    return [int(folder.name[:2]) for folder in _folders()]


def _folders() -> list[Path]:
    """Return the folders of lessons, in order; one without checks is not ready."""
    return sorted(
        path
        for path in root().iterdir()
        if _FOLDER.fullmatch(path.name) and (path / "checks.py").is_file()
    )


def lessons() -> list[Lesson]:
    """All lessons, in order."""
    return [load(folder) for folder in _folders()]


def lesson(number: int) -> Lesson:
    """Return the lesson of this number; raise `LessonError` if there is none."""
    for folder in _folders():
        if int(folder.name[:2]) == number:
            return load(folder)
    known = ", ".join(map(str, numbers()))
    raise LessonError(f"there is no lesson {number}; known: {known}")


@functools.cache
def load(folder: Path) -> Lesson:
    """Return the lesson in this folder: its checks, mutants and hints."""
    checks, mutants = _module(folder / "checks.py"), _module(folder / "mutants.py")
    hints = read_hints((folder / "hints.md").read_text(encoding="utf-8"))
    exercises = tuple(
        dataclasses.replace(
            each,
            mutants=tuple(mutants.MUTANTS.get(each.name, ())),
            hints=hints.get(each.name, ()),
        )
        for each in checks.EXERCISES
    )
    text = (folder / "lesson.py").read_text(encoding="utf-8")
    heading = re.search(r"^# # (.+)$", text, re.MULTILINE)
    title = heading[1] if heading else folder.name[3:].replace("_", " ")
    return Lesson(int(folder.name[:2]), folder, title, exercises)


def _module(path: Path) -> ModuleType:
    """Load a Python file of a lesson, which is in no package; leave nothing compiled beside it."""
    module = ModuleType(f"{path.parent.name}.{path.stem}")
    module.__file__ = str(path)
    exec(compile(path.read_bytes(), path, "exec"), vars(module))
    return module


def read_hints(text: str) -> dict[str, tuple[str, ...]]:
    """Return the hints of each exercise: under ``## name``, each under a heading ``### 1``, ``###
    2``, …

    >>> read_hints("## relu\\n### 1\\nThink.\\n### 2\\nShapes.\\n")
    {'relu': ('Think.', 'Shapes.')}
    """
    parts = re.split(r"^## `?(\w+)`?.*$", text, flags=re.MULTILINE)[1:]
    return {
        name: tuple(hint.strip() for hint in re.split(r"^### .*$", body, flags=re.MULTILINE)[1:])
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }
