"""The best way through a line is the best of all ways."""

from itertools import pairwise

import numpy as np
import pytest

from minicnn.reader.lattice import Edge, best_path
from minicnn.reader.line import Piece


def every_path(edges: list[Edge], last: int, place: int = 0):
    """All ways from a border to the last, found by walking them."""
    if place == last:
        yield []
    for edge in edges:
        if edge.piece.start == place:
            for rest in every_path(edges, last, edge.piece.stop):
                yield [edge, *rest]


def total(path: list[Edge]) -> float:
    return sum(edge.score for edge in path)


@pytest.mark.parametrize("seed", range(8))
def test_it_is_the_best_of_all_that_there_are(seed):
    rng = np.random.default_rng(seed)
    last = int(rng.integers(2, 8))
    edges = [
        Edge(Piece(start, stop), -float(rng.exponential()), int(rng.random() < 0.8))
        for start in range(last)
        for stop in range(start + 1, last + 1)
        if rng.random() < 0.7
    ]
    paths = [*every_path(edges, last)]
    for expect in (None, *range(5)):
        fitting = [
            path for path in paths if expect is None or sum(edge.digits for edge in path) == expect
        ]
        found = best_path(edges, last, expect)
        if not fitting:
            assert found is None
            continue
        assert found is not None
        assert total(found) == pytest.approx(max(map(total, fitting)))
        assert found[0].piece.start == 0
        assert found[-1].piece.stop == last
        assert all(a.piece.stop == b.piece.start for a, b in pairwise(found))


def test_more_digits_than_there_are_borders_need_no_memory():
    assert best_path([Edge(Piece(0, 1), -1)], last=1, expect=10**13) is None
