"""Engines take turns, A B C A B C …: the one way in which everything here is compared."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from statistics import median
from typing import Any

from benchmarks.engines import Engine
from benchmarks.machine import busy_seconds, usable_cores
from benchmarks.peers.protocol import Task
from benchmarks.stats import Round, column

WARM_UP = 3
"""Steps before the first that counts: what compiles, compiles here."""

SETTLE = 0.1
"""Seconds of rest before each turn, so that the threads of the last one have gone to sleep."""

Say = Callable[[str], None]


@dataclass
class Contender:
    """An engine that is ready for a task in a certain way, under its name in the rounds."""

    name: str
    engine: Engine
    way: str
    handle: int
    steps: int

    @classmethod
    def warmed_up(cls, engine: Engine, task: Task, way: str, turn: float) -> "Contender":
        """Prepare the task, warm up, and find how many steps fill a turn of so many seconds."""
        handle, few = engine.prepare(task, way), min(WARM_UP, task.most_steps)
        engine.run(handle, few)
        steps = steps_for(turn, engine.run(handle, few), task.most_steps)
        return cls(engine.name, engine, way, handle, steps)

    def turn(self) -> float:
        """Work for one turn; the seconds of a step."""
        return self.engine.run(self.handle, self.steps)


def steps_for(turn: float, step: float, most: int) -> int:
    """How many steps of `step` seconds fill a turn, at least one and no more than `most`.

    >>> steps_for(1.0, 0.3, 100), steps_for(1.0, 2.0, 100), steps_for(1.0, 0.001, 100)
    (3, 1, 100)
    """
    return min(max(round(turn / step), 1), most)


@dataclass
class Watch:
    """Who else used the processor during the turns: waiting engines, which should sleep; others."""

    seconds: float = 0.0
    by_others: float = 0.0
    waited: dict[str, float] = field(default_factory=dict)
    by_waiting: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def during_turn(self, working: Engine, engines: Collection[Engine]) -> Iterator[None]:
        """Count what is used while one of the engines works."""
        started, busy = time.perf_counter(), busy_seconds()
        before = {engine: engine.cpu_seconds() for engine in engines}
        yield
        seconds = time.perf_counter() - started
        used = {engine: engine.cpu_seconds() - before[engine] for engine in engines}
        self.seconds += seconds
        self.by_others += max(busy_seconds() - busy - sum(used.values()), 0.0)
        for engine in engines:
            if engine is not working:
                add_to(self.waited, engine.name, seconds)
                add_to(self.by_waiting, engine.name, used[engine])

    def shares(self) -> dict[str, Any]:
        """Waiting engines' shares of one core, and the share of all cores that others used."""
        waiting = {name: self.by_waiting[name] / self.waited[name] for name in self.waited}
        return {"waiting": waiting, "others": self.by_others / self.seconds / usable_cores()}


def add_to(sums: dict[str, float], name: str, value: float) -> None:
    """Add a value to one of the sums."""
    sums[name] = sums.get(name, 0.0) + value


def take_turns(
    contenders: Sequence[Contender], rounds: int, watch: Watch | None = None
) -> list[Round]:
    """So many rounds: every contender once in each, in the same order."""
    watch = Watch() if watch is None else watch
    engines = {one.engine for one in contenders}
    return [{one.name: _turn(one, engines, watch) for one in contenders} for _ in range(rounds)]


def _turn(contender: Contender, engines: Collection[Engine], watch: Watch) -> float:
    time.sleep(SETTLE)
    with watch.during_turn(contender.engine, engines):
        return contender.turn()


def fastest_way(
    engine: Engine, task: Task, turn: float, tryouts: int, say: Say
) -> tuple[Contender, dict[str, list[float]]]:
    """The engine in the way of its users that is the fastest here, and what each way took.

    The ways take turns too. Without `tryouts` it is the way that the engine lists first.
    """
    ways = engine.ways(task.kind)
    if not tryouts:
        ways = ways[:1]
    contenders = []
    for way in ways:
        say(f"{engine.name}: {way}")
        contenders.append(Contender.warmed_up(engine, task, way, turn))
    if len(ways) == 1:
        return contenders[0], {}
    trials = take_turns([replace(one, name=one.way) for one in contenders], tryouts)
    seconds = {way: column(trials, way) for way in ways}
    return min(contenders, key=lambda one: median(seconds[one.way])), seconds


def contest(
    engines: Sequence[Engine],
    task: Task,
    *,
    turn: float,
    rounds: int,
    tryouts: int,
    say: Say,
    limits: Sequence[Contender] = (),
) -> dict[str, Any]:
    """All engines on one task; the raw figures as plain data.

    `limits` are contenders of another kind (the machine's own speed) that take turns with them.
    """
    contenders, tried, watch = [], {}, Watch()
    for engine in engines:
        contender, tried[engine.name] = fastest_way(engine, task, turn, tryouts, say)
        contenders.append(contender)
    say("taking turns")
    everyone = [*contenders, *limits]
    taken = take_turns(everyone, rounds, watch)
    for engine in engines:
        engine.forget()
    return {
        "task": asdict(task),
        "seconds_by_way": tried,
        "way": {one.name: one.way for one in everyone},
        "steps": {one.name: one.steps for one in everyone},
        "rounds": taken,
        "processor": watch.shares(),
    }
