"""The engines' processes, seen from the benchmark: start, ask, stop."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from types import TracebackType
from typing import Any

from benchmarks.machine import ROOT, cpu_seconds
from benchmarks.peers.protocol import Task

# For all engines: on the processor, and without TensorFlow's messages at its start.
ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


class MissingPeerError(Exception):
    """The engine is not installed."""


class EngineError(RuntimeError):
    """The engine's process failed; the message holds its traceback."""


class Engine:
    """One engine in a process of its own, which sleeps until it is asked."""

    def __init__(self, name: str):
        self.name, self.alive = name, True
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by `close`
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peers", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=ROOT,
            env=os.environ | ENVIRONMENT,
            start_new_session=True,  # Ctrl-C is for the benchmark, which then closes its engines
        )
        try:
            self.about = self._answer()
            if "missing" in self.about:
                raise MissingPeerError(f"{name} is left out: {self.about['missing']}")
        except BaseException:
            self.close()
            raise

    def ways(self, kind: str) -> list[str]:
        """The names of the ways in which it does a kind of task."""
        return list(self.ask("ways", kind=kind)["ways"])

    def prepare(self, task: Task, way: str) -> int:
        """Set a task up; gives the handle for `run`."""
        return int(self.ask("prepare", task=asdict(task), way=way)["handle"])

    def run(self, handle: int, steps: int) -> float:
        """Do so many steps of a task; the seconds of one."""
        return float(self.ask("run", handle=handle, steps=steps)["seconds"])

    def load(self, task: Task) -> None:
        """Read the data of a task."""
        self.ask("load", task=asdict(task))

    def forget(self) -> None:
        """Let go of all tasks."""
        self.ask("forget")

    def memory(self) -> dict[str, int]:
        """Bytes `now`, and at their `peak` since this was asked before."""
        return self.ask("memory")

    def cpu_seconds(self) -> float:
        """Processor time used so far."""
        return cpu_seconds(self._process.pid)

    def ask(self, call: str, **arguments: Any) -> dict[str, Any]:
        """Send one question and wait for its answer."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # then the answer is missing too
            self._process.stdin.write(json.dumps({"call": call, **arguments}) + "\n")
            self._process.stdin.flush()
        answer = self._answer()
        if "error" in answer:
            raise EngineError(f"{self.name}: {answer['error']}")
        return answer

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.alive = False
            self._errors.seek(0)
            last_words = self._errors.read()[-2000:]
            raise EngineError(f"{self.name}: the process ended: {last_words}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Engines:
    """The engines of one run, each started when it is first needed, all closed at the end."""

    def __init__(self) -> None:
        self._running: dict[str, Engine] = {}
        self.missing: dict[str, str] = {}

    def get(self, name: str) -> Engine:
        """The engine, running, again if it broke; `MissingPeerError` if it is not installed."""
        if name in self.missing:
            raise MissingPeerError(self.missing[name])
        if name in self._running and not self._running[name].alive:
            self._running.pop(name).close()
        if name not in self._running:
            try:
                self._running[name] = Engine(name)
            except MissingPeerError as error:
                self.missing[name] = str(error)
                raise
        return self._running[name]

    def present(self, names: tuple[str, ...]) -> list[str]:
        """Those of the engines that are installed; the others are noted in `missing`."""
        present = []
        for name in names:
            try:
                self.get(name)
            except MissingPeerError:
                continue
            present.append(name)
        return present

    def about(self) -> dict[str, Any]:
        """Versions and threads of all that ran."""
        return {name: engine.about for name, engine in self._running.items()}

    def running(self) -> list[Engine]:
        """All that were started."""
        return list(self._running.values())

    def __enter__(self) -> "Engines":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for engine in self.running():
            engine.close()
