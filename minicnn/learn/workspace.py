"""The student's own folder: a script for each lesson, and a file on how far they are.

    mine/
      progress.json
      07_convolution/lesson.py

A lesson's script is written by `start`, where there is none, and by `reset`, which keeps a copy:
neither a check nor a newer minicnn changes what the student has written.
"""

import itertools
import shutil
from dataclasses import replace
from pathlib import Path

from minicnn.errors import LessonError
from minicnn.files import StrPath, atomic
from minicnn.learn import library, script, source, state
from minicnn.learn.check import CheckResult, check
from minicnn.learn.exercise import Exercise
from minicnn.learn.library import Lesson
from minicnn.learn.student import StudentFile, UnreadableFileError

STALE = "stale"
"""The status of an exercise that passed, and was changed since."""


class Workspace:
    """A folder that `Workspace.init` has made; `find` finds it from inside."""

    def __init__(self, folder: StrPath):
        self.folder = Path(folder)
        if not (self.folder / state.FILE).is_file():
            raise LessonError(
                f"{self.folder} is no folder for lessons: it has no {state.FILE}; make one with "
                "`minicnn learn init DIR`"
            )

    @classmethod
    def init(cls, folder: StrPath) -> "Workspace":
        """Make a new folder, or take one that is there and has no lessons yet.

        Raises `LessonError` if there is one already.
        """
        folder = Path(folder)
        if (folder / state.FILE).exists():
            raise LessonError(f"{folder} is a folder for lessons already; nothing was changed")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LessonError(f"{folder}: cannot be made: {error.strerror}") from error
        state.write(folder, state.LessonState())
        return cls(folder)

    @classmethod
    def find(cls, start: StrPath = ".") -> "Workspace":
        """Return the folder that `start` is or is in; raise `LessonError` if it is none for
        lessons.
        """
        here = Path(start).absolute()
        for folder in (here, *here.parents):
            if (folder / state.FILE).is_file():
                return cls(folder)
        raise LessonError(
            f"{here} is not in a folder for lessons; make one with `minicnn learn init DIR` and go "
            "there"
        )

    def path(self, lesson: Lesson) -> Path:
        """Return the student's script of a lesson."""
        return self.folder / lesson.name / "lesson.py"

    def started(self) -> list[Lesson]:
        """Return the lessons whose scripts are there."""
        return [lesson for lesson in library.lessons() if self.path(lesson).exists()]

    def start(self, lesson: Lesson) -> bool:
        """Write the lesson's script with stubs; False if there is one, which then stays."""
        path = self.path(lesson)
        if path.exists():
            return False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LessonError(f"{path.parent}: cannot be made: {error.strerror}") from error
        with atomic(path) as partial:
            partial.write_text(script.with_stubs(lesson), encoding="utf-8")
        return True

    def need_started(self, lesson: Lesson) -> Path:
        """Return the script of a lesson; raise `LessonError` if there is none yet."""
        path = self.path(lesson)
        if not path.exists():
            raise LessonError(
                f"lesson {lesson.number} is not started: `minicnn learn start {lesson.number:02d}`"
            )
        return path

    def current(self) -> Lesson:
        """Return the first started lesson that is not done, or else the last one."""
        started = self.started()
        if not started:
            raise LessonError("no lesson is started yet: `minicnn learn start 01`")
        return next((each for each in started if not self.is_done(each)), started[-1])

    def passed(self) -> tuple[int, int]:
        """How many exercises of all lessons have passed as they stand now, and how many there are.

        A lesson that is not started counts with what it asks for.
        """
        every = library.lessons()
        statuses = [s for each in self.started() for s in self.statuses(each).values()]
        return statuses.count("pass"), sum(len(each.exercises) for each in every)

    def is_done(self, lesson: Lesson) -> bool:
        """Has every exercise passed as it stands now?"""
        return all(status == "pass" for status in self.statuses(lesson).values())

    def statuses(self, lesson: Lesson) -> dict[str, str]:
        """Return the status of each exercise of the lesson, by name; nothing is run."""
        known = state.read(self.folder)
        file = self._file(lesson)
        return {each.name: _status(known, lesson, each, file) for each in lesson.exercises}

    def check(self, lesson: Lesson, exercise: Exercise, seed: int = 0) -> CheckResult:
        """Check one exercise and note how it went."""
        result = check(lesson, exercise, self.need_started(lesson), seed)
        file = self._file(lesson)
        digest = file.hash(exercise.name) if file else ""
        with state.changing(self.folder) as known:
            progress = known.of(lesson.number, exercise.name)
            if digest != progress.source and result.status != "todo":
                progress.attempts += 1
            progress.status, progress.source = result.status, digest
            if file and result.status == "pass":
                progress.passed = file.text(exercise.name)
        return result

    def progress(self, lesson: Lesson, exercise: Exercise) -> state.Progress:
        """How far an exercise is; its status is the one of the file as it stands."""
        known = state.read(self.folder)
        status = _status(known, lesson, exercise, self._file(lesson))
        return replace(known.of(lesson.number, exercise.name), status=status)

    def versions(self, lesson: Lesson, exercise: Exercise) -> tuple[str, str, str]:
        """Return (what it is, text, text now): the last version that passed, or the stub, and
        yours.

        Raises `LessonError` if the script cannot be read or has no such function.
        """
        now = StudentFile(self.need_started(lesson)).text(exercise.name)
        if not now:
            raise LessonError(f"there is no function {exercise.name!r} in {self.path(lesson)}")
        passed = state.read(self.folder).of(lesson.number, exercise.name).passed
        return ("last passed", passed, now) if passed else ("stub", source.stub(exercise), now)

    def reset(self, lesson: Lesson) -> Path:
        """Begin a lesson anew; gives the copy that is kept of the script as it was.

        How many attempts and hints there were stays known, and the last version that passed.
        """
        path = self.need_started(lesson)
        backup = _copied(path)
        with atomic(path) as partial:
            partial.write_text(script.with_stubs(lesson), encoding="utf-8")
        with state.changing(self.folder) as known:
            for exercise in lesson.exercises:
                progress = known.of(lesson.number, exercise.name)
                progress.status, progress.source = "todo", ""
        return backup

    def hint(self, lesson: Lesson, exercise: Exercise) -> tuple[int, str]:
        """Return the next hint and its number from 1 on; the last one again when all were shown."""
        with state.changing(self.folder) as known:
            progress = known.of(lesson.number, exercise.name)
            progress.hints = min(progress.hints + 1, len(exercise.hints))
            number = progress.hints
        return number, exercise.hints[number - 1]

    def next_exercise(self, lesson: Lesson) -> Exercise:
        """Return the first exercise that has not passed, or else the last one."""
        statuses = self.statuses(lesson)
        open_ones = [each for each in lesson.exercises if statuses[each.name] != "pass"]
        return (open_ones or list(lesson.exercises))[0 if open_ones else -1]

    def _file(self, lesson: Lesson) -> StudentFile | None:
        try:
            return StudentFile(self.path(lesson))
        except UnreadableFileError:
            return None


def _status(
    known: state.LessonState, lesson: Lesson, exercise: Exercise, file: StudentFile | None
) -> str:
    progress = known.of(lesson.number, exercise.name)
    changed = file is None or file.hash(exercise.name) != progress.source
    return STALE if progress.status == "pass" and changed else progress.status


def _copied(path: Path) -> Path:
    """Copy a file beside itself under a name that is free: ``lesson.backup-1.py``, ``-2``, …"""
    names = (path.with_name(f"{path.stem}.backup-{n}{path.suffix}") for n in itertools.count(1))
    backup = next(name for name in names if not name.exists())
    with atomic(backup) as partial:
        shutil.copyfile(path, partial)
    return backup
