"""Is everything there that the lessons need? What `minicnn learn doctor` looks at."""

import os
import platform
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from minicnn.bridge.extras import DISTRIBUTION, install_command
from minicnn.errors import LessonError, MinicnnError, one_line
from minicnn.files import StrPath
from minicnn.insight.findings import Diagnosis, Finding
from minicnn.learn import library, state
from minicnn.learn.student import StudentFile, UnreadableFileError
from minicnn.learn.workspace import Workspace

_NAME = re.compile(r"[\w.-]+")


def examine(folder: StrPath = ".") -> Diagnosis:
    """Look at Python, the packages, numba's cache and threads, and the student's folder.

    - `folder`: where the commands are called.
    """
    return Diagnosis((*_python(), *_packages(), *_numba(), *_lessons(), *_folder(Path(folder))))


def _python() -> Iterator[Finding]:
    said = f"{platform.python_version()} on {platform.system()}, {os.cpu_count()} cores"
    yield Finding("fine", "Python", said)
    try:
        import resource  # noqa: F401
    except ImportError:
        says = "this system has none for a process; only time is watched"
        yield Finding("doubt", "limits", says)
    else:
        yield Finding("fine", "limits", "on time, memory and file size; they are no sandbox")


def _packages() -> Iterator[Finding]:
    try:
        wanted = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        yield Finding("doubt", "packages", f"minicnn is not installed; `{install_command()}`")
        return
    yield from _installed("packages", install_command(), "problem", _names(wanted, None))
    lessons = _names(wanted, "lessons")
    yield from _installed("notebooks", install_command("lessons"), "doubt", lessons)


def _names(wanted: list[str], extra: str | None) -> list[str]:
    """Return the packages that minicnn needs on every system, or those of an extra."""
    marked = f"extra == '{extra}'"
    return [
        found[0]
        for each in wanted
        for condition in [each.partition(";")[2].strip().replace('"', "'")]
        if condition == (marked if extra else "") and (found := _NAME.match(each))
    ]


def _installed(about: str, install: str, state: str, names: list[str]) -> Iterator[Finding]:
    there, missing = [], []
    for name in names:
        try:
            there.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        yield Finding(state, about, f"{', '.join(missing)} not there; `{install}`")
    if there:
        yield Finding("fine", about, ", ".join(there))


def _numba() -> Iterator[Finding]:
    try:
        import numba

        from minicnn.kernels.fast.elementwise import _relu
    except Exception as error:
        yield Finding("problem", "numba", f"cannot be imported: {one_line(error)}")
        return
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        says = "NUMBA_DISABLE_JIT is set: nothing is compiled, and the reference kernels run"
        yield Finding("doubt", "numba", says)
        return
    place = _relu.for_threads(1).stats.cache_path
    if place is None or not _is_writable(Path(place)):
        says = f"{place} cannot be written" if place else "no folder can be written"
        says += (
            ": each process compiles the kernels anew, for about 15 seconds; set NUMBA_CACHE_DIR "
            "to a folder of yours"
        )
        yield Finding("problem", "numba's cache", says)
    else:
        yield Finding("fine", "numba's cache", f"{place} can be written")
    threads = numba.get_num_threads()
    cores = os.cpu_count() or threads
    if threads > cores:
        says = f"{threads} on {cores} cores: they wait for each other; unset NUMBA_NUM_THREADS"
        yield Finding("doubt", "threads", says)
    else:
        yield Finding("fine", "threads", f"{threads} for {cores} cores")


def _is_writable(folder: Path) -> bool:
    """Can files be made there, or the folder itself?"""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    return os.access(there, os.W_OK | os.X_OK)


def _lessons() -> Iterator[Finding]:
    try:
        lessons = library.lessons()
    except (MinicnnError, OSError) as error:
        yield Finding("problem", "lessons", one_line(error))
        return
    exercises = sum(len(each.exercises) for each in lessons)
    yield Finding("fine", "lessons", f"{len(lessons)} with {exercises} exercises")


def _folder(place: Path) -> Iterator[Finding]:
    try:
        workspace = Workspace.find(place)
    except LessonError as error:
        yield Finding("doubt", "folder", one_line(error))
        return
    if os.access(workspace.folder, os.W_OK | os.X_OK):
        yield Finding("fine", "folder", str(workspace.folder))
    else:
        yield Finding("problem", "folder", f"{workspace.folder} cannot be written to")
    try:
        known = state.read(workspace.folder)
    except LessonError as error:
        yield Finding("problem", "progress", one_line(error))
        return
    yield Finding("fine", "progress", f"{len(known.exercises)} exercises were looked at")
    for lesson in workspace.started():
        try:
            file = StudentFile(workspace.path(lesson))
        except UnreadableFileError as error:
            yield Finding("problem", lesson.name, one_line(error))
            continue
        gone = [each.name for each in lesson.exercises if not file.has(each.name)]
        if gone:
            yield Finding("problem", lesson.name, f"lesson.py has no function {', '.join(gone)}")
        else:
            yield Finding("fine", lesson.name, "lesson.py can be read")
