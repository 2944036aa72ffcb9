"""A small run, a program that serves it, and the service without a network."""

import asyncio
import contextlib
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image

from minicnn import nn, optim, zoo
from minicnn.bridge.keras_archive import keras_bytes
from minicnn.data import mnist
from minicnn.experiments.settings import Settings
from minicnn.nn import Sequential
from minicnn.plain_data import write_json
from minicnn.training.checkpoint import save_model
from minicnn.training.fit import fit
from minicnn.web import worker
from minicnn.web.app import build_app
from minicnn.web.model_info import model_info
from minicnn.web.settings import ServiceSettings

START = """
import json, sys
from minicnn.web.server import serve
from minicnn.web.settings import ServiceSettings
words, *paths = sys.argv[1:]
settings = ServiceSettings(**json.loads(words))
serve(*paths, settings=settings, ready=lambda address: print(address, flush=True))
"""


@pytest.fixture(scope="session")
def model() -> Sequential:
    """`mlp` after 10,000 digits: nine of ten right."""
    model = zoo.build("mlp", rng=0)
    fit(
        model,
        mnist()[0][:10_000],
        optimizer=optim.Adam(2e-3),
        epochs=1,
        batch_size=50,
        validation=None,
        progress=False,
    )
    return model


@pytest.fixture(scope="session")
def run(model, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "mlp-1"
    folder.mkdir()
    save_model(folder / "model.npz", model)
    write_json(folder / "config.json", asdict(Settings.of("mlp")))
    write_json(folder / "metrics.json", {"test_accuracy": 0.9})
    return folder


@pytest.fixture(scope="session")
def conv(tmp_path_factory) -> Path:
    """A Keras file of a small convolutional net: nine of ten right."""
    model = nn.Sequential(
        nn.Conv2D(6, 5, activation="relu"),
        nn.MaxPool2D(2),
        nn.Conv2D(8, 3),
        nn.ReLU(),
        nn.MaxPool2D(2),
        nn.Dropout(0.1),
        nn.Flatten(),
        nn.Dense(10),
        input_shape=(28, 28, 1),
    )
    fit(
        model,
        mnist()[0][:8_000],
        optimizer=optim.Adam(5e-3),
        epochs=1,
        batch_size=50,
        validation=None,
        progress=False,
    )
    path = tmp_path_factory.mktemp("keras") / "conv.keras"
    path.write_bytes(keras_bytes(model))
    return path


@dataclass
class Service:
    """A service in a process of its own."""

    url: str
    process: "subprocess.Popen[str]"
    written: TextIO

    def post(self, where: str, **request) -> httpx.Response:
        return httpx.post(self.url + where, timeout=60, **request)

    def get(self, where: str, **request) -> httpx.Response:
        return httpx.get(self.url + where, timeout=60, **request)

    def log(self) -> list[dict]:
        """Stops the service; what it has logged."""
        self.process.terminate()
        self.process.wait(60)
        self.written.seek(0)
        return [json.loads(line) for line in self.written if line.startswith("{")]


@contextlib.contextmanager
def started(*runs: Path, **settings) -> Iterator[Service]:
    """`ServiceSettings` with a free port and one worker, if nothing else is said."""
    words = json.dumps({"port": 0, "workers": 1, **settings})
    with tempfile.TemporaryFile("w+") as log:  # a pipe that nobody reads would fill up
        process = subprocess.Popen(
            [sys.executable, "-c", START, words, *map(str, runs)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:"), url
            yield Service(url, process, log)
        finally:
            process.terminate()
            process.communicate(timeout=60)


@pytest.fixture(scope="session")
def service(run) -> Iterator[Service]:
    """A service that the tests share: none of them may harm it."""
    with started(run) as found:
        yield found


class Inline:
    """Answers in place of a `Pool`, in this process."""

    alive = 1

    def __init__(self, *served: worker.Served):
        self.served = served

    async def ask(self, job: worker.Job) -> worker.Answer:
        return worker.answer(self.served, job)

    ask_aside = ask


def asking(**models: Sequential) -> Callable[..., httpx.Response]:
    """Ask the application without a network: ``ask("POST", "/predict", content=…)``.

    - `models`: each by the path of its run.
    """

    served = [worker.Served(path, model) for path, model in models.items()]
    apps: dict[ServiceSettings, FastAPI] = {}

    def call(method: str, where: str, settings: ServiceSettings | None = None, **request):
        settings = settings or ServiceSettings()
        if settings not in apps:
            models = [model_info(each.model, each.path) for each in served]
            apps[settings] = build_app(Inline(*served), models, settings)
        app = apps[settings]

        async def send() -> httpx.Response:
            # A mistake of ours is an exception here, and not only a 500.
            transport = httpx.ASGITransport(app, raise_app_exceptions=True)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost"
            ) as client:
                return await client.request(method, where, **request)

        return asyncio.run(send())

    return call


@pytest.fixture(scope="session")
def ask(model, run) -> Callable[..., httpx.Response]:
    """Ask about the small run."""
    return asking(**{str(run): model})


def file_of(image: Image.Image | np.ndarray, kind: str = "PNG") -> bytes:
    """The bytes of a picture's file."""
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="session")
def digits() -> list[bytes]:
    """PNG files of digits, the first of the test set."""
    return [file_of(image[..., 0]) for image in mnist()[1].images[:20]]
