"""``minicnn train``."""

import json
import os
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from minicnn.cli.app import DataOption, JsonOption, app, show


@app.command()
def train(
    model: Annotated[
        str | None, typer.Argument(help="One of `minicnn models`; cnn_classic if not given.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the training set.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images per step.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="adam, adamw or sgd.")] = None,
    lr: Annotated[
        float | None, typer.Option(help="Learning rate (the peak of a schedule).")
    ] = None,
    momentum: Annotated[float | None, typer.Option(help="Momentum of sgd.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Decoupled weight decay.")] = None,
    schedule: Annotated[
        str | None, typer.Option(help="constant, step, cosine or one_cycle.")
    ] = None,
    clip_norm: Annotated[float | None, typer.Option(help="Longest gradient allowed.")] = None,
    label_smoothing: Annotated[
        float | None, typer.Option(min=0, max=0.99, help="Share given to all classes.")
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(min=0, max=0.99, help="Share of the training set held out; 0 for none."),
    ] = None,
    patience: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many epochs without progress.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed gives the same run.")
    ] = None,
    data: DataOption = None,
    kernels: Annotated[str | None, typer.Option(help="fast or reference.")] = None,
    own_code: Annotated[
        Path | None,
        typer.Option("--with", help="Your folder of lessons: train with your own functions."),
    ] = None,
    through: Annotated[
        int | None, typer.Option(min=1, help="With those of the lessons up to this one.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The run's folder; runs/MODEL-1, -2, … if not given.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the stopped run in --out.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a model, measure it on the test set, and write a run folder."""
    from minicnn import runs

    changes: dict[str, Any] = {
        "model": model,
        "epochs": epochs,
        "batch_size": batch_size,
        "optimizer": optimizer,
        "lr": lr,
        "momentum": momentum,
        "weight_decay": weight_decay,
        "schedule": schedule,
        "clip_norm": clip_norm,
        "label_smoothing": label_smoothing,
        "validation": validation,
        "patience": patience,
        "seed": seed,
        "data": None if data is None else os.path.abspath(data),
        "kernels": kernels,
        "own_code": None if own_code is None else _lessons_folder(own_code),
        "through": through,
    }
    if resume:
        if out is None:
            raise typer.BadParameter("--resume needs --out, the folder of the run to go on with")
        settings = runs.Settings.of_run(out, **changes)
    else:
        settings = runs.Settings.of(**{"model": "cnn_classic", **runs.given(changes)})
    folder = out or runs.free_folder(settings.model)
    if settings.own_code is not None and not as_json:
        _show_parts(settings.own_code, settings.through)
    metrics = runs.train(settings, folder, resume).metrics()
    if as_json:
        print(json.dumps({"run": str(folder), **metrics}, indent=2))
    else:
        _show_run(folder, metrics)
    if metrics["interrupted"]:
        raise SystemExit(130)


def _lessons_folder(folder: Path) -> str:
    """The student's folder; the word "mine" means the one that the command is called in."""
    from minicnn.learn.workspace import Workspace

    if folder == Path("mine") and not folder.exists():
        folder = Path()
    return str(Workspace.find(folder).folder)


def _show_parts(folder: str, through: int | None) -> None:
    """Whose each function is."""
    from minicnn.learn.own_code import parts

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
    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    table.add_row("test accuracy", f"{metrics['test_accuracy']:.4f}")
    table.add_row("test loss", f"{metrics['test_loss']:.4f}")
    if "validation_accuracy" in metrics:
        best = f"{metrics['validation_accuracy']:.4f}, best in epoch {metrics['best_epoch']}"
        table.add_row("validation", best)
    table.add_row("parameters", f"{metrics['parameters']:,}")
    table.add_row("seconds", f"{metrics['seconds']:.1f}")
    table.add_row("run folder", str(folder))
    show(table)
    if metrics["interrupted"]:
        print(f"\nStopped early. To go on:  minicnn train --out {name} --resume")
    print(f"\nNext:  minicnn evaluate {name}    minicnn summary {name}    minicnn models")
    print("Look: ", *sorted(folder.glob("*.png")), sep="  ")
