"""How long one image takes: `model(x)`."""

from matplotlib.figure import Figure

from benchmarks import charts, tables
from benchmarks.bench import Bench
from benchmarks.sections import by_model
from benchmarks.sections.by_model import Data
from benchmarks.tables import Table

TITLE = "One image, microseconds of model(x)"


def measure(bench: Bench) -> Data:
    """Call after call on the same image; the median call of each turn."""
    turn = bench.effort.turn / 2
    return by_model.measure(bench, "latency", batch=1, images=1024, turn=turn)


def tables_of(data: Data) -> list[Table]:
    """One row a model; how many times faster than each peer."""
    engines, peers = by_model.engines(data), data["peers"]
    table = Table(TITLE, ["model", *engines, *[f"× {peer}" for peer in peers]])
    for name, record in data["models"].items():
        times = [tables.whole(1e6 * by_model.middle(record, engine)) for engine in engines]
        ratios = [by_model.ratio_cell(record, [peer]) for peer in peers]
        table.rows.append([name, *times, *ratios])
    table.notes = by_model.notes(data)
    return [table]


def figure(data: Data) -> Figure:
    """Microseconds of each engine, on a logarithmic scale."""
    figure = charts.figure(9, 3.8)
    axes = figure.subplots()
    microseconds = {
        engine: [1e6 * by_model.middle(record, engine) for record in data["models"].values()]
        for engine in by_model.engines(data)
    }
    charts.dots(axes, list(data["models"]), microseconds)
    charts.legend(axes)
    axes.set_title("One image: microseconds of model(x)", loc="left", **charts.title())
    return figure
