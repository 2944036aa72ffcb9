"""Peak memory of training, above what the imports take, in a fresh process for each engine."""

from pathlib import Path

from matplotlib.figure import Figure

from benchmarks import charts, tables
from benchmarks.bench import Bench, UnavailableError
from benchmarks.engines import Engine
from benchmarks.peers.protocol import Task
from benchmarks.sections.by_model import Data
from benchmarks.settings import OURS
from benchmarks.tables import Table

TITLE = "Memory of training cnn_classic, batch 128"
STEPS = 30


def measure(bench: Bench) -> Data:
    """All 60,000 images in memory, and so many steps."""
    names = [OURS, *bench.peers()]
    task = Task("training", "cnn_classic", 128)
    return {"engines": {name: training_memory(name, task, STEPS) for name in bench.each(names)}}


def training_memory(name: str, task: Task, steps: int) -> dict[str, int]:
    """Bytes in a fresh process: after import, after the data are read, and at the peaks."""
    if not Path("/proc/self/clear_refs").exists():
        raise UnavailableError("the peak of a process's memory is read from Linux's /proc")
    with Engine(name) as engine:
        imported = engine.memory()
        engine.load(task)
        loaded = engine.memory()
        engine.run(engine.prepare(task, engine.ways(task.kind)[0]), steps)
        trained = engine.memory()
    return {
        "imported": imported["now"],
        "loaded": loaded["now"],
        "peak_loading": loaded["peak"],
        "peak_training": trained["peak"],
    }


def over_import(sizes: dict[str, int]) -> int:
    """The peak of all, above the imports."""
    return max(sizes["peak_loading"], sizes["peak_training"]) - sizes["imported"]


def over_data(sizes: dict[str, int]) -> int:
    """The peak of training, above the imports and the data: what the engine itself takes."""
    return sizes["peak_training"] - sizes["loaded"]


def tables_of(data: Data) -> list[Table]:
    """One row an engine."""
    columns = [
        "engine",
        "imports",
        "data",
        "training",
        "peak over import",
        "× ours",
        "× ours, no data",
    ]
    table = Table(TITLE, columns)
    ours = data["engines"][OURS]
    for name, sizes in data["engines"].items():
        parts = [sizes["imported"], sizes["loaded"] - sizes["imported"], over_data(sizes)]
        ratios = [over_import(sizes) / over_import(ours), over_data(sizes) / over_data(ours)]
        cells = [*map(tables.megabytes, [*parts, over_import(sizes)]), *map(tables.times, ratios)]
        table.rows.append([name, *cells])
    table.notes = [
        "Each keeps the 60,000 images as its users would: minicnn as uint8, the others as float32. "
        "“training” is the peak above imports and data. Peaks are those of Linux (VmHWM)."
    ]
    return [table]


def figure(data: Data) -> Figure:
    """What of the memory is imports, data and training."""
    figure = charts.figure(7, 2.6)
    axes = figure.subplots()
    parts = {
        "imports": [s["imported"] / 1e6 for s in data["engines"].values()],
        "data": [(s["loaded"] - s["imported"]) / 1e6 for s in data["engines"].values()],
        "training, at its peak": [over_data(s) / 1e6 for s in data["engines"].values()],
    }
    charts.stacked_bars(axes, list(data["engines"]), parts)
    charts.common_legend(figure, axes)
    axes.set_title("Memory of training cnn_classic, batch 128, MB", loc="left", **charts.title())
    return figure
