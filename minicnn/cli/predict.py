"""``minicnn predict``."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from minicnn.cli.app import JsonOption, ModelArgument, app, show

if TYPE_CHECKING:
    from minicnn.reader.recognise import Prediction


@app.command()
def predict(
    run: ModelArgument,
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
    from minicnn import files, runs

    paths = [*(pictures or ()), *(shipped.labelled() if examples else ())]
    if not paths:
        raise typer.BadParameter("give at least one picture, or --examples")
    model = runs.open_model(run)
    if show_seen or out is not None:
        out = out or runs.free_folder("predictions", ".")
        with files.new_folder(out) as folder:
            rows = _read(model, paths, folder)
            if all("error" in row for row in rows):  # no figure, so no folder
                _print(rows, as_json)
    else:
        rows = _read(model, paths)
    _print(rows, as_json, out)


def _read(model: Any, paths: list[Path], folder: Path | None = None) -> list[dict[str, Any]]:
    """What each picture shows, or why it cannot be read, as plain data; figures into `folder`."""
    from minicnn.errors import PictureError
    from minicnn.progress import steps
    from minicnn.reader.recognise import predict as predict_picture

    rows = []
    with steps(len(paths)) as step:
        for path in paths:
            step(path.name)
            try:
                answer = predict_picture(model, path)
            except PictureError as error:  # one bad picture does not stop the others
                rows.append({"picture": str(path), "error": str(error)})
                continue
            rows.append({"picture": str(path), **answer.facts()})
            if folder is not None:
                rows[-1]["figure"] = _draw(answer, path, folder)
    return rows


def _draw(answer: "Prediction", path: Path, folder: Path) -> str:
    """Save the figure under the picture's name, numbered if there is one; its name."""
    from minicnn.reader.figure import prediction
    from minicnn.report import figures

    name, number = f"{path.stem}.png", 1
    while (folder / name).exists():
        number += 1
        name = f"{path.stem}-{number}.png"
    figures.save(prediction(answer, path.name), folder / name)
    return name


def _print(rows: list[dict[str, Any]], as_json: bool, out: Path | None = None) -> None:
    """Print answers, then errors; leave with exit code 2 if there are any."""
    read = [row for row in rows if "error" not in row]
    if as_json:
        print(json.dumps(rows, indent=2))
    elif read:
        table = Table(box=None, header_style="bold")
        table.add_column("picture")
        table.add_column("answer")
        table.add_column("probability", justify="right")
        table.add_column("")
        for row in read:
            table.add_row(row["picture"], row["label"], _percent(row), _remarks(row))
        show(table)
        if out is not None:
            print(f"\nWhat the model saw:  {out}")
    for row in rows:
        if "error" in row:
            print(f"minicnn: {row['picture']}: {row['error']}", file=sys.stderr)
    if len(read) < len(rows):
        raise SystemExit(2)


def _percent(candidate: dict[str, Any]) -> str:
    return f"{100 * candidate['probability']:.1f} %"


def _remarks(row: dict[str, Any]) -> str:
    doubt = []
    if not row["sure"]:
        second = row["candidates"][1]
        doubt = [f"not sure, perhaps {second['label']} ({_percent(second)})"]
    return "; ".join([*doubt, *row["notes"]])
