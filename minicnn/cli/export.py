"""``minicnn export``."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from minicnn.cli.app import DataOption, JsonOption, ModelArgument, PrefixOption, app, show_facts


class Format(StrEnum):
    """The kinds of files, by the ending of their names."""

    keras = "keras"
    h5 = "h5"
    onnx = "onnx"
    tflite = "tflite"


@app.command()
def export(
    to: Annotated[Format, typer.Option(help="What to write.")],
    run: ModelArgument = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Quantise to 8 bits (tflite): a quarter of the size.")
    ] = False,
    insist: Annotated[
        bool, typer.Option("--insist", help="Keep a file of 8 bits even if it reads worse.")
    ] = False,
    logits: Annotated[
        bool, typer.Option("--logits", help="End before the softmax instead of in probabilities.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="The file; model.keras, … in RUN if not given.")
    ] = None,
    data: DataOption = None,
    prefix: PrefixOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a trained model for Keras, ONNX or TensorFlow Lite, and check it on test pictures."""
    from minicnn.bridge.export import export as export_model
    from minicnn.experiments.opening import SHIPPED, open_trained

    path = out or _default(run or Path(SHIPPED.name), to, int8)
    if path.suffix != f".{to}":
        raise typer.BadParameter(f"--out {path}: the name must end in .{to}")
    found = open_trained(run or SHIPPED)
    pictures = found.data(data, prefix)
    result = export_model(
        found.model, path, softmax=not logits, int8=int8, insist=insist, data=pictures
    )
    if as_json:
        print(json.dumps(result.to_dict(), indent=2))
        return
    show_facts(
        [
            ("file", str(path)),
            ("size", f"{result.bytes / 1024:,.0f} KB"),
            ("checked in", f"{result.engine}, on {result.images:,} test pictures"),
            ("same class", f"{100 * result.agreement:.2f} %"),
            ("largest difference", f"{result.largest_difference:.1e} of a probability"),
            (
                "accuracy",
                f"{result.accuracy:.4f}, minicnn's {result.model_accuracy:.4f} "
                f"({result.lost} lost, {result.gained} gained)",
            ),
        ]
    )


def _default(run: Path, to: Format, int8: bool) -> Path:
    """Return a name inside the run's folder, or beside the model's file."""
    file = run / "model.npz" if run.is_dir() else run
    return file.with_name(f"{file.stem}{'-int8' if int8 else ''}.{to}")
