"""Our service with Keras behind it: `python -m benchmarks.peers.keras_service RUN`.

Server, limits and the reading of pictures are those of `minicnn serve`; the net is asked by a plain
`model.predict`, off the event loop in as many threads as ours has processes, as a web application
around Keras has it. Prints its address once it answers.
"""

import asyncio
import contextlib
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from minicnn import kernels
from minicnn.bridge.live import to_keras
from minicnn.experiments.opening import open_model
from minicnn.nn import Sequential
from minicnn.web import worker
from minicnn.web.app import build_app
from minicnn.web.facts import model_facts
from minicnn.web.listener import Server, listen
from minicnn.web.log import write_log
from minicnn.web.settings import Settings
from minicnn.web.worker import Answer, Job


class KerasNet:
    """What the reader asks of a model, answered by Keras: logits for pictures (N, H, W, 1)."""

    def __init__(self, model: Sequential):
        self.keras = to_keras(model, softmax=False)
        self.input_shape, self.class_names = model.input_shape, model.class_names

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.keras.predict(x, verbose=0)


class Threads:
    """In the place of `pool.Pool`: the same work in threads, which share the one net."""

    def __init__(self, net: Any, threads: int):
        self.net, self.alive = net, threads
        self._threads = ThreadPoolExecutor(threads)

    async def ask(self, job: Job) -> Answer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, worker.answer, [self.net], job)

    ask_aside = ask


def main(run: str) -> None:
    """Serve until the process is ended."""
    settings, model = Settings(port=0), open_model(run)
    net = KerasNet(model)
    net.predict(np.zeros((1, *model.input_shape), np.float32))
    app = build_app(
        Threads(net, settings.workers),
        [model_facts(model, run)],
        settings,
    )
    write_log(settings.log)

    def ready(address: str) -> None:
        print(address, flush=True)

    # Our compiled kernels stay out of it, the softmax of ten numbers among them.
    with kernels.use("reference"), contextlib.closing(listen(settings)) as listener:
        asyncio.run(Server(app, settings, listener, ready).serve([listener]))


if __name__ == "__main__":
    main(sys.argv[1])
