"""``minicnn predict``."""

import contextlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from minicnn.cli.app import JsonOption, ModelArgument, app
from minicnn.cli.pictures import (
    AnswerRow,
    answer_all,
    model_and_pictures,
    percent,
    save_figure,
    show_rows,
)

if TYPE_CHECKING:
    from minicnn.nn import Sequential


@app.command()
def predict(
    run: ModelArgument = None,
    pictures: Annotated[
        list[Path] | None,
        typer.Argument(help="Pictures of one digit each, of any format and size."),
    ] = None,
    examples: Annotated[
        bool, typer.Option("--examples", help="Read the pictures that come with minicnn.")
    ] = False,
    show_seen: Annotated[
        bool, typer.Option("--show", help="Save a figure for each: what the model saw.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="The figures' folder (with --show); predictions-1, … if not given."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say which digit is on a picture: any size, any pen, dark on light or light on dark."""
    from minicnn import examples as shipped
    from minicnn.experiments.opening import open_model
    from minicnn.files import folder_for

    chosen, paths = model_and_pictures(run, pictures)
    paths += shipped.labelled() if examples else ()
    if not paths:
        raise typer.BadParameter("give at least one picture, or --examples")
    model = open_model(chosen)
    with folder_for(out, "predictions") if show_seen else contextlib.nullcontext(out) as folder:
        answer_all(paths, partial(_predict, model), folder, partial(_print, as_json, folder))


def _predict(model: "Sequential", path: Path, folder: Path | None) -> list[AnswerRow]:
    """Say what a picture shows; write a figure of it into `folder`."""
    from minicnn.reader.recognise import predict as predict_picture

    answer = predict_picture(model, path)
    row = {"picture": str(path), **answer.to_dict()}
    if folder is not None:
        from minicnn.reader.figure import prediction

        row["figure"] = save_figure(prediction(answer, path.name), path.stem, folder)
    return [row]


def _print(as_json: bool, out: Path | None, rows: list[AnswerRow]) -> None:
    table = Table(box=None, header_style="bold")
    table.add_column("picture")
    table.add_column("answer")
    table.add_column("probability", justify="right")
    table.add_column("")
    for row in rows:
        if "error" not in row:
            chance = percent(row["probability"])
            table.add_row(row["picture"], row["label"], chance, _remarks(row))
    places = [] if out is None else [f"What the model saw:  {out}"]
    show_rows(rows, table, as_json, *places)


def _remarks(row: AnswerRow) -> str:
    doubt = []
    if not row["sure"]:
        second = row["candidates"][1]
        doubt = [f"not sure, perhaps {second['label']} ({percent(second['probability'])})"]
    return "; ".join([*doubt, *row["notes"]])
