"""``minicnn teach grade``."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from minicnn.cli.app import JsonOption, show
from minicnn.cli.teach.app import teach

if TYPE_CHECKING:
    from minicnn.learn.grade import ClassGrades


@teach.command()
def grade(
    submissions: Annotated[
        Path,
        typer.Argument(help="A folder with a folder for each student: STUDENT/NN_name/lesson.py."),
    ],
    lesson: Annotated[
        list[int] | None,
        typer.Option(metavar="NN", help="This lesson, may be repeated; else all that came in."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="A new folder for the results; grades-1, -2, … by default.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the CSV.")] = False,
    as_json: JsonOption = False,
    jobs: Annotated[int, typer.Option(min=1, help="Exercises that are checked at once.")] = 2,
    timeout: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="S", help="Processor seconds for an exercise; its own by default."
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Draws the cases; a new one by default, noted for a replay."),
    ] = None,
) -> None:
    """Grade a class: a page for you (class.html), grades.csv and grades.json.

    Each exercise runs in a process of its own, with limits on processor time, memory and file size;
    what its function gives is compared here. The limits are for mistakes. They are NO SANDBOX: code
    that means harm can read, change and send whatever you can. Grade strangers in a container.

    A submission is never changed, and a bad one does not stop the others. The exit code is 0 once
    everything is graded, whatever the grades are.
    """
    from minicnn.experiments.report.class_page import class_page
    from minicnn.files import folder_for, new_folder, refuse_taken
    from minicnn.learn import library
    from minicnn.learn.grade import grade_class, handed_in
    from minicnn.training.progress import steps

    if out is not None:
        refuse_taken(out)
    chosen = [library.lesson(each) for each in sorted({*(lesson or [])})]
    lessons = chosen or handed_in(submissions, library.lessons())
    seed = random.randrange(1_000_000) if seed is None else seed
    with steps(_count(submissions) * sum(len(each.exercises) for each in lessons)) as step:
        grades = grade_class(submissions, lessons, seed, jobs, timeout, step)
    text, facts = grades.csv(), json.dumps(grades.to_dict(), indent=2) + "\n"
    with folder_for(out, "grades") as folder, new_folder(folder) as partial:
        files = {"class.html": class_page(grades), "grades.csv": text, "grades.json": facts}
        for name, content in files.items():
            (partial / name).write_text(content, encoding="utf-8", errors="replace")
    if as_csv:
        print(text)
    if as_json:
        print(facts)
    if not (as_csv or as_json):
        show(_table(grades))
        print(f"\nSeed {seed}; the same cases again:  --seed {seed}")
        print("Look: ", *(folder / name for name in files), sep="  ")


def _count(submissions: Path) -> int:
    from minicnn.learn.grade import students_in

    return len(students_in(submissions))


def _table(grades: "ClassGrades") -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column("lesson", justify="right")
    table.add_column("exercise")
    table.add_column("pass", justify="right")
    table.add_column("others")
    table.add_column("most common misconception")
    for lesson in grades.lessons:
        for exercise in lesson.exercises:
            results = [each.result for each in grades.of(exercise)]
            statuses = Counter(result.status for result in results)
            passed = statuses.pop("pass", 0)
            others = ", ".join(f"{count} {status}" for status, count in statuses.most_common())
            named = Counter(result.mutant for result in results if result.mutant)
            worst = "".join(f"{name} ({count})" for name, count in named.most_common(1))
            table.add_row(
                f"{lesson.number:02d}",
                exercise.name,
                f"{passed} of {len(results)}",
                others,
                worst or "–",
            )
    return table
