"""The student's own folder: a script for each lesson, and a file on how far they are.

    mine/
      progress.json
      07_convolution/lesson.py

Only `start` writes a lesson's script, and only where there is none: neither a check nor a newer
minicnn changes what the student has written.
"""

from pathlib import Path

from minicnn.errors import LessonError
from minicnn.files import StrPath, atomic
from minicnn.learn import library, script, state
from minicnn.learn.check import Result, check
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
        state.write(folder, state.State())
        return cls(folder)

    @classmethod
    def find(cls, start: StrPath = ".") -> "Workspace":
        """The folder that `start` is or is in; raises `LessonError` if it is none for lessons."""
        here = Path(start).absolute()
        for folder in (here, *here.parents):
            if (folder / state.FILE).is_file():
                return cls(folder)
        raise LessonError(
            f"{here} is not in a folder for lessons; make one with `minicnn learn init DIR` and go "
            "there"
        )

    def path(self, lesson: Lesson) -> Path:
        """The student's script of a lesson."""
        return self.folder / lesson.name / "lesson.py"

    def started(self) -> list[Lesson]:
        """The lessons whose scripts are there."""
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
        """The script of a lesson; raises `LessonError` if there is none yet."""
        path = self.path(lesson)
        if not path.exists():
            raise LessonError(
                f"lesson {lesson.number} is not started: `minicnn learn start {lesson.number:02d}`"
            )
        return path

    def current(self) -> Lesson:
        """The first started lesson that is not done, or else the last one."""
        started = self.started()
        if not started:
            raise LessonError("no lesson is started yet: `minicnn learn start 01`")
        return next((each for each in started if not self.is_done(each)), started[-1])

    def is_done(self, lesson: Lesson) -> bool:
        """Has every exercise passed as it stands now?"""
        return all(status == "pass" for status in self.statuses(lesson).values())

    def statuses(self, lesson: Lesson) -> dict[str, str]:
        """The status of each exercise of the lesson, by name; nothing is run."""
        known = state.read(self.folder)
        file = self._file(lesson)
        return {each.name: _status(known, lesson, each, file) for each in lesson.exercises}

    def check(self, lesson: Lesson, exercise: Exercise, seed: int = 0) -> Result:
        """Check one exercise and note how it went."""
        result = check(lesson, exercise, self.need_started(lesson), seed)
        file = self._file(lesson)
        source = file.hash(exercise.name) if file else ""
        with state.changing(self.folder) as known:
            progress = known.of(lesson.number, exercise.name)
            if source != progress.source and result.status != "todo":
                progress.attempts += 1
            progress.status, progress.source = result.status, source
        return result

    def hint(self, lesson: Lesson, exercise: Exercise) -> tuple[int, str]:
        """The next hint and its number from 1 on; the last one again when all were shown."""
        with state.changing(self.folder) as known:
            progress = known.of(lesson.number, exercise.name)
            progress.hints = min(progress.hints + 1, len(exercise.hints))
            number = progress.hints
        return number, exercise.hints[number - 1]

    def next_exercise(self, lesson: Lesson) -> Exercise:
        """The first exercise that has not passed, or else the last one."""
        statuses = self.statuses(lesson)
        open_ones = [each for each in lesson.exercises if statuses[each.name] != "pass"]
        return (open_ones or list(lesson.exercises))[0 if open_ones else -1]

    def _file(self, lesson: Lesson) -> StudentFile | None:
        try:
            return StudentFile(self.path(lesson))
        except UnreadableFileError:
            return None


def _status(
    known: state.State, lesson: Lesson, exercise: Exercise, file: StudentFile | None
) -> str:
    progress = known.of(lesson.number, exercise.name)
    changed = file is None or file.hash(exercise.name) != progress.source
    return STALE if progress.status == "pass" and changed else progress.status
