"""One sentence on a mistake that is in no catalogue: what the numbers, or the error, show."""

import itertools
import re
from collections.abc import Callable, Sequence

import numpy as np

from minicnn.learn.answer_key import AnswerKey
from minicnn.learn.compare import Difference, close, first_difference
from minicnn.learn.outcome import AFTERWARDS, Failure, Outcome

SizePair = tuple[np.ndarray, np.ndarray]


def describe(key: AnswerKey, outcomes: list[Outcome], first: Difference) -> str:
    """Describe the outcomes; `first` is the difference in the smallest failing case."""
    if first.stop is not None:
        return explain_stop(first.stop)
    if first.kind == "values":
        return _explain_values(key, outcomes, first)
    if first.kind == "changed":
        return _explain_changed(key, first)
    return _explain_kind(_called(first.name), first)


def _called(name: str) -> str:
    return "the result" if name == "result" else f"`{name}`"


_STOPS = {
    "RecursionError": (
        "The function calls itself too often{where}: without end, or once for each of thousands of "
        "steps, which needs a loop with a stack of its own."
    ),
    "MemoryError": "The function asked for more memory than a check may take{where}.",
    "_ArrayMemoryError": "The function asked for more memory than a check may take{where}.",
    "SystemExit": "The function ends the program{where}; it must return its result instead.",
    "NotImplementedError": "The function still raises NotImplementedError{where}.",
}


def explain_stop(stop: Failure) -> str:
    """One sentence for an error that ended the student's function."""
    where = f" in line {stop.line}" if stop.line else ""
    if stop.kind == "OSError" and "too large" in stop.message:
        return f"The function prints or writes more than 8 MB{where}; take the prints out."
    if stop.kind in _STOPS:
        return _STOPS[stop.kind].format(where=where)
    if stop.kind == "TypingError":
        return _explain_compiler(stop.message)
    if stop.line is None:
        return _explain_elsewhere(stop)
    return f"The function stops with {stop}"


def _explain_elsewhere(stop: Failure) -> str:
    """One sentence for an error in no line of the student's file."""
    if stop.of_process:
        return f"The function did not come to its end: {stop.message}."
    if stop.message == "index is out of bounds":  # compiled code has no lines
        return (
            "The compiled function goes beyond the end of an array: look at where its loops stop."
        )
    if "a rule that leaves dy out" in stop.message:
        return (
            "Something that the function gives back is a plain number where an array is needed: a "
            "rule that leaves dy out? By the chain rule it multiplies the slope."
        )
    said = f"{stop.kind}: {stop.message}"
    return f"What the function does or returns cannot be used by the engine: {said}"


def _explain_compiler(message: str) -> str:
    """One sentence of the page that numba says about what it cannot compile."""
    reason = re.split(r" During: | >>> |, line \d", message.partition("frontend) ")[2] or message)[
        0
    ]
    found = re.search(r", line (\d+)", message)
    where = f" line {found[1]}" if found else " the function"
    return f"numba cannot compile{where}: {reason[:160].strip()}"


def _explain_kind(what: str, first: Difference) -> str:
    """One sentence for a result that cannot be compared number by number, or need not be."""
    mine, right = first.yours, first.expected
    says = {
        "view": (
            f"The numbers are right, but {what} shows the memory of an argument: who changes one "
            "changes the other. Return an array of its own, .copy() for instance."
        ),
        "wrong_type": (
            f"{what.capitalize()} is None: is a `return` missing?"
            if first.type == "NoneType"
            else f"{what.capitalize()} must be an array of numbers; it is: {first.type}."
        ),
        "missing": f"{what.capitalize()} did not come back: is a part of the `return` missing?",
    }
    if first.kind in says:
        return says[first.kind]
    assert mine is not None
    assert right is not None
    if first.kind == "shape":
        return _explain_shape(what, mine, right)
    return (
        f"The numbers are right, but {what} is {mine.dtype}; with these arguments it must be "
        f"{right.dtype}. Say which dtype a new array shall have."
    )


def _explain_changed(key: AnswerKey, first: Difference) -> str:
    """One sentence for an argument that is not as it must be after the call."""
    name, right = first.name.removesuffix(AFTERWARDS), first.expected
    assert first.yours is not None
    assert right is not None
    afterwards = [outcome.arrays.get(first.name) for outcome in key.expected]
    before = next(c for c, each in zip(key.cases, afterwards, strict=True) if each is right)[name]
    if np.array_equal(before, right):
        return (
            f"The function changes its argument `{name}` in place; whoever called still needs it "
            "as it was."
        )
    if np.array_equal(before, first.yours):
        return (
            f"`{name}` is to be changed in place, and is as it was before: `{name} = …` makes a "
            f"new array, `{name} += …` or `{name}[...] = …` change this one."
        )
    return f"`{name}`, changed in place, holds wrong numbers afterwards."


def _explain_values(key: AnswerKey, outcomes: list[Outcome], first: Difference) -> str:
    """One sentence for wrong numbers, which holds in every case where there are any."""
    what, pairs = _called(first.name), []
    for yours, right in zip(outcomes, key.expected, strict=True):
        found = first_difference(yours, right, key.exercise.tolerance)
        if found is not None and (found.name, found.kind) == (first.name, "values"):
            assert found.yours is not None
            assert found.expected is not None
            pairs.append((found.yours, found.expected))
    for looks_like, sentence in _PATTERNS:
        if all(looks_like(mine, right) for mine, right in pairs):
            return sentence.format(what=what.capitalize())
    return _constant_factor(what, pairs) or _first_number(what, *pairs[0])


def _explain_shape(what: str, mine: np.ndarray, right: np.ndarray) -> str:
    said = f"{what.capitalize()} has the shape {mine.shape}; it must be {right.shape}."
    if mine.size == right.size and mine.ndim == right.ndim:
        return f"{said} The number of values is right: are two axes swapped?"
    if mine.size == right.size:
        return f"{said} The number of values is right: is a reshape missing?"
    return said


# ------------------------------------------------------------------ what wrong numbers look like


def _nan(mine: np.ndarray, right: np.ndarray) -> bool:
    return bool((~np.isfinite(mine) & np.isfinite(right)).any())


def _zeros(mine: np.ndarray, right: np.ndarray) -> bool:
    return not mine.any()


def _negative(mine: np.ndarray, right: np.ndarray) -> bool:
    return close(-mine.astype(float), right, 1e-9)


def _permuted(mine: np.ndarray, right: np.ndarray) -> bool:
    orders = itertools.permutations(range(mine.ndim))
    return mine.ndim > 1 and any(
        mine.transpose(order).shape == right.shape and close(mine.transpose(order), right, 1e-9)
        for order in orders
    )


def _flipped(mine: np.ndarray, right: np.ndarray) -> bool:
    return any(close(np.flip(mine, axis), right, 1e-9) for axis in range(mine.ndim))


def _rearranged(mine: np.ndarray, right: np.ndarray) -> bool:
    ordered = np.sort(mine, axis=None), np.sort(right, axis=None)
    return close(*ordered, 1e-9)


_PATTERNS: Sequence[tuple[Callable[[np.ndarray, np.ndarray], bool], str]] = (
    (_nan, "{what} holds NaN or infinity: a division by zero, or an np.empty that stays unfilled?"),
    (_zeros, "{what} is all zeros: does what you compute ever get into it?"),
    (_negative, "{what} has the wrong sign."),
    (_flipped, "{what} has the right numbers, but back to front along an axis."),
    (_permuted, "{what} has the right numbers, but two axes are swapped (a transpose)."),
    (_rearranged, "{what} has the right numbers in another order: look at the order of the axes."),
)


def _constant_factor(what: str, pairs: list[SizePair]) -> str | None:
    """All numbers too large by the same factor, or off by the same amount."""
    mine = np.concatenate([one.ravel() for one, _ in pairs]).astype(float)
    right = np.concatenate([other.ravel() for _, other in pairs]).astype(float)
    largest = int(np.abs(right).argmax())
    if len(right) < 2 or not right[largest]:
        return None
    factor, offset = mine[largest] / right[largest], mine[largest] - right[largest]
    if factor and close(mine / factor, right, 1e-8):
        return f"Every number of {what} is {factor:.6g} times what it must be."
    if close(mine - offset, right, 1e-8):
        return f"Every number of {what} is off by the same {offset:.6g}."
    return None


def _first_number(what: str, mine: np.ndarray, right: np.ndarray) -> str:
    allowed = 1e-9 * float(np.abs(right).max(initial=1.0))
    wrong = ~np.isclose(mine, right, rtol=0, atol=allowed, equal_nan=True)
    index = tuple(int(i) for i in np.argwhere(wrong)[0]) if wrong.any() else ()
    if not index:
        return f"{what.capitalize()} is {mine[()]:.6g}; it must be {right[()]:.6g}."
    place = ", ".join(map(str, index))
    return (
        f"{int(wrong.sum())} of {right.size} numbers of {what} differ, the first at [{place}]: "
        f"{mine[index]:.6g}, it must be {right[index]:.6g}."
    )
