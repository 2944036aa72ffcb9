"""``minicnn doctor``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from minicnn.cli.app import DataOption, JsonOption, app, show


@app.command()
def doctor(
    model: Annotated[
        str, typer.Argument(help="A model's name (`minicnn models`), a run or a model's file.")
    ] = "cnn_classic",
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for the usual mistakes in a model and its training data, and say what to do."""
    from rich.table import Table

    from minicnn.experiments import runs
    from minicnn.experiments.opening import named_model
    from minicnn.insight.doctor import diagnose as examine

    chosen = named_model(model)
    directory = None if data is None else str(data)
    is_run = Path(model).is_dir() and model not in runs.zoo.ENTRIES
    train, _ = runs.data_of(model, directory) if is_run else runs.load_data(directory)
    found = examine(chosen, train)
    if as_json:
        print(json.dumps({"healthy": found.healthy, **asdict(found)}, indent=2))
        return
    table = Table(box=None, show_header=False)
    for _ in range(3):
        table.add_column()
    for finding in found.findings:
        table.add_row(finding.state, finding.about, finding.says)
    show(table)
