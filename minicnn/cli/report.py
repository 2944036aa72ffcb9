"""``minicnn report``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from minicnn.cli.app import DataOption, JsonOption, RunArgument, app, show_facts


@app.command()
def report(
    run: RunArgument,
    out: Annotated[
        Path | None,
        typer.Option(help="A folder for the report, new or empty; RUN/report if not given."),
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a page on a trained model (HTML, PDF), with its figures and its numbers."""
    from minicnn import runs
    from minicnn.files import refuse_taken
    from minicnn.progress import steps
    from minicnn.run_report import report_run

    folder = runs.Run.opened(run).folder / "report" if out is None else out
    refuse_taken(folder)
    with steps(2) as step:
        step("measuring")
        found = report_run(run, data)
        step("drawing and writing")
        from minicnn.report.documents import write_run_report

        page = write_run_report(found, folder)
    if as_json:
        print(json.dumps(found.numbers(), indent=2))
    else:
        show_facts(page.facts, folder / "report.html", folder / "report.pdf")
