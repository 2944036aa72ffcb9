"""The student's file: read, never changed, and only what a function needs of it is executed."""

import ast
import difflib
import hashlib
import re
import symtable
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minicnn.errors import LessonError, one_line
from minicnn.files import StrPath
from minicnn.learn.source import FRIENDLY

_LARGEST = 1_000_000

_KEPT = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
)
"""Statements at the top of the file that can be needed by a function; figures are none of them."""


class UnreadableFileError(LessonError):
    """The student's file cannot be read, or is no Python."""


class StudentFile:
    """A student's script, as a syntax tree.

    Raises `UnreadableFileError`, with the line, if the file is missing or no Python.
    """

    def __init__(self, path: StrPath):
        self.path = Path(path)
        text = _read(self.path)
        self._body = _parse(self.path, text)
        # Lines as Python counts them: `splitlines` would end one at a form feed, too.
        self._lines = re.split("\r\n|\r|\n", text.decode("utf-8", "replace"))

    def has(self, name: str) -> bool:
        """Is the name defined, assigned or imported at the top of the file?"""
        return any(name in _bound(node) for node in self._body)

    def defines(self, name: str) -> bool:
        """Is there a function of this name?"""
        return self._definition(name) is not None

    def is_stub(self, name: str) -> bool:
        """Tell whether the function still only raises the error that it was handed out with."""
        node = self._definition(name)
        if node is None:
            return False
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        return len(body) == 1 and FRIENDLY in self._text(body[0])

    def decorators(self, name: str) -> list[str]:
        """Return what stands behind the @ of the lines above the function."""
        node = self._definition(name)
        return [ast.unparse(each) for each in node.decorator_list] if node else []

    def text(self, name: str) -> str:
        """Return the function as it stands in the file, decorators included; empty if it is not
        there.
        """
        node = self._definition(name)
        if node is None:
            return ""
        first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
        return "\n".join(self._lines[first - 1 : node.end_lineno]) + "\n"

    def _text(self, node: ast.stmt) -> str:
        """Return the lines of a statement, as they stand in the file."""
        return "\n".join(self._lines[node.lineno - 1 : node.end_lineno])

    def _definition(self, name: str) -> ast.FunctionDef | None:
        """Return the last definition of the function, which is the one that counts."""
        defined = [n for n in self._body if isinstance(n, ast.FunctionDef) and n.name == name]
        return defined[-1] if defined else None

    def nearest(self, name: str) -> str | None:
        """Return a function with nearly this name, if the student has renamed it."""
        functions = [node.name for node in self._body if isinstance(node, ast.FunctionDef)]
        return next(iter(difflib.get_close_matches(name, functions, n=1, cutoff=0.5)), None)

    def hash(self, name: str) -> str:
        """Return a number that changes when the function, or what it needs of the file, changes."""
        nodes = self._needed(name, {})
        try:
            text = "\n".join(map(ast.unparse, nodes))
        except RecursionError:  # of thousands of brackets; then remarks and spaces count too
            text = "\n".join(map(self._text, nodes))
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]

    def function(self, name: str, given: Mapping[str, Any] | None = None) -> Any:
        """Return the student's function, after executing the statements that it needs.

        - `given`: functions that stand for those of the same name in the file, so that each
          exercise is judged by itself.
        """
        given = dict(given or {})
        namespace = {**given, "__name__": self.path.parent.name, "__file__": str(self.path)}
        body = [node for node in self._needed(name, given) if not _bound(node) & {*given}]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(ast.Module(body, []), str(self.path), "exec", dont_inherit=True)
        exec(code, namespace)
        _keep_nothing_compiled(namespace)
        return namespace[name]

    def _needed(self, name: str, given: Mapping[str, Any]) -> list[ast.stmt]:
        """Return the statements that make `name`, and those that make what these use, in order."""
        wanted, chosen = {name}, set[int]()
        while True:
            more = {
                i
                for i, node in enumerate(self._body)
                if i not in chosen and _bound(node) & ({*wanted, "*"} - {*given})
            }
            if not more:
                return [self._body[i] for i in sorted(chosen)]
            chosen |= more
            for i in more:
                wanted |= self._looked_up(self._body[i])

    def _looked_up(self, node: ast.stmt) -> set[str]:
        """Return the names that a statement takes from the file; a function's own variables are
        none.
        """
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
        text = "\n".join(self._lines[first - 1 : node.end_lineno])
        try:
            top = symtable.symtable(text, str(self.path), "exec")
        except (SyntaxError, RecursionError, MemoryError):  # what cannot be told apart counts
            return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        found = {each.get_name() for each in top.get_symbols() if each.is_referenced()}
        inner = top.get_children()
        while inner:
            table = inner.pop()
            inner += table.get_children()
            found |= {each.get_name() for each in table.get_symbols() if each.is_global()}
        return found


def _keep_nothing_compiled(namespace: dict[str, Any]) -> None:
    """Let numba leave nothing of these functions on the disk.

    What it would find there names the module to import, and the student's file is none.
    """
    if "numba" in sys.modules:  # else there are no compiled functions
        from numba.core.caching import NullCache
        from numba.core.dispatcher import Dispatcher

        for each in namespace.values():
            if isinstance(each, Dispatcher) and each.py_func.__globals__ is namespace:
                each._cache = NullCache()  # type: ignore[attr-defined]


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise UnreadableFileError(f"{path}: there is no such file")
    try:
        with open(path, "rb") as file:
            text = file.read(_LARGEST + 1)
    except OSError as error:
        raise UnreadableFileError(f"{path.name} cannot be read: {error.strerror}") from error
    if len(text) > _LARGEST:
        raise UnreadableFileError(f"{path.name} is larger than 1 MB; is it the right file?")
    return text


def _parse(path: Path, text: bytes) -> list[ast.stmt]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a backslash in a string, for instance
            tree = ast.parse(text, str(path))
    except SyntaxError as error:
        where = f" line {error.lineno}" if error.lineno else ""
        raise UnreadableFileError(f"{path.name}{where}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError, SystemError) as error:
        raise UnreadableFileError(f"{path.name} is no Python: {one_line(error)}") from error
    return [node for node in tree.body if isinstance(node, _KEPT)]


def _bound(node: ast.stmt) -> set[str]:
    """Return the names that a statement makes or changes."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            return {"*"}  # is always needed, as is what may bring any name
        return {(a.asname or a.name).partition(".")[0] for a in node.names}
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    return {
        each.id
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }
