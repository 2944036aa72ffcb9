"""The engine's source of an exercise, and what is cut from it: stub, solution, mutants.

The stub is what is left when the body is taken out; there is no second copy of anything.
"""

import ast
import builtins
import importlib
import inspect
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from minicnn.errors import LessonError
from minicnn.learn.exercise import Exercise, Mutant

FRIENDLY = "This is meant to fail. Your job: "
"""How the message of every stub begins."""

_COMPILERS = ("inner", "parallel")
"""numba's decorators in the engine; a mutant runs without them, as plain Python."""

Function = ast.FunctionDef


def module_of(exercise: Exercise) -> ModuleType:
    """Return the module of the engine in which the function lives."""
    return importlib.import_module(exercise.module)


def engine_function(exercise: Exercise) -> Any:
    """Return the engine's own function."""
    return getattr(module_of(exercise), exercise.name)


def solution(exercise: Exercise) -> str:
    """Return the function's source, decorators included."""
    text, node = _find(exercise)
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno]) + "\n"


def decorators(exercise: Exercise) -> list[str]:
    """Return what stands behind the @ of the lines above the function."""
    return [ast.unparse(each) for each in _find(exercise)[1].decorator_list]


def stub(exercise: Exercise) -> str:
    """Return the function without its body: signature, docstring, the job, and an error that says
    it.
    """
    job = textwrap.wrap(f"Your job: {exercise.job}", 92)
    said = textwrap.wrap(FRIENDLY + exercise.job, 84, drop_whitespace=False)
    comment = [f"    # {line}" for line in job]
    if len(said) == 1:
        end = [f"    raise NotImplementedError({_quoted(said[0])})"]
    else:
        lines = [f"        {_quoted(line)}" for line in said]
        end = ["    raise NotImplementedError(", *lines, "    )"]
    return "\n".join([head(exercise), *comment, *end]) + "\n"


def head(exercise: Exercise) -> str:
    """Return the function's decorators, signature and docstring."""
    _, node = _find(exercise)
    whole = solution(exercise).splitlines()
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    if _docstring(node):  # without the blank lines and comments that lead to the body
        return "\n".join(whole[: (node.body[0].end_lineno or node.lineno) - first + 1])
    return "\n".join(whole[: node.body[0].lineno - first])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def imports(exercise: Exercise, own: Iterable[str] = ()) -> str:
    """Return the imports that the function needs, where it stands by itself.

    - `own`: names that are there already: the exercises above it in the same lesson.
    """
    text, node = _find(exercise)
    bound = _bindings(ast.parse(text), module_of(exercise))
    modules: list[str] = []
    names: dict[str, list[str]] = {}
    for name in sorted(_global_names(node) - {*own, exercise.name}):
        source, original = bound.get(name, (exercise.module, name))
        alias = "" if original in (name, None) else f" as {name}"
        if original is None:
            modules.append(f"import {source}" + ("" if source == name else f" as {name}"))
        else:
            names.setdefault(source, []).append(f"{original or name}{alias}")
    froms = [_from(source, names[source]) for source in sorted(names)]
    standard = [line for line in froms if not line.startswith("from minicnn")]
    house = [line for line in froms if line.startswith("from minicnn")]
    groups = [standard, modules, house]
    return "\n\n".join("\n".join(group) for group in groups if group)


def _from(source: str, names: list[str]) -> str:
    line = f"from {source} import {', '.join(names)}"
    if len(line) <= 100:
        return line
    return "\n".join([f"from {source} import (", *(f"    {name}," for name in names), ")"])


def needed_names(exercise: Exercise) -> set[tuple[str, str]]:
    """Return (module, name) of everything that the function takes from the engine."""
    text, node = _find(exercise)
    module = module_of(exercise)
    bound = _bindings(ast.parse(text), module)
    found = set()
    for name in _global_names(node) - {exercise.name}:
        source, original = bound.get(name, (exercise.module, name))
        if source.startswith("minicnn") and original is not None:
            value = getattr(module, name)
            home = inspect.getmodule(inspect.unwrap(value)) if callable(value) else None
            found.add((home.__name__ if home else source, original))
    return found


def body_statements(exercise: Exercise) -> list[str]:
    """Each statement of the solution, written in one way."""
    node = _find(exercise)[1]
    body = node.body[1:] if _docstring(node) else node.body
    return [ast.unparse(statement) for statement in body]


def length(exercise: Exercise) -> int:
    """How many lines the function has, its docstring left out."""
    node = _find(exercise)[1]
    doc = node.body[0]
    skipped = (doc.end_lineno or 0) - doc.lineno + 1 if _docstring(node) else 0
    return (node.end_lineno or 0) - node.lineno + 1 - skipped


# ------------------------------------------------------------------ mutants


def mutated(exercise: Exercise, mutant: Mutant) -> str:
    """Return the function's source after the edits; raise `LessonError` if one does not apply."""
    text = solution(exercise)
    for old, new in mutant.edits:
        count = text.count(old)
        if count != 1:
            raise LessonError(
                f"mutant {mutant.name!r} of {exercise.name}: the text {old!r} stands {count} times "
                "in the engine's function; it must stand there exactly once"
            )
        text = text.replace(old, new)
    if ast.dump(ast.parse(text)) == ast.dump(ast.parse(solution(exercise))):
        raise LessonError(f"mutant {mutant.name!r} of {exercise.name} changes nothing")
    return text


def mutant_function(exercise: Exercise, mutant: Mutant) -> Callable[..., Any]:
    """Return the mutant, ready to be called; what it needs it takes from the engine."""
    tree = ast.parse(mutated(exercise, mutant))
    (node,) = tree.body
    assert isinstance(node, Function)
    node.decorator_list = [
        each
        for each in node.decorator_list
        if not (isinstance(each, ast.Name) and each.id in _COMPILERS)
    ]
    namespace = {"np": np, **vars(module_of(exercise))}
    exec(compile(tree, f"<{mutant.name}>", "exec"), namespace)
    function: Callable[..., Any] = namespace[exercise.name]
    return function


# ------------------------------------------------------------------ reading the source


def _find(exercise: Exercise) -> tuple[str, Function]:
    """Return the text of the module and the function's place in it."""
    text = Path(str(module_of(exercise).__file__)).read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, Function) and node.name == exercise.name:
            return text, node
    raise LessonError(f"{exercise.module} has no function {exercise.name!r} at its top")


def _docstring(node: Function) -> bool:
    return ast.get_docstring(node) is not None


def _global_names(node: Function) -> set[str]:
    """Names that the function uses and does not make itself."""
    used: set[str] = set()
    made = {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            (used if isinstance(each.ctx, ast.Load) else made).add(each.id)
        elif isinstance(each, Function):
            made.add(each.name)
    defaults = [*node.args.defaults, *(each for each in node.args.kw_defaults if each is not None)]
    outside = {
        each.id
        for part in [*defaults, *_annotations(node), *node.decorator_list]
        for each in ast.walk(part)
        if isinstance(each, ast.Name)
    }
    return ((used - made) | outside) - {*dir(builtins)}


def _annotations(node: Function) -> list[ast.expr]:
    arguments = [a.annotation for a in ast.walk(node.args) if isinstance(a, ast.arg)]
    return [each for each in [*arguments, node.returns] if each is not None]


def _bindings(tree: ast.Module, module: ModuleType) -> dict[str, tuple[str, str | None]]:
    """Where a module has its names from: name -> (module, name there; None for a module)."""
    found: dict[str, tuple[str, str | None]] = {}
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name] = (alias.name, None)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                found[alias.asname or alias.name] = (str(node.module), alias.name)
    return found
