"""minicnn, as its README says to use it."""

import functools
from collections.abc import Iterator
from typing import Any

import numba
import numpy as np

import minicnn
from benchmarks.peers.pictures import in_turn, pictures
from benchmarks.peers.protocol import Run, Task, mean_time, median_time
from minicnn import functional as F
from minicnn import kernels, optim, zoo

kernels.use("fast")
kernels.provenance()  # imports the fast set now, so that it counts as import


def about() -> dict[str, Any]:
    """Versions and threads."""
    return {
        "versions": {
            "minicnn": minicnn.__version__,
            "numpy": np.__version__,
            "numba": numba.__version__,
        },
        "threads": {"numba": numba.get_num_threads()},
    }


load = functools.lru_cache(maxsize=1)(pictures)


def train(task: Task) -> Run:
    """The loop written out: forward, loss, backward, Adam."""
    model, optimizer = zoo.build(task.model, task.image), optim.Adam(1e-3)
    batches = _forever(task)

    def step() -> None:
        x, labels = next(batches)
        loss = F.softmax_cross_entropy(model(x, training=True), labels)
        model.zero_grad()
        loss.backward()
        optimizer.step(model.parameters())

    return functools.partial(mean_time, step)


def _forever(task: Task) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    data, rng = load(task), np.random.default_rng(0)
    while True:
        yield from data.batches(task.batch, rng, drop_last=True)


def predict(task: Task) -> Run:
    """`model.predict`, one batch a call."""
    model, x, parts = zoo.build(task.model, task.image), load(task).scaled(), in_turn(task)
    return functools.partial(mean_time, lambda: model.predict(x[next(parts)], task.batch))


def call(task: Task) -> Run:
    """`model(x)` for one image; `no_grad` as the peers have it, too."""
    model, x = zoo.build(task.model, task.image), load(task).scaled()[:1]

    def step() -> None:
        with minicnn.no_grad():
            model(x)

    return functools.partial(median_time, step)


RUNS = {
    "training": {"training loop": train},
    "prediction": {"model.predict": predict},
    "latency": {"no_grad": call},
}
