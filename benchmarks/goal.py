"""A figure and the limit that it is to keep."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Data = dict[str, Any]


@dataclass(frozen=True)
class Goal:
    """A figure and its limit.

    - `of`: whose figure it is: a section of the benchmarks, or a recipe.
    - `value`: takes the figure out of the measured data; None where it was not measured.
    - `text`: writes a value.
    - `at_least`: is the limit the least or the most?
    """

    of: str
    figure: str
    limit: float
    value: Callable[[Data], float | None]
    text: Callable[[float], str]
    at_least: bool = True

    @property
    def limit_text(self) -> str:
        """The limit with its sign."""
        return f"{'≥' if self.at_least else '≤'} {self.text(self.limit)}"

    def verdict(self, value: float) -> str:
        """Does the value keep the limit: yes or no?"""
        kept = value >= self.limit if self.at_least else value <= self.limit
        return "yes" if kept else "no"
