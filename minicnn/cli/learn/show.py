"""``minicnn learn show``."""

import json
from typing import TYPE_CHECKING, Any

from minicnn.cli.app import JsonOption
from minicnn.cli.learn.app import CurrentLessonArgument, ExerciseArgument, learn

if TYPE_CHECKING:
    from minicnn.learn.exercise import Exercise
    from minicnn.learn.state import Progress


@learn.command()
def show(
    number: CurrentLessonArgument = None,
    exercise: ExerciseArgument = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a lesson asks for: each job, the function's docstring, and how far you are."""
    from rich.syntax import Syntax
    from rich.text import Text

    from minicnn.learn import explain, library, source
    from minicnn.learn.workspace import Workspace

    workspace = Workspace.find()
    lesson = workspace.current() if number is None else library.lesson(number)
    path = workspace.need_started(lesson)
    chosen = lesson.exercises if exercise is None else (lesson.exercise(exercise),)
    progress = {each: workspace.progress(lesson, each) for each in chosen}
    if as_json:
        exercises = [_facts(each, progress[each]) for each in chosen]
        about = {"lesson": lesson.number, "title": lesson.title, "file": str(path)}
        print(json.dumps({**about, "exercises": exercises}, indent=2))
        return
    console = explain.console()
    print(f"Lesson {lesson.number}: {lesson.title}\n{path}")
    for each, known in progress.items():
        attempts = f"{known.attempts} attempt{'s' * (known.attempts != 1)}"
        counts = f"{attempts}, {known.hints} of {len(each.hints)} hints"
        about_it = (f"   {known.status}, {counts}", "dim")
        console.print(Text.assemble("\n", explain.mark(known.status), f" {each.name}", about_it))
        console.print(f"  Your job: {each.job}\n")
        theme = "ansi_dark"  # the terminal's own colours, on its own background
        console.print(Syntax(source.head(each), "python", theme=theme, background_color="default"))
    print(f"\nNext:  minicnn learn check {lesson.number:02d}")


def _facts(exercise: "Exercise", progress: "Progress") -> dict[str, Any]:
    from minicnn.learn import source

    return {
        "exercise": exercise.name,
        "job": exercise.job,
        "function": source.head(exercise),
        "status": progress.status,
        "attempts": progress.attempts,
        "hints": progress.hints,
    }
