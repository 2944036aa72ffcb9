"""Checks an exercise: the student's function on drawn cases, compared here with the engine's."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from minicnn.errors import one_line
from minicnn.files import StrPath
from minicnn.learn import process
from minicnn.learn.answer_key import AnswerKey, answer_key
from minicnn.learn.compare import Difference, first_difference
from minicnn.learn.diagnosis import describe, explain_stop
from minicnn.learn.exercise import Exercise
from minicnn.learn.library import Lesson
from minicnn.learn.observers import Case
from minicnn.learn.outcome import Failure, Outcome
from minicnn.learn.source import FRIENDLY, decorators
from minicnn.learn.student import StudentFile, UnreadableFileError

STATUSES = ("pass", "fail", "todo", "timeout", "crash", "missing", "delegated")
"""What a check can end with; "stale", changed since it passed, is added by the workspace."""


@dataclass(frozen=True)
class CheckResult:
    """How a check has ended.

    - `status`: one of `STATUSES`.
    - `says`: one sentence: the diagnosis, empty after a pass.
    - `mutant`: the name of the misconception, if it is a known one.
    - `case`, `difference`: the smallest case that failed, and in what.
    - `printed`: the beginning of what the student's code printed.
    - `passed`, `cases`: how many cases were right, of how many.
    """

    exercise: Exercise
    status: str
    says: str = ""
    mutant: str | None = None
    case: Case | None = None
    difference: Difference | None = None
    printed: str = ""
    passed: int = 0
    cases: int = 0
    seconds: float = 0.0
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {
            "exercise": self.exercise.name,
            "status": self.status,
            "misconception": self.mutant,
            "says": self.says,
            "passed": self.passed,
            "cases": self.cases,
            "seed": self.seed,
            "seconds": round(self.seconds, 3),
        }


def check(
    lesson: Lesson, exercise: Exercise, path: StrPath, seed: int = 0, seconds: int | None = None
) -> CheckResult:
    """Check one exercise of the student's file `path`, in a process of its own.

    - `seed`: draws the cases; the same seed draws the same ones.
    - `seconds`: processor time, the exercise's own by default.

    Nothing that the student's file does raises an error here. Threads may check at the same time.
    """
    with process.turn:
        return _check(lesson, exercise, Path(path), seed, seconds or exercise.seconds)


def check_lesson(lesson: Lesson, path: StrPath, seed: int = 0) -> list[CheckResult]:
    """Check all exercises of a lesson, each by itself: a wrong one does not spoil the others."""
    return [check(lesson, exercise, path, seed) for exercise in lesson.exercises]


def _check(lesson: Lesson, exercise: Exercise, path: Path, seed: int, seconds: int) -> CheckResult:
    try:
        file = StudentFile(path)
    except UnreadableFileError as error:
        status = "crash" if path.is_file() else "missing"
        return CheckResult(exercise, status, one_line(error), seed=seed)
    if not file.has(exercise.name):
        return CheckResult(exercise, "missing", _say_missing(file, exercise), seed=seed)
    if file.is_stub(exercise.name):
        return CheckResult(exercise, "todo", FRIENDLY + exercise.job, seed=seed)
    gone = [each for each in decorators(exercise) if each not in file.decorators(exercise.name)]
    if gone and file.defines(exercise.name):
        says = f"The line `@{gone[0]}` above `{exercise.name}` is gone; the function needs it."
        return CheckResult(exercise, "fail", says, seed=seed)
    answer = process.run(path, lesson.folder, exercise, seed, seconds)
    return _judge(exercise, answer, seed)


def _say_missing(file: StudentFile, exercise: Exercise) -> str:
    nearest = file.nearest(exercise.name)
    renamed = f"; is it the one that is called {nearest!r} now?" if nearest else ""
    return f"There is no function {exercise.name!r} in {file.path.name}{renamed}"


def _judge(exercise: Exercise, answer: process.ProcessAnswer, seed: int) -> CheckResult:
    key = answer_key(exercise, seed)
    result = partial(
        CheckResult,
        exercise,
        printed=answer.printed,
        cases=len(key.cases),
        seconds=answer.seconds,
        seed=seed,
    )
    if answer.status == "done" and len(answer.outcomes) == len(key.cases):
        return _compare(key, answer.outcomes, result)
    begun = min(answer.begun, len(key.cases))  # the student's code can have written any number
    case = key.cases[begun - 1] if begun else None
    result = partial(result, case=case, passed=max(0, begun - 1))
    if answer.status == "delegated":
        says = f"The function calls the engine's own `{exercise.name}`, which you are to write."
        return result("delegated", says, passed=0)
    if answer.status == "timeout":
        says = (
            "The function was not done when its time was over: a loop without end, or loops over "
            "single numbers where NumPy takes whole arrays?"
        )
        return result("timeout", says)
    return result("crash", explain_stop(answer.stop or _FORGED))


_FORGED = Failure("exit", "something else has answered for it", of_process=True)


def _compare(
    key: AnswerKey, outcomes: list[Outcome], result: Callable[..., CheckResult]
) -> CheckResult:
    differences = [
        first_difference(yours, right, key.exercise.tolerance)
        for yours, right in zip(outcomes, key.expected, strict=True)
    ]
    failed = [(i, difference) for i, difference in enumerate(differences) if difference]
    if not failed:
        return result("pass", passed=len(key.cases))
    number, first = failed[0]
    if first.stop is not None and first.stop.message.startswith(FRIENDLY):
        return result("todo", FRIENDLY + key.exercise.job)
    mutant = key.recognise(outcomes)
    return result(
        "crash" if first.stop is not None else "fail",
        mutant.says if mutant else describe(key, outcomes, first),
        mutant=mutant and mutant.name,
        case=key.cases[number],
        difference=first,
        passed=len(key.cases) - len(failed),
    )
