"""The command line: ``minicnn`` or ``python -m minicnn``. A file for each command."""

import io
import sys

from minicnn.cli import (
    compare,
    doctor,
    evaluate,
    explore,
    export,
    learn,
    models,
    predict,
    profile,
    report,
    teach,
    train,
)
from minicnn.cli.app import app
from minicnn.errors import MinicnnError

__all__ = [
    "compare",
    "doctor",
    "evaluate",
    "explore",
    "export",
    "learn",
    "main",
    "models",
    "predict",
    "profile",
    "report",
    "teach",
    "train",
]


def main() -> None:
    """Run the command; a mistake of the user is one line and exit code 2, never a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal without "─" shows "?"
        sys.stdout.reconfigure(errors="replace")
    try:
        app()
    except (MinicnnError, OSError) as error:  # of the system: a path too long, a disk full
        print(f"minicnn: {error}", file=sys.stderr)
        raise SystemExit(2) from None
