"""The command: ``python -m benchmarks``, see ``--help``."""

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import goals, machine, results
from benchmarks.bench import Bench, UnavailableError, progress_bar
from benchmarks.engines import EngineError, Engines
from benchmarks.sections import SECTIONS
from benchmarks.settings import FULL, MODELS, PEERS, QUICK, Settings
from minicnn.errors import UnknownNameError

NOBODY = "none"
MANY_VALUES = ("--against", "--models", "--only")
BUSY = "The machine is busy (load {}): figures will be lower and less steady than on a quiet one."

console = Console()
if not console.is_terminal:
    console = Console(width=110)  # a file has no width of its own


def one_value_each(arguments: Sequence[str], options: Sequence[str] = MANY_VALUES) -> list[str]:
    """Write an option that is followed by several values once for each, as typer wants it.

    >>> one_value_each(["--quick", "--against", "keras", "torch", "--out", "x"])
    ['--quick', '--against', 'keras', '--against', 'torch', '--out', 'x']
    """
    result: list[str] = []
    option = None
    for argument in arguments:
        if argument.startswith("-"):
            option = argument if argument in options else None
            result.append(argument)
        elif option and result[-1] != option:
            result += [option, argument]
        else:
            result.append(argument)
    return result


def known(kind: str, names: Sequence[str], choices: Sequence[str]) -> tuple[str, ...]:
    """The names if all are among the choices, else the error of the command line."""
    for name in names:
        if name not in choices:
            raise typer.BadParameter(str(UnknownNameError(kind, name, choices)))
    return tuple(dict.fromkeys(names))


def main(
    against: Annotated[
        list[str] | None, typer.Option(help="Peers: keras, torch (both by default), or none.")
    ] = None,
    models: Annotated[
        list[str] | None, typer.Option(help="Models of the zoo; all by default, three if quick.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help=f"Sections: {', '.join(SECTIONS)}; all by default.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="About 3 minutes: shows that all works, no more.")
    ] = False,
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("benchmarks/results"),
) -> None:
    """Measure minicnn beside its peers, in turns, and write tables, JSON and pictures.

    After --against, --models and --only several names may follow.

    Ctrl-C ends it; the sections that were finished are kept.
    """
    effort = QUICK if quick else FULL
    peers = known("peer", against or PEERS, (*PEERS, NOBODY))
    settings = Settings(
        models=known("model", models or effort.models, MODELS),
        peers=tuple(peer for peer in peers if peer != NOBODY),
        effort=effort,
    )
    sections = known("section", only or list(SECTIONS), list(SECTIONS))
    load = machine.load()
    if load is not None and load > 0.3 * machine.usable_cores():
        console.print(BUSY.format(load), style="yellow")
    failed = []
    with Engines() as engines:
        try:
            for section in sections:
                if not _run(section, settings, engines, out):
                    failed.append(section)
        except KeyboardInterrupt:
            console.print("Stopped; the sections that were finished are kept.")
            raise SystemExit(130) from None
        finally:
            for reason in engines.missing.values():
                console.print(reason, style="yellow")
    reached = goals.table([results.load(out)])
    if reached.rows:
        console.print(reached.rich())
    console.print(f"Tables: {out / 'results.md'}. Pictures and raw figures beside it.")
    if failed:
        console.print(f"Failed: {', '.join(failed)}.", style="red")
        raise SystemExit(1)


def _run(section: str, settings: Settings, engines: Engines, out: Path) -> bool:
    """Measure one section, write it down, and print its tables; False if an engine broke."""
    console.rule(section, align="left")
    described, started = machine.describe(), time.perf_counter()
    try:
        with progress_bar(console) as progress:
            data = SECTIONS[section].measure(Bench(settings, engines, progress))
    except UnavailableError as error:
        console.print(f"{section} is left out: {error}", style="yellow")
        return True
    except EngineError as error:
        console.print(str(error), style="red", markup=False)
        return False
    content = {
        "section": section,
        "machine": described,
        "engines": engines.about(),
        "missing": engines.missing,
        "settings": asdict(settings),
        "seconds": round(time.perf_counter() - started, 1),
        "data": data,
    }
    for table in results.tables_of(section, results.save(out, section, content)):
        console.print(table.rich())
    return True


if __name__ == "__main__":
    sys.argv[1:] = one_value_each(sys.argv[1:])
    typer.run(main)
