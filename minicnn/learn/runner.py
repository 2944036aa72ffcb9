"""The program in the student's process: runs their function on the cases, within limits.

The limits are for mistakes. They are no sandbox: whoever wants to do harm can.
"""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minicnn.learn import answer, library
from minicnn.learn.outcome import Outcome, failure_of, observe
from minicnn.learn.source import engine_function
from minicnn.learn.student import StudentFile
from minicnn.learn.swap import Delegated, tripwire

MEMORY = 512 << 20
"""Bytes that the student's code may ask for, beyond what the process has already."""

FILE_SIZE = 8 << 20
"""Bytes that it may write to a file; what it prints goes into one."""


def _limit(seconds: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits; the patience of the parent is left
        return
    limits = {
        resource.RLIMIT_CPU: (seconds, seconds + 1),
        resource.RLIMIT_AS: (_address_space() + MEMORY,) * 2,
        resource.RLIMIT_FSIZE: (FILE_SIZE, FILE_SIZE),
        resource.RLIMIT_CORE: (0, 0),
    }
    for what, limit in limits.items():
        with contextlib.suppress(ValueError, OSError):  # a lower one holds already
            resource.setrlimit(what, limit)


def _address_space() -> int:
    """Bytes of address space that the process has; where the system does not say, plenty."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 4 << 30
    return pages * os.sysconf("SC_PAGE_SIZE")


_FATAL = ("MemoryError", "_ArrayMemoryError")
"""After these, another case would only take as long again."""


def _main(job: dict[str, Any]) -> None:
    place, lesson = Path.cwd(), library.load(Path(job["folder"]))
    exercise = lesson.exercise(job["exercise"])
    others = {e.name: engine_function(e) for e in lesson.exercises if e.name != exercise.name}
    engine_function(exercise)
    cases = exercise.drawn(job["seed"])
    _limit(job["seconds"])
    outcomes: list[Outcome] = []
    status, stop = "done", None
    with tripwire(exercise.target) as calls:
        try:
            function = StudentFile(job["path"]).function(exercise.name, others)
            for _ in _counted(cases, place):
                outcomes.append(observe(function, exercise, cases[len(outcomes)], job["path"]))
                stop = outcomes[-1].stop
                if calls or (stop and stop.kind in _FATAL):
                    break
            status = "crash" if stop and stop.kind in _FATAL else "done"
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            stop, status = failure_of(error, job["path"]), "crash"
        except Delegated:
            pass
        if calls:
            status = "delegated"
    answer.write(place, status, outcomes, stop)


def _counted(cases: list[Any], place: Path) -> Iterator[None]:
    """Leave a mark as each case begins: if the process is killed, the parent knows in which."""
    with open(place / "begun", "wb", buffering=0) as file:
        for _ in cases:
            file.write(b".")
            yield


if __name__ == "__main__":
    from minicnn import kernels

    kernels.use("reference")
    _main(json.loads(sys.argv[1]))
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    os._exit(0)  # whatever the student's code has left running
