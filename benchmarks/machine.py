"""What the figures were measured on: processor, cores, system, and who else was at work."""

import os
import platform
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

# Whoever sets one of these changes what an engine does by default.
TELLING_PREFIXES = (
    "OMP_",
    "KMP_",
    "MKL_",
    "OPENBLAS_",
    "NUMBA_",
    "TF_NUM_",
    "TF_ENABLE_",
    "TF_XLA_",
    "KERAS_",
    "GOMP_",
)


def describe(program: str = "python -m benchmarks") -> dict[str, Any]:
    """The machine as plain data, for the head of every file of figures."""
    return {
        "cpu": cpu_name(),
        "cores": usable_cores(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "environment": {
            name: value for name, value in os.environ.items() if name.startswith(TELLING_PREFIXES)
        },
        "source": source_version(),
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": " ".join([program, *sys.argv[1:]]),
    }


def cpu_name() -> str:
    """The processor's name as the system gives it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def usable_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def source_version() -> str | None:
    """The commit of this checkout, with `-dirty` if it was changed since; None outside of git."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def load() -> float | None:
    """How many processes wanted a core in the last minute, on average."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, all threads together; NaN where /proc is missing."""
    try:
        # The name in brackets, the second field, may hold spaces: count from its end.
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy_seconds() -> float:
    """Processor time that all processes have used since the system started; NaN without /proc."""
    try:
        words = Path("/proc/stat").read_text().splitlines()[0].split()
    except OSError:
        return float("nan")
    user, nice, system, _idle, _waiting, *interrupts_and_stolen = map(int, words[1:9])
    return sum([user, nice, system, *interrupts_and_stolen]) / os.sysconf("SC_CLK_TCK")
