"""``minicnn learn``, without a subcommand: go on where you were."""

import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minicnn.cli.learn.app import learn

if TYPE_CHECKING:
    from minicnn.learn.library import Lesson
    from minicnn.learn.workspace import Workspace

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

    from minicnn.cli.learn.check import show_failure, show_next
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
