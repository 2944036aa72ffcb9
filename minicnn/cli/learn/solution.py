"""``minicnn learn solution``."""

from typing import TYPE_CHECKING, Annotated

import typer

from minicnn.cli.learn.app import ExerciseArgument, LessonArgument, learn

if TYPE_CHECKING:
    from minicnn.learn.exercise import Exercise
    from minicnn.learn.library import Lesson
    from minicnn.learn.workspace import Workspace


@learn.command()
def solution(
    number: LessonArgument,
    exercise: ExerciseArgument = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask back.")] = False,
) -> None:
    """Show how the engine does it: after yours has passed, or after all hints.

    Without EXERCISE those of the lesson that have passed, or else the next one.
    """
    from minicnn.learn import library, source
    from minicnn.learn.workspace import Workspace

    workspace, lesson = Workspace.find(), library.lesson(number)
    workspace.need_started(lesson)
    passed = [each for each in lesson.exercises if workspace.progress(lesson, each).passed]
    if exercise is not None:
        chosen = [lesson.exercise(exercise)]
    else:
        chosen = passed or [workspace.next_exercise(lesson)]
    for each in chosen:
        if each not in passed:
            _need_hints(workspace, lesson, each)
            if not yes:
                typer.confirm(f"{each.name} has not passed yet. Show the solution?", abort=True)
    print("\n\n".join(f"# {each.target}\n{source.solution(each)}" for each in chosen), end="")


def _need_hints(workspace: "Workspace", lesson: "Lesson", exercise: "Exercise") -> None:
    from minicnn.errors import LessonError

    shown, all_of_them = workspace.progress(lesson, exercise).hints, len(exercise.hints)
    if shown < all_of_them:
        raise LessonError(
            f"the solution of {exercise.name} is shown once yours has passed, or after all hints; "
            f"you have seen {shown} of {all_of_them}: `minicnn learn hint {lesson.number:02d} "
            f"{exercise.name}`"
        )
