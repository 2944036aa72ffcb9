"""The socket that a service listens on, and the server behind it; both are loopback unless told."""

import asyncio
import contextlib
import socket
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from minicnn.errors import ServiceError
from minicnn.web.settings import ServiceSettings

Peer = tuple[str, int]


class Listener(socket.socket):
    """Gives up a connection on which no request is complete after `patience` seconds.

    uvicorn itself would wait forever for the end of a request's head. The clock of a connection
    stands while the application works on its request, and limits the body by itself.
    """

    def __init__(self, bound: socket.socket, patience: float):
        super().__init__(fileno=bound.detach())
        self.patience = patience
        self._clocks: dict[Peer, tuple[socket.socket, asyncio.TimerHandle]] = {}

    def accept(self) -> tuple[socket.socket, Any]:
        """Take a connection, and start its clock."""
        connection, address = super().accept()
        self._start(address[:2], connection)
        return connection, address

    def timed(self, app: ASGIApp) -> ASGIApp:
        """Return the application, which stops the clock of a connection for as long as it works."""

        async def work(scope: Scope, receive: Receive, send: Send) -> None:
            peer = tuple(scope.get("client") or ())
            connection, clock = self._clocks.pop(peer, (None, None))
            if clock is not None:
                clock.cancel()
            try:
                await app(scope, receive, send)
            finally:
                if connection is not None:
                    self._start(peer, connection)

        return work

    def _start(self, peer: Peer, connection: socket.socket) -> None:
        _, running = self._clocks.get(peer, (None, None))
        if running is not None:  # of a connection that has ended since
            running.cancel()
        clock = asyncio.get_running_loop().call_later(self.patience, self._give_up, peer)
        self._clocks[peer] = connection, clock

    def _give_up(self, peer: Peer) -> None:
        """As if the client had ended: what it has still to be sent, it is sent."""
        connection, _ = self._clocks.pop(peer)
        with contextlib.suppress(OSError):  # it is closed already
            connection.shutdown(socket.SHUT_RD)


def server(app: ASGIApp, settings: ServiceSettings, listener: Listener) -> uvicorn.Server:
    """uvicorn with our limits; ``await server.serve([listener])`` answers until it is stopped."""
    config = uvicorn.Config(
        listener.timed(app),
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=round(settings.seconds) + 1,
    )
    return uvicorn.Server(config)


def listen(settings: ServiceSettings, another: str = "--port, --host") -> Listener:
    """Open a socket at the address, so that a mistake in it is known before anything is started.

    - `another`: the options that choose another address, for the message.

    Raises `ServiceError` if it is taken, or not one of this machine.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        bound = socket.create_server((settings.host, settings.port), family=family, backlog=1024)
    except OSError as error:
        where = f"{settings.host}, port {settings.port}"
        raise ServiceError(
            f"cannot listen at {where}: {error.strerror or error}; another one: {another}"
        ) from error
    # What it accepts inherits this: an answer in two packets must not wait 40 ms between them.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Listener(bound, settings.patience)


def address(host: str, port: int) -> str:
    """Return what to type into a browser on this machine.

    >>> address("0.0.0.0", 80), address("::1", 8000)
    ('http://localhost:80/', 'http://[::1]:8000/')
    """
    if host in ("0.0.0.0", "::"):
        host = "localhost"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
