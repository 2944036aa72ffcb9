"""``minicnn profile``: where the time of a training step goes."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from minicnn.cli.app import JsonOption, app, show

if TYPE_CHECKING:
    from minicnn.insight.profiling import Cost, Profile


@app.command()
def profile(
    model: Annotated[
        str, typer.Argument(help="A model's name (`minicnn models`), a run or a model's file.")
    ] = "cnn_classic",
    batch_size: Annotated[int, typer.Option(min=1, help="Images per step.")] = 128,
    kernels: Annotated[str, typer.Option(help="fast or reference.")] = "fast",
    rounds: Annotated[int, typer.Option(min=1, help="Steps that are timed.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Time a training step layer by layer, forward and backward, beside the machine's limits."""
    import numpy as np

    from minicnn import kernels as table
    from minicnn.experiments.opening import named
    from minicnn.insight import profiling

    chosen = named(model).model
    profiling.refuse_too_large(chosen, batch_size)
    images, labels = _batch(chosen.input_shape, batch_size)
    with table.use(kernels), np.errstate(all="ignore"):
        found = profiling.profile(chosen, images, labels, rounds)
    if as_json:
        print(json.dumps(asdict(found), indent=2))
    else:
        show(_table(found))
        _say(found)


def _batch(shape: Any, count: int) -> Any:
    """Digits, which are mostly paper, where the model takes them; else noise."""
    import numpy as np

    from minicnn import data, zoo

    rng = np.random.default_rng(0)
    if shape == zoo.DIGITS:
        train, _ = data.mnist()
        chosen = rng.integers(0, len(train), count)
        return train.scaled(chosen), train.labels[chosen]
    return rng.random((count, *shape), np.float32), np.zeros(count, np.int64)


def _table(found: "Profile") -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column("part")
    table.add_column("direction")
    for column in ("ms", "share", "MFLOP", "GFLOP/s", "of peak", "MB", "GB/s"):
        table.add_column(column, justify="right")
    total = sum(cost.seconds for cost in found.costs)
    for cost in found.costs:
        table.add_row(cost.part, cost.direction, *_figures(cost, total, found.peak_flops))
    return table


def _figures(cost: "Cost", total: float, peak: float) -> list[str]:
    share = [f"{1e3 * cost.seconds:.3f}", f"{cost.seconds / total:.0%}"]
    rate = cost.flops / cost.seconds
    arithmetic = [f"{cost.flops / 1e6:,.0f}", f"{rate / 1e9:,.0f}", f"{rate / peak:.0%}"]
    memory = [f"{cost.bytes / 1e6:.1f}", f"{cost.bytes / cost.seconds / 1e9:.1f}"]
    return [*share, *(arithmetic if cost.flops else [""] * 3), *memory]


def _say(found: "Profile") -> None:
    total = sum(cost.seconds for cost in found.costs)
    speed = found.batch_size / found.step_seconds
    print(
        f"\nParts together {1e3 * total:.2f} ms; the whole step, in one go, "
        f"{1e3 * found.step_seconds:.2f} ms: {speed:,.0f} images a second."
        f"\nPeak: {found.peak_flops / 1e9:.0f} GFLOP/s, NumPy's product of large matrices; copying "
        f"memory {found.peak_bytes / 1e9:.1f} GB/s."
        "\nProducts with a zero that is known before, and skipped, count as done: more than 100 % "
        "is no mistake."
    )
