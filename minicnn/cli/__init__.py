"""The command line: ``minicnn`` or ``python -m minicnn``. A file for each command."""

import contextlib
import io
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import typer

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
from minicnn.errors import MinicnnError, Notice, one_line, printable

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
        with _swallowed_ctrl_c() as swallowed, _printed_notices():
            code = app(standalone_mode=False)
            if code == 130:  # what Ctrl-C has become
                raise KeyboardInterrupt
    except BaseException as error:
        if swallowed or _by_ctrl_c(error):
            _say("stopped by Ctrl-C")
            raise SystemExit(130) from None
        if isinstance(error, typer.Abort):  # a question that was answered with no
            raise SystemExit(1) from None
        mistake = _mistake(error)
        if mistake is None:
            raise
        _say(mistake)
        raise SystemExit(2) from None
    raise SystemExit(code if isinstance(code, int) else 0)


def _say(text: str) -> None:
    if text:
        print(f"minicnn: {printable(text)}", file=sys.stderr)


def _mistake(error: BaseException) -> str | None:
    """Return what to say of an error that the user can mend; None for any other."""
    if isinstance(error, MinicnnError | OSError):  # of the system: a path too long, a full disk
        return str(error)
    if isinstance(error, MemoryError):
        return f"there is not enough memory; try smaller numbers: {one_line(error)}"
    if not hasattr(error, "format_message"):
        return None
    text = " ".join(error.format_message().split())  # of the command line itself; help is said
    context = getattr(error, "ctx", None)
    return f"{text} (see {context.command_path} --help)" if text and context else text


@contextlib.contextmanager
def _printed_notices() -> Iterator[None]:
    """Print each `Notice` once, as a line on the error stream."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", Notice)
        before, said = warnings.showwarning, set()

        def show(message: Warning | str, category: type[Warning], *where: Any) -> None:
            if not issubclass(category, Notice):
                before(message, category, *where)
            elif str(message) not in said:
                said.add(str(message))
                _say(str(message))

        warnings.showwarning = show  # type: ignore[assignment]
        yield


def _by_ctrl_c(error: BaseException | None) -> bool:
    """Is it Ctrl-C, or what a library has made of it on the way up?"""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


@contextlib.contextmanager
def _swallowed_ctrl_c() -> Iterator[list[type]]:
    """Yield a list that is not empty once Ctrl-C was lost where Python cannot raise it.

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
