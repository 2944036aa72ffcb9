"""Files and folders: they appear whole or not at all, and are read with care; JSON."""

import contextlib
import json
import os
import shutil
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minicnn.errors import CheckpointError, MinicnnError, WriteError, one_line

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
    partial = target.with_name(_hidden(target.suffix))
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


def refuse_taken(folder: StrPath) -> None:
    """Raise `WriteError` if there is something already, or nothing can be written there.

    An empty folder is nothing. To be asked before long work whose result is to go there.
    """
    target = Path(folder)
    try:
        taken = target.exists() and (not target.is_dir() or any(target.iterdir()))
    except OSError as error:
        raise WriteError(f"{target}: cannot be read: {error.strerror or error}") from error
    if taken:
        raise WriteError(
            f"{target} exists already and is not overwritten; choose another folder with --out"
        )
    place = next(each for each in (target.absolute(), *target.absolute().parents) if each.exists())
    if not place.is_dir():
        raise WriteError(f"{target}: cannot be written: {place} is not a folder")
    if not os.access(
        place, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids
    ):
        raise WriteError(f"{target}: cannot be written: Permission denied in {place}")


def refuse_existing(file: StrPath) -> None:
    """Raise `WriteError` if there is a file of this name, or no folder to write it to."""
    path = Path(file)
    if path.exists():
        raise WriteError(f"{path} exists already and is not overwritten; choose another name")
    if not path.absolute().parent.is_dir():
        raise WriteError(f"{path}: cannot be written: there is no folder {path.parent}")


@contextlib.contextmanager
def new_folder(folder: StrPath) -> Iterator[Path]:
    """Give a temporary folder to fill, which takes the name `folder` if the block succeeds.

    The folders above it are made. Raises `WriteError` if `folder` exists and is not empty, and for
    what the operating system refuses; the temporary folder is gone in any case.

    >>> with new_folder("/dev/null/report"):
    ...     pass
    Traceback (most recent call last):
    minicnn.errors.WriteError: /dev/null/report: cannot be written: /dev/null is not a folder
    """
    target = Path(folder)
    refuse_taken(target)
    # An empty folder, perhaps the current one, is filled and not replaced.
    there = target.is_dir()
    partial = target / _hidden() if there else target.with_name(_hidden())
    try:
        partial.mkdir(parents=True)
        yield partial
        if there:
            for entry in partial.iterdir():
                os.rename(entry, target / entry.name)
        else:
            os.rename(partial, target)
    except OSError as error:
        reason = str(error) if isinstance(error, WriteError) else error.strerror or error
        raise WriteError(f"{target}: cannot be written: {reason}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _hidden(suffix: str = "") -> str:
    """A name that nothing else has."""
    return f".{uuid.uuid4().hex}{suffix}"


# ------------------------------------------------------------------ files of somebody else


@contextlib.contextmanager
def reading(path: StrPath, kind: str) -> Iterator[None]:
    """Turn whatever is raised inside the block into a `CheckpointError` that begins with the path.

    - `kind`: what the file should have been.

    >>> with reading("model.h5", "a Keras .h5 file"):
    ...     raise KeyError("model_config")
    Traceback (most recent call last):
    minicnn.errors.CheckpointError: model.h5: not a Keras .h5 file, or damaged or cut off: \
'model_config'
    """
    try:
        yield
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: there is no such file") from error
    except MinicnnError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except Exception as error:  # what h5py, zipfile and a damaged description lead to
        if isinstance(error, OSError) and error.strerror:  # no permission, a folder
            raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from error
        raise CheckpointError(
            f"{path}: not {kind}, or damaged or cut off: {one_line(error)}"
        ) from error


class Room:
    """How much a file may unpack to: a small one that describes giants is refused before they are.

    Any file may take 32 MB of memory, a larger one 64 times its size.
    """

    def __init__(self, path: StrPath):
        self.size = os.path.getsize(path)
        self.left = max(2**25, 64 * self.size)

    def take(self, count: int, what: str) -> None:
        """Take so many bytes; raises `CheckpointError` if there are not so many left."""
        self.left -= count
        if self.left < 0:
            raise CheckpointError(
                f"{what} would take {count:,} bytes, more than a file of {self.size:,} can hold"
            )

    def unpacked(self, archive: zipfile.ZipFile, name: str) -> bytes:
        """A file out of a zip, stored or deflated."""
        entry = archive.getinfo(name)
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise CheckpointError(f"{name} is packed in a way that is not read here")
        self.take(entry.file_size, name)
        return archive.read(entry)


# ------------------------------------------------------------------ JSON


def write_json(path: StrPath, value: Any) -> None:
    """Write plain data as indented JSON, atomically."""
    with atomic(path) as partial:
        partial.write_text(json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """What `write_json` wrote, an object; raises `CheckpointError` for anything else."""
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path}: there is no such file; is {path.parent} the folder of a finished run?"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path}: holds no settings or figures")
    return value
