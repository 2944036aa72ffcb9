"""What all commands share: the application itself, options, and how a table is printed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from minicnn import __version__

app = typer.Typer(
    name="minicnn",
    help="A convolutional-network engine written from scratch on NumPy and numba.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None: ...


JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
DataOption = Annotated[
    Path | None, typer.Option("--data", help="A directory of IDX files; MNIST if not given.")
]
PrefixOption = Annotated[
    str | None,
    typer.Option("--prefix", help="Which set of the directory, where it holds several."),
]
ClassesOption = Annotated[
    str | None,
    typer.Option("--classes", help='Names of the classes, "A,B,C", or a file that maps labels.'),
]
ModelArgument = Annotated[
    Path | None,
    typer.Argument(
        help="The folder of a run, or a model's file: .npz, .keras, .h5, .hdf5; if not given, the "
        "trained model that comes with minicnn."
    ),
]


def show(table: Table) -> None:
    """Print a table, wider than any terminal: that may wrap a path, but cutting would spoil it."""
    Console(width=10_000, soft_wrap=True, markup=False).print(table)


def show_facts(facts: Sequence[tuple[str, str]], *look: Path) -> None:
    """Print facts, each with its name before it, and the files to look at if there are any."""
    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    for what, value in facts:
        table.add_row(what, value)
    show(table)
    if look:
        print("\nLook: ", *look, sep="  ")
