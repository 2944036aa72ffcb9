"""Starts the service, and ends it so that nobody who was promised an answer goes without."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator

from minicnn.experiments.opening import open_model
from minicnn.files import StrPath
from minicnn.reader.recognise import frame_shape
from minicnn.web.app import build_app
from minicnn.web.listener import address, listen, server
from minicnn.web.log import write_log
from minicnn.web.model_info import model_info
from minicnn.web.pool import Pool
from minicnn.web.settings import ServiceSettings
from minicnn.web.worker import Served


def serve(
    *paths: StrPath, settings: ServiceSettings | None = None, ready: Callable[[str], None] = print
) -> None:
    """Serve models until SIGTERM or Ctrl-C; requests that have begun are answered before.

    - `paths`: for each the folder of a run, or a model's file; the first answers unless a request
      says otherwise.
    - `ready`: called with the address once the service answers there.

    Raises `FileError` if there is no such model, `ShapeError` if it does not take grey
    pictures, `ServiceError` if the address is taken or a process does not start.
    """
    settings = settings or ServiceSettings()
    served = [Served(str(path), open_model(path)) for path in paths]
    for each in served:
        frame_shape(each.model)
    models = [model_info(each.model, each.path) for each in served]
    write_log(settings.log)
    with contextlib.closing(listen(settings)) as listener, _quiet_end():
        where = address(settings.host, listener.getsockname()[1])
        pool = Pool(served, settings.workers, settings.seconds)
        app = build_app(pool, models, settings, lambda: ready(where))

        async def run() -> None:
            await pool.start()
            await server(app, settings, listener).serve([listener])

        try:
            # Windows' own loop would not tell the listener of its connections.
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                runner.run(run())
        finally:
            pool.stop()


@contextlib.contextmanager
def _quiet_end() -> Iterator[None]:
    """SIGTERM ends the service with exit code 0: it is how a service is told to stop."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
