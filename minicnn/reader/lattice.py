"""The best way to read a line: of all ways to cut it, the one whose pieces are digits.

The borders of a line are the nodes of a graph, its pieces the edges, each with the logarithm of the
probability that it is a digit; the best path from the first border to the last is found by dynamic
programming.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from minicnn.reader.line import Piece


class Edge(NamedTuple):
    """A piece, its score, and the digits that it counts for: 1, or 0 for what is left out."""

    piece: Piece
    score: float
    digits: int = 1


def best_path(edges: Iterable[Edge], last: int, expect: int | None = None) -> list[Edge] | None:
    """Return the edges of the path from border 0 to `last` with the largest sum of scores.

    - `expect`: how many digits there must be; any number by default.

    None if there is no such path.

    >>> whole, left, right = Edge(Piece(0, 2), -1), Edge(Piece(0, 1), -2), Edge(Piece(1, 2), -3)
    >>> [edge.score for edge in best_path([whole, left, right], last=2)]
    [-1]
    >>> [edge.score for edge in best_path([whole, left, right], last=2, expect=2)]
    [-2, -3]
    """
    most = 0 if expect is None else expect
    if most > last:  # an edge leads on by a border at least
        return None
    best = np.full((last + 1, most + 1), -np.inf)
    best[0, 0] = 0
    way: dict[tuple[int, int], Edge] = {}
    for edge in sorted(edges, key=lambda edge: edge.piece.start):
        digits = 0 if expect is None else edge.digits
        for count in range(most + 1 - digits):
            score = best[edge.piece.start, count] + edge.score
            if score > best[edge.piece.stop, count + digits]:
                best[edge.piece.stop, count + digits] = score
                way[edge.piece.stop, count + digits] = edge
    if not np.isfinite(best[last, most]):
        return None
    path: list[Edge] = []
    place, count = last, most
    while place:
        edge = way[place, count]
        path.append(edge)
        place, count = edge.piece.start, count - (0 if expect is None else edge.digits)
    return path[::-1]
