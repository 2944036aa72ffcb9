"""Keeps compiled kernels on the disk, so that no accident to the files breaks one.

numba's cache believes its files. Two processes that compile a kernel at once, one for float32 and
one for float64, can leave an index that names the other's file; so can one that is killed while it
writes. Here the data says itself what it was compiled from, and whatever does not fit, or cannot be
read, is compiled anew and written over.
"""

import functools
import hashlib
import os
import sys
from pathlib import Path
from typing import Any

from numba import config
from numba.core.caching import FunctionCache, IndexDataCacheFile

# A user who has no home: numba would make a folder named "~" where the program was started.
if os.path.expanduser("~") == "~":
    os.environ.setdefault("XDG_CACHE_HOME", os.devnull)


class LabelledFile(IndexDataCacheFile):
    """The files of one function; the data has a label of what it is."""

    def load(self, key: Any) -> Any:
        """Return the data of this key, or None if there is none, or another's."""
        key = _with_bounds(key)
        label, data = super().load(key) or (None, None)
        return data if label == (self._source_stamp, key) else None

    def save(self, key: Any, data: Any) -> None:
        """Write the data under this key."""
        key = _with_bounds(key)
        super().save(key, ((self._source_stamp, key), data))


def _with_bounds(key: Any) -> Any:
    """Tell what was compiled with NUMBA_BOUNDSCHECK from what was compiled without."""
    return key, config.BOUNDSCHECK  # type: ignore[attr-defined]


class KernelCache(FunctionCache):
    """What numba has compiled of one function.

    Raises `RuntimeError` if no folder can be written to.
    """

    def __init__(self, function: Any):
        super().__init__(function)
        stamp = (self._impl.locator.get_source_stamp(), _text_of_kernels())
        self._cache_file = LabelledFile(self.cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled function, or None if there is none that can be read."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # damaged data can raise anything
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write the compiled function, or say once that it cannot be written."""
        try:
            try:
                super().save_overload(sig, data)
            except Exception:  # the index cannot be read
                self.flush()
                super().save_overload(sig, data)
        except OSError as error:
            _say_not_kept(f"{self.cache_path} cannot be written: {error.strerror or error}")


@functools.cache
def _text_of_kernels() -> str:
    """Return a digest of this package: a kernel is also built from functions of other files."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def keep(dispatcher: Any) -> None:
    """Let a compiled function be kept on the disk, if a later process can find it there.

    It cannot find those of a student's file, which is executed and never imported.
    """
    function = dispatcher.py_func
    module = sys.modules.get(function.__module__)
    if module is None or vars(module) is not function.__globals__:
        return
    try:
        dispatcher._cache = KernelCache(function)
    except RuntimeError:  # numba has found no folder
        _say_not_kept("there is no folder for them that can be written")


def was_kept(dispatcher: Any) -> bool:
    """Whether an earlier process has left the function on the disk; True if it is not kept."""
    if dispatcher.stats.cache_path is None:
        return True
    function = dispatcher.py_func
    name = f"{Path(function.__code__.co_filename).stem}.{function.__qualname__}-*.nbi"
    return any(Path(dispatcher.stats.cache_path).glob(name))


@functools.cache
def _say_not_kept(why: str) -> None:
    print(
        "minicnn: the fast kernels are compiled anew in each process, for about 15 seconds, since "
        f"{why}; set NUMBA_CACHE_DIR to a folder of yours",
        file=sys.stderr,
    )
