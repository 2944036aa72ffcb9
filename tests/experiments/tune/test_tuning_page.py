"""The page on a search and its figures show the trials as they are."""

from pathlib import Path

import numpy as np
import pytest

from minicnn.experiments.report.page import PagePicture, Table, Text
from minicnn.experiments.settings import Settings
from minicnn.experiments.tune import Trial, Tuning, figures
from minicnn.experiments.tune.page import tuning_page
from minicnn.experiments.tune.space import rows_for

ROWS = rows_for("cnn_classic", only=["optimizer", "lr", "momentum", "batch_size"])


def trials() -> list[Trial]:
    """Nine of them: every third pruned, one that failed, one without an accuracy."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(9):
        values = {"optimizer": "adam", "lr": 10 ** -rng.uniform(1, 4), "batch_size": 64}
        if number % 2:
            values |= {"optimizer": "sgd", "momentum": rng.uniform(0.5, 0.99)}
        pruned = number % 3 == 2
        accuracies = tuple(np.sort(rng.uniform(0.9, 0.99, 2 if pruned else 4)).tolist())
        state = "pruned" if pruned else "complete"
        found.append(Trial(number, state, accuracies, values, 1.0))
    failed = Trial(9, "failed", (0.999,), {"lr": 0.1}, 1.0)
    return [*found, failed, Trial(10, "pruned", (), {"lr": 0.1}, 1.0)]


@pytest.fixture(scope="module")
def found() -> Tuning:
    all_of_them = trials()
    best = max((t for t in all_of_them if t.state == "complete"), key=lambda t: t.accuracy)
    return Tuning(
        Path("search"),
        "cnn_classic",
        4,
        10,
        ROWS,
        all_of_them,
        best,
        Settings.of("cnn_classic", **best.values),
        {"lr": 0.7, "batch_size": 0.2, "optimizer": 0.1},
    )


def shown(found: Tuning) -> list[Trial]:
    return [t for t in found.trials if t.state in figures.LOOKS and t.accuracies]


def points(axes, label: str) -> list[tuple[float, float]]:
    (line,) = [line for line in axes.lines if line.get_label() == label]
    return list(zip(*line.get_data(), strict=True))


def test_history(found):
    (axes,) = figures.history(shown(found)).axes
    complete = [t for t in found.trials if t.state == "complete"]
    assert points(axes, "complete") == [(t.number, t.accuracies[-1]) for t in complete]
    assert [x for x, _ in points(axes, "pruned")] == [2, 5, 8]
    highest = [y for _, y in points(axes, "best so far")]
    ends = [t.accuracies[-1] for t in complete]
    assert highest == [max(ends[: i + 1]) for i in range(len(ends))]


def test_slices(found):
    grid = [axes for axes in figures.slices(shown(found), ROWS).axes if axes.get_visible()]
    assert [axes.get_xlabel() for axes in grid] == ["optimizer", "lr", "momentum", "batch size"]
    complete = [t for t in found.trials if t.state == "complete"]
    optimizer, lr, momentum, batch_size = grid
    assert points(lr, "complete") == [(t.values["lr"], t.accuracies[-1]) for t in complete]
    assert {x for x, _ in points(batch_size, "complete")} == {1.0}, "64 is the second of its values"
    assert [tick.get_text() for tick in optimizer.get_xticklabels()] == ["adam", "sgd"]
    assert len(points(momentum, "complete")) == sum(t.number % 2 for t in complete)
    assert lr.get_xscale() == "log"


def test_epochs(found):
    (axes,) = figures.epochs(shown(found), found.best).axes
    lines = [tuple(line.get_ydata()) for line in axes.lines if len(line.get_ydata())]
    assert sorted(lines) == sorted(t.accuracies for t in shown(found))
    assert points(axes, f"best: {found.best.number}") == [*enumerate(found.best.accuracies, 1)]


def test_importances(found):
    (axes,) = figures.importances(found.importances).axes
    assert [bar.get_width() for bar in axes.patches] == [0.1, 0.2, 0.7], "from the bottom up"
    assert [text.get_text() for text in axes.texts] == ["10%", "20%", "70%"]


@pytest.mark.parametrize("accuracies", [[0.5, 0.5], [1.0, 1.0], [0.9885, 0.9888], [0.0, 1.0]])
def test_every_range_of_accuracies_has_marks(accuracies):
    two = [Trial(i, "complete", (a,), {"lr": 0.1}) for i, a in enumerate(accuracies)]
    (axes,) = figures.history(two).axes
    axes.figure.draw_without_rendering()
    low, high = axes.get_ylim()
    assert low < min(accuracies) <= max(accuracies) < high
    assert sum(low <= mark <= high for mark in axes.get_yticks()) >= 1


def test_the_page_has_it_all(found):
    page = tuning_page(found)
    facts = dict(page.facts)
    assert facts["best trial"] == str(found.best.number)
    assert facts["its validation accuracy"] == f"{found.best.accuracies[-1]:.2%}"
    assert (facts["complete trials"], facts["pruned trials"]) == ("6", "4")
    assert [p.name for p in page.pictures] == ["history", "importances", "slices", "epochs"]
    best, table = [part for s in page.sections for part in s.parts if isinstance(part, Table)]
    assert ["lr", f"{found.best.values['lr']:.3g}", "searched"] in [list(row) for row in best.rows]
    assert ["epochs", "10", ""] in [list(row) for row in best.rows]
    assert table.rows[0][0] == str(found.best.number)
    assert len(table.rows) == 9, "those with an accuracy"
    assert all(
        isinstance(part, Text | Table | PagePicture) for s in page.sections for part in s.parts
    )
