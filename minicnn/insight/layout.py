"""Where the boxes of a graph stand: in layers by depth, with few crossings, chains straight.

The steps of K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical
system structures", IEEE Trans. SMC 11 (1981): layers, places for long edges to pass, order in each
layer by the mean of the neighbours, and then the coordinates.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

Link = tuple[int, int]

SWEEPS = 12  # up and down; small graphs come to rest long before
LEAF_WEIGHT = 0.001  # a box that nothing leads to gives way to one in a chain


def layers(count: int, edges: Sequence[Link]) -> list[int]:
    """Return the layer of each of `count` boxes: below all that lead to it, 0 at the top.

    - `edges`: (from, to), both counted in an order in which every edge leads on.

    What nothing leads to stands right above the first that it leads to.

    >>> layers(4, [(0, 2), (1, 2), (2, 3), (0, 3)])
    [0, 0, 1, 2]
    """
    depth = [0] * count
    for source, target in sorted(edges, key=lambda edge: edge[1]):
        depth[target] = max(depth[target], depth[source] + 1)
    followers = defaultdict(list)
    for source, target in edges:
        followers[source].append(depth[target])
    led_to = {target for _, target in edges}
    return [
        d if i in led_to or not followers[i] else min(followers[i]) - 1 for i, d in enumerate(depth)
    ]


def places(depth: Sequence[int], edges: Sequence[Link]) -> tuple[list[float], list[list[float]]]:
    """Return the column of each box, and the columns where each edge passes the layers between.

    Boxes of a layer are at least 1 apart.
    """
    rows, chains = list(depth), []
    for source, target in edges:  # a place in every layer that an edge passes
        between = range(depth[source] + 1, depth[target])
        passing = list(range(len(rows), len(rows) + len(between)))
        rows += between
        chains.append([source, *passing, target])
    short = [pair for chain in chains for pair in pairwise(chain)]
    columns = _columns(rows, short)
    return columns[: len(depth)], [[columns[i] for i in chain[1:-1]] for chain in chains]


def _columns(rows: Sequence[int], edges: Sequence[Link]) -> list[float]:
    """Pull every box to the mean of its neighbours, again and again, above and below in turn."""
    above, below = defaultdict(list), defaultdict(list)
    for source, target in edges:
        above[target].append(source)
        below[source].append(target)
    weight = [1.0 if above[i] else LEAF_WEIGHT for i in range(len(rows))]
    members: defaultdict[int, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        members[row].append(i)
    column: dict[int, float] = {}
    for boxes in members.values():
        boxes.reverse()  # the tape lists the inputs of an op from the last to the first
        for place, i in enumerate(boxes):
            column[i] = place
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        neighbours = above if downwards else below
        for row in sorted(members, reverse=not downwards):
            wanted = {i: _mean(i, neighbours[i], column, weight) for i in members[row]}
            members[row].sort(key=lambda i: wanted[i])
            spread = _apart([wanted[i] for i in members[row]], [weight[i] for i in members[row]])
            column |= dict(zip(members[row], spread, strict=True))
    return [column[i] for i in range(len(rows))]


def _mean(i: int, neighbours: list[int], column: dict[int, float], weight: list[float]) -> float:
    if not neighbours:
        return column[i]
    return float(
        np.average([column[n] for n in neighbours], weights=[weight[n] for n in neighbours])
    )


def _apart(wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the places nearest to those wanted, in this order, each 1 or more after the one
    before.

    Least squares by pooling neighbours that are too close (isotonic regression).

    >>> _apart([0.0, 0.0, 5.0], [1.0, 1.0, 1.0])
    [-0.5, 0.5, 5.0]
    """
    pools: list[list[float]] = []  # mean, weight, how many
    for i, (place, weight) in enumerate(zip(wanted, weights, strict=True)):
        pools.append([place - i, weight, 1])
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            mean, heavy, count = pools.pop()
            last = pools[-1]
            last[0] = (last[0] * last[1] + mean * heavy) / (last[1] + heavy)
            last[1], last[2] = last[1] + heavy, last[2] + count
    flat = [mean for mean, _, count in pools for _ in range(int(count))]
    return [place + i for i, place in enumerate(flat)]
