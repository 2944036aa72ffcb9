"""What the student's commands share."""

from typing import Annotated

import typer

from minicnn.cli.app import app

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
