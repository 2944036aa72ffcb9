"""``minicnn learn export``."""

from pathlib import Path
from typing import Annotated

import typer

from minicnn.cli.learn.app import CurrentLessonArgument, learn


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
