"""``minicnn read``."""

import contextlib
import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    from minicnn.reader.fields import Field
    from minicnn.reader.strings import Reading

COLUMNS = ("picture", "field", "text", "confidence", "least_probability", "notes", "error")
"""Of a file of CSV."""


@app.command()
def read(
    run: ModelArgument = None,
    pictures: Annotated[
        list[Path] | None, typer.Argument(help="Pictures of numbers, or folders full of them.")
    ] = None,
    lines: Annotated[
        bool, typer.Option("--lines", help="Read all lines, not only the largest.")
    ] = False,
    expect: Annotated[
        int | None, typer.Option(min=1, help="The digits of a line, as 5 of a postal code.")
    ] = None,
    fields: Annotated[
        Path | None,
        typer.Option(help='The fields of a form: JSON, {"year": [left, top, right, bottom], …}.'),
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write a table to this file, which is new.")
    ] = None,
    show_read: Annotated[
        bool, typer.Option("--show", help="Save a figure for each: the boxes and answers.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="The figures' folder (with --show); readings-1, … if not given."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Read the number on a picture: digits in a row, which may touch; several lines; a form."""
    from minicnn import files
    from minicnn.reader.fields import load_fields
    from minicnn.reader.recognise import Recogniser

    chosen, given = model_and_pictures(run, pictures, folders=True)
    if not given:
        raise typer.BadParameter("give at least one picture, or a folder of them")
    paths = [path for each in given for path in _pictures_in(each)]
    known = None if fields is None else load_fields(fields)
    if csv_file is not None:
        files.refuse_existing(csv_file)
    model = Recogniser(chosen).model
    answer = partial(_read, model, fields=known, lines=lines, expect=expect)
    new = files.folder_for(out, "readings") if show_read else contextlib.nullcontext(out)
    with new as folder:
        answer_all(paths, answer, folder, partial(_finish, as_json, csv_file, folder))


def _pictures_in(path: Path) -> list[Path]:
    """Return the pictures in a folder, by their endings; any other path is a picture itself."""
    from minicnn.errors import DataError
    from minicnn.reader.picture import endings

    if not path.is_dir():
        return [path]
    found = sorted(each for each in path.iterdir() if each.suffix.lower() in endings())
    if not found:
        raise DataError(f"{path}: there are no pictures in this folder")
    return found


def _read(
    model: Any,
    path: Path,
    folder: Path | None,
    *,
    fields: "tuple[Field, ...] | None",
    lines: bool,
    expect: int | None,
) -> list[AnswerRow]:
    """Read a picture, or each field of it; write figures into `folder`."""
    from minicnn.errors import PictureError
    from minicnn.reader.picture import open_image
    from minicnn.reader.strings import read_digits

    if fields is None:
        answer = read_digits(model, path, lines=lines, expect=expect)
        return [{"picture": str(path), **_facts(answer, path.name, path.stem, folder)}]
    scan = open_image(path)
    rows: list[AnswerRow] = []
    for field in fields:
        row = {"picture": str(path), "field": field.name}
        try:
            part = field.cut_out(scan)
            answer = read_digits(model, part, lines=lines, expect=field.expect or expect)
            name = f"{path.stem}-{field.name}"
            rows.append({**row, **_facts(answer, name, name, folder)})
        except PictureError as error:  # an empty field does not stop the others
            rows.append({**row, "error": f"field {field.name!r}: {error}"})
    return rows


def _facts(answer: "Reading", title: str, name: str, folder: Path | None) -> AnswerRow:
    """Return the answer as plain data, with the name of its figure if there is a folder for it."""
    if folder is None:
        return answer.to_dict()
    from minicnn.reader.figure import reading

    return {**answer.to_dict(), "figure": save_figure(reading(answer, title), name, folder)}


def _finish(as_json: bool, csv_file: Path | None, out: Path | None, rows: list[AnswerRow]) -> None:
    places = []
    if csv_file is not None:
        _write_csv(csv_file, rows)
        places.append(f"The table:  {csv_file}")
    if out is not None:
        places.append(f"The boxes:  {out}")
    table = Table(box=None, header_style="bold")
    by_field = any("field" in row for row in rows)
    for name in ("picture", *(["field"] if by_field else []), "answer"):
        table.add_column(name)
    table.add_column("sure of all", justify="right")
    table.add_column("")
    for row in rows:
        if "error" not in row:
            field = [row["field"]] if by_field else []
            sure, remarks = percent(row["confidence"]), "; ".join(row["notes"])
            table.add_row(row["picture"], *field, row["text"], sure, remarks)
    show_rows(rows, table, as_json, *places)


def _write_csv(path: Path, rows: list[AnswerRow]) -> None:
    from minicnn.files import atomic

    # A name on the disk may be no text; its bytes are kept as they are.
    with (
        atomic(path) as partial_file,
        open(partial_file, "w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.DictWriter(file, COLUMNS, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(_csv_rows(rows))


def _csv_rows(rows: list[AnswerRow]) -> Iterator[AnswerRow]:
    for row in rows:
        if "error" in row:
            yield row
            continue
        least = min(digit["probability"] for digit in row["digits"])
        yield {
            **row,
            "confidence": f"{row['confidence']:.4f}",
            "least_probability": f"{least:.4f}",
            "notes": "; ".join(row["notes"]),
        }
