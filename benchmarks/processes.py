"""Whole processes, timed from the outside: from their start to the lines that they print."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.engines import ENVIRONMENT, EngineError
from benchmarks.machine import ROOT

SCRIPTS = Path(__file__).parent / "scripts"


class Line(NamedTuple):
    """A printed line, and the seconds from the start of the process until it was there."""

    seconds: float
    text: str


class Timed(NamedTuple):
    """What a process printed, errors among it, and how long it took to its end."""

    lines: list[Line]
    seconds: float


def python(*arguments: str) -> list[str]:
    """The command to run something with this Python."""
    return [sys.executable, *arguments]


def script(name: str, *arguments: str) -> list[str]:
    """The command to run one of the plain scripts of this folder."""
    return python(str(SCRIPTS / f"{name}.py"), *arguments)


def cli(*arguments: str) -> list[str]:
    """The command line, as it is installed, or the module where it is not."""
    command = Path(sys.executable).with_name("minicnn")
    return [str(command), *arguments] if command.exists() else python("-m", "minicnn", *arguments)


def timed(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Timed:
    """Run a command to its end; raises `EngineError` with what it printed if it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env=os.environ | ENVIRONMENT | {"PYTHONPATH": str(ROOT)} | dict(environment or {}),
    )
    assert process.stdout is not None
    try:
        lines = [Line(time.perf_counter() - started, text.rstrip()) for text in process.stdout]
        process.wait()
    finally:  # Ctrl-C
        process.kill()
        process.wait()
        process.stdout.close()
    seconds = time.perf_counter() - started
    if process.returncode:
        printed = "\n".join(line.text for line in lines[-20:])
        raise EngineError(f"{' '.join(command)} failed:\n{printed}")
    return Timed(lines, seconds)
