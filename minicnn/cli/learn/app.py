"""The student's commands that set up the folder, and what all of them share."""

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from minicnn.cli.app import JsonOption, app
from minicnn.cli.app import show as show_table

learn = typer.Typer()
app.add_typer(learn, name="learn")

LessonArgument = Annotated[int, typer.Argument(metavar="NN", help="The number of the lesson.")]
CurrentLessonArgument = Annotated[
    int | None,
    typer.Argument(metavar="[NN]", help="The number of the lesson; the one you are at by default."),
]
ExerciseArgument = Annotated[
    str | None, typer.Argument(metavar="[EXERCISE]", help="The name of one of its exercises.")
]


@learn.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder for your work.")],
) -> None:
    """Make a folder for your lessons; nothing but you will change what you write in it."""
    from minicnn.learn.workspace import Workspace

    Workspace.init(folder)
    print(f"{folder} is the folder for your lessons.")
    print(f"\nNext:  cd {shlex.quote(str(folder))} && minicnn learn start 01")


@learn.command()
def start(number: LessonArgument) -> None:
    """Begin a lesson: its script, with functions for you to write, comes to your folder."""
    from minicnn.learn import library
    from minicnn.learn.workspace import Workspace

    workspace, lesson = Workspace.find(), library.lesson(number)
    new = workspace.start(lesson)
    print(f"Lesson {lesson.number}: {lesson.title}")
    state = "is yours now" if new else "was there already and stays as it is"
    print(f"{workspace.path(lesson)} {state}.\n")
    for exercise in lesson.exercises:
        print(f"  {exercise.name}: {exercise.job}")
    print(f"\nNext:  write the first function, then  minicnn learn check {lesson.number:02d}")


@learn.command()
def reset(number: LessonArgument) -> None:
    """Begin a lesson anew; a copy of what you wrote stays beside the script."""
    from minicnn.learn import library
    from minicnn.learn.workspace import Workspace

    workspace, lesson = Workspace.find(), library.lesson(number)
    backup = workspace.reset(lesson)
    print(f"{workspace.path(lesson)} is as it came; what you wrote is kept in {backup.name}.")
    print(f"\nNext:  minicnn learn check {lesson.number:02d}")


@learn.command()
def export(
    number: CurrentLessonArgument = None,
    ipynb: Annotated[bool, typer.Option("--ipynb", help="As a Jupyter notebook.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="The file; lesson.ipynb beside your script if not given.")
    ] = None,
) -> None:
    """Write your script of a lesson as a notebook, for Jupyter, VS Code or Colab."""
    from minicnn.errors import LessonError, one_line
    from minicnn.files import refuse_taken
    from minicnn.learn import library, script
    from minicnn.learn.workspace import Workspace

    if not ipynb:
        raise typer.BadParameter("say as what: --ipynb")
    workspace = Workspace.find()
    lesson = workspace.current() if number is None else library.lesson(number)
    path = workspace.need_started(lesson)
    target = out or path.with_suffix(".ipynb")
    refuse_taken(target)
    try:
        script.write_notebook(path.read_text(encoding="utf-8"), target)
    except ValueError as error:  # another encoding, in its bytes or in its first line
        raise LessonError(f"{path} is not saved as UTF-8: {one_line(error)}") from error
    print(f"{target} is written; checks go on reading {path.name}.")


_STYLES = {"fine": "green", "doubt": "yellow", "problem": "bold red"}


@learn.command()
def doctor(as_json: JsonOption = False) -> None:
    """Look whether everything is there that the lessons need, and say what to do.

    The exit code is 1 if there is a problem.
    """
    from minicnn.learn.environment import examine

    found = examine()
    if as_json:
        print(json.dumps({"healthy": found.healthy, **asdict(found)}, indent=2))
    else:
        table = Table(box=None, show_header=False)
        for finding in found.findings:
            state = Text(finding.state, _STYLES[finding.state])
            table.add_row(state, finding.about, finding.says)
        show_table(table)
    if not found.healthy:
        raise SystemExit(1)
