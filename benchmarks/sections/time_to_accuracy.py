"""From the start of the process to a test accuracy: a script of ours and a plain Keras script.

The test set decides when the clock stops. That is a timing of two engines on one architecture, not
a choice of model: nothing is selected by it.
"""

from statistics import median

from matplotlib.figure import Figure

from benchmarks import charts, stats, tables
from benchmarks.bench import Bench
from benchmarks.processes import Timed, python, script, timed
from benchmarks.sections.by_model import Data
from benchmarks.settings import OURS
from benchmarks.tables import Table

TITLE = "Whole process: start to test accuracy, cnn_classic"
PEER = "keras"


def measure(bench: Bench) -> Data:
    """Each script with several seeds, in turns; every accuracy on the way, with its time."""
    engines = [OURS, *(name for name in bench.peers() if name == PEER)]
    _warm_caches(engines)
    runs = []
    for seed in bench.each(range(bench.effort.accuracy_runs), lambda seed: f"seed {seed}"):
        for engine in engines:
            bench.say(engine)
            command = script(f"accuracy_{engine}", str(bench.effort.accuracy), str(seed))
            runs.append({"engine": engine, "seed": seed, "points": _points(timed(command))})
    return {"target": bench.effort.accuracy, "engines": engines, "runs": runs}


def _warm_caches(engines: list[str]) -> None:
    """Compiled kernels and files in the system's cache, as on any day but the first."""
    timed(script("first_step"))
    if PEER in engines:
        timed(python("-c", "import keras"))


def _points(process: Timed) -> list[dict[str, float]]:
    """The lines of a script that hold two numbers: epochs and accuracy."""
    points = []
    for line in process.lines:
        try:
            epochs, accuracy = map(float, line.text.split())
        except ValueError:
            continue  # a warning of a library
        points.append({"seconds": line.seconds, "epochs": epochs, "accuracy": accuracy})
    return points


def finishes(data: Data, engine: str) -> list[dict[str, float]]:
    """Where each run of an engine passed the target; a run that never did is left out."""
    lasts = [run["points"][-1] for run in data["runs"] if run["engine"] == engine]
    return [last for last in lasts if last["accuracy"] >= data["target"]]


def ratio(data: Data) -> float | None:
    """How many times sooner we are, median against median; None without the peer."""
    ours, theirs = finishes(data, OURS), finishes(data, PEER)
    if not ours or not theirs:
        return None
    return median(p["seconds"] for p in theirs) / median(p["seconds"] for p in ours)


def tables_of(data: Data) -> list[Table]:
    """Seconds and epochs of each engine."""
    title = f"{TITLE} {data['target']:.1%}"
    table = Table(title, ["engine", "seconds", "range", "epochs", "runs that reached it"])
    for engine in data["engines"]:
        points = finishes(data, engine)
        all_runs = sum(run["engine"] == engine for run in data["runs"])
        if points:
            middle, low, high = stats.spread(p["seconds"] for p in points)
            epochs = f"{median(p['epochs'] for p in points):.2f}"
            row = [f"{middle:.1f}", f"{low:.1f}–{high:.1f}", epochs]
        else:
            row = ["–", "–", "–"]
        table.rows.append([engine, *row, f"{len(points)} of {all_runs}"])
    table.notes = [
        "Same architecture, Adam 1e-3, batch 128; tested after every quarter of an epoch. The test "
        "set only stops the clock: this times engines, it chooses no model."
    ]
    if (times := ratio(data)) is not None:
        table.notes.append(f"minicnn is there {tables.times(times)} sooner.")
    return [table]


def figure(data: Data) -> Figure:
    """Test accuracy over the seconds since the start of the process."""
    figure = charts.figure(8, 3.8)
    axes = figure.subplots()
    for engine in data["engines"]:
        runs = [run["points"] for run in data["runs"] if run["engine"] == engine]
        for i, points in enumerate(runs):
            charts.line(
                axes,
                [p["seconds"] for p in points],
                [1 - p["accuracy"] for p in points],
                engine,
                label=engine if i == 0 else None,
            )
    charts.logarithmic(axes, "y")
    axes.axhline(1 - data["target"], color=charts.FAINT, linestyle=":")
    axes.set_xlim(left=0)
    axes.yaxis.set_major_formatter(charts.percent)
    axes.set_xlabel("seconds since the start of the process", **charts.words())
    axes.set_title("Test error of cnn_classic, one line a seed", loc="left", **charts.title())
    charts.legend(axes)
    return figure
