"""The command line: ``minicnn`` or ``python -m minicnn``."""

import dataclasses
import io
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from minicnn.errors import MinicnnError

app = typer.Typer(
    name="minicnn",
    help="A convolutional-network engine written from scratch on NumPy and numba.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
DataOption = Annotated[
    Path | None, typer.Option("--data", help="A directory of IDX files; MNIST if not given.")
]


def main() -> None:
    """Run the command; a mistake of the user is one line and exit code 2, never a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal without "─" shows "?"
        sys.stdout.reconfigure(errors="replace")
    try:
        app()
    except (MinicnnError, OSError) as error:  # of the system: a path too long, a disk full
        print(f"minicnn: {error}", file=sys.stderr)
        raise SystemExit(2) from None


@app.command()
def models(as_json: JsonOption = False) -> None:
    """List the named models with their sizes and recipes."""
    from minicnn import zoo

    rows = {
        name: {
            "about": entry.about,
            "parameters": zoo.build(name).parameter_count(),
            **dataclasses.asdict(entry.recipe),
        }
        for name, entry in zoo.MODELS.items()
    }
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    table = Table(box=None, header_style="bold")
    for column in ("model", "parameters", "optimizer", "rate", "batch", "epochs", "what it is"):
        table.add_column(column, justify="right" if column in _NUMBERS else "left")
    for name, row in rows.items():
        cells = [name, f"{row['parameters']:,}", row["optimizer"], f"{row['lr']:g}"]
        table.add_row(*cells, str(row["batch_size"]), str(row["epochs"]), row["about"])
    _print(table)


_NUMBERS = ("parameters", "rate", "batch", "epochs")


@app.command()
def summary(
    model: Annotated[
        str, typer.Argument(help="A model's name (`minicnn models`) or a run folder.")
    ],
) -> None:
    """Show a model layer by layer."""
    from minicnn import runs, zoo

    is_run = model not in zoo.MODELS and Path(model).is_dir()
    print((runs.Run.opened(model).model() if is_run else zoo.build(model)).summary())


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
    }
    if resume:
        if out is None:
            raise typer.BadParameter("--resume needs --out, the folder of the run to go on with")
        settings = runs.Settings.of_run(out, **changes)
    else:
        settings = runs.Settings.of(**{"model": "cnn_classic", **runs.given(changes)})
    folder = out or runs.free_folder(settings.model)
    metrics = runs.train(settings, folder, resume).metrics()
    if as_json:
        print(json.dumps({"run": str(folder), **metrics}, indent=2))
    else:
        _show_run(folder, metrics)
    if metrics["interrupted"]:
        raise SystemExit(130)


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
    _print(table)
    if metrics["interrupted"]:
        print(f"\nStopped early. To go on:  minicnn train --out {name} --resume")
    print(f"\nNext:  minicnn evaluate {name}    minicnn summary {name}    minicnn models")
    print("Look: ", *sorted(folder.glob("*.png")), sep="  ")


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a trained model on the test set."""
    from minicnn import metrics, runs
    from minicnn.training import evaluate as evaluate_model

    opened = runs.Run.opened(run)
    model = opened.model()
    _, test = runs.load_data(opened.settings.data if data is None else str(data))
    result = evaluate_model(model, test)
    predictions = result.probabilities.argmax(axis=1)
    right = int((predictions == result.labels).sum())
    interval = metrics.wilson_interval(right, len(result.labels))
    # The model's classes, of which the data need not have all.
    names = model.class_names or test.class_names
    report = metrics.classification_report(result.labels, predictions, names)
    if as_json:
        figures = {
            "test_accuracy": result.accuracy,
            "test_loss": result.loss,
            "images": len(result.labels),
            "interval": [interval.low, interval.high],
            "confusion": metrics.confusion_matrix(result.labels, predictions, len(names)).tolist(),
        }
        print(json.dumps(figures, indent=2))
        return
    print(report)
    print(f"\n{result}")
    print(f"95 % interval of the accuracy: {interval.low:.4f} to {interval.high:.4f}")


def _print(table: Table) -> None:
    # Wider than any table: the terminal may wrap a path, but cutting it in two would spoil it.
    Console(width=10_000, soft_wrap=True, markup=False).print(table)
