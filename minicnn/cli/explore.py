"""``minicnn explore``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from minicnn.cli.app import ClassesOption, DataOption, JsonOption, PrefixOption, app, show_facts


@app.command()
def explore(
    out: Annotated[Path, typer.Option(help="A folder for the report, new or empty.")],
    data: DataOption = None,
    prefix: PrefixOption = None,
    classes: ClassesOption = None,
    augment: Annotated[
        bool, typer.Option("--augment", help="Show what augmentation makes of the pictures.")
    ] = False,
    recipe: Annotated[
        str | None, typer.Option(help="A model's name: augment as for its training.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Look at a data set before training: a page (HTML, PDF), its figures and its numbers."""
    from minicnn import zoo
    from minicnn.data.class_names import read_names
    from minicnn.experiments import explore as exploration
    from minicnn.experiments.run import load_data
    from minicnn.files import refuse_taken
    from minicnn.training.progress import steps

    refuse_taken(out)
    settings = None
    if augment or recipe is not None:
        settings = zoo.augmentation("best" if recipe is None else recipe)
    names = None if classes is None else ",".join(read_names(classes))
    train, test = load_data(None if data is None else str(data), names, prefix)
    found = exploration.explore(train, test, augment=settings)
    with steps(1) as step:
        step("drawing and writing")
        from minicnn.experiments.report.documents import write_data_report

        name = "MNIST" if data is None else data.resolve().name
        page = write_data_report(found, out, name)
    if as_json:
        print(json.dumps(found.to_dict(), indent=2))
    else:
        show_facts(page.facts, out / "exploration.html", out / "exploration.pdf")
