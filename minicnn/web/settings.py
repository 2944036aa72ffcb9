"""How the service is offered, and what it lets a client take."""

import os
import re
from dataclasses import dataclass, field

from minicnn.errors import ServiceError, UnknownNameError

LOGS = ("json", "plain")
MOST_WORKERS = 256


def default_workers() -> int:
    """Return one process a core, up to four: each takes about 200 MB of memory."""
    return min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class ServiceSettings:
    """What holds for the whole service.

    - `host`, `port`: where it listens; port 0 takes a free one.
    - `names`: host names by which it may be asked for, beside its own address; see `guard`.
    - `workers`: processes that run the model.
    - `clients`: requests that may wait for them at once; beyond that the answer is 503.
    - `body`: bytes of a request; `pixels`: of a picture in it.
    - `patience`: seconds that a client has to send a request.
    - `seconds`: that a worker has for a request, before it is ended.
    - `log`: "json", a JSON object a line, or "plain".

    Raises `ServiceError` for a number that cannot be, `UnknownNameError` for another `log`.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    names: tuple[str, ...] = ()
    workers: int = field(default_factory=default_workers)
    clients: int = 128
    body: int = 2**20
    pixels: int = 2**24
    patience: float = 10.0
    seconds: float = 30.0
    log: str = "json"

    def __post_init__(self) -> None:
        if self.log not in LOGS:
            raise UnknownNameError("log", self.log, LOGS)
        if not 0 <= self.port < 2**16:
            raise ServiceError(f"port must be from 0 to 65535, got {self.port}")
        for name in self.names:
            if not re.fullmatch(r"[\w.:\[\]*-]+", name):
                raise ServiceError(
                    f"a host name has letters, digits, dots and hyphens; got {name!r}"
                )
        if self.workers > MOST_WORKERS:
            raise ServiceError(f"workers must be at most {MOST_WORKERS}, got {self.workers}")
        for name in ("workers", "clients", "body", "pixels", "patience", "seconds"):
            if not getattr(self, name) > 0:
                raise ServiceError(f"{name} must be positive, got {getattr(self, name)}")
