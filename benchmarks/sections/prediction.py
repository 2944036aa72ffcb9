"""Prediction throughput of every model in large batches."""

from matplotlib.figure import Figure

from benchmarks import charts, tables
from benchmarks.bench import Bench
from benchmarks.sections import by_model
from benchmarks.sections.by_model import Data
from benchmarks.tables import Table

TITLE = "Prediction, batch 512, images a second"
BATCH = 512


def measure(bench: Bench) -> Data:
    """Forward passes over batch after batch."""
    images = 20 * BATCH
    return by_model.measure(bench, "prediction", batch=BATCH, images=images, turn=bench.effort.turn)


def tables_of(data: Data) -> list[Table]:
    """One row a model, and the geometric mean."""
    engines, peers = by_model.engines(data), data["peers"]
    table = Table(TITLE, ["model", *engines, "× the faster peer"])
    for name, record in data["models"].items():
        speeds = [tables.whole(BATCH / by_model.middle(record, engine)) for engine in engines]
        table.rows.append([name, *speeds, by_model.ratio_cell(record, peers)])
    if peers:
        mean = tables.times(by_model.overall(data, peers))
        table.rows.append(["geometric mean", *[""] * len(engines), mean])
    table.notes = by_model.notes(data)
    return [table]


def figure(data: Data) -> Figure:
    """Images a second of each engine."""
    figure = charts.figure(9, 3.8)
    axes = figure.subplots()
    charts.speeds_by_model(axes, data, BATCH)
    axes.set_title("Prediction: images a second, batch 512", loc="left", **charts.title())
    return figure
