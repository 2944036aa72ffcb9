"""``minicnn learn diff``."""

import difflib

from rich.text import Text

from minicnn.cli.learn.app import CurrentLessonArgument, ExerciseArgument, learn

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


@learn.command()
def diff(number: CurrentLessonArgument = None, exercise: ExerciseArgument = None) -> None:
    """Show what you changed since the function last passed, or since you got it."""
    from minicnn.learn import explain, library
    from minicnn.learn.workspace import Workspace

    workspace = Workspace.find()
    lesson = workspace.current() if number is None else library.lesson(number)
    workspace.need_started(lesson)
    chosen = lesson.exercise(exercise) if exercise else workspace.next_exercise(lesson)
    what, before, now = workspace.versions(lesson, chosen)
    lines = difflib.unified_diff(
        before.splitlines(),
        now.splitlines(),
        f"{chosen.name}, {what}",
        f"{chosen.name}, now",
        "",
        "",
        3,
        "",
    )
    console, same = explain.console(), True
    for line in lines:
        console.print(Text(line, _STYLES.get(line[:1], "")))
        same = False
    if same:
        print(f"{chosen.name} stands as it {'last passed' if what == 'last passed' else 'came'}.")
