"""Files and folders: whole or not at all, held by one process, and read with care."""

import contextlib
import errno
import itertools
import os
import re
import shutil
import sys
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path

from minicnn.errors import FileError, MinicnnError, WriteError, one_line

StrPath = str | os.PathLike[str]


PARTIAL = re.compile(r"\.(minicnn-(?P<process>\d+)-)?[0-9a-f]{32}(\.\w+)?")
"""The name of what is not whole yet, and of what a killed process left behind."""


@contextlib.contextmanager
def atomic(path: StrPath, overwrite: bool = True) -> Iterator[Path]:
    """Give a temporary path to write to, which takes the name `path` if the block succeeds.

    A file that was there stays as it was until then, and for good without `overwrite`. Raises
    `WriteError` for what the operating system refuses; the temporary file is gone in any case.

    >>> with atomic("/no/such/folder/file") as partial:
    ...     partial.write_text("text")
    Traceback (most recent call last):
    minicnn.errors.WriteError: /no/such/folder/file: cannot be written: No such file or directory
    """
    target = Path(path)
    # A name of its own, for two threads may write one file; in the same folder, because only there
    # is the replacement atomic; and with the same ending, for those who go by it.
    partial = target.with_name(_partial_name(target.suffix))
    try:
        yield partial
        with open(partial, "r+b") as file:  # on the disk, before it takes the old file's place
            os.fsync(file.fileno())
        (os.replace if overwrite else _rename_to_new)(partial, target)
    except OSError as error:
        raise WriteError(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):  # gone already, unless the writing failed
            partial.unlink()


def _rename_to_new(partial: Path, target: Path) -> None:
    """Rename a file; `FileExistsError` if there is one of this name, even one of this moment."""
    try:
        os.link(partial, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        os.replace(partial, target)


def contents(folder: Path) -> list[str]:
    """Return the names in a folder, without what is not whole or was left by a killed process.

    A folder that is not there has none. Raises `WriteError` for one that cannot be read.
    """
    try:
        return [name for name in os.listdir(folder) if not PARTIAL.fullmatch(name)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise WriteError(f"{folder}: cannot be read: {error.strerror or error}") from error


def sweep(folder: Path) -> None:
    """Remove what killed processes of minicnn left unfinished in a folder."""
    for name in os.listdir(folder):
        left = PARTIAL.fullmatch(name)
        if left and not _is_running(left["process"]):
            shutil.rmtree(folder / name, ignore_errors=True)  # a file is no tree
            with contextlib.suppress(OSError):
                (folder / name).unlink()


def _is_running(process: str | None) -> bool:
    if process is None or sys.platform == "win32":  # where signal 0 would end it
        return process is not None
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it is another user's
        pass
    return True


def refuse_taken(folder: StrPath) -> None:
    """Raise `WriteError` if there is something already, or nothing can be written there.

    An empty folder is nothing. To be asked before long work whose result is to go there.
    """
    target = Path(folder)
    try:
        taken = target.exists() and (not target.is_dir() or contents(target))
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
    partial = target / _partial_name() if there else target.with_name(_partial_name())
    try:
        partial.mkdir(parents=True)
        sweep(partial.parent)
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


@contextlib.contextmanager
def numbered_folder(stem: StrPath) -> Iterator[Path]:
    """Make the first of the folders ``stem-1``, ``stem-2``, … that is not there yet, and give it.

    However many do so at once, each gets a folder of its own. It is removed if it is empty at the
    end of the block. Raises `WriteError` where none can be made.
    """
    for number in itertools.count(1):
        folder = Path(f"{os.fspath(stem)}-{number}")
        if os.path.lexists(folder):
            continue
        try:
            made = _made(folder.parent)
            folder.mkdir()
        except OSError as error:
            if os.path.lexists(folder):  # made by another at this moment
                continue
            raise WriteError(f"{folder}: cannot be made: {error.strerror}") from error
        try:
            yield folder
        finally:
            _remove_empty([folder, *made])
        return


def folder_for(out: Path | None, stem: StrPath) -> contextlib.AbstractContextManager[Path]:
    """Give the folder `out`, or a numbered one if that is None."""
    return numbered_folder(stem) if out is None else contextlib.nullcontext(out)


@contextlib.contextmanager
def held(folder: StrPath) -> Iterator[None]:
    """Make a folder if it is not there, and hold it for this process until the block ends.

    The hold ends with the process, however that ends. If the folder is empty then, it is removed,
    and so are those above it that were made for it. Raises `WriteError` if another process, or
    another thread, holds it, or if it cannot be made.
    """
    target = Path(folder)
    try:
        made = _made(target)
        lock = _lock(target)
    except BlockingIOError as error:
        raise WriteError(f"{target}: another process is at work in this folder") from error
    except OSError as error:
        raise WriteError(f"{target}: cannot be made: {error.strerror or error}") from error
    try:
        yield
    finally:
        _remove_empty(made)  # while it is held: nobody has begun to use it
        os.close(lock)


def _made(folder: Path) -> list[Path]:
    """Make a folder; return it, and those above it, as far as they are new."""
    new = list(itertools.takewhile(lambda each: not each.exists(), (folder, *folder.parents)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        _remove_empty(new)
        raise
    return new


def _remove_empty(folders: list[Path]) -> None:
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _lock(folder: Path) -> int:
    """Lock a folder: a file descriptor to close; `BlockingIOError` if it is locked."""
    if sys.platform == "win32":  # folders have no locks there; this file goes with its process
        try:
            flags = os.O_CREAT | os.O_EXCL | os.O_TEMPORARY
            return os.open(folder / ".minicnn-lock", flags)
        except (FileExistsError, PermissionError) as error:
            raise BlockingIOError(*error.args) from error
    import fcntl  # here, because Windows has none

    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(lock), os.stat(folder)):
            raise BlockingIOError("another process has just removed it")
    except BlockingIOError:
        os.close(lock)
        raise
    except OSError:  # a file system without locks
        pass
    return lock


def _partial_name(suffix: str = "") -> str:
    """Return a name that nothing else has, and that says whose it is."""
    return f".minicnn-{os.getpid()}-{uuid.uuid4().hex}{suffix}"


# ------------------------------------------------------------------ files of somebody else


@contextlib.contextmanager
def reading(path: StrPath, kind: str) -> Iterator[None]:
    """Turn whatever is raised inside the block into a `FileError` that begins with the path.

    - `kind`: what the file should have been.

    >>> with reading("model.h5", "a Keras .h5 file"):
    ...     raise KeyError("model_config")
    Traceback (most recent call last):
    minicnn.errors.FileError: model.h5: not a Keras .h5 file, or damaged or cut off: \
'model_config'
    """
    try:
        yield
    except FileNotFoundError as error:
        raise FileError(f"{path}: there is no such file") from error
    except MinicnnError as error:
        raise FileError(f"{path}: {error}") from error
    except Exception as error:  # what h5py, zipfile and a damaged description lead to
        if isinstance(error, OSError) and error.strerror:  # no permission, a folder
            raise FileError(f"{path}: cannot be read: {error.strerror}") from error
        raise FileError(f"{path}: not {kind}, or damaged or cut off: {one_line(error)}") from error


class Room:
    """How much a file may unpack to: a small one that describes giants is refused before they are.

    Any file may take 32 MB of memory, a larger one 64 times its size.
    """

    def __init__(self, path: StrPath):
        self.size = os.path.getsize(path)
        self.left = max(2**25, 64 * self.size)

    def take(self, count: int, what: str) -> None:
        """Take so many bytes; raises `FileError` if there are not so many left."""
        self.left -= count
        if self.left < 0:
            raise FileError(
                f"{what} would take {count:,} bytes, more than a file of {self.size:,} can hold"
            )

    def unpacked(self, archive: zipfile.ZipFile, name: str) -> bytes:
        """Return a file out of a zip, stored or deflated."""
        entry = archive.getinfo(name)
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise FileError(f"{name} is packed in a way that is not read here")
        self.take(max(entry.file_size, entry.compress_size), name)
        return archive.read(entry)
