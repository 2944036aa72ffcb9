"""The pages of the lessons: each as a student gets it, with the pictures that it draws.

The pictures and what is printed come from the solved lesson; shown is the text with the stubs.
"""

import base64
import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat

from minicnn.files import atomic
from minicnn.learn import library, script
from minicnn.learn.library import Lesson
from minicnn.learn.notebooks import execute

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
TOP = Path(__file__).parents[2]
LONGEST = 40
"""Lines of printed output that are shown."""


def write_pages(folder: Path) -> list[dict[str, str]]:
    """Write a page for each lesson, its pictures beside it; give their places."""
    (folder / "lessons").mkdir()
    lessons = library.lessons()
    (folder / "lessons" / "index.md").write_text(_contents(lessons))
    with ThreadPoolExecutor(2) as pool:
        places = pool.map(lambda lesson: _write(folder, lesson), lessons)
    return [{"The course": "lessons/index.md"}, *places]


def _contents(lessons: list[Lesson]) -> str:
    rows = [
        f"| {lesson.number} | [{lesson.title}]({lesson.name}.md) | {_names(lesson)} |"
        for lesson in lessons
    ]
    head = (
        "# The course\n\nEach lesson is a script in cells, for an editor or as a notebook, in which"
    )
    head += " you write functions of the engine. `minicnn learn init mine` lays out your folder.\n"
    return "\n".join([head, "| | lesson | you write |", "| ---: | --- | --- |", *rows, ""])


def _names(lesson: Lesson) -> str:
    return ", ".join(f"`{exercise.name}`" for exercise in lesson.exercises)


def _write(folder: Path, lesson: Lesson) -> dict[str, str]:
    shown = script.as_notebook(script.with_stubs(lesson)).cells[1:]
    run = _executed(script.solved(lesson)).cells[1:]
    parts = []
    for number, (cell, done) in enumerate(zip(shown, run, strict=True)):
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        code = f"```python\n{cell.source}\n```"
        is_exercise = cell.source != done.source
        parts.append(
            f'<div class="exercise" markdown>\n\n{code}\n\n</div>' if is_exercise else code
        )
        for place, output in enumerate(done.get("outputs", ())):
            parts.append(_output(folder, f"{lesson.name}-{number}-{place}.png", output))
    name = f"lessons/{lesson.name}.md"
    (folder / name).write_text("\n\n".join(filter(None, parts)) + "\n")
    return {f"{lesson.number} {lesson.title}": name}


def _executed(text: str) -> Any:
    """The executed notebook; kept for as long as neither the lesson nor minicnn changes."""
    sources = sorted((TOP / "minicnn").rglob("*.py"))
    content = b"".join(path.read_bytes() for path in sources) + text.encode()
    kept = TOP / "build" / "lessons" / f"{hashlib.sha256(content).hexdigest()[:16]}.ipynb"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with atomic(kept) as partial:
            nbformat.write(execute(text).notebook, partial)
    return nbformat.read(kept, as_version=4)


def _output(folder: Path, name: str, output: Any) -> str:
    """What a cell gave, as Markdown; its picture goes into a file."""
    if output.output_type == "stream":
        return "" if output.name == "stderr" else _printed(output.text)
    if output.output_type == "error":
        return _printed(f"{output.ename}: {output.evalue}")
    data = output.get("data", {})
    if "image/png" in data:
        (folder / "lessons" / name).write_bytes(base64.b64decode(data["image/png"]))
        return f"![What the cell draws]({name})"
    return _printed(data.get("text/plain", ""))


def _printed(text: str) -> str:
    lines = _COLOURS.sub("", text).rstrip().splitlines()
    if len(lines) > LONGEST:
        lines = [*lines[:LONGEST], "…"]
    if not lines:
        return ""
    return '<div class="output" markdown>\n\n```text\n' + "\n".join(lines) + "\n```\n\n</div>"
