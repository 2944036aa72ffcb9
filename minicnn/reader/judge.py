"""Is a piece of ink one digit, a part of one, several, or something else? A small net of its own.

What reads digits has seen digits only, and takes the half of an 8 for a 3 with much confidence. The
judge was trained on the pieces that `line` makes of strings of MNIST's training digits, right and
wrong ones, and on letters and scribbles; see `benchmarks/scripts/train_judge.py`.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from minicnn import kernels
from minicnn.nn import Sequential
from minicnn.reader.line import Line, Piece
from minicnn.reader.views import views
from minicnn.training.checkpoint import load_model


def whole(line: Line, pieces: Sequence[Piece]) -> NDArray[np.float32]:
    """Return the probability of each piece to be one whole digit: float32, `(n,)`."""
    probabilities = kernels.softmax(_judge().predict(views(line, pieces)))
    return 1 - probabilities[:, -1]


@cache
def _judge() -> Sequential:
    return load_model(Path(__file__).with_name("judge.npz"))
