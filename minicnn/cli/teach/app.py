"""What the teacher's commands share."""

import typer

from minicnn.cli.app import app

teach = typer.Typer(no_args_is_help=True, help="For those who teach with the lessons.")
app.add_typer(teach, name="teach")


@teach.callback()
def _teach() -> None: ...
