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
        print(json.dumps({"lesson": lesson.number, "results": [each.facts() for each in results]}, indent=2))
    else:
        _show(lesson, results)
    if any(result.status != "pass" for result in results):
        raise SystemExit(1)


def _show(lesson: "Lesson", results: "list[Result]") -> None:
    from minicnn.learn import explain
    from minicnn.learn.library import numbers

    console = explain.console()
    for result in results:
        console.print(explain.line(result))
    failed = next((result for result in results if result.status != "pass"), None)
    if failed is None:
        later = [each for each in numbers() if each > lesson.number]
        print(f"\nLesson {lesson.number} is done." if len(results) == len(lesson.exercises) else "")
        print(f"Next:  minicnn learn start {later[0]:02d}" if later else "It was the last one.")
        return
    console.print()
    console.print(explain.explained(failed, console.width))
    print(f"\nNext:  minicnn learn hint {lesson.number:02d} {failed.exercise.name}")
