"""``minicnn doctor``."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from minicnn.cli.app import DataOption, JsonOption, PrefixOption, app, show


@app.command()
def doctor(
    model: Annotated[
        str, typer.Argument(help="A model's name (`minicnn models`), a run or a model's file.")
    ] = "cnn_classic",
    data: DataOption = None,
    prefix: PrefixOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for the usual mistakes in a model and its training data, and say what to do."""
    from rich.table import Table

    from minicnn.experiments.opening import named
    from minicnn.insight.doctor import diagnose as examine

    chosen = named(model)
    train, _ = chosen.data(data, prefix)
    found = examine(chosen.model, train)
    if as_json:
        print(json.dumps({"healthy": found.healthy, **asdict(found)}, indent=2))
        return
    table = Table(box=None, show_header=False)
    for _ in range(3):
        table.add_column()
    for finding in found.findings:
        table.add_row(finding.state, finding.about, finding.says)
    show(table)
