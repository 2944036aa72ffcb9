"""What stands before every address: a log, the hosts that are answered, headers for the browser.

A page elsewhere can lead its visitor's browser to this service under a name of its own ("DNS
rebinding"); only a request for a name that the service goes by is answered. An address in numbers
cannot be led astray, so that all of them will do once the service listens to the network.
"""

import ipaddress
import socket
import time
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from minicnn.web.errors import error_response
from minicnn.web.log import LONGEST, log
from minicnn.web.settings import ServiceSettings

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-cache",
}


class Guard:
    """Refuses what asks for another host, and adds `HEADERS` to every response."""

    def __init__(self, app: ASGIApp, settings: ServiceSettings):
        self.app, self.is_ours = app, host_test(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        hosts = Headers(scope=scope).getlist("host")
        if len(hosts) == 1 and self.is_ours(hosts[0]):
            await self.app(scope, receive, send_guarded)
        else:
            asked = ", ".join(hosts)[:200] or "none"
            message = f"this service does not go by the host {asked}; see minicnn serve --name"
            await error_response(400, message)(scope, receive, send_guarded)


class RequestLog:
    """A line for each request when it is over; status 499 if the client had left before."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 499

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_noted)
        finally:
            facts = {
                "client": scope["client"][0] if scope.get("client") else "",
                "method": scope["method"],
                "path": scope["path"][:LONGEST],
                "status": status,
                "milliseconds": round(1000 * (time.perf_counter() - began), 1),
            }
            log.info("request", extra=facts)


def host_test(settings: ServiceSettings) -> Callable[[str], bool]:
    """Whether a `Host` header is of this service.

    >>> ours = host_test(ServiceSettings(host="127.0.0.1", names=("digits.school",)))
    >>> [ours(host) for host in ("localhost:8000", "127.0.0.1", "[::1]:8000", "digits.school")]
    [True, True, True, True]
    >>> [ours(host) for host in ("example.com", "192.168.0.7", "localhost:8000.example.com", "")]
    [False, False, False, False]
    """
    names = {"localhost", *(name.lower() for name in (settings.host, *settings.names))}
    is_local = _is_loopback(settings.host)
    if not is_local:
        names |= {socket.gethostname().lower(), f"{socket.gethostname()}.local".lower()}

    def is_ours(header: str) -> bool:
        name = _without_port(header)
        if name in names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not is_local

    return is_ours


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _without_port(header: str) -> str:
    """Return the name in ``name:port`` or ``[address]:port``; leave anything else as it is."""
    name, colon, port = header.strip().lower().rpartition(":")
    if not (colon and port.isdecimal()):
        name = header.strip().lower()
    return name[1:-1] if name.startswith("[") and name.endswith("]") else name
