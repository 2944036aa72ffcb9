"""The table of both engines over several seeds."""

import json

import numpy as np
import pytest
import typer
from scipy import stats

from benchmarks import parity
from benchmarks.parity import Pairs


def comparisons(folder, ours, theirs):
    """Folders as `minicnn compare --keras` leaves them, a row of `ours` and `theirs` each."""
    for seed, pairs in enumerate(zip(ours, theirs, strict=True)):
        rows = [
            {"name": name, "minicnn": {"test_accuracy": a}, "keras": {"test_accuracy": b}}
            for name, a, b in zip("xyz", *pairs, strict=False)
        ]
        (folder / f"{seed}").mkdir()
        (folder / f"{seed}" / "comparison.json").write_text(json.dumps({"rows": rows}))
        yield folder / f"{seed}"


def test_for_one_model_the_interval_is_that_of_scipy():
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(0.99, 0.001, (2, 6))
    interval = stats.ttest_rel(ours, theirs).confidence_interval(parity.LEVEL)
    half = parity.half_interval({"x": Pairs(ours.tolist(), theirs.tolist())})
    assert half == pytest.approx((interval.high - interval.low) / 2, rel=1e-9)


def test_for_several_models_the_variance_is_that_of_an_analysis_of_variance():
    """Without the means of the models, all differences lie around 0 by the same deviation."""
    rng = np.random.default_rng(1)
    ours, theirs = rng.normal(0.99, 0.001, (2, 3, 4))
    away = ours - theirs
    away -= away.mean(axis=1, keepdims=True)
    deviation = np.sqrt((away**2).sum() / 9)
    expected = stats.t.interval(0.95, 9, scale=deviation / 2)[1]
    found = {name: Pairs(*pair) for name, *pair in zip("xyz", ours, theirs, strict=True)}
    assert parity.half_interval(found) == pytest.approx(expected, rel=1e-9)


def test_the_table_says_which_difference_is_too_large_for_chance(tmp_path):
    ours = [[0.9901, 0.95], [0.9899, 0.95], [0.9902, 0.9501]]
    theirs = [[0.9900, 0.90], [0.9900, 0.90], [0.9900, 0.9001]]
    found = parity.load([*comparisons(tmp_path, ours, theirs)])
    table = parity.table(found)
    assert [row[0] for row in table.rows] == ["x", "y"]
    assert table.rows[0][1:4] == ["99.01 ± 0.02", "99.00 ± 0.00", "+0.007"]
    assert [row[-1] for row in table.rows] == ["yes", "no"]


def test_a_single_seed_gives_no_interval(tmp_path):
    found = parity.load([*comparisons(tmp_path, [[0.99]], [[0.98]])])
    with pytest.raises(typer.BadParameter, match="two or more"):
        parity.table(found)
