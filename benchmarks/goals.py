"""What minicnn is to reach, and what was measured, in one run or over several."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from benchmarks import stats, tables
from benchmarks.goal import Data, Goal
from benchmarks.sections import by_model, growth, memory, startup, time_to_accuracy, training
from benchmarks.settings import OURS
from benchmarks.tables import Table


def _mean_ratio(data: Data) -> float | None:
    return by_model.overall(data, data["peers"]).median if data["peers"] else None


def _lowest_ratio(peers: Callable[[Data], list[str]]) -> Callable[[Data], float | None]:
    def value(data: Data) -> float | None:
        chosen = [peer for peer in peers(data) if peer in data["peers"]]
        if not chosen:
            return None
        ratios = [by_model.ratios(record, chosen) for record in data["models"].values()]
        return min(median(values) for values in ratios)

    return value


_slowest_ratio = _lowest_ratio(lambda data: data["peers"])


def _share_of_sgemm(data: Data) -> float | None:
    if "cnn_classic" not in data["models"]:
        return None
    return median(training.shares_of_peak(data, "cnn_classic"))


def _start(name: str) -> Callable[[Data], float | None]:
    def value(data: Data) -> float | None:
        return median(data["seconds"][name]) if name in data["seconds"] else None

    return value


def _memory_share(part: Callable[[dict[str, int]], int]) -> Callable[[Data], float | None]:
    def value(data: Data) -> float | None:
        engines = data["engines"]
        return part(engines[OURS]) / part(engines["keras"]) if "keras" in engines else None

    return value


def _inverse_time_ratio(data: Data) -> float | None:
    ratio = time_to_accuracy.ratio(data) if data["target"] == 0.99 else None
    return 1 / ratio if ratio else None


GOALS = [
    Goal("training", "training, geometric mean × the faster peer", 2.0, _mean_ratio, tables.times),
    Goal("training", "training, the least of the models", 1.5, _slowest_ratio, tables.times),
    Goal("training", "cnn_classic's share of sgemm", 0.6, _share_of_sgemm, tables.percent),
    Goal("prediction", "prediction, the least of the models", 1.5, _slowest_ratio, tables.times),
    Goal("latency", "one image, × Keras", 5.0, _lowest_ratio(lambda _: ["keras"]), tables.times),
    Goal("latency", "one image, × PyTorch", 1.0, _lowest_ratio(lambda _: ["torch"]), tables.times),
    Goal(
        "time_to_accuracy",
        "time to 99.0 %, share of Keras's",
        1 / 3,
        _inverse_time_ratio,
        tables.percent,
        at_least=False,
    ),
    *[
        Goal("startup", name, limit, _start(name), tables.seconds, at_least=False)
        for name, limit in {
            "import minicnn": 0.3,
            "minicnn --help": 0.4,
            startup.FIRST_EVER: 20.0,
            startup.LATER: 1.5,
        }.items()
    ],
    Goal(
        "memory",
        "peak memory over import, share of Keras's",
        0.5,
        _memory_share(memory.over_import),
        tables.percent,
        at_least=False,
    ),
    Goal(
        "memory",
        "the same without the data",
        0.5,
        _memory_share(memory.over_data),
        tables.percent,
        at_least=False,
    ),
    *[
        Goal(
            "growth",
            f"throughput at batch {batch:,} over that at 128",
            1.0,
            lambda data, batch=batch: growth.speed_against_128(data, batch),  # type: ignore[misc]
            tables.times,
        )
        for batch in (1024, 4096)
    ],
    Goal(
        "growth",
        "peak memory, R² of a line through the batches",
        0.99,
        lambda data: growth.memory_line(data)[2],
        "{:.4f}".format,
    ),
    Goal(
        "growth",
        "time, R² of a line through the images",
        0.99,
        lambda data: growth.images_line(data)[2],
        "{:.4f}".format,
    ),
]


def table(runs: Sequence[dict[str, Any]]) -> Table:
    """Every goal that was measured; over several runs the median and the range."""
    result = Table("Goals", ["figure", "goal", "measured", "met"])
    for goal in GOALS:
        found = [goal.value(run[goal.of]["data"]) for run in runs if goal.of in run]
        values = [value for value in found if value is not None]
        if values:
            row = [goal.figure, goal.limit_text, _measured(goal, values)]
            result.rows.append([*row, goal.verdict(median(values))])
    if len(runs) > 1:
        result.notes.append(f"Median of {len(runs)} runs; in brackets the lowest and the highest.")
    return result


def _measured(goal: Goal, values: Sequence[float]) -> str:
    middle, low, high = map(goal.text, stats.spread(values))
    return middle if low == high else f"{middle} ({low} – {high})"
