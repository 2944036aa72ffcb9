"""Python's parser, one thread at a time.

In CPython 3.11 two threads in it spoil each other's count of how deep they are: ``SystemError: AST
constructor recursion depth mismatch`` (python/cpython issue 106905).
"""

import ast
import threading

_lock = threading.Lock()


def parse(text: str | bytes, name: str = "<text>") -> ast.Module:
    """The syntax tree; raises what `ast.parse` raises."""
    with _lock:
        return ast.parse(text, name)
