"""Keeps the memory of one training step for the next.

Arrays of some megabytes come and go in every step. The C library fetches each from the operating
system and gives it back, and a page that is touched for the first time costs more than the
arithmetic on it: a third of a step was spent so. Told to keep what is freed, it hands the same
pages out again.
"""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # as <malloc.h> of the GNU C library numbers them
_ONE_GIGABYTE = 1 << 30


def keep_freed_memory() -> None:
    """Ask the GNU C library to reuse freed memory up to a gigabyte; elsewhere do nothing."""
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_MMAP_THRESHOLD, _ONE_GIGABYTE)
        library.mallopt(_TRIM_THRESHOLD, _ONE_GIGABYTE)
