"""One JSON object a line: the benchmark asks on the standard input, the engine answers.

    {"call": "prepare", "task": {...}, "way": "fit, NumPy arrays"}  ->  {"handle": 0}
    {"call": "run", "handle": 0, "steps": 50}                       ->  {"seconds": 0.0213}

An engine works only while it is asked. Between its turns its process sleeps, threads and all.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise, repeat
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any, TextIO

Run = Callable[[int], float]
"""Do so many steps; the seconds of one."""


@dataclass(frozen=True)
class Task:
    """What an engine is to do.

    - `kind`: "training", "prediction", "latency", or what a peer of its own kind knows.
    - `model`: a name of the zoo, or of what is measured instead.
    - `image`: (H, W, C) of its input; `images`: how many there are.
    """

    kind: str
    model: str = ""
    batch: int = 1
    image: tuple[int, int, int] = (28, 28, 1)
    images: int = 60_000

    @property
    def most_steps(self) -> int:
        """Steps in one go: training stays within one pass over the images (Keras wants it so)."""
        return max(self.images // self.batch - 2, 1) if self.kind == "training" else 100_000


def mean_time(step: Callable[[], Any], steps: int) -> float:
    """Seconds of a step, from the time of them all."""
    started = time.perf_counter()
    for _ in repeat(None, steps):
        step()
    return (time.perf_counter() - started) / steps


def median_time(step: Callable[[], Any], steps: int) -> float:
    """Seconds of the middle one of the steps, each timed alone: what one call takes."""
    moments = [time.perf_counter()]
    for _ in repeat(None, steps):
        step()
        moments.append(time.perf_counter())
    return median(after - before for before, after in pairwise(moments))


# ------------------------------------------------------------------ the engine's side


class Server:
    """Answers the benchmark's questions with what one peer can do."""

    def __init__(self, peer: ModuleType):
        self.peer = peer
        self.runs: list[Run] = []

    def ways(self, kind: str) -> dict[str, Any]:
        """The names of the ways to do a kind of task."""
        return {"ways": list(self.peer.RUNS[kind])}

    def prepare(self, task: dict[str, Any], way: str) -> dict[str, Any]:
        """Set a task up; its handle is for `run`."""
        self.runs.append(self.peer.RUNS[task["kind"]][way](_task(task)))
        return {"handle": len(self.runs) - 1}

    def run(self, handle: int, steps: int) -> dict[str, Any]:
        """Do the work, and say how long a step took."""
        return {"seconds": self.runs[handle](steps)}

    def load(self, task: dict[str, Any]) -> dict[str, Any]:
        """Read the data of a task."""
        self.peer.load(_task(task))
        return {}

    def forget(self) -> dict[str, Any]:
        """Let go of every task that was prepared."""
        self.runs.clear()
        return {}

    def memory(self) -> dict[str, Any]:
        """Bytes now, and at most since this was asked before."""
        sizes = {"now": _status("VmRSS"), "peak": _status("VmHWM")}
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew from here
        return sizes


def _task(fields: dict[str, Any]) -> Task:
    return Task(**{**fields, "image": tuple(fields["image"])})


def _status(name: str) -> int:
    """A size out of /proc/self/status, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return 1024 * int(line.split()[1])
    raise LookupError(f"no {name} in /proc/self/status")


def own_stdout() -> TextIO:
    """The pipe to the benchmark; whatever a library prints goes to the standard error instead."""
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return channel


def say(channel: TextIO, answer: dict[str, Any]) -> None:
    """Write one answer."""
    channel.write(json.dumps(answer) + "\n")


def serve(peer: ModuleType, channel: TextIO) -> None:
    """Introduce the engine, then answer until the benchmark hangs up."""
    server = Server(peer)
    say(channel, peer.about())
    for line in sys.stdin:
        question = json.loads(line)
        try:
            say(channel, getattr(server, question.pop("call"))(**question))
        except Exception:
            say(channel, {"error": traceback.format_exc()})
