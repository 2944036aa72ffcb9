"""Whether minicnn and Keras learn equally well, over several seeds.

``minicnn compare --keras --seed N --out DIR`` for each of several seeds, then
``python -m benchmarks.parity DIR DIR …`` for the table; a seed's pair of runs begins with equal
weights and sees equal batches, but dropout draws other numbers, and rounding leads them apart.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, variance
from typing import Annotated, NamedTuple

import typer
from scipy.stats import t as student

from benchmarks.tables import Table

LEVEL = 0.95


class Pairs(NamedTuple):
    """The test accuracies of one model, a seed each, in the same order."""

    minicnn: list[float]
    keras: list[float]

    @property
    def differences(self) -> list[float]:
        return [ours - theirs for ours, theirs in zip(*self, strict=True)]


def load(folders: Sequence[Path]) -> dict[str, Pairs]:
    """What `minicnn compare --keras` measured in each folder, by model."""
    found: dict[str, Pairs] = {}
    for folder in folders:
        for row in json.loads((folder / "comparison.json").read_text())["rows"]:
            pairs = found.setdefault(row["name"], Pairs([], []))
            pairs.minicnn.append(row["minicnn"]["test_accuracy"])
            pairs.keras.append(row["keras"]["test_accuracy"])
    return found


def half_interval(found: dict[str, Pairs]) -> float:
    """How far from 0 the mean difference of a model may be by chance alone, in 95 of 100 cases.

    Student's interval for the mean of n differences; their variance is taken to be the same for all
    models, of which there are more than seeds: ``t * s / sqrt(n)``.

    >>> pairs = Pairs([0.99, 0.98, 0.97], [0.98, 0.98, 0.98])
    >>> round(half_interval({"one": pairs}), 4)  # t(2) = 4.303, s = 0.01
    0.0248
    """
    counts = {len(pairs.keras) for pairs in found.values()}
    if len(counts) != 1 or min(counts) < 2:
        raise typer.BadParameter(
            "every model must be in each folder, and there must be two or more folders"
        )
    (n,) = counts
    deviation = math.sqrt(fmean(variance(pairs.differences) for pairs in found.values()))
    t = student.ppf((1 + LEVEL) / 2, len(found) * (n - 1))
    return float(t * deviation / math.sqrt(n))


def table(found: dict[str, Pairs]) -> Table:
    """The models, their accuracies in both engines, and the difference beside its interval."""
    half = half_interval(found)
    seeds = len(next(iter(found.values())).keras)
    result = Table(
        "Test accuracy over several seeds",
        ["model", "minicnn", "Keras", "difference", f"within ±{100 * half:.3f}"],
    )
    for name, pairs in found.items():
        mean = fmean(pairs.differences)
        inside = "yes" if abs(mean) <= half else "no"
        cells = [_mean_and_spread(pairs.minicnn), _mean_and_spread(pairs.keras)]
        result.rows.append([name, *cells, f"{100 * mean:+.3f}", inside])
    result.notes.append(
        f"In %, mean ± standard deviation of {seeds} seeds. The interval is Student's, 95 %, for "
        f"the mean of {seeds} differences, their variance over all models."
    )
    return result


def _mean_and_spread(values: Sequence[float]) -> str:
    return f"{100 * fmean(values):.2f} ± {100 * math.sqrt(variance(values)):.2f}"


def main(
    folders: Annotated[
        list[Path], typer.Argument(help="Of `minicnn compare --keras`, a seed each.")
    ],
    markdown: Annotated[bool, typer.Option("--markdown", help="For a README.")] = False,
) -> None:
    """Print the accuracies of both engines over several seeds."""
    table(load(folders)).show(markdown)


if __name__ == "__main__":
    typer.run(main)
