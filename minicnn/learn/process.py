"""Runs the student's code in a process of its own, and ends it when its time is over."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minicnn.learn import answer
from minicnn.learn.exercise import Exercise
from minicnn.learn.outcome import Failure, Outcome

PATIENCE = 5
"""Seconds that the process may wait, beyond twice its processor time."""

turn = threading.Lock()
"""Held by the thread that works; while it waits for a student's process, in `run`, others may.

The table of kernels and the filters of warnings belong to all threads. In CPython 3.11 two threads
in Python's parser, to which `np.load` goes too, spoil each other's count of how deep they are:
``SystemError: AST constructor recursion depth mismatch`` (python/cpython issue 106905).
"""

_SHOWN = 4000

_running: set["subprocess.Popen[bytes]"] = set()


@dataclass(frozen=True)
class ProcessAnswer:
    """What came back from the process.

    - `status`: "done", "delegated", "timeout" or "crash".
    - `outcomes`: one for each case, if it is done; `begun`: how many cases were begun.
    - `printed`: the beginning of what the student's code printed.
    """

    status: str
    outcomes: list[Outcome]
    begun: int
    stop: Failure | None
    printed: str
    seconds: float


def run(path: Path, folder: Path, exercise: Exercise, seed: int, seconds: int) -> ProcessAnswer:
    """Run the student's function in a new process on the cases of `seed`.

    The caller holds `turn`, and has it again at the end.

    - `path`: the student's file; `folder`: the lesson's; `seconds`: processor time.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="minicnn-", ignore_cleanup_errors=True) as place:
        job = {
            "path": str(path.absolute()),
            "folder": str(folder),
            "exercise": exercise.name,
            "seed": seed,
            "seconds": seconds,
        }
        code, late = _wait(place, job, 2 * seconds + PATIENCE)
        printed = _beginning(Path(place, "printed"))
        status, outcomes, stop = answer.read(Path(place))
        begun = _size(Path(place, "begun"))
    if status is None:
        late = late or code == -getattr(signal, "SIGXCPU", 0)
        status, stop = ("timeout", None) if late else ("crash", _ending(code))
    return ProcessAnswer(status, outcomes, begun, stop, printed, time.perf_counter() - started)


def _wait(place: str, job: dict[str, Any], patience: float) -> tuple[int, bool]:
    """Return the exit code, and whether the process was killed because it took too long."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = {**os.environ, **one_thread, "NUMBA_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    environment["NUMBA_BOUNDSCHECK"] = "1"  # else compiled code writes where it should not
    environment["NUMBA_CACHE_DIR"] = place  # nothing compiled is left beside the student's file
    environment["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)  # finds minicnn as we did
    with open(Path(place, "printed"), "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "minicnn.learn.runner", json.dumps(job)],
            cwd=place,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        _running.add(process)
        try:
            with _turn_of_others():
                return process.wait(patience), False
        except subprocess.TimeoutExpired:
            return 0, True
        finally:
            _kill_group(process)
            _running.discard(process)


@contextlib.contextmanager
def _turn_of_others() -> Iterator[None]:
    turn.release()
    try:
        yield
    finally:
        turn.acquire()


def end_all() -> None:
    """End what runs now, in whatever thread; each answers as one that has crashed."""
    for each in [*_running]:
        _kill_group(each)


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    """End the process and all that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _beginning(path: Path) -> str:
    if not path.is_file():  # but a pipe, of the student's code
        return ""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        return file.read(_SHOWN).decode("utf-8", "replace")
    return ""


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _ending(code: int) -> Failure:
    if code < 0:
        name = _signal_name(-code)
        return Failure(name, f"its process was ended by the signal {name}", of_process=True)
    said = f"its process ended with exit code {code} before it had answered"
    return Failure("exit", said, of_process=True)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most of the real-time signals have no name
        return str(number)
