"""The log: a line for every request and for what goes wrong, for programs (JSON) or for people."""

import json
import logging
import sys
from datetime import UTC, datetime

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
