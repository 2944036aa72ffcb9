"""``minicnn models`` and ``minicnn summary``: what can be trained."""

import dataclasses
import json
from pathlib import Path
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
        for name, entry in zoo.MODELS.items()
    }
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    table = Table(box=None, header_style="bold")
    for column in ("model", "parameters", "optimizer", "rate", "batch", "epochs", "what it is"):
        table.add_column(column, justify="right" if column in _NUMBERS else "left")
    for name, row in rows.items():
        cells = [name, f"{row['parameters']:,}", row["optimizer"], f"{row['lr']:g}"]
        table.add_row(*cells, str(row["batch_size"]), str(row["epochs"]), row["about"])
    show(table)


_NUMBERS = ("parameters", "rate", "batch", "epochs")


@app.command()
def summary(
    model: Annotated[
        str, typer.Argument(help="A model's name (`minicnn models`) or a run folder.")
    ],
) -> None:
    """Show a model layer by layer."""
    from minicnn import runs, zoo

    is_run = model not in zoo.MODELS and Path(model).is_dir()
    print((runs.Run.opened(model).model() if is_run else zoo.build(model)).summary())
