"""The text of a lesson as the student gets it, and as it stands when it is solved.

A lesson is a script in jupytext's percent format: cells that begin with ``# %%``. In the repository
an exercise cell holds nothing but the import of the engine's function:

    # %% exercise
    from minicnn.kernels.reference.windows import im2col
"""

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minicnn.bridge.extras import required, requirement
from minicnn.errors import LessonError
from minicnn.files import StrPath, atomic
from minicnn.learn import source
from minicnn.learn.exercise import Exercise
from minicnn.learn.library import Lesson

_CELL = re.compile(r"^(?=# %%)", re.MULTILINE)
_EXERCISE = re.compile(r"^# %% exercise\b.*\n")

HEADER = """\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

"""
"""What Jupyter and VS Code read to open the script as a notebook."""

INSTALL = """\
import importlib.util

if importlib.util.find_spec("minicnn") is None:  # as on Colab
    %pip install --quiet "{}"
"""


def with_stubs(lesson: Lesson) -> str:
    """Return the script for the student: a stub in each exercise cell."""
    return render(lesson, source.stub)


def solved(lesson: Lesson) -> str:
    """Return the script with the engine's functions in the exercise cells."""
    return render(lesson, source.solution)


def render(lesson: Lesson, write: Callable[[Exercise], str]) -> str:
    """Return the script with what `write` gives for each exercise, below the imports that it
    needs.
    """
    above: list[str] = []
    cells = []
    for cell in _CELL.split(lesson.script):
        if not _EXERCISE.match(cell):
            cells.append(cell)
            continue
        header = cell.partition("\n")[0]
        parts = []
        for name in exercise_names(cell):
            exercise = lesson.exercise(name)
            needed = source.imports(exercise, above)
            parts.append(f"{needed}\n\n\n{write(exercise)}" if needed else write(exercise))
            above.append(name)
        cells.append(f"{header}\n" + "\n\n".join(parts) + "\n\n")
    return HEADER + "".join(cells)


def cells_of(lesson: Lesson) -> list[str]:
    """Names of the exercises in the order of their cells."""
    cells = [cell for cell in _CELL.split(lesson.script) if _EXERCISE.match(cell)]
    return [name for cell in cells for name in exercise_names(cell)]


def exercise_names(cell: str) -> list[str]:
    """Return the names that an exercise cell imports; raise `LessonError` if it does anything
    else.
    """
    body = ast.parse(cell).body
    if not body or not all(isinstance(node, ast.ImportFrom) for node in body):
        raise LessonError(f"an exercise cell must import its function and do no more:\n{cell}")
    return [a.name for node in body if isinstance(node, ast.ImportFrom) for a in node.names]


# ------------------------------------------------------------------ notebooks


def write_notebook(text: str, path: StrPath) -> None:
    """Write a percent script as a Jupyter notebook."""
    notebook = as_notebook(text)
    with atomic(Path(path)) as partial:
        required("nbformat", "lessons").write(notebook, partial)


def as_notebook(text: str) -> Any:
    """Return a percent script as a notebook, below the cell that installs minicnn where it is
    missing.

    Raises `MissingPackageError` without jupytext.
    """
    notebook = required("jupytext", "lessons").reads(text, fmt="py:percent")
    cell = required("nbformat", "lessons").v4.new_code_cell(INSTALL.format(requirement("lessons")))
    notebook.cells.insert(0, cell)
    return notebook
