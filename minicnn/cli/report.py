"""``minicnn report``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from minicnn.cli.app import DataOption, JsonOption, ModelArgument, PrefixOption, app, show_facts


@app.command()
def report(
    run: ModelArgument = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="A folder for the report, new or empty; if not given RUN/report, or for a file "
            "FILE-report, without the ending."
        ),
    ] = None,
    data: DataOption = None,
    prefix: PrefixOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a page on a trained model (HTML, PDF), with its figures and its numbers."""
    from minicnn.experiments.opening import SHIPPED
    from minicnn.experiments.report.run_numbers import report_run
    from minicnn.files import refuse_taken
    from minicnn.training.progress import steps

    folder = out or (_default(run) if run else Path(f"{SHIPPED.stem}-report"))
    refuse_taken(folder)
    with steps(2) as step:
        step("measuring")
        found = report_run(run or SHIPPED, data, progress=False, prefix=prefix)
        step("drawing and writing")
        from minicnn.experiments.report.documents import write_run_report

        page = write_run_report(found, folder)
    if as_json:
        print(json.dumps(found.to_dict(), indent=2))
    else:
        show_facts(page.facts, folder / "report.html", folder / "report.pdf")


def _default(run: Path) -> Path:
    """Return a folder inside the run's, or beside the model's file."""
    return run.with_name(f"{run.stem}-report") if run.is_file() else run / "report"
