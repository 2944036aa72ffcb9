"""How cost grows: with the batch, the size of the image, its channels, and the number of images."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks import charts, stats, tables
from benchmarks.bench import Bench
from benchmarks.engines import Engine
from benchmarks.peers.protocol import Task
from benchmarks.sections import by_model
from benchmarks.sections.by_model import Data
from benchmarks.sections.memory import over_data, training_memory
from benchmarks.settings import OURS
from benchmarks.tables import Table
from benchmarks.turns import contest, steps_for
from minicnn import zoo
from minicnn.insight.profiling import activation_bytes, column_bytes, training_flops

TITLE = "Growth of cnn_classic"
MODEL = "cnn_classic"
BATCH = 128
MEMORY_STEPS = 3
SOME_IMAGES = 4096
"""Enough for larger images, which would not fit in memory all at once."""


def measure(bench: Bench) -> Data:
    """Throughput by batch, side and channels; memory by batch; time by number of images."""
    effort = bench.effort
    engines = bench.contestants()
    tasks = {
        "batch": [Task("training", MODEL, batch) for batch in effort.batches],
        "side": [_pictured(side, 1) for side in effort.sides],
        "channels": [_pictured(28, channels) for channels in effort.channels],
    }
    data: Data = {
        axis: [
            _throughput(bench, engines, task)
            for task in bench.each(several, lambda task: f"{task.batch} × {task.image}")
        ]
        for axis, several in tasks.items()
    }
    data["images"] = _by_images(engines[0])
    data["memory"] = [
        {"engine": name, "batch": batch, **_memory(name, batch)}
        for name in bench.each([OURS, *bench.peers()])
        for batch in effort.memory_batches
    ]
    model = zoo.build(MODEL)
    return data | {
        "peers": bench.peers(),
        "activation_bytes": activation_bytes(model),
        "column_bytes": column_bytes(model),
    }


def _pictured(side: int, channels: int) -> Task:
    return Task("training", MODEL, BATCH, (side, side, channels), SOME_IMAGES)


def _throughput(bench: Bench, engines: Sequence[Engine], task: Task) -> dict[str, Any]:
    record = contest(
        engines,
        task,
        turn=bench.effort.turn,
        rounds=bench.effort.growth_rounds,
        tryouts=0,
        say=bench.say,
    )
    return record | {"flops_per_image": training_flops(zoo.build(MODEL, task.image))}


def _by_images(engine: Engine) -> list[dict[str, float]]:
    """Our time for more and more images, in one run each."""
    task = Task("training", MODEL, BATCH)
    handle = engine.prepare(task, engine.ways(task.kind)[0])
    step = engine.run(handle, 5)
    most = steps_for(4.0, step, task.most_steps)
    counts = [max(most * part // 8, 1) for part in (1, 2, 4, 8)]
    seconds = [count * engine.run(handle, count) for count in counts]
    engine.forget()
    return [
        {"images": BATCH * count, "seconds": one}
        for count, one in zip(counts, seconds, strict=True)
    ]


def _memory(name: str, batch: int) -> dict[str, int]:
    return training_memory(name, Task("training", MODEL, batch), MEMORY_STEPS)


# ------------------------------------------------------------------ what the figures say


def speed(record: Data, engine: str) -> float:
    """Images a second."""
    return float(record["task"]["batch"]) / by_model.middle(record, engine)


def speed_against_128(data: Data, batch: int) -> float | None:
    """Our throughput at this batch over that at 128; None if one was not measured."""
    speeds = {record["task"]["batch"]: speed(record, OURS) for record in data["batch"]}
    return speeds[batch] / speeds[BATCH] if batch in speeds and BATCH in speeds else None


def memory_line(data: Data, engine: str = OURS) -> tuple[float, float, float]:
    """Bytes for each further image of the batch, bytes for none, and R² of the straight line."""
    sizes = [sizes for sizes in data["memory"] if sizes["engine"] == engine]
    return stats.line_through([s["batch"] for s in sizes], [over_data(s) for s in sizes])


def images_line(data: Data) -> tuple[float, float, float]:
    """Seconds an image, seconds for none, and R² of the straight line."""
    points = data["images"]
    return stats.line_through([p["images"] for p in points], [p["seconds"] for p in points])


# ------------------------------------------------------------------ tables and pictures


def tables_of(data: Data) -> list[Table]:
    """Throughput by batch, side and channels, then memory."""
    engines = by_model.engines(data)
    return [
        _speed_table("batch", data["batch"], engines, lambda task: str(task["batch"])),
        _speed_table(
            "image", data["side"], engines, lambda task: "×".join(map(str, task["image"]))
        ),
        _speed_table(
            "channels", data["channels"], engines, lambda task: "×".join(map(str, task["image"]))
        ),
        _memory_table(data, engines),
    ]


def _speed_table(axis: str, records: list[Data], engines: list[str], name: Any) -> Table:
    table = Table(f"{TITLE}: images a second by {axis}", [axis, *engines, "MFLOP/image", "GFLOP/s"])
    for record in records:
        flops = record["flops_per_image"]
        speeds = [speed(record, engine) for engine in engines]
        rates = [f"{flops / 1e6:.1f}", tables.whole(flops * speeds[0] / 1e9)]
        table.rows.append([name(record["task"]), *map(tables.whole, speeds), *rates])
    table.notes = [f"GFLOP/s are those of {OURS}."]
    return table


def _memory_table(data: Data, engines: list[str]) -> Table:
    batches = sorted({sizes["batch"] for sizes in data["memory"]})
    table = Table(f"{TITLE}: peak memory over imports and data, MB", ["batch", *engines])
    sizes = {(s["engine"], s["batch"]): over_data(s) / 1e6 for s in data["memory"]}
    for batch in batches:
        table.rows.append([str(batch), *[tables.whole(sizes[e, batch]) for e in engines]])
    slope, _, fit = memory_line(data)
    per_image, _, images_fit = images_line(data)
    table.notes = [
        f"{OURS}: {slope / 1e3:.0f} kB for each further image of the batch (R² {fit:.4f}); its "
        f"activations are {data['activation_bytes'] / 1e3:.0f} kB, the columns of its larger "
        f"convolution would be {data['column_bytes'] / 1e3:.0f} kB.",
        f"{OURS}: {per_image * 1e6:.1f} µs for each further image trained (R² {images_fit:.4f}).",
    ]
    return table


def figure(data: Data) -> Figure:
    """Four pictures: throughput and memory by batch, time by image size and by channels."""
    figure = charts.figure(9.5, 7)
    (batch, memory), (side, channels) = figure.subplots(2, 2)
    engines = by_model.engines(data)
    _draw_batches(batch, data, engines)
    _draw_memory(memory, data, engines)
    _draw_times(side, data["side"], engines, 0, "side of the image")
    _draw_times(channels, data["channels"], engines, 2, "channels of the image")
    charts.common_legend(figure, channels)
    return figure


def _draw_batches(axes: Axes, data: Data, engines: list[str]) -> None:
    batches = [record["task"]["batch"] for record in data["batch"]]
    for engine in engines:
        charts.line(axes, batches, [speed(r, engine) for r in data["batch"]], engine, label=engine)
    charts.doubling(axes, batches)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(charts.plain)
    axes.set_xlabel("batch", **charts.words())
    axes.set_title("Images a second", loc="left", **charts.title())


def _draw_memory(axes: Axes, data: Data, engines: list[str]) -> None:
    for engine in engines:
        sizes = [s for s in data["memory"] if s["engine"] == engine]
        megabytes = [over_data(s) / 1e6 for s in sizes]
        charts.line(axes, [s["batch"] for s in sizes], megabytes, engine, label=engine)
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.yaxis.set_major_formatter(charts.plain)
    axes.set_xlabel("batch", **charts.words())
    axes.set_title("Peak MB over imports and data", loc="left", **charts.title())


def _draw_times(
    axes: Axes, records: list[Data], engines: list[str], dimension: int, label: str
) -> None:
    """Microseconds an image; dotted, what our first point becomes if only arithmetic counted."""
    xs = [record["task"]["image"][dimension] for record in records]
    for engine in engines:
        charts.line(axes, xs, [1e6 / speed(r, engine) for r in records], engine, label=engine)
    first = records[0]
    ideal = [
        1e6 / speed(first, OURS) * r["flops_per_image"] / first["flops_per_image"] for r in records
    ]
    axes.plot(xs, ideal, color=charts.FAINT, linestyle=":", label="in step with the arithmetic")
    charts.doubling(axes, xs)
    charts.logarithmic(axes, "y")
    axes.set_xlabel(label, **charts.words())
    axes.set_title("Microseconds an image", loc="left", **charts.title())
