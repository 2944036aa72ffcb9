"""``minicnn learn check``."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from minicnn.cli.app import JsonOption
from minicnn.cli.learn.app import CurrentLessonArgument, ExerciseArgument, learn

if TYPE_CHECKING:
    from minicnn.learn.check import Result
    from minicnn.learn.library import Lesson


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
        facts = [each.facts() for each in results]
        print(json.dumps({"lesson": lesson.number, "results": facts}, indent=2))
    else:
        _show(lesson, results, workspace.is_done(lesson))
    if any(result.status != "pass" for result in results):
        raise SystemExit(1)


def _show(lesson: "Lesson", results: "list[Result]", is_done: bool) -> None:
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


def show_failure(lesson: "Lesson", failed: "Result") -> None:
    """What is wrong, and the command that helps."""
    from minicnn.learn import explain

    console = explain.console()
    console.print(explain.explained(failed, console.width))
    print(f"\nNext:  minicnn learn hint {lesson.number:02d} {failed.exercise.name}")


def show_next(lesson: "Lesson", is_done: bool = True) -> None:
    """What comes after a check in which nothing is wrong: the rest of the lesson, or the next."""
    from minicnn.learn.library import numbers

    if not is_done:
        print(f"Next:  minicnn learn check {lesson.number:02d}")
        return
    print(f"Lesson {lesson.number} is done.")
    later = [each for each in numbers() if each > lesson.number]
    print(f"Next:  minicnn learn start {later[0]:02d}" if later else "It was the last one.")
