"""Starts the service, and ends it so that nobody who was promised an answer goes without."""

import asyncio
import contextlib
import functools
import signal
import socket
import sys
from collections.abc import Callable

import uvicorn

from minicnn.errors import ServiceError
from minicnn.files import StrPath
from minicnn.reader.recognise import frame_shape
from minicnn.runs import open_model
from minicnn.web.app import build_app
from minicnn.web.facts import model_facts
from minicnn.web.log import write_log
from minicnn.web.pool import Pool
from minicnn.web.protocol import PatientProtocol
from minicnn.web.settings import Settings


def serve(
    path: StrPath, settings: Settings | None = None, ready: Callable[[str], None] = print
) -> None:
    """Serve a model until SIGTERM or Ctrl-C; requests that have begun are answered before.

    - `path`: the folder of a run, or a model's file.
    - `ready`: called with the address once the service answers there.

    Raises `CheckpointError` if there is no such model, `ShapeError` if it does not take grey
    pictures, `ServiceError` if the address is taken or a process does not start.
    """
    settings = settings or Settings()
    model = open_model(path)
    frame_shape(model)
    facts = model_facts(model, path)
    write_log(settings.log)
    with contextlib.closing(_listen(settings)) as listener, _quiet_end():
        pool = Pool(model, settings.workers, settings.seconds)
        app = build_app(pool, facts, settings)
        try:
            asyncio.run(_run(pool, _Server(app, settings, listener, ready), listener))
        finally:
            pool.stop()


async def _run(pool: Pool, server: uvicorn.Server, listener: socket.socket) -> None:
    await pool.start()
    await server.serve([listener])


class _Server(uvicorn.Server):
    """Says when it is ready, which uvicorn leaves to its log."""

    def __init__(self, app, settings, listener, ready):  # type: ignore[no-untyped-def]
        protocol = functools.partial(PatientProtocol, patience=settings.patience)
        config = uvicorn.Config(
            app,
            http=protocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=round(settings.seconds) + 1,
        )
        super().__init__(config)
        self.address = _address(settings.host, listener.getsockname()[1])
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready(self.address)


def _listen(settings: Settings) -> socket.socket:
    """A socket at the address, so that a mistake in it is known before anything is started."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=1024)
        # What it accepts inherits this: an answer in two packets must not wait 40 ms between them.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        where = f"{settings.host}, port {settings.port}"
        raise ServiceError(
            f"cannot listen at {where}: {error.strerror or error}; another one: --port, --host"
        ) from error


def _address(host: str, port: int) -> str:
    """What to type into a browser on this machine.

    >>> _address("0.0.0.0", 80), _address("::1", 8000)
    ('http://localhost:80/', 'http://[::1]:8000/')
    """
    if host in ("0.0.0.0", "::"):
        host = "localhost"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


@contextlib.contextmanager
def _quiet_end():  # type: ignore[no-untyped-def]
    """SIGTERM ends the service with exit code 0: it is how a service is told to stop."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
