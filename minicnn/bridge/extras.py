"""Packages that only some need: imported where they are used, with a word on how to get them."""

import contextlib
import functools
import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from minicnn.errors import MissingPackageError


def required(package: str, extra: str) -> Any:
    """Import a package that belongs to an extra of minicnn.

    Raises `MissingPackageError` with the command that installs it.

    >>> required("no_such_package", "export")
    Traceback (most recent call last):
    minicnn.errors.MissingPackageError: no_such_package is not installed; get it with: \
pip install 'minicnn[export]'
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow tells of GPUs that are not here
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"{error.name} is not installed; get it with: pip install 'minicnn[{extra}]'"
        ) from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Within this block what TensorFlow's compiled parts write on their own account goes nowhere.

    They write past Python to the standard error stream, and its converter prints what it saves.
    Python's own standard error stays as it is.
    """
    kept = os.dup(2)
    try:
        with (
            open(os.devnull, "w") as nowhere,
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(_terminal() if _is_terminal(sys.stderr) else sys.stderr),
        ):
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@functools.cache
def _terminal() -> TextIO:
    """Standard error by a way that is never closed: a bar, or a logger, may hold on to it."""
    return open(os.dup(2), "w")


def _is_terminal(stream: TextIO) -> bool:
    """Whether this is the standard error stream itself, and not what a test put in its place."""
    try:
        return stream.fileno() == 2
    except (AttributeError, OSError):
        return False
