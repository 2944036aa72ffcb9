"""Example pictures of handwritten digits, one on each, as people have them, and what they show.

Made by `benchmarks/scripts/example_pictures.py`, from digits of MNIST's training set and strokes of
its own.
"""

import json
from pathlib import Path


def labelled() -> dict[Path, str]:
    """The path of every picture with the digit that is on it.

    >>> digits = labelled()
    >>> sorted(set(digits.values())) == list("0123456789")
    True
    """
    folder = Path(__file__).parent
    labels = json.loads((folder / "labels.json").read_text())
    return {folder / name: label for name, label in labels.items()}
