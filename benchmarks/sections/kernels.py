"""Each kernel alone, fast beside reference, against the machine's arithmetic and its memory."""

from dataclasses import replace

from matplotlib.figure import Figure

from benchmarks import charts, stats, tables
from benchmarks.bench import Bench
from benchmarks.kernel_cases import all_cases, without_case
from benchmarks.peers.protocol import Task
from benchmarks.sections.by_model import Data
from benchmarks.tables import Table
from benchmarks.turns import Contender, take_turns

TITLE = "Kernels, batch 128"
SETS = ("fast", "reference")
LIMITS = ("sgemm", "triad")
FAMILIES = {
    "conv2d": "convolution",
    "matmul": "dense",
    "im2col": "columns",
    "col2im": "columns",
    "max_pool2d": "pooling",
    "avg_pool2d": "pooling",
    "batch_norm": "normalisation",
    "moments": "normalisation",
    "softmax": "loss",
    "sgd": "optimizer",
    "adam": "optimizer",
}
"""By the beginning of a kernel's name; the others work element by element."""


def measure(bench: Bench) -> Data:
    """Every case: fast, reference and the machine's limits in turns."""
    engine, effort = bench.engines.get("kernels"), bench.effort
    limits = [bench.limit(kind, effort.kernel_turn) for kind in LIMITS]
    copying = take_turns([bench.limit("copy", effort.kernel_turn)], 5)
    records = []
    cases = list(all_cases(effort.kernel_models).values())
    for case in bench.each(cases, lambda case: case.name):
        task = Task("kernel", case.name)
        contenders = [
            replace(Contender.warmed_up(engine, task, name, effort.kernel_turn), name=name)
            for name in SETS
        ]
        rounds = take_turns([*contenders, *limits], effort.kernel_rounds)
        engine.forget()
        records.append(
            {
                "kernel": case.kernel,
                "shape": case.shape,
                "flops": case.flops,
                "bytes": case.bytes,
                "own": _is_own(engine.about["provenance"][case.kernel]),
                "rounds": rounds,
            }
        )
    return {
        "cases": records,
        "copy": copying,
        "work": {kind: bench.work(kind) for kind in (*LIMITS, "copy")},
        "not_measured": without_case(),
    }


def _is_own(provenance: str) -> bool:
    """Has the fast set a function of its own, or does it take the reference's?"""
    return "reference" not in provenance


# ------------------------------------------------------------------ what the figures say


def seconds(record: Data, name: str) -> float:
    """The median seconds of one call."""
    return stats.spread(stats.column(record["rounds"], name)).median


def rate(data: Data, record: Data, kind: str) -> float:
    """A limit of the machine in the rounds of this kernel: operations or bytes a second."""
    return float(data["work"][kind]) / seconds(record, kind)


def attainable(data: Data, record: Data) -> float:
    """The roofline: the fewest seconds for so much arithmetic and traffic on this machine."""
    arithmetic = record["flops"] / rate(data, record, "sgemm")
    traffic = record["bytes"] / rate(data, record, "triad")
    return float(max(arithmetic, traffic))


def _speed(data: Data, record: Data) -> str:
    """Operations a second, or bytes where the memory is the limit."""
    fast = seconds(record, "fast")
    ridge = rate(data, record, "sgemm") / rate(data, record, "triad")
    if record["flops"] / record["bytes"] >= ridge:
        return f"{record['flops'] / fast / 1e9:.0f} GFLOP/s"
    return f"{record['bytes'] / fast / 1e9:.1f} GB/s"


def tables_of(data: Data) -> list[Table]:
    """One row a kernel and shape."""
    columns = ["kernel", "shape", "fast", "speed", "of the roofline", "reference", "×"]
    table = Table(TITLE, columns)
    for record in data["cases"]:
        fast, reference = seconds(record, "fast"), seconds(record, "reference")
        table.rows.append(
            [
                record["kernel"],
                record["shape"],
                tables.seconds(fast),
                _speed(data, record),
                tables.percent(attainable(data, record) / fast),
                tables.seconds(reference),
                tables.times(reference / fast) if record["own"] else "same",
            ]
        )
    table.notes = _notes(data)
    return [table]


def _notes(data: Data) -> list[str]:
    limits = _limits(data)
    copy = data["work"]["copy"] / stats.spread(stats.column(data["copy"], "copy")).median / 1e9
    notes = [
        f"The machine: sgemm {limits['sgemm']:.0f} GFLOP/s, triad {limits['triad']:.1f} GB/s, copy "
        f"{copy:.1f} GB/s. The roofline is the time that the arithmetic takes at sgemm's "
        "rate, or the traffic (each array once) at the triad's, whichever is longer. Above 100 %: "
        "the arrays stay in cache, or fewer products are needed than counted.",
        "“same”: the fast set takes the reference's function, one small array operation.",
    ]
    if data["not_measured"]:
        notes.append(f"Not measured: {', '.join(data['not_measured'])}.")
    return notes


def _limits(data: Data) -> dict[str, float]:
    """GFLOP/s and GB/s of the machine, the median over all rounds' medians."""
    return {
        kind: stats.spread(rate(data, record, kind) for record in data["cases"]).median / 1e9
        for kind in LIMITS
    }


def _family(kernel: str) -> str:
    return next((name for start, name in FAMILIES.items() if kernel.startswith(start)), "others")


def figure(data: Data) -> Figure:
    """The roofline: arithmetic per second over operations per byte, on logarithmic scales."""
    points: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for record in data["cases"]:
        if record["flops"]:
            speed = record["flops"] / seconds(record, "fast") / 1e9
            kernels = points.setdefault(_family(record["kernel"]), {})
            place = (record["flops"] / record["bytes"], speed)
            kernels.setdefault(record["kernel"], []).append(place)
    figure = charts.figure(9.5, 5.8)
    axes, limits = figure.subplots(), _limits(data)
    charts.roofline(axes, points, limits["sgemm"], limits["triad"])
    axes.set_title("Fast kernels under the machine's roofline", loc="left", **charts.title())
    return figure
