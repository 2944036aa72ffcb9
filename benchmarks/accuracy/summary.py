"""What the seeds of a recipe come to, with the disputed labels of the test set and without them."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks import stats
from benchmarks.accuracy.protocol import Protocol, Seed
from minicnn import metrics
from minicnn.tape import Array

FORMAT = 2
"""Of the files of results; those of another format are left alone."""

DISPUTED = (
    *(947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937),
    *(6651, 6783, 8527, 9679, 9729),
)
"""Places of labels in MNIST's test set that are known to be wrong: C. Northcutt, A. Athalye,
J. Mueller, "Pervasive label errors in test sets", NeurIPS 2021, with people's verdicts."""

Content = dict[str, Any]


def content(protocol: Protocol, seeds: Sequence[Seed]) -> Content:
    """The file of results: the recipe, every seed, and what they come to.

    - `seeds`: the first ones of the protocol, which are done.
    """
    settings = asdict(protocol.settings(0))
    del settings["seed"]
    found = {
        "format": FORMAT,
        "model": protocol.model,
        "settings": settings,
        "wanted": protocol.seeds,
        "parameters": protocol.parameters(),
        "seeds": [asdict(seed) for seed in seeds],
        **_means(protocol, seeds),
    }
    if len(seeds) > 1:
        found["ensemble"] = _of_ensemble(protocol, len(seeds))
    return found


def spread(values: Sequence[float]) -> dict[str, float | None]:
    """Mean and sample standard deviation, which one value does not have.

    >>> spread([1.0, 2.0, 3.0]), spread([1.0])
    ({'mean': 2.0, 'deviation': 1.0}, {'mean': 1.0, 'deviation': None})
    """
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.fmean(values), "deviation": deviation}


def _means(protocol: Protocol, seeds: Sequence[Seed]) -> Content:
    found: Content = {
        "accuracy": spread([seed.accuracy for seed in seeds]),
        "calibration_error": spread([seed.calibration_error for seed in seeds]),
        "training_seconds": stats.spread(seed.training_seconds for seed in seeds)._asdict(),
    }
    if timed := [seed.process_seconds for seed in seeds if seed.process_seconds]:
        found["process_seconds"] = stats.spread(timed)._asdict()
    if protocol.data is None:
        count = len(protocol.test())
        found["undisputed"] = spread([undisputed(seed.mistakes, count) for seed in seeds])
    return found


def undisputed(mistakes: Sequence[int], count: int) -> float:
    """The accuracy on the test pictures whose label nobody disputes.

    >>> undisputed([5, 947, 9729], 10_000) == 1 - 1 / 9_985
    True
    """
    return 1 - len(set(mistakes) - set(DISPUTED)) / (count - len(DISPUTED))


def ensemble_of(protocol: Protocol, count: int) -> Array:
    """The mean of the probabilities of the first seeds, float64 (N, classes)."""
    every = np.stack([protocol.probabilities(seed) for seed in range(count)])
    mean: Array = every.mean(axis=0, dtype=np.float64)
    return mean


def _of_ensemble(protocol: Protocol, count: int) -> Content:
    labels, probabilities = protocol.test().labels, ensemble_of(protocol, count)
    mistakes = np.flatnonzero(probabilities.argmax(axis=1) != labels).tolist()
    found = {
        "accuracy": 1 - len(mistakes) / len(labels),
        "calibration_error": metrics.expected_calibration_error(probabilities, labels),
        "mistakes": mistakes,
    }
    if protocol.data is None:
        found["undisputed"] = undisputed(mistakes, len(labels))
    return found


def against(protocol: Protocol, plain: Protocol, count: int) -> Content:
    """McNemar's test beside another recipe, seed by seed and of the ensembles of so many."""
    labels = protocol.test().labels

    def compared(mine: Array, theirs: Array) -> Content:
        return metrics.mcnemar(labels, mine.argmax(axis=1), theirs.argmax(axis=1))._asdict()

    found: Content = {
        "model": plain.model,
        "seeds": [
            compared(protocol.probabilities(seed), plain.probabilities(seed))
            for seed in range(count)
        ],
    }
    if count > 1:
        found["ensemble"] = compared(ensemble_of(protocol, count), ensemble_of(plain, count))
    return found
