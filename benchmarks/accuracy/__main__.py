"""The command: ``python -m benchmarks.accuracy RECIPE…``, see ``--help``."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.accuracy.protocol import Protocol, Seed
from benchmarks.accuracy.shown import all_tables, load
from benchmarks.accuracy.summary import Content, against, content
from benchmarks.engines import EngineError
from minicnn.errors import MinicnnError
from minicnn.experiments.report import figures
from minicnn.experiments.report.network_figures import robustness
from minicnn.files import atomic
from minicnn.plain_data import write_json

NOTHING = "none"

console = Console()
if not console.is_terminal:
    console = Console(width=140)  # a file has no width of its own
beside = Console(stderr=True)  # for what is no result


def main(
    recipes: Annotated[
        list[str] | None,
        typer.Argument(help="Models of the zoo; without one, what was measured is shown."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many: 0, 1, 2, …")] = 5,
    plain: Annotated[
        str, typer.Option(help="The recipe to compare with, trained as often; or none.")
    ] = "cnn_classic",
    runs: Annotated[Path, typer.Option(help="The folder of the runs.")] = Path("runs/accuracy"),
    out: Annotated[Path, typer.Option(help="The folder of the results.")] = Path(
        "benchmarks/results/accuracy"
    ),
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Instead of the recipe's, to try this out.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="A directory of IDX files instead of MNIST.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Tables for a README.")] = False,
) -> None:
    """Train recipes with several seeds, one after the other, and measure each once.

    Ctrl-C, or a kill, loses no more than an epoch: the same command goes on. Each seed is in the
    results as soon as it is done.
    """
    directory = None if data is None else str(data.absolute())
    try:
        for recipe in recipes or ():
            protocol = Protocol(recipe, seeds, runs, epochs, directory)
            alone = plain in (NOTHING, recipe)
            _run(protocol, None if alone else replace(protocol, model=plain), out)
    except KeyboardInterrupt:
        beside.print("Stopped; what is done is kept, and the same command goes on.")
        raise SystemExit(130) from None
    except MinicnnError as error:
        print(f"benchmarks.accuracy: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except EngineError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
    found = all_tables(load(out))
    if not found:
        beside.print(f"There is nothing in {out}; name a recipe, such as best.")
    for table in found:
        table.show(markdown, console)


def _run(protocol: Protocol, plain: Protocol | None, out: Path) -> None:
    """All seeds of a recipe, then of the plain one, then what compares them."""
    every = [protocol] if plain is None else [protocol, plain]
    for each in every:
        each.settings(0)  # refuses a name that is not known before anything is trained
    out.mkdir(parents=True, exist_ok=True)
    found = [_seeds(each, out) for each in every]
    mine = content(protocol, found[0])
    if plain is not None:
        mine["against"] = against(protocol, plain, min(map(len, found)))
    measured = {each.model: each.robustness() for each in every}
    mine["robustness"] = {model: one.to_dict() for model, one in measured.items()}
    figures.save(robustness(measured), out / f"{protocol.model}-robustness.png")
    _write(out, protocol, mine)


def _seeds(protocol: Protocol, out: Path) -> list[Seed]:
    """The seeds that are done already, and the others up to the number that is wanted."""
    done: list[Seed] = []
    while kept := protocol.kept(len(done)):
        done.append(kept)
    while len(done) < protocol.seeds:
        number = len(done)
        beside.print(f"{protocol.model}, seed {number}: {number + 1} of {protocol.seeds}")
        done.append(protocol.figures(number))
        _write(out, protocol, content(protocol, done))
    before = load(out).get(protocol.model)
    if before is None or [Seed(**each) for each in before["seeds"]] != done:
        _write(out, protocol, content(protocol, done))
    return done


def _write(out: Path, protocol: Protocol, found: Content) -> None:
    """The results of a recipe, and the tables of all."""
    write_json(out / f"{protocol.model}.json", found)
    with atomic(out / "accuracy.md") as partial:
        text = "\n".join(table.markdown() for table in all_tables(load(out)))
        partial.write_text(f"# Accuracy\n\n{text}")


if __name__ == "__main__":
    typer.run(main)
