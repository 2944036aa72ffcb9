"""``minicnn compare``."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from minicnn.cli.app import DataOption, JsonOption, app, show

if TYPE_CHECKING:
    from minicnn.experiments.compare import Cells, Comparison


@app.command()
def compare(
    out: Annotated[
        Path, typer.Option(help="A folder for all of it: new, or one to go on with as it began.")
    ],
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL|RUN]...",
            help="Models to train (`minicnn models`), and folders of finished runs; "
            "all models if none is given.",
        ),
    ] = None,
    keras: Annotated[
        bool, typer.Option("--keras", help="Train each in Keras too: same weights, same batches.")
    ] = False,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the training set; the recipes' own.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="For weights and batches.")] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train several models, each by its recipe, and put them side by side; go on if stopped."""
    from minicnn.experiments import compare as comparison

    found = comparison.compare(
        models or (), out=out, keras=keras, epochs=epochs, seed=seed, data=data
    )
    if as_json:
        print(json.dumps(found.to_dict(), indent=2))
    else:
        _show(found)
    if found.interrupted:
        if not as_json:
            options = ["--keras"] if keras else []
            for name, value in ("epochs", epochs), ("seed", seed), ("data", data):
                options += [] if value is None else [f"--{name}", str(value)]
            command = shlex.join([*(models or ()), *options, "--out", str(out)])
            print(f"Stopped early. To go on:  minicnn compare {command}")
        raise SystemExit(130)


def _show(found: "Comparison") -> None:
    from minicnn.experiments import compare as comparison

    if found.rows:
        _print(comparison.results_table(found.rows))
    if any(row.keras for row in found.rows):
        print("\nTest accuracy in both engines:")
        _print(comparison.engines_table(found.rows))
    if found.best is not None:
        print(f"\nBest in validation: {found.best}, saved as {found.folder / 'best.npz'}")
    if not found.interrupted:
        print("Look: ", found.folder / "comparison.md", found.folder / "comparison.png", sep="  ")


def _print(cells: "Cells") -> None:
    table = Table(box=None, header_style="bold")
    for name in cells[0]:
        left = name in ("model", "engine")
        table.add_column(name, justify="left" if left else "right", no_wrap=True)
    for line in cells[1:]:
        table.add_row(*line)
    show(table)
