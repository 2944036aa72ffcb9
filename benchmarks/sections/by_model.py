"""What training, prediction and latency have in common: one contest for each model."""

from collections import Counter
from collections.abc import Sequence

from benchmarks import stats, tables
from benchmarks.bench import Bench
from benchmarks.goal import Data
from benchmarks.peers.protocol import Task
from benchmarks.settings import OURS
from benchmarks.turns import Contender, contest


def measure(
    bench: Bench,
    kind: str,
    *,
    batch: int,
    images: int,
    turn: float,
    limits: Sequence[Contender] = (),
) -> Data:
    """The raw figures of every model: seconds of a step, for each engine and round."""
    engines, effort = bench.contestants(), bench.effort
    records = {
        model: contest(
            engines,
            Task(kind, model, batch, images=images),
            turn=turn,
            rounds=effort.rounds,
            tryouts=effort.tryouts,
            say=bench.say,
            limits=limits,
        )
        for model in bench.each(bench.settings.models)
    }
    return {"batch": batch, "peers": bench.peers(), "models": records}


def engines(data: Data) -> list[str]:
    """Our engine and the peers that were measured."""
    return [OURS, *data["peers"]]


def middle(record: Data, engine: str) -> float:
    """The median seconds of a step."""
    return stats.spread(stats.column(record["rounds"], engine)).median


def ratios(record: Data, peers: Sequence[str]) -> list[float]:
    """By round, how many times faster than the faster of these peers."""
    return stats.ratios(record["rounds"], OURS, peers)


def ratio_cell(record: Data, peers: Sequence[str]) -> str:
    """The ratio and its spread, or a dash if there is no peer."""
    return tables.times(stats.spread(ratios(record, peers))) if peers else "–"


def overall(data: Data, peers: Sequence[str]) -> stats.Spread:
    """The geometric mean over the models, and its range from round to round."""
    by_model = [ratios(record, peers) for record in data["models"].values()]
    return stats.spread(map(stats.geometric_mean, zip(*by_model, strict=True)))


def notes(data: Data) -> list[str]:
    """How the engines were used, and that none disturbed the others."""
    ways = [
        f"{engine}: "
        + ", ".join(
            f"{way} ({count})"
            for way, count in Counter(
                record["way"][engine] for record in data["models"].values()
            ).most_common()
        )
        for engine in engines(data)
    ]
    processor = [record["processor"] for record in data["models"].values()]
    waiting = max(max(shares["waiting"].values(), default=0.0) for shares in processor)
    others = stats.spread(shares["others"] for shares in processor)
    rounds = min(len(record["rounds"]) for record in data["models"].values())
    return [
        f"Medians of {rounds} rounds of turns; in brackets the lowest and highest round.",
        f"The fastest way of each, and for how many models: {'; '.join(ways)}.",
        f"While one worked, a waiting engine used at most {waiting:.1%} of a core; other processes "
        f"used {others.median:.0%} of the machine (at most {others.high:.0%}).",
    ]
