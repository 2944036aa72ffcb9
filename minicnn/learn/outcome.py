"""What came of a call: the arrays that it gave, or the error that ended it."""

import copy
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minicnn.errors import one_line, printable
from minicnn.learn.exercise import Exercise
from minicnn.learn.observers import Case

AFTERWARDS = " afterwards"
"""Ends the name of an argument as the call has left it."""

LARGEST = 1 << 17
"""Numbers in an array that is compared."""


@dataclass(frozen=True)
class Failure:
    """An error that ended a call: its kind, what it says, and the last line of the file.

    - `of_process`: not an error of Python's; the whole process has ended.
    """

    kind: str
    message: str
    line: int | None = None
    of_process: bool = False

    def __str__(self) -> str:
        where = f" in line {self.line}" if self.line else ""
        said = self.message if self.message != self.kind else ""
        return f"{self.kind}{where}" + (f": {said}" if said else "")


@dataclass(frozen=True)
class Outcome:
    """What came of one case.

    - `arrays`: by name, what was observed and the arguments afterwards.
    - `wrong_type`: by name, the type of what was observed and is no array of numbers.
    - `views`: names of what shows the memory of an argument.
    """

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    wrong_type: dict[str, str] = field(default_factory=dict)
    views: tuple[str, ...] = ()
    stop: Failure | None = None


def observe(
    function: Callable[..., Any], exercise: Exercise, case: Case, path: str | None = None
) -> Outcome:
    """Call the function with copies of the arguments; `path` is the file to name a line of."""
    case = copy.deepcopy(case)
    arguments = {name: value for name, value in case.items() if isinstance(value, np.ndarray)}
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            seen = exercise.observe(function, case)
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        return Outcome(stop=failure_of(error, path))
    arrays, wrong_type, views = {}, {}, []
    for name, value in seen.items():
        if not isinstance(value, np.ndarray | np.generic | int | float):
            wrong_type[name] = type(value).__name__
        elif (array := np.asarray(value)).dtype.kind not in "biuf":
            wrong_type[name] = f"array of {array.dtype}"
        elif array.size > LARGEST:
            wrong_type[name] = f"array of the shape {array.shape}, far too large"
        else:
            arrays[name] = array
            if any(np.may_share_memory(array, x) for x in arguments.values()):
                views.append(name)
    arrays |= {f"{name}{AFTERWARDS}": value for name, value in arguments.items()}
    return Outcome(arrays, wrong_type, tuple(views))


def failure_of(error: BaseException, path: str | None) -> Failure:
    """Return the error in short, with the last line of the file `path` that it came through."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == path]
    said = printable(one_line(error)[:300])
    return Failure(type(error).__name__, said, lines[-1] if lines else None)
