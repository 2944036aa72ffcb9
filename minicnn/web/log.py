"""The log: a line for every request and for what goes wrong, for programs (JSON) or for people."""

import json
import logging
import sys
import time
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("minicnn.web")

FIELDS = ("client", "method", "path", "status", "milliseconds", "reason")
LONGEST = 200  # letters of a path


class JsonFormatter(logging.Formatter):
    """A JSON object in one line, whatever a client has put into it."""

    def format(self, record: logging.LogRecord) -> str:
        facts = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            facts["trace"] = self.formatException(record.exc_info)
        return json.dumps(facts, ensure_ascii=False, default=str)


class PlainFormatter(logging.Formatter):
    """The time and the facts; what a client has put in is quoted."""

    def format(self, record: logging.LogRecord) -> str:
        clock = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        facts = " ".join(str(value) for value in _fields(record).values())
        line = f"{clock}  {record.getMessage()}  {facts}".rstrip()
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line) + trace


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}


def write_log(how: str) -> None:
    """Send the log, and what uvicorn has to say of trouble, to the standard error stream."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if how == "json" else PlainFormatter())
    for name, level in (("minicnn.web", logging.INFO), ("uvicorn.error", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)


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
