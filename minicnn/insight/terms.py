"""A sum of products taken apart: a number is ``sum(left * right)``, and these are its terms."""

from dataclasses import dataclass

import numpy as np

from minicnn.insight.formatting import number, written
from minicnn.tape import Array

WIDEST_WRITTEN = 9  # rows and columns of numbers that fit on a screen, three times side by side

Region = tuple[slice, ...]


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms ``left * right`` of a number, and which of them take part.

    - `name`, `left_name`, `right_name`: whose they are, and what the two factors are.
    - `left`, `right`: arrays of one shape.
    - `used`: (same shape) bool, which elements the number depends on.
    - `batch_first`: the first axis counts examples, as in activations; else rows, as in weights.
    """

    name: str
    left_name: str
    right_name: str
    left: Array
    right: Array
    used: Array
    batch_first: bool

    @property
    def products(self) -> Array:
        """``left * right``."""
        return self.left * self.right

    @property
    def total(self) -> float:
        """The sum of the products."""
        return float(self.products.sum(dtype=np.float64))

    @property
    def box(self) -> Region:
        """The smallest box with all elements that take part; of none, an empty one.

        >>> used = np.zeros((5, 5), bool)
        >>> used[1, 2] = used[3, 3] = True
        >>> Terms("x", "value", "weight", used * 1.0, used * 1.0, used, False).box
        (slice(1, 4, None), slice(2, 4, None))
        """
        where = np.argwhere(self.used)
        if not len(where):
            return (slice(0, 0),) * self.used.ndim
        ends = zip(where.min(axis=0), where.max(axis=0) + 1, strict=True)
        return tuple(slice(int(low), int(high)) for low, high in ends)

    def plane(self) -> "Plane":
        """Choose the two axes to show as a table, at the place of all others with the most."""
        return _plane(self)

    def __str__(self) -> str:
        """How many matter and where, and if they fit on a screen the terms one by one."""
        count, size = int(self.used.sum()), self.used.size
        head = f"{self.name} {self.left.shape}: "
        if not count:
            return head + ("none of its numbers matters" if size > 1 else "does not matter")
        if size == 1:
            left, right = number(self.left.item()), number(self.right.item())
            product = number(self.total)
            return head + f"{self.left_name} {left} × {self.right_name} {right} = {product}"
        bounds = ", ".join(f"{s.start}:{s.stop}" for s in self.box)
        head += f"{count:,} of {size:,} numbers matter, within [{bounds}]; "
        head += f"their products sum to {number(self.total)}"
        plane = self.plane()
        if max(plane.left.shape) > WIDEST_WRITTEN:
            return head
        return "\n".join([head, *plane.lines(self.left_name, self.right_name)])


@dataclass(frozen=True, eq=False)
class Plane:
    """Two axes of `Terms` within their box.

    - `whole`: (H, W) the left factor all over, with the box at `top`, `left_edge`.
    - `left`, `right`, `products`: (h, w) within the box.
    - `where`: which part of all it is, in words; empty if it is all that matters.
    """

    whole: Array
    top: int
    left_edge: int
    left: Array
    right: Array
    products: Array
    where: str

    def lines(self, left_name: str, right_name: str) -> list[str]:
        """Print the tables side by side, with × and = between them."""
        tables = [written(each).splitlines() for each in (self.left, self.right, self.products)]
        tables = [[left_name, *tables[0]], [right_name, *tables[1]], ["products", *tables[2]]]
        widths = [max(map(len, table)) for table in tables]
        lines = [f"    {self.where}"] if self.where else []
        middle = 1 + (len(tables[0]) - 1) // 2
        for i, row in enumerate(zip(*tables, strict=True)):
            signs = ("  ×  ", "  =  ", "") if i == middle else ("     ", "     ", "")
            cells = (t.ljust(w) + sign for t, w, sign in zip(row, widths, signs, strict=True))
            lines.append(f"    {''.join(cells)}".rstrip())
        return lines


def _plane(terms: Terms) -> Plane:
    """Take axes away, the strongest index of each, until two are left."""
    box = terms.box
    arrays = [terms.left, terms.left[box], terms.right[box], terms.products[box]]
    starts, axes = [s.start for s in box], list(range(terms.left.ndim))
    where = [":"] * len(axes)
    while len(axes) > 2:
        axis = _least_spatial(len(axes), terms.batch_first)
        others = tuple(i for i in range(len(axes)) if i != axis)
        best = int(np.abs(arrays[3]).sum(axis=others).argmax()) if arrays[3].size else 0
        where[axes[axis]] = str(starts[axis] + best)
        arrays[0] = arrays[0].take(starts[axis] + best, axis)
        arrays[1:] = [each.take([best] if each.size else [], axis).sum(axis) for each in arrays[1:]]
        del starts[axis], axes[axis]
    arrays = [each.reshape((1,) * (2 - each.ndim) + each.shape) for each in arrays]
    starts = [0] * (2 - len(starts)) + starts
    several = any(terms.left[box].shape[i] > 1 for i, sign in enumerate(where) if sign != ":")
    shown = f"[{', '.join(where)}] is the largest part" if several else ""
    whole, left, right, products = arrays
    return Plane(whole, starts[0], starts[1], left, right, products, shown)


def _least_spatial(axes: int, batch_first: bool) -> int:
    """Channels go first, then examples: of (N, H, W, C) rows and columns stay."""
    return 0 if batch_first and axes == 3 else axes - 1
