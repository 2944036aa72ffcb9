"""What the student looks at: a lesson, all of them, a hint, a diff, a solution."""

import difflib
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from minicnn.cli.app import JsonOption
from minicnn.cli.app import show as show_table
from minicnn.cli.learn.app import CurrentLessonArgument, ExerciseArgument, LessonArgument, learn

if TYPE_CHECKING:
    from minicnn.learn.exercise import Exercise
    from minicnn.learn.library import Lesson
    from minicnn.learn.state import Progress
    from minicnn.learn.workspace import Workspace


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


@learn.command("list")
def list_lessons(as_json: JsonOption = False) -> None:
    """List all lessons, with how far you are where you are in your folder."""
    from minicnn.errors import LessonError
    from minicnn.learn import explain, library
    from minicnn.learn.workspace import Workspace

    try:
        workspace = Workspace.find()
    except LessonError:  # anybody may look at what there is
        workspace = None
    rows = []
    for lesson in library.lessons():
        started = workspace is not None and workspace.path(lesson).exists()
        untouched = dict.fromkeys((each.name for each in lesson.exercises), "todo")
        statuses = workspace.statuses(lesson) if workspace and started else untouched
        rows.append((lesson, started, statuses))
    if as_json:
        listed = [
            {"lesson": lesson.number, "title": lesson.title, "started": started, "exercises": each}
            for lesson, started, each in rows
        ]
        print(json.dumps(listed, indent=2))
        return
    table = Table(box=None, header_style="bold")
    table.add_column("lesson", justify="right")
    table.add_column("title")
    table.add_column("exercises")
    for lesson, _, statuses in rows:
        marks = [
            Text.assemble(explain.mark(status), f" {name}") for name, status in statuses.items()
        ]
        table.add_row(f"{lesson.number:02d}", lesson.title, Text("   ").join(marks))
    show_table(table)


@learn.command()
def hint(number: CurrentLessonArgument = None, exercise: ExerciseArgument = None) -> None:
    """Show the next hint: first the idea, then the shapes, then the steps."""
    from minicnn.learn import library
    from minicnn.learn.workspace import Workspace

    workspace = Workspace.find()
    lesson = workspace.current() if number is None else library.lesson(number)
    workspace.need_started(lesson)
    chosen = lesson.exercise(exercise) if exercise else workspace.next_exercise(lesson)
    shown, text = workspace.hint(lesson, chosen)
    print(f"{chosen.name}, hint {shown} of {len(chosen.hints)}\n\n{text}")
    print(f"\nNext:  minicnn learn check {lesson.number:02d} {chosen.name}")


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
