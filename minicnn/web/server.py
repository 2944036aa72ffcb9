"""Starts the service, and ends it so that nobody who was promised an answer goes without."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable

import uvicorn

from minicnn.experiments.opening import open_model
from minicnn.files import StrPath
from minicnn.reader.recognise import frame_shape
from minicnn.web.app import build_app
from minicnn.web.facts import model_facts
from minicnn.web.listener import Server, listen
from minicnn.web.log import write_log
from minicnn.web.pool import Pool
from minicnn.web.settings import Settings


def serve(
    *paths: StrPath, settings: Settings | None = None, ready: Callable[[str], None] = print
) -> None:
    """Serve models until SIGTERM or Ctrl-C; requests that have begun are answered before.

    - `paths`: for each the folder of a run, or a model's file; the first answers unless a request
      says otherwise.
    - `ready`: called with the address once the service answers there.

    Raises `CheckpointError` if there is no such model, `ShapeError` if it does not take grey
    pictures, `ServiceError` if the address is taken or a process does not start.
    """
    settings = settings or Settings()
    models = [open_model(path) for path in paths]
    for model in models:
        frame_shape(model)
    facts = [model_facts(model, path) for model, path in zip(models, paths, strict=True)]
    write_log(settings.log)
    with contextlib.closing(listen(settings)) as listener, _quiet_end():
        pool = Pool(models, settings.workers, settings.seconds)
        app = build_app(pool, facts, settings)
        try:
            asyncio.run(_run(pool, Server(app, settings, listener, ready), listener))
        finally:
            pool.stop()


async def _run(pool: Pool, server: uvicorn.Server, listener: socket.socket) -> None:
    await pool.start()
    await server.serve([listener])


@contextlib.contextmanager
def _quiet_end():  # type: ignore[no-untyped-def]
    """SIGTERM ends the service with exit code 0: it is how a service is told to stop."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
