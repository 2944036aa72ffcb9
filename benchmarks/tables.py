"""A table, for the terminal and for Markdown: the one place where figures become text."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import rich.box
import rich.table
from rich.console import Console, Group
from rich.text import Text

from benchmarks.stats import Spread


@dataclass
class Table:
    """Rows of text under `columns`, the first column to the left; `notes` stand below."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def rich(self) -> Group:
        """For the terminal."""
        table = rich.table.Table(box=rich.box.SIMPLE_HEAD)
        for i, name in enumerate(self.columns):
            table.add_column(name, justify="right" if i else "left", no_wrap=not i)
        for row in self.rows:
            table.add_row(*row)
        notes = [Text(note, style="dim") for note in self.notes]
        return Group(Text(self.title, style="bold"), table, *notes, "")

    def show(self, markdown: bool, console: Console | None = None) -> None:
        """Print it: for the terminal, or as Markdown."""
        if markdown:
            print(self.markdown())
        else:
            (console or Console()).print(self.rich())

    def markdown(self) -> str:
        """For a README; a `|` in a cell is escaped."""
        rule = ["---", *["---:"] * (len(self.columns) - 1)]
        lines = [_line(self.columns), _line(rule), *map(_line, self.rows)]
        notes = [f"\n{note}" for note in self.notes]
        return "\n".join([f"### {self.title}", "", *lines, *notes]) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def times(value: float | Spread) -> str:
    """A ratio: with its range if it has one.

    >>> times(2.0), times(Spread(2.04, 1.9, 2.2)), times(123.4)
    ('2.00×', '2.04× (1.90–2.20)', '123×')
    """
    if isinstance(value, Spread):
        return f"{times(value.median)} ({_short(value.low)}–{_short(value.high)})"
    return f"{_short(value)}×"


def _short(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def whole(value: float) -> str:
    """A large number.

    >>> whole(12345.6)
    '12,346'
    """
    return f"{value:,.0f}"


def percent(share: float) -> str:
    """A share of 1.

    >>> percent(0.605)
    '60 %'
    """
    return f"{100 * share:.0f} %"


def seconds(value: float) -> str:
    """A duration, in the unit that fits it.

    >>> seconds(12.34), seconds(0.1234), seconds(56e-6)
    ('12.3 s', '123 ms', '56 µs')
    """
    if value >= 1:
        return f"{value:.3g} s" if value < 1000 else f"{value:,.0f} s"
    return f"{1e3 * value:.3g} ms" if value >= 1e-3 else f"{1e6 * value:.3g} µs"


def megabytes(count: float) -> str:
    """A number of bytes, in MB of a million.

    >>> megabytes(123_456_789)
    '123 MB'
    """
    return f"{count / 1e6:,.0f} MB"
