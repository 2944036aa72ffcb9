"""Example pictures of handwritten digits, one on each, as people have them, and what they show.

Made by `benchmarks/synthesis/examples.py` from digits of the MNIST training set and strokes of
its own.
"""

import json
from pathlib import Path


def labelled() -> dict[Path, str]:
    """Return the path of every example picture with the digit that it shows.

    >>> digits = labelled()
    >>> sorted(set(digits.values())) == list("0123456789")
    True
    """
    folder = Path(__file__).parent
    labels = json.loads((folder / "labels.json").read_text())
    return {folder / name: label for name, label in labels.items()}
