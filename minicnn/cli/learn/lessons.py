"""``minicnn learn list``."""

import json

from rich.table import Table
from rich.text import Text

from minicnn.cli.app import JsonOption, show
from minicnn.cli.learn.app import learn


@learn.command("list")
def list_lessons(as_json: JsonOption = False) -> None:
    """List all lessons, with how far you are where you are in your folder."""
    from minicnn.errors import LessonError
    from minicnn.learn import explain, library
    from minicnn.learn.workspace import Workspace

    try:
        workspace = Workspace.find()
    except LessonError:  # anybody may look at what there is
        workspace = None
    rows = []
    for lesson in library.lessons():
        started = workspace is not None and workspace.path(lesson).exists()
        untouched = dict.fromkeys((each.name for each in lesson.exercises), "todo")
        statuses = workspace.statuses(lesson) if workspace and started else untouched
        rows.append((lesson, started, statuses))
    if as_json:
        listed = [
            {"lesson": lesson.number, "title": lesson.title, "started": started, "exercises": each}
            for lesson, started, each in rows
        ]
        print(json.dumps(listed, indent=2))
        return
    table = Table(box=None, header_style="bold")
    table.add_column("lesson", justify="right")
    table.add_column("title")
    table.add_column("exercises")
    for lesson, _, statuses in rows:
        marks = [
            Text.assemble(explain.mark(status), f" {name}") for name, status in statuses.items()
        ]
        table.add_row(f"{lesson.number:02d}", lesson.title, Text("   ").join(marks))
    show(table)
