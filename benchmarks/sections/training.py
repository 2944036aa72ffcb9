"""Training throughput of every model, beside the peers and beside the machine's own arithmetic."""

from matplotlib.figure import Figure

from benchmarks import charts, stats, tables
from benchmarks.bench import Bench
from benchmarks.sections import by_model
from benchmarks.sections.by_model import Data
from benchmarks.settings import OURS
from benchmarks.tables import Table
from minicnn import zoo
from minicnn.insight.profiling import training_flops

TITLE = "Training, batch 128, images a second"
BATCH = 128


def measure(bench: Bench) -> Data:
    """A full step in float32: forward, loss, backward, Adam; sgemm takes turns with it."""
    turn = bench.effort.turn
    limits = [bench.limit("sgemm", turn)]
    data = by_model.measure(bench, "training", batch=BATCH, images=60_000, turn=turn, limits=limits)
    for name, record in data["models"].items():
        record["flops_per_image"] = training_flops(zoo.build(name))
    return data | {"sgemm_flops": bench.work("sgemm")}


def shares_of_peak(data: Data, model: str) -> list[float]:
    """By round, our arithmetic per second as a share of the sgemm's of the same round."""
    record = data["models"][model]
    work = BATCH * record["flops_per_image"] / data["sgemm_flops"]
    return [work * one["sgemm"] / one[OURS] for one in record["rounds"]]


def tables_of(data: Data) -> list[Table]:
    """One row a model, and the geometric mean."""
    engines, peers = by_model.engines(data), data["peers"]
    table = Table(TITLE, ["model", *engines, "× the faster peer", "GFLOP/s", "of sgemm"])
    for name, record in data["models"].items():
        speeds = {engine: BATCH / by_model.middle(record, engine) for engine in engines}
        table.rows.append(
            [
                name,
                *[tables.whole(speeds[engine]) for engine in engines],
                by_model.ratio_cell(record, peers),
                tables.whole(record["flops_per_image"] * speeds[OURS] / 1e9),
                tables.percent(stats.spread(shares_of_peak(data, name)).median),
            ]
        )
    if peers:
        mean = tables.times(by_model.overall(data, peers))
        table.rows.append(["geometric mean", *[""] * len(engines), mean, "", ""])
    table.notes = [*by_model.notes(data), _sgemm_note(data)]
    return [table]


def _sgemm_note(data: Data) -> str:
    seconds = [one["sgemm"] for record in data["models"].values() for one in record["rounds"]]
    middle, low, high = stats.spread(data["sgemm_flops"] / s / 1e9 for s in seconds)
    return (
        f"sgemm in turn with the engines: {middle:.0f} GFLOP/s ({low:.0f}–{high:.0f}). Arithmetic: "
        "the products of forward, weight gradient and input gradient, the first layer without the "
        "last, by the plain formula: those that an engine knows to be zero and skips count too."
    )


def figure(data: Data) -> Figure:
    """Images a second of each engine, and our share of the machine's arithmetic."""
    figure = charts.figure(9, 6.4)
    top, bottom = figure.subplots(2, 1, height_ratios=(2, 1))
    models = list(data["models"])
    charts.speeds_by_model(top, data, BATCH)
    top.set_title("Training: images a second, batch 128", loc="left", **charts.title())
    shares = [stats.spread(shares_of_peak(data, model)) for model in models]
    charts.bars(bottom, models, {OURS: [share.median for share in shares]})
    bottom.yaxis.set_major_formatter(charts.percent)
    bottom.set_ylim(0, max(1.0, *(share.median for share in shares)))
    bottom.set_title(
        "minicnn's arithmetic as a share of the machine's sgemm", loc="left", **charts.title()
    )
    return figure
