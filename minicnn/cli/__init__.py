"""The command line: ``minicnn`` or ``python -m minicnn``. A file for each command."""

import contextlib
import io
import sys
from collections.abc import Iterator

from minicnn.cli import (
    compare,
    doctor,
    ensemble,
    evaluate,
    explore,
    export,
    learn,
    models,
    predict,
    profile,
    read,
    report,
    serve,
    teach,
    train,
    tune,
)
from minicnn.cli.app import app
from minicnn.errors import MinicnnError

__all__ = [
    "compare",
    "doctor",
    "ensemble",
    "evaluate",
    "explore",
    "export",
    "learn",
    "main",
    "models",
    "predict",
    "profile",
    "read",
    "report",
    "serve",
    "teach",
    "train",
    "tune",
]


def main() -> None:
    """Run the command: for a mistake of the user one line and exit code 2, for Ctrl-C one and 130.

    There is never a traceback.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal without "─" shows "?"
        sys.stdout.reconfigure(errors="replace")
    try:
        with _swallowed_ctrl_c() as swallowed:
            app()
    except BaseException as error:
        if swallowed or _by_ctrl_c(error):
            print("minicnn: stopped by Ctrl-C", file=sys.stderr)
            raise SystemExit(130) from None
        if isinstance(error, MinicnnError | OSError):  # of the system: a path too long, a full disk
            print(f"minicnn: {error}", file=sys.stderr)
            raise SystemExit(2) from None
        raise


def _by_ctrl_c(error: BaseException | None) -> bool:
    """Is it Ctrl-C, or what a library has made of it on the way up?"""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


@contextlib.contextmanager
def _swallowed_ctrl_c() -> Iterator[list[type]]:
    """Gives a list that is not empty once Ctrl-C was lost where Python cannot raise it.

    That is in a callback of numba's compiler, which then stops with an error of its own.
    """
    heard: list[type] = []
    before = sys.unraisablehook

    def hear(lost: "sys.UnraisableHookArgs") -> None:
        if issubclass(lost.exc_type, KeyboardInterrupt):
            heard.append(lost.exc_type)
        else:
            before(lost)

    sys.unraisablehook = hear
    try:
        yield heard
    finally:
        sys.unraisablehook = before
