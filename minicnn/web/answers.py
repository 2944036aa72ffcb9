"""What the model found on a picture, as plain data for JSON."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minicnn.reader.recognise import Prediction
from minicnn.reader.strings import Reading


def of_prediction(found: Prediction) -> dict[str, Any]:
    """The answer to ``POST /predict``."""
    return {**found.to_dict(), "seen": _grey_levels(found.seen)}


def of_reading(found: Reading) -> dict[str, Any]:
    """The answer to ``POST /read``."""
    facts = found.to_dict()
    for digit, seen in zip(facts["digits"], found.seen, strict=True):
        digit["seen"] = _grey_levels(seen)
    return facts


def _grey_levels(image: NDArray[np.float32]) -> list[list[int]]:
    """0 (paper) to 255 (ink), which a picture in MNIST's frame has anyway."""
    levels: list[list[int]] = np.round(255 * image).astype(int).tolist()
    return levels
