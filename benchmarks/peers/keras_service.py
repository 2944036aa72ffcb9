"""Our service with Keras behind it: `python -m benchmarks.peers.keras_service RUN`.

Server, limits and the reading of pictures are those of `minicnn serve`; the net is asked by a plain
`model.predict`, off the event loop in as many threads as ours has processes, as a web application
around Keras has it. Prints its address once it answers.
"""

import asyncio
import contextlib
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from minicnn import kernels
from minicnn.bridge.live import to_keras
from minicnn.experiments.opening import open_model
from minicnn.nn import Sequential
from minicnn.web import worker
from minicnn.web.app import build_app
from minicnn.web.listener import address, listen, server
from minicnn.web.log import write_log
from minicnn.web.model_info import model_info
from minicnn.web.settings import ServiceSettings
from minicnn.web.worker import Answer, Job, Served


class KerasNet:
    """What the reader asks of a model, answered by Keras: logits for pictures (N, H, W, 1)."""

    def __init__(self, model: Sequential):
        self.keras = to_keras(model, softmax=False)
        self.input_shape, self.class_names = model.input_shape, model.class_names

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.keras.predict(x, verbose=0)


class Threads:
    """In the place of `pool.Pool`: the same work in threads, which share the one net."""

    def __init__(self, served: Served, threads: int):
        self.served, self.alive = served, threads
        self._threads = ThreadPoolExecutor(threads)

    async def ask(self, job: Job) -> Answer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, worker.answer, [self.served], job)

    ask_aside = ask


def main(run: str) -> None:
    """Serve until the process is ended."""
    settings, model = ServiceSettings(port=0), open_model(run)
    net = KerasNet(model)
    net.predict(np.zeros((1, *model.input_shape), np.float32))
    backend, models = Threads(Served(run, net), settings.workers), [model_info(model, run)]
    write_log(settings.log)
    # Our compiled kernels stay out of it, the softmax of ten numbers among them.
    with kernels.use("reference"), contextlib.closing(listen(settings)) as listener:
        where = address(settings.host, listener.getsockname()[1])
        app = build_app(backend, models, settings, lambda: print(where, flush=True))
        asyncio.run(server(app, settings, listener).serve([listener]))


if __name__ == "__main__":
    main(sys.argv[1])
