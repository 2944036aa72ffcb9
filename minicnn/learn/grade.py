"""Grades a class: every exercise of every submission, each in a process of its own.

A submission is a folder with the student's name, a copy of the one that they work in::

    submissions/
      ada/07_convolution/lesson.py
      grace/mine/07_convolution/lesson.py     (one folder deeper is found too)
"""

import csv
import io
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minicnn.errors import LessonError, one_line
from minicnn.files import StrPath
from minicnn.learn import process
from minicnn.learn.check import CheckResult, check
from minicnn.learn.exercise import Exercise
from minicnn.learn.library import Lesson

COLUMNS = (
    "student",
    "lesson",
    "exercise",
    "status",
    "misconception",
    "says",
    "passed",
    "cases",
    "seed",
    "seconds",
)
"""What a line of the CSV holds."""


@dataclass(frozen=True)
class Grade:
    """How one exercise of one student was judged."""

    student: str
    lesson: Lesson
    result: CheckResult

    def to_dict(self) -> dict[str, Any]:
        """Return the grade as plain data, by the names in `COLUMNS`."""
        facts = {"student": self.student, "lesson": self.lesson.number, **self.result.to_dict()}
        return {name: facts[name] for name in COLUMNS}


@dataclass(frozen=True)
class ClassGrades:
    """The grades of a class, by student, lesson and exercise.

    - `seed`: has drawn the cases; the same one draws them again.
    - `timeout`: processor seconds that an exercise had; None for its own.
    """

    lessons: Sequence[Lesson]
    students: Sequence[str]
    grades: Sequence[Grade]
    seed: int
    timeout: int | None

    def of(self, exercise: Exercise) -> list[Grade]:
        """Everybody's grade of one exercise."""
        return [grade for grade in self.grades if grade.result.exercise is exercise]

    def csv(self) -> str:
        """Return a line for each student and exercise, under `COLUMNS`."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(grade.to_dict() for grade in self.grades)
        return text.getvalue()

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            "seed": self.seed,
            "timeout": self.timeout,
            "lessons": [lesson.name for lesson in self.lessons],
            "students": [*self.students],
            "grades": [grade.to_dict() for grade in self.grades],
        }


def students_in(folder: StrPath) -> list[str]:
    """Return the names of the submissions in a folder; raise `LessonError` if there are none."""
    try:
        names = sorted(
            path.name
            for path in Path(folder).iterdir()
            if path.is_dir() and not path.name.startswith((".", "__"))
        )
    except OSError as error:
        raise LessonError(f"{folder}: cannot be read: {error.strerror}") from error
    if not names:
        raise LessonError(
            f"{folder} holds no submissions: it needs a folder for each student, with "
            "NN_name/lesson.py inside"
        )
    return names


def handed_in(folder: StrPath, lessons: Sequence[Lesson]) -> list[Lesson]:
    """Those of the lessons that at least one student has handed in, or raise `LessonError`."""
    students = students_in(folder)
    found = [
        each for each in lessons if any(_script(Path(folder, name), each) for name in students)
    ]
    if not found:
        raise LessonError(f"{folder}: no student has handed in a lesson, as NN_name/lesson.py")
    return found


def _script(submission: Path, lesson: Lesson) -> Path | None:
    """Return a student's script of a lesson: in their folder, or in one inside it."""
    try:
        places = [submission, *sorted(path for path in submission.iterdir() if path.is_dir())]
        scripts = (place / lesson.name / "lesson.py" for place in places)
        return next((path for path in scripts if path.exists()), None)
    except OSError:
        return None


def grade_class(
    folder: StrPath,
    lessons: Sequence[Lesson],
    seed: int = 0,
    jobs: int = 2,
    timeout: int | None = None,
    tell: Callable[[str], None] = lambda what: None,
) -> ClassGrades:
    """Check every exercise of the lessons in every submission in `folder`; none is changed.

    - `seed`: draws the same cases for everybody.
    - `jobs`: so many exercises are checked at once.
    - `timeout`: processor seconds for an exercise, its own by default.
    - `tell`: is called with student and exercise as each is done.

    Raises `LessonError` if there are no submissions; nothing that one holds raises an error.
    """
    students = students_in(folder)
    tasks = [(Path(folder, name), lesson) for name in students for lesson in lessons]
    pool = ThreadPoolExecutor(jobs)
    futures = [
        pool.submit(_grade, submission, lesson, exercise, seed, timeout)
        for submission, lesson in tasks
        for exercise in lesson.exercises
    ]
    try:
        for future in as_completed(futures):
            grade = future.result()
            tell(f"{grade.student}  {grade.result.exercise.name}")
    finally:
        _end(pool, futures)
    return ClassGrades(lessons, students, [each.result() for each in futures], seed, timeout)


def _grade(
    submission: Path, lesson: Lesson, exercise: Exercise, seed: int, timeout: int | None
) -> Grade:
    path = _script(submission, lesson)
    if path is None:
        result = CheckResult(
            exercise, "missing", f"{lesson.name}/lesson.py is not there.", seed=seed
        )
        return Grade(submission.name, lesson, result)
    try:
        result = check(lesson, exercise, path, seed, timeout)
    except Exception as error:  # whatever it is, the others shall have their grades
        result = CheckResult(
            exercise, "crash", f"It cannot be checked: {one_line(error)}", seed=seed
        )
    return Grade(submission.name, lesson, result)


def _end(pool: ThreadPoolExecutor, futures: Sequence["Future[Grade]"]) -> None:
    """Begin no more checks, and end those that still run; there are some only after Ctrl-C."""
    pool.shutdown(wait=False, cancel_futures=True)
    while any(each.running() for each in futures):
        process.end_all()
        time.sleep(0.02)
