"""``minicnn learn check``, and ``minicnn learn`` alone, which goes on where you were."""

import contextlib
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minicnn.cli.app import JsonOption
from minicnn.cli.learn.app import CurrentLessonArgument, ExerciseArgument, learn

if TYPE_CHECKING:
    from minicnn.learn.check import CheckResult
    from minicnn.learn.library import Lesson
    from minicnn.learn.workspace import Workspace


@learn.command()
def check(
    number: CurrentLessonArgument = None,
    exercise: ExerciseArgument = None,
    seed: Annotated[int, typer.Option(min=0, help="Draws other cases.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Check what you wrote: a function that is wrong is shown by its smallest failing case.

    The exit code is 0 if all is right, else 1.
    """
    from minicnn.learn import library
    from minicnn.learn.workspace import Workspace

    workspace = Workspace.find()
    lesson = workspace.current() if number is None else library.lesson(number)
    chosen = lesson.exercises if exercise is None else (lesson.exercise(exercise),)
    workspace.need_started(lesson)
    results = [workspace.check(lesson, each, seed) for each in chosen]
    if as_json:
        facts = [each.to_dict() for each in results]
        print(json.dumps({"lesson": lesson.number, "results": facts}, indent=2))
    else:
        _show(lesson, results, workspace.is_done(lesson))
    if any(result.status != "pass" for result in results):
        raise SystemExit(1)


def _show(lesson: "Lesson", results: "list[CheckResult]", is_done: bool) -> None:
    from minicnn.learn import explain

    console = explain.console()
    for result in results:
        console.print(explain.line(result))
    print()
    failed = next((result for result in results if result.status != "pass"), None)
    if failed is not None:
        show_failure(lesson, failed)
    else:
        show_next(lesson, is_done)


def show_failure(lesson: "Lesson", failed: "CheckResult") -> None:
    """Show what is wrong, and the command that helps."""
    from minicnn.learn import explain

    console = explain.console()
    console.print(explain.explained(failed, console.width))
    print(f"\nNext:  minicnn learn hint {lesson.number:02d} {failed.exercise.name}")


def show_next(lesson: "Lesson", is_done: bool = True) -> None:
    """Show what comes after a check that passed: the rest of the lesson, or the next one."""
    from minicnn.learn.library import numbers

    if not is_done:
        print(f"Next:  minicnn learn check {lesson.number:02d}")
        return
    print(f"Lesson {lesson.number} is done.")
    later = [each for each in numbers() if each > lesson.number]
    print(f"Next:  minicnn learn start {later[0]:02d}" if later else "It was the last one.")


_WIDTH = 40


@learn.callback(invoke_without_command=True)
def resume(
    context: typer.Context,
    watch: Annotated[
        bool | None,
        typer.Option(help="Check again on every save, until Ctrl-C; so in a terminal."),
    ] = None,
) -> None:
    """Build the engine yourself, lesson by lesson.

    Without a command: where you are, what is open there, and a new check whenever you save.
    """
    if context.invoked_subcommand is not None:
        return
    from minicnn.learn.workspace import Workspace

    workspace = Workspace.find()
    if not workspace.started():
        _show_bar(workspace)
        print("\nNo lesson is started yet.\n\nNext:  minicnn learn start 01")
        return
    _look(workspace, workspace.current())
    if sys.stdout.isatty() if watch is None else watch:
        _watch(workspace)


def _watch(workspace: "Workspace") -> None:
    """Check the lesson whose script was saved, until Ctrl-C."""
    from watchfiles import Change, watch

    from minicnn.learn import library

    lessons = {workspace.path(each).resolve(): each for each in library.lessons()}

    def is_script(change: Change, path: str) -> bool:
        return change != Change.deleted and Path(path) in lessons

    print("\nSave the file, and it is checked again; Ctrl-C ends this.", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        for saves in watch(workspace.folder.resolve(), watch_filter=is_script, step=100):
            for path in sorted({Path(path) for _, path in saves}):
                print(f"\n{'─' * 24} {time.strftime('%H:%M:%S')}\n")
                _look(workspace, lessons[path])
    print("\nTo go on:  minicnn learn")


def _look(workspace: "Workspace", lesson: "Lesson") -> None:
    """How far all lessons are, and a check of what is open in this one."""
    from rich.text import Text

    from minicnn.learn import explain

    console = explain.console()
    print(f"Lesson {lesson.number}: {lesson.title}\n{workspace.path(lesson)}\n")
    statuses, failed = workspace.statuses(lesson), None
    for exercise in lesson.exercises:
        if statuses[exercise.name] == "pass":
            passed = Text.assemble(explain.mark("pass"), f" {exercise.name}", ("   passed", "dim"))
            console.print(passed)
            continue
        result = workspace.check(lesson, exercise)
        console.print(explain.line(result))
        failed = failed or (result if result.status != "pass" else None)
    print()
    if failed is not None:
        show_failure(lesson, failed)
    else:
        show_next(lesson)
    print()
    _show_bar(workspace)


def _show_bar(workspace: "Workspace") -> None:
    """How many of all exercises have passed."""
    passed, every = workspace.passed()
    done = _WIDTH * passed // max(every, 1)
    print(f"{'█' * done}{'░' * (_WIDTH - done)}  {passed} of {every} exercises")
