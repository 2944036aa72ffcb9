"""How long a user waits at the start: imports, `--help`, the first step ever, the first step."""

import tempfile

from matplotlib.figure import Figure

from benchmarks import charts, stats, tables
from benchmarks.bench import Bench
from benchmarks.processes import Timed, cli, python, script, timed
from benchmarks.sections.by_model import Data
from benchmarks.tables import Table

TITLE = "Start of the process"
FIRST_EVER = "first step, kernels compiled"
LATER = "first step, later run"


def measure(bench: Bench) -> Data:
    """Whole processes in turns, each from its start to its end or to its first training step."""
    seconds: dict[str, list[float]] = {}
    said: list[str] = []

    def note(name: str, process: Timed) -> None:
        done = [line.seconds for line in process.lines if line.text == "first step done"]
        seconds.setdefault(name, []).append(done[0] if done else process.seconds)

    for _ in bench.each(range(bench.effort.first_runs), lambda i: f"empty cache {i + 1}"):
        with tempfile.TemporaryDirectory() as cache:
            first = timed(script("first_step"), {"NUMBA_CACHE_DIR": cache})
        note(FIRST_EVER, first)
        said = [line.text for line in first.lines[:-1]]
    commands = _commands(bench)
    for command in commands.values():
        timed(command)  # files into the system's cache, kernels into numba's
    for _ in bench.each(range(bench.effort.processes), lambda i: f"processes {i + 1}"):
        for name, command in commands.items():
            bench.say(name)
            note(name, timed(command))
    return {"seconds": seconds, "first_run_says": said}


def _commands(bench: Bench) -> dict[str, list[str]]:
    imports = {f"import {name}": python("-c", f"import {name}") for name in bench.peers()}
    return {
        "python alone": python("-c", ""),
        "import minicnn": python("-c", "import minicnn"),
        "minicnn --help": cli("--help"),
        LATER: script("first_step"),
        **imports,
    }


def tables_of(data: Data) -> list[Table]:
    """One row a process."""
    table = Table(TITLE, ["process", "median", "range", "processes"])
    for name, values in data["seconds"].items():
        middle, low, high = map(tables.seconds, stats.spread(values))
        table.rows.append([name, middle, f"{low} – {high}", str(len(values))])
    said = " ".join(data["first_run_says"]) or "nothing"
    table.notes = [f"The first run ever prints: {said}"]
    return [table]


def figure(data: Data) -> Figure:
    """Seconds, on a logarithmic scale."""
    figure = charts.figure(7, 3.2)
    axes = figure.subplots()
    middles = {name: stats.spread(values).median for name, values in data["seconds"].items()}
    charts.durations(axes, middles)
    axes.set_title("Time from the start of the process, seconds", loc="left", **charts.title())
    return figure
