"""The speeds of every model over several runs, in one table."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks import stats, tables
from benchmarks.goal import Data
from benchmarks.sections import by_model
from benchmarks.sections.training import BATCH
from benchmarks.tables import Table


def table(runs: Sequence[dict[str, Any]]) -> Table:
    """Training, prediction and latency of the models that were measured in every run.

    - `runs`: the sections of each, as `results.load` gives them; those with a section count for it.
    """
    training = _section(runs, "training")
    engines = by_model.engines(training[0]) if training else []
    columns = ["model", *[f"{engine}, images/s" for engine in engines], "× peer"]
    result = Table("Training beside the peers", [*columns, "predicts × peer", "one image × torch"])
    for model in training[0]["models"] if training else []:
        speeds = [
            median(BATCH / by_model.middle(data["models"][model], engine) for data in training)
            for engine in engines
        ]
        cells = [
            _ratio(training, model),
            _ratio(_section(runs, "prediction"), model),
            _ratio(_section(runs, "latency"), model, ["torch"]),
        ]
        result.rows.append([f"`{model}`", *map(tables.whole, speeds), *cells])
    means = [_overall(training), _overall(_section(runs, "prediction")), ""]
    result.rows.append(["geometric mean", *[""] * len(engines), *means])
    result.notes.append(
        f"Medians of {len(training)} runs; in brackets the lowest and the highest run."
    )
    return result


def _section(runs: Sequence[dict[str, Any]], name: str) -> list[Data]:
    return [run[name]["data"] for run in runs if name in run]


def _ratio(section: Sequence[Data], model: str, peers: Sequence[str] | None = None) -> str:
    """How many times faster than the fastest peer: the runs' medians, and their range."""
    values = []
    for data in section:
        chosen = [peer for peer in data["peers"] if peers is None or peer in peers]
        if chosen and model in data["models"]:
            values.append(median(by_model.ratios(data["models"][model], chosen)))
    return tables.times(stats.spread(values)) if values else "–"


def _overall(section: Sequence[Data]) -> str:
    values = [by_model.overall(data, data["peers"]).median for data in section if data["peers"]]
    return tables.times(stats.spread(values)) if values else "–"
