"""The socket that a service listens on, and the server behind it; both are loopback unless told."""

import functools
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from minicnn.errors import ServiceError
from minicnn.web.protocol import PatientProtocol
from minicnn.web.settings import Settings


class Server(uvicorn.Server):
    """uvicorn with our limits; says when it is ready, which uvicorn leaves to its log.

    - `ready`: called with the address once it answers there.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        listener: socket.socket,
        ready: Callable[[str], None],
    ):
        config = uvicorn.Config(
            app,
            http=functools.partial(PatientProtocol, patience=settings.patience),  # type: ignore[arg-type]
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
        self.address = address(settings.host, listener.getsockname()[1])
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready(self.address)


def listen(settings: Settings, another: str = "--port, --host") -> socket.socket:
    """A socket at the address, so that a mistake in it is known before anything is started.

    - `another`: the options that choose another address, for the message.

    Raises `ServiceError` if it is taken, or not one of this machine.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=1024)
        # What it accepts inherits this: an answer in two packets must not wait 40 ms between them.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        where = f"{settings.host}, port {settings.port}"
        raise ServiceError(
            f"cannot listen at {where}: {error.strerror or error}; another one: {another}"
        ) from error


def address(host: str, port: int) -> str:
    """What to type into a browser on this machine.

    >>> address("0.0.0.0", 80), address("::1", 8000)
    ('http://localhost:80/', 'http://[::1]:8000/')
    """
    if host in ("0.0.0.0", "::"):
        host = "localhost"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
