"""A failed check in words and numbers, for the terminal."""

import itertools
import textwrap

import numpy as np
from rich.console import Console
from rich.text import Text

from minicnn.learn.check import CheckResult
from minicnn.learn.compare import Difference
from minicnn.learn.observers import Case
from minicnn.learn.outcome import AFTERWARDS

MARKS = {"pass": ("✓", "green"), "todo": ("·", "dim"), "stale": ("~", "yellow")}
"""How a status is shown; all others are failures."""

_WHOLE = 150


def mark(status: str) -> Text:
    """One coloured character for a status."""
    return Text(*MARKS.get(status, ("✗", "red")))


def line(result: CheckResult) -> Text:
    """Format the result in one line."""
    count = f"{result.passed} of {result.cases} cases right"
    said = {"pass": f"{result.cases} cases, all right", "fail": count}.get(result.status)
    return Text.assemble(
        mark(result.status), f" {result.exercise.name}", ("   ", ""), (said or result.status, "dim")
    )


def explained(result: CheckResult, width: int) -> Text:
    """Explain what failed: the smallest case, yours beside what is expected, and what is wrong."""
    blocks: list[Text] = []
    if result.case is not None:
        blocks.append(_arguments(result.case))
    if result.difference is not None and result.difference.expected is not None:
        blocks.append(_beside(result.difference, width - 4))
    if result.printed.strip() and result.status != "pass":
        shown = "\n".join(f"  {each}" for each in result.printed.strip().splitlines()[:6])[:600]
        blocks.append(Text.assemble(("It printed\n", "bold"), (shown, "dim")))
    style = "" if result.status == "todo" else "bold red"
    blocks.append(Text(textwrap.fill(result.says, min(width - 4, 96)), style))
    return _indented(Text("\n\n").join(blocks), 2)


def _indented(text: Text, by: int) -> Text:
    return Text("\n").join(Text(" " * by if line.plain else "") + line for line in text.split("\n"))


def _arguments(case: Case) -> Text:
    width = max(map(len, case))
    lines = [Text("The smallest case that fails", "bold")]
    for name, value in case.items():
        is_array = isinstance(value, np.ndarray)
        text = f"{_titled(value)}\n{shown(value)}" if is_array else _short(value)
        first, *rest = text.splitlines()
        lines.append(Text(f"  {name:{width}}  {first}"))
        lines += [Text(f"{'':{width + 4}}{each}") for each in rest]
    return Text("\n").join(lines)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 70 else f"{text[:67]}..."


def _beside(difference: Difference, width: int) -> Text:
    """Yours, expected and their difference, side by side if there is room."""
    expected, yours = difference.expected, difference.yours
    assert expected is not None
    blocks = [["expected", _titled(expected), *shown(expected).splitlines()]]
    if yours is not None:
        blocks.insert(0, ["yours", _titled(yours), *shown(yours).splitlines()])
        if difference.kind in ("values", "changed"):
            with np.errstate(all="ignore"):
                off = np.asarray(yours.astype(float) - expected.astype(float))
                off[np.isclose(yours, expected, rtol=1e-9, atol=1e-12)] = 0
            blocks.append(["difference", "", *shown(off, zero="·").splitlines()])
    elif difference.type:
        blocks.insert(0, ["yours", difference.type])
    title = difference.name.replace(AFTERWARDS, ", afterwards")
    widths = [max(map(len, block)) for block in blocks]
    together = sum(widths) + 4 * len(widths) <= width
    rows = _side_by_side(blocks, widths) if together else [r for block in blocks for r in block]
    text = Text.assemble((title[:1].upper() + title[1:], "bold"))
    for row in rows:
        is_head = row.split()[:1] in (["yours"], ["expected"], ["difference"])
        text.append(f"\n  {row.rstrip()}", "bold" if is_head else "")
    return text


def _side_by_side(blocks: list[list[str]], widths: list[int]) -> list[str]:
    rows = itertools.zip_longest(*blocks, fillvalue="")
    return [
        "    ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]


def _titled(array: np.ndarray) -> str:
    view = _index(array)
    return f"{array.shape} {array.dtype}" + (f", as [{view}]" if view else "")


def _index(array: np.ndarray) -> str:
    """Return the index that leaves out axes of length 1 where that makes an array easier to
    read.
    """
    if array.ndim <= 2 or 1 not in array.shape:
        return ""
    return ", ".join("0" if size == 1 else ":" for size in array.shape)


def shown(array: np.ndarray, zero: str | None = None) -> str:
    """Format the numbers of an array, whole if it is small.

    - `zero`: what stands for 0.

    >>> print(shown(np.array([[1.0, 0.0], [0.25, 3.0]]), zero="."))
    [[   1    .]
     [0.25    3]]
    """
    plain = np.squeeze(array) if _index(array) else array
    if plain.size == 0:
        return "(empty)"
    seen = plain if plain.size <= _WHOLE else _corner(plain)
    texts = [zero if zero and value == 0 else f"{value:.4g}" for value in seen.ravel().tolist()]
    width = max(map(len, texts))
    padded = iter([f"{text:>{width}}" for text in texts])
    whole = np.array2string(
        seen,
        separator=" ",
        threshold=10 * _WHOLE,
        max_line_width=96,
        formatter={"all": lambda _: next(padded)},
    )
    return whole if seen is plain else f"{whole}\n(the first of {array.size:,} numbers)"


def _corner(array: np.ndarray) -> np.ndarray:
    """Return the beginning of a large array."""
    return array[tuple(slice(0, 8 if i >= array.ndim - 2 else 1) for i in range(array.ndim))]


def console() -> Console:
    """Where it is printed; as wide as the terminal, 100 columns where there is none."""
    found = Console(highlight=False, markup=False, soft_wrap=True)
    if not found.is_terminal:
        found.width = 100
    return found
