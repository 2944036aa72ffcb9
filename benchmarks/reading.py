"""How many strings of digits are read right: ``python -m benchmarks.reading``, see `--help`.

Every string is composed at random of MNIST's *test* digits (`minicnn.reader.canvas.handwritten`):
size, slant, slope, pen, paper and light differ from string to string. With `--training` of training
digits instead: that is what the reader was tuned on. Last come as many pictures without any digit
(`benchmarks.synthesis.doodles`), which it should refuse.
"""

import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

import minicnn as mc
from benchmarks import machine
from benchmarks.synthesis.doodles import doodle
from benchmarks.tables import Table
from minicnn.data import Dataset
from minicnn.errors import PictureError
from minicnn.experiments.opening import SHIPPED
from minicnn.plain_data import write_json
from minicnn.reader import canvas

Figure = dict[str, Any]

GOALS: dict[float | None, float] = {4.0: 0.97, 0.0: 0.90, -2.0: 0.60}
"""For each gap in pixels of MNIST's frame, the share of strings that is to be right."""


def strings(
    data: Dataset, gap: float, count: int, digits: int = 5, seed: int = 0
) -> list[tuple[np.ndarray, str]]:
    """Pictures of strings, uint8, and what is written on each."""
    rng = np.random.default_rng([seed, round(10 * gap) + 1000])
    made = []
    for _ in range(count):
        chosen = rng.choice(len(data), digits, replace=False)
        ink = canvas.handwritten(data.images[chosen], rng, gap).max(axis=0)
        text = "".join(data.class_names[label] for label in data.labels[chosen])
        made.append((canvas.paint(ink, rng), text))
    return made


def doodles(count: int, seed: int = 0) -> list[tuple[np.ndarray, str]]:
    """Pictures without any digit, uint8, and that nothing is written on each."""
    rng = np.random.default_rng([seed, 1])
    return [(canvas.paint(doodle(rng), rng), "") for _ in range(count)]


def read(model: object, pictures: list[tuple[np.ndarray, str]], expect: int | None) -> list[str]:
    """What the reader makes of each; nothing where it finds none."""
    answers = []
    for picture, _ in track(pictures, console=Console(stderr=True), transient=True):
        try:
            answers.append(mc.read_digits(model, picture, expect=expect).text)
        except PictureError:
            answers.append("")
    return answers


def measured(
    model: object, pictures: list[tuple[np.ndarray, str]], expect: int | None = None
) -> dict[str, float]:
    """The share that is read right, that has as many digits as are read, and seconds a picture."""
    started = time.perf_counter()
    answers = read(model, pictures, expect)
    seconds = (time.perf_counter() - started) / len(pictures)
    pairs = [(answer, text) for answer, (_, text) in zip(answers, pictures, strict=True)]
    return {
        "right": float(np.mean([answer == text for answer, text in pairs])),
        "parted": float(np.mean([len(answer) == len(text) for answer, text in pairs])),
        "seconds": seconds,
    }


def table_of(count: int, figures: list[Figure]) -> Table:
    """The shares that are read right, beside their goals; `count` pictures of each kind."""
    columns = ["gap", "pictures", "right", "goal", "as many digits", "ms"]
    table = Table("Strings of 5 digits", columns)
    for found in figures:
        gap, goal = found["gap"], GOALS.get(found["gap"])
        what = "no digits" if gap is None else f"{gap:g} px"
        shares = [f"{found['right']:.1%}", "" if goal is None else f"{goal:.0%}"]
        shares += [f"{found['parted']:.1%}", f"{1000 * found['seconds']:.0f}"]
        table.rows.append([what, f"{count:,}", *shares])
    return table


def main(
    run: Annotated[
        Path | None,
        typer.Argument(help="The folder of a run, or a model's file; the shipped one by default."),
    ] = None,
    count: Annotated[int, typer.Option("--strings", help="Strings for each gap.")] = 1000,
    expect: Annotated[bool, typer.Option("--expect", help="Say that they have 5 digits.")] = False,
    training: Annotated[
        bool, typer.Option("--training", help="Of training digits, to tune with.")
    ] = False,
    seed: int = 0,
    out: Annotated[Path | None, typer.Option(help="A file of JSON for the figures.")] = None,
) -> None:
    """Read strings of five digits, with 4 pixels between them, touching, and overlapping by 2."""
    train, test = mc.data.mnist()
    model, data = mc.open_model(run or SHIPPED), train if training else test
    figures: list[Figure] = []
    for gap in GOALS:
        found = measured(model, strings(data, gap, count, seed=seed), 5 if expect else None)
        figures.append({"gap": gap, **found})
    figures.append({"gap": None, **measured(model, doodles(count, seed))})
    table_of(count, figures).show(markdown=False)
    if out is not None:
        about = {
            "model": (run or SHIPPED).name,
            "strings": count,
            "training": training,
            "expect": expect,
        }
        described = machine.describe("python -m benchmarks.reading")
        write_json(out, {"machine": described, **about, "figures": figures})


if __name__ == "__main__":
    typer.run(main)
