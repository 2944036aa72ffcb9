"""Which of a test's parameters every run takes, and which only ``pytest -m slow``."""

from collections.abc import Iterable
from typing import Any

import pytest


def slow_but(quick: Iterable[str], names: Iterable[str]) -> list[Any]:
    """All names for `pytest.mark.parametrize`, marked slow but for the quick ones."""
    kept = set(quick)
    return [name if name in kept else pytest.param(name, marks=pytest.mark.slow) for name in names]
