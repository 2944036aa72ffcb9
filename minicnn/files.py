"""Writing files so that they appear whole or not at all."""

import contextlib
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minicnn.errors import WriteError

StrPath = str | os.PathLike[str]


@contextlib.contextmanager
def atomic(path: StrPath) -> Iterator[Path]:
    """Give a temporary path to write to, which takes the name `path` if the block succeeds.

    A file that was there stays as it was until then. Raises `WriteError` for what the operating
    system refuses; the temporary file is gone in any case.

    >>> with atomic("/no/such/folder/file") as partial:
    ...     partial.write_text("text")
    Traceback (most recent call last):
    minicnn.errors.WriteError: /no/such/folder/file: cannot be written: No such file or directory
    """
    target = Path(path)
    # A name of its own, for two threads may write one file; in the same folder, because only there
    # is the replacement atomic; and with the same ending, for those who go by it.
    partial = target.with_name(f".{uuid.uuid4().hex}{target.suffix}")
    try:
        yield partial
        with open(partial, "r+b") as file:  # on the disk, before it takes the old file's place
            os.fsync(file.fileno())
        os.replace(partial, target)
    except OSError as error:
        raise WriteError(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):  # gone already, unless the writing failed
            partial.unlink()


def write_json(path: StrPath, value: Any) -> None:
    """Write plain data as indented JSON, atomically."""
    with atomic(path) as partial:
        partial.write_text(json.dumps(value, indent=2) + "\n")
