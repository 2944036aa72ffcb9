"""``minicnn train``."""

import contextlib
import json
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from minicnn.cli.app import JsonOption, app, show, show_facts
from minicnn.cli.setting_options import with_settings
from minicnn.experiments.settings import Settings, given, read_config
from minicnn.files import folder_for

if TYPE_CHECKING:
    from minicnn.web.live.view import LiveView


@app.command()
@with_settings(Settings)
def train(
    settings: dict[str, Any],
    model: Annotated[
        str | None, typer.Argument(help="One of `minicnn models`; cnn_classic if not given.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The run's folder; runs/MODEL-1, -2, … if not given.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="A JSON file of settings, such as a run's config.json or the best.json of "
            "`minicnn tune`; options given here win over it."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the stopped run in --out.")
    ] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Show the training on a page in the browser.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Of that page; 8001 if not given, 0 for a free one."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model, measure it on the test set, and write a run folder."""
    from minicnn.experiments import runs

    changes = _changes(given({"model": model, **settings}))
    if config is not None:
        changes = {**read_config(config), **changes}
    if resume:
        if out is None:
            raise typer.BadParameter("--resume needs --out, the folder of the run to go on with")
        begun = runs.Run.opened(out)
        chosen = begun.changed(**_augmented(changes, begun.settings.model))
    else:
        name = changes.pop("model", "cnn_classic")
        chosen = Settings.of(name, **_augmented(changes, name))
    with folder_for(out, Path("runs", chosen.model)) as folder:
        _train(chosen, folder, resume, live, port, as_json)


def _train(
    settings: Settings, folder: Path, resume: bool, live: bool, port: int | None, as_json: bool
) -> None:
    from minicnn.experiments import runs

    if settings.own_code is not None and not as_json:
        _show_parts(settings.own_code, settings.through)
    with _watched(live, port, f"{settings.model} · {folder}") as watchers:
        metrics = runs.train(settings, folder, resume, watchers=watchers).metrics()
        for view in watchers:
            view.end("interrupted" if metrics["interrupted"] else "ended", metrics=metrics)
    if as_json:
        print(json.dumps({"run": str(folder), **metrics}, indent=2))
    else:
        _show_run(folder, metrics)
    if metrics["interrupted"]:
        raise SystemExit(130)


@contextlib.contextmanager
def _watched(live: bool, port: int | None, title: str) -> Iterator[list["LiveView"]]:
    """Yield the callback behind the live page, if it is wanted; print its address to stderr."""
    if not live:
        if port is not None:
            raise typer.BadParameter("--port is for the page of --live")
        yield []
        return
    from minicnn.bridge.extras import required

    for package in ("fastapi", "uvicorn"):
        required(package, "web")
    from minicnn.web.live.watch import PORT, watch

    def ready(address: str) -> None:
        print(f"The training is shown at {address} until it ends.", file=sys.stderr, flush=True)

    with watch(title, PORT if port is None else port, ready) as view:
        yield [view]


def _changes(given: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that options stand for: paths whole, names for classes out of their
    file.
    """
    from minicnn.data.class_names import read_names

    changes = dict(given)
    if "data" in given:
        changes["data"] = os.path.abspath(given["data"])
    if "classes" in given:
        changes["classes"] = ",".join(read_names(given["classes"]))
    if "own_code" in given:
        changes["own_code"] = _lessons_folder(Path(given["own_code"]))
    return changes


def _augmented(changes: dict[str, Any], model: str) -> dict[str, Any]:
    """Return the same with the setting that --augment or --no-augment stands for, if one was
    given.
    """
    from minicnn import zoo

    if not isinstance(changes.get("augmentation"), bool):
        return changes
    wanted = zoo.augmentation(model) if changes["augmentation"] else zoo.UNMOVED
    return {**changes, "augmentation": wanted}


def _lessons_folder(folder: Path) -> str:
    """Return the student's folder; the word "mine" means the one that the command is called in."""
    from minicnn.learn.workspace import Workspace

    if folder == Path("mine") and not folder.exists():
        folder = Path()
    return str(Workspace.find(folder).folder)


def _show_parts(folder: str, through: int | None) -> None:
    """Whose each function is."""
    from minicnn.learn.inject import parts

    table = Table(box=None, header_style="bold")
    for column in ("lesson", "function", "whose"):
        table.add_column(column)
    for part in parts(folder, through):
        style = "green" if part.whose == "yours" else "dim"
        table.add_row(part.lesson.name, part.exercise.name, part.whose, style=style)
    show(table)
    print()


def _show_run(folder: Path, metrics: dict[str, Any]) -> None:
    name = shlex.quote(str(folder))
    facts = [
        ("test accuracy", f"{metrics['test_accuracy']:.4f}"),
        ("test loss", f"{metrics['test_loss']:.4f}"),
    ]
    if "validation_accuracy" in metrics:
        best = f"{metrics['validation_accuracy']:.4f}, in epoch {metrics['best_epoch']}"
        facts.append(("validation", best))
    facts += [
        ("parameters", f"{metrics['parameters']:,}"),
        ("seconds", f"{metrics['seconds']:.1f}"),
        ("run folder", str(folder)),
    ]
    show_facts(facts)
    if metrics["interrupted"]:
        print(f"\nStopped early. To go on:  minicnn train --out {name} --resume")
    print(f"\nNext:  minicnn evaluate {name}    minicnn summary {name}    minicnn models")
    print("Look: ", *sorted(folder.glob("*.png")), sep="  ")
