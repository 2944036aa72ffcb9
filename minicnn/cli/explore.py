"""``minicnn explore``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from minicnn.cli.app import DataOption, JsonOption, app, show_facts


@app.command()
def explore(
    out: Annotated[Path, typer.Option(help="A folder for the report, new or empty.")],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look at a data set before training: a page (HTML, PDF), its figures and its numbers."""
    from minicnn import exploration, runs
    from minicnn.files import refuse_taken
    from minicnn.progress import steps

    refuse_taken(out)
    train, test = runs.load_data(None if data is None else str(data))
    found = exploration.explore(train, test)
    with steps(1) as step:
        step("drawing and writing")
        from minicnn.report.documents import write_data_report

        name = "MNIST" if data is None else data.resolve().name
        page = write_data_report(found, out, name)
    if as_json:
        print(json.dumps(found.numbers(), indent=2))
    else:
        show_facts(page.facts, out / "exploration.html", out / "exploration.pdf")
