"""``minicnn models`` and ``minicnn summary``: what can be trained."""

import dataclasses
import json
from typing import Annotated

import typer
from rich.table import Table

from minicnn.cli.app import JsonOption, app, show


@app.command()
def models(as_json: JsonOption = False) -> None:
    """List the named models with their sizes and recipes."""
    from minicnn import zoo

    rows = {
        name: {
            "about": entry.about,
            "parameters": zoo.build(name).parameter_count(),
            **dataclasses.asdict(entry.recipe),
        }
        for name, entry in zoo.ENTRIES.items()
    }
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    table = Table(box=None, header_style="bold")
    for column in ("model", "parameters", "optimizer", "schedule"):
        table.add_column(column, justify="right" if column == "parameters" else "left")
    for column in ("rate", "batch", "epochs"):
        table.add_column(column, justify="right")
    table.add_column("what it is")
    for name, row in rows.items():
        numbers = [f"{row['lr']:g}", str(row["batch_size"]), str(row["epochs"])]
        words = [f"{row['parameters']:,}", row["optimizer"], row["schedule"]]
        table.add_row(name, *words, *numbers, row["about"])
    show(table)


@app.command()
def summary(
    model: Annotated[
        str, typer.Argument(help="A model's name (`minicnn models`), a run or a model's file.")
    ],
) -> None:
    """Show a model layer by layer."""
    from minicnn.experiments.opening import named

    print(named(model).model.summary())
