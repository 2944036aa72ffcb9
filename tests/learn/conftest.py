"""Students' files: a lesson with the engine's solutions, and one function written otherwise."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from minicnn.learn import library, script, source
from minicnn.learn.check import CheckResult, check


@pytest.fixture
def written(tmp_path) -> Callable[..., Path]:
    """A student's file in which one function has another text; the others are solved."""

    def write(number: int, name: str, text: str) -> Path:
        lesson = library.lesson(number)
        exercise = lesson.exercise(name)
        text = textwrap.dedent(text)
        whole = script.render(lesson, lambda e: text if e is exercise else source.solution(e))
        path = tmp_path / "lesson.py"
        path.write_text(whole, encoding="utf-8")
        return path

    return write


@pytest.fixture
def checked(written) -> Callable[..., CheckResult]:
    """The check of a function with this text; it never changes the student's file."""

    def run(number: int, name: str, text: str, **settings) -> CheckResult:
        path, lesson = written(number, name, text), library.lesson(number)
        before = path.read_bytes(), path.stat().st_mtime_ns
        result = check(lesson, lesson.exercise(name), path, **settings)
        assert (path.read_bytes(), path.stat().st_mtime_ns) == before, "the file was changed"
        return result

    return run
