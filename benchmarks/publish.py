"""The pages of results: ``python -m benchmarks.publish`` writes them from the measured files.

RESULTS.md    every table, beside this file
README.md     the headline figures, between the two marks

Nothing is measured here, and no figure is typed: a page is right if the files are.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any, NamedTuple

import typer

from benchmarks import goals, parity, reading, serving, speeds
from benchmarks import results as sections
from benchmarks.accuracy import shown
from benchmarks.machine import ROOT
from benchmarks.parity import Pairs
from benchmarks.tables import Table
from minicnn.experiments.compare import table as comparison

RESULTS = ROOT / "benchmarks" / "RESULTS.md"
README = ROOT / "README.md"

BETWEEN_MARKS = re.compile(r"(<!-- headlines -->\n).*?(<!-- /headlines -->)", re.DOTALL)

HEAD = """\
# Results

Every table here is written by `python -m benchmarks.publish` from the files in
`results/`. [README.md](README.md) says how each figure is measured.
"""


class Measured(NamedTuple):
    """What the folder of results holds."""

    accuracy: dict[str, Any]
    seeds: list[Path]
    runs: dict[str, dict[str, Any]]
    reading: dict[str, Any]
    serving: dict[str, Any]

    @property
    def pairs(self) -> dict[str, Pairs]:
        """The accuracies of each model here and in Keras, by seed."""
        return parity.load(self.seeds)


def load(folder: Path) -> Measured:
    """Everything that was measured and kept."""
    return Measured(
        shown.load(folder / "accuracy"),
        sorted((folder / "seeds").iterdir()),
        {run.name: sections.load(run) for run in sorted(folder.glob("run*"))},
        json.loads((folder / "reading.json").read_text()),
        json.loads((folder / "serving.json").read_text()),
    )


# ------------------------------------------------------------------ all tables


def results_page(found: Measured) -> str:
    """The text of RESULTS.md."""
    parts = [HEAD, *_accuracy(found), *_beside_keras(found), *_speed(found), *_services(found)]
    return "\n".join(parts)


def _accuracy(found: Measured) -> Iterator[str]:
    yield "## Accuracy of the recipes\n"
    yield from (table.markdown() for table in shown.all_tables(found.accuracy))
    for model, each in found.accuracy.items():
        if "robustness" in each:
            picture = f"results/accuracy/{model}-robustness.png"
            yield f"![{model}: accuracy on corrupted pictures]({picture})\n"


def _beside_keras(found: Measured) -> Iterator[str]:
    yield "## The same networks in Keras\n"
    yield "Equal layers, first weights and batches: `minicnn compare --keras --seed N`.\n"
    yield parity.table(found.pairs).markdown()
    file = found.seeds[0] / "comparison.json"
    plain = json.loads(file.read_text())
    rows = [comparison.ComparisonRow.from_dict(row, str(file)) for row in plain["rows"]]
    yield "### One seed in detail\n"
    for cells in comparison.results_table(rows), comparison.engines_table(rows):
        yield f"{comparison.markdown(cells)}\n"
    yield f"{comparison.markdown(comparison.layers_table(rows), right_from=2)}\n"
    yield f"Best in validation: `{plain['best']}`. The test set decided nothing.\n"


def _speed(found: Measured) -> Iterator[str]:
    runs = [*found.runs.values()]
    name, last = [*found.runs.items()][-1]
    yield "## Speed beside Keras and PyTorch\n"
    yield f"{_measured_by(last['training']['machine'])} All sections: "
    yield ", ".join(f"[{run}](results/{run}/results.md)" for run in found.runs) + ".\n"
    yield speeds.table(runs).markdown()
    yield goals.table(runs).markdown()
    yield from (f"![{section}](results/{name}/{section}.png)\n" for section in last)


def _services(found: Measured) -> Iterator[str]:
    yield "## Reading strings of digits\n"
    yield f"{_measured_by(found.reading['machine'])}\n"
    yield reading.table_of(found.reading["strings"], found.reading["figures"]).markdown()
    yield "## The service under load\n"
    yield f"{_measured_by(found.serving['machine'])}\n"
    yield from (table.markdown() for table in serving.tables_of(found.serving["data"]))


def _measured_by(machine: dict[str, Any]) -> str:
    day = machine["date"].partition("T")[0]
    return f"`{machine['command']}`, {day}, {machine['cores']} cores of an {machine['cpu']}."


# ------------------------------------------------------------------ headlines


def headlines(found: Measured) -> Table:
    """The figures of the README: a handful, in words that need no other page."""
    table = Table("", ["figure", "measured"])
    for recipe, what in {
        "best": "the most accurate recipe",
        "tiny-best": "the smallest",
        "speedrun": "the quickest, timed from the start of the process",
    }.items():
        each = found.accuracy[recipe]
        seconds = each.get("process_seconds", each["training_seconds"])["median"]
        time = f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.0f} min"
        figure = f"{what}: `minicnn train {recipe}`, {each['parameters']:,} parameters"
        table.rows.append([figure, f"{shown.mean(each['accuracy'])} % in {time}"])
    table.rows += [_parity(found), *_speeds(found), _strings(found)]
    return table


def _parity(found: Measured) -> list[str]:
    """The models' mean difference from Keras, in percentage points."""
    pairs = found.pairs
    means = [100 * fmean(each.differences) for each in pairs.values()]
    seeds = len(next(iter(pairs.values())).keras)
    figure = f"test accuracy less Keras's, same network: {len(means)} models, {seeds} seeds"
    return [figure, f"{min(means):+.2f} to {max(means):+.2f} points".replace("-", "−")]


def _speeds(found: Measured) -> Iterator[list[str]]:
    *_, overall = speeds.table([*found.runs.values()]).rows
    training, prediction = overall[-3:-1]
    yield ["training speed over the faster of Keras and PyTorch, mean of the models", training]
    yield ["prediction speed, likewise", prediction]
    reached = {row[0]: row[2] for row in goals.table([*found.runs.values()]).rows}
    for goal, figure in {
        "time to 99.0 %, share of Keras's": "time to 99 % on the test set, share of Keras's",
        "peak memory over import, share of Keras's": "memory of training, share of Keras's",
    }.items():
        yield [figure, reached[goal]]


def _strings(found: Measured) -> list[str]:
    (touching,) = (each["right"] for each in found.reading["figures"] if each["gap"] == 0)
    return ["five touching handwritten digits, all read right", f"{100 * touching:.1f} %"]


# ------------------------------------------------------------------ the command


def pages(folder: Path) -> dict[Path, str]:
    """The text of each page, as it should be."""
    found = load(folder)
    rows = headlines(found).markdown().partition("\n\n")[2]
    readme = BETWEEN_MARKS.sub(lambda marks: f"{marks[1]}{rows}{marks[2]}", README.read_text())
    return {RESULTS: results_page(found), README: readme}


def main(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 if a page is out of date.")
    ] = False,
) -> None:
    """Write RESULTS.md and the headline figures of README.md from the files of results."""
    wanted = pages(ROOT / "benchmarks" / "results")
    old = [page for page, text in wanted.items() if not page.exists() or page.read_text() != text]
    if check:
        for page in old:
            print(f"{page} is out of date: python -m benchmarks.publish", file=sys.stderr)
        raise SystemExit(bool(old))
    for page in old:
        page.write_text(wanted[page])
        print(f"{page} is written.")


if __name__ == "__main__":
    typer.run(main)
