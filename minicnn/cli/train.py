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

from minicnn.cli.app import ClassesOption, DataOption, JsonOption, app, show, show_facts

if TYPE_CHECKING:
    from minicnn.data.augmentation import Augmentation
    from minicnn.web.live.view import LiveView


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
        str | None, typer.Option(help="constant, step_decay, cosine or one_cycle.")
    ] = None,
    clip_norm: Annotated[float | None, typer.Option(help="Longest gradient allowed.")] = None,
    label_smoothing: Annotated[
        float | None, typer.Option(min=0, max=0.99, help="Share given to all classes.")
    ] = None,
    augment: Annotated[
        bool | None,
        typer.Option("--augment/--no-augment", help="Change the training pictures at random."),
    ] = None,
    ema: Annotated[
        float | None,
        typer.Option(min=0, max=0.99999, help="Decay of a running mean of the weights."),
    ] = None,
    tta: Annotated[
        int | None, typer.Option(min=1, max=9, help="Views of a test picture to average over.")
    ] = None,
    keep: Annotated[
        str | None, typer.Option(help="The weights to end with: of the best epoch or the last.")
    ] = None,
    dropout: Annotated[
        float | None, typer.Option(min=0, max=0.99, help="Rate of the model's dropout layers.")
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
    classes: ClassesOption = None,
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
    from minicnn.data.class_names import read_names
    from minicnn.experiments import runs
    from minicnn.experiments.settings import Settings, given, read_config

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
        "dropout": dropout,
        "ema": ema,
        "tta": tta,
        "keep": keep,
        "validation": validation,
        "patience": patience,
        "seed": seed,
        "data": None if data is None else os.path.abspath(data),
        "classes": None if classes is None else ",".join(read_names(classes)),
        "kernels": kernels,
        "own_code": None if own_code is None else _lessons_folder(own_code),
        "through": through,
    }
    if config is not None:
        changes = {**read_config(config), **given(changes)}
    if resume:
        if out is None:
            raise typer.BadParameter("--resume needs --out, the folder of the run to go on with")
        begun = runs.Run.opened(out).settings.model
        changes |= _augmentation(begun, augment)
        settings = runs.settings_of(out, **changes)
    else:
        changes |= _augmentation(changes.get("model") or "cnn_classic", augment)
        settings = Settings.of(**{"model": "cnn_classic", **given(changes)})
    folder = out or runs.free_folder(settings.model)
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
    """The callback behind the page, if it is wanted; where it is comes on the error stream."""
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


def _augmentation(model: str, augment: bool | None) -> "dict[str, Augmentation]":
    """The setting that --augment and --no-augment stand for; without them there is none."""
    from minicnn import zoo
    from minicnn.data.augmentation import Augmentation

    if augment is None:
        return {}
    return {"augmentation": zoo.augmentation(model) if augment else Augmentation()}


def _lessons_folder(folder: Path) -> str:
    """The student's folder; the word "mine" means the one that the command is called in."""
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
