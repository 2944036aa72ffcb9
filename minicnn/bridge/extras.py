"""Packages that only some need: imported where they are used, with a word on how to get them."""

import contextlib
import functools
import importlib
import json
import os
import shlex
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, TextIO

from minicnn.errors import MissingPackageError

DISTRIBUTION = "minicnn-engine"
"""What minicnn is called where packages are installed from; `minicnn` is another project there."""

_TOP = Path(__file__).parents[2]


def install_command(extra: str = "") -> str:
    """Return the command that installs minicnn, with an extra, from where it came from.

    - `extra`: one of those in ``pyproject.toml``, or "" for what minicnn always needs.

    In a checkout that is the checkout, as ``.`` if it is the present folder.
    """
    if (_TOP / "pyproject.toml").is_file():
        place = "." if Path.cwd() == _TOP else str(_TOP)
        return f"pip install -e {_quoted(place + _brackets(extra))}"
    return f"pip install {_quoted(requirement(extra, here=True))}"


def requirement(extra: str = "", here: bool = False) -> str:
    """Return what names minicnn, with an extra, for pip.

    - `here`: for this machine, where it may be a file or a folder; else for any.
    """
    name, url = DISTRIBUTION + _brackets(extra), _origin()
    local = url.startswith(("file:", "git+file:"))
    return f"{name} @ {url}" if url and (here or not local) else name


def _origin() -> str:
    """Return the address that pip took minicnn from (PEP 610), or "" if that was a package
    index.
    """
    try:
        said = json.loads(metadata.distribution(DISTRIBUTION).read_text("direct_url.json") or "{}")
    except metadata.PackageNotFoundError:
        return ""
    if "vcs_info" in said:
        return "{vcs}+{url}@{commit_id}".format(url=said["url"], **said["vcs_info"])
    return str(said.get("url", ""))


def _brackets(extra: str) -> str:
    return f"[{extra}]" if extra else ""


def _quoted(text: str) -> str:
    """Return the text as one word of a command line."""
    return f'"{text}"' if os.name == "nt" else shlex.quote(text)


def required(package: str, extra: str | None = None) -> Any:
    """Import a package that belongs to an extra of minicnn, or does without the rest of one.

    Raises `MissingPackageError` with the command that installs it.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow tells of GPUs that are not here
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        command = f"pip install {package}" if extra is None else install_command(extra)
        raise MissingPackageError(
            f"{error.name} is not installed; get it with: {command}"
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
    """Yield standard error in a form that nothing closes: a bar or a logger may hold on to it."""
    return open(os.dup(2), "w")


def _is_terminal(stream: TextIO) -> bool:
    """Whether this is the standard error stream itself, and not what a test put in its place."""
    try:
        return stream.fileno() == 2
    except (AttributeError, OSError):
        return False
