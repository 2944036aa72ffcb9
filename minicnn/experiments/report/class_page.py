"""The page on a class: which misconceptions there are in which exercise, and who has them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from minicnn.experiments.report.html import templates
from minicnn.experiments.report.page import Page, Section
from minicnn.learn.check import STATUSES
from minicnn.learn.exercise import Exercise
from minicnn.learn.grade import ClassGrades, Grade

SIGNS = {
    "pass": "✓",
    "misconception": "✗",
    "fail": "≠",
    "timeout": "∞",
    "crash": "!",
    "delegated": "↷",
    "todo": "·",
    "missing": "–",
}
"""How each kind of result is shown, in the order of the bars."""

MEANINGS = {
    "pass": "passed",
    "misconception": "a misconception of the catalogue",
    "fail": "wrong in another way",
    "timeout": "not done in time",
    "crash": "stopped with an error",
    "delegated": "let the engine do the work",
    "todo": "not begun",
    "missing": "not there",
}


@dataclass(frozen=True)
class Misconception:
    """A known misconception, or another way to end, and the students to whom it happened.

    - `kind`: one of `SIGNS`; `name`: of the misconception, else empty.
    """

    kind: str
    name: str
    says: str
    students: Sequence[str]


@dataclass(frozen=True)
class ExerciseRow:
    """An exercise with what the class made of it.

    - `counts`: students by kind of result, in the order of `SIGNS`, without zeros.
    """

    exercise: Exercise
    counts: Sequence[tuple[str, int]]
    found: Sequence[Misconception]


def class_page(grades: ClassGrades) -> str:
    """Return the class as one HTML file that needs nothing else."""
    rows = {
        lesson.name: [_row(each, grades.of(each)) for each in lesson.exercises]
        for lesson in grades.lessons
    }
    return (
        templates()
        .get_template("report/class_page.html.jinja")
        .render(
            page=_page(grades),
            lessons=grades.lessons,
            rows=rows,
            students=_by_student(grades),
            signs=SIGNS,
            meanings=MEANINGS,
            seed=grades.seed,
            timeout=grades.timeout,
        )
    )


def kind_of(grade: Grade) -> str:
    """One of `SIGNS`: the status, but for what the catalogue knows."""
    return "misconception" if grade.result.mutant else grade.result.status


def _row(exercise: Exercise, grades: Sequence[Grade]) -> ExerciseRow:
    counts = Counter(map(kind_of, grades))
    found = []
    for mutant in exercise.mutants:
        names = [each.student for each in grades if each.result.mutant == mutant.name]
        found.append(Misconception("misconception", mutant.name, mutant.says, names))
    for status in STATUSES[1:]:
        others = [each for each in grades if kind_of(each) == status]
        for says in dict.fromkeys(_said(each) for each in others):
            names = [each.student for each in others if _said(each) == says]
            found.append(Misconception(status, "", says, names))
    seen = sorted((each for each in found if each.students), key=_order)
    return ExerciseRow(exercise, [(kind, counts[kind]) for kind in SIGNS if counts[kind]], seen)


def _said(grade: Grade) -> str:
    """Return the sentence under which a result stands that is no known misconception."""
    if grade.result.status in ("fail", "crash", "missing"):
        return grade.result.says
    return f"{MEANINGS[grade.result.status].capitalize()}."


def _order(found: Misconception) -> tuple[int, int]:
    """Misconceptions first, the common ones before the rare ones; then the rest likewise."""
    return [*SIGNS].index(found.kind), -len(found.students)


def _by_student(grades: ClassGrades) -> list[tuple[str, int, list[tuple[Grade, str]]]]:
    """(name, how many passed, the grades with their kinds) of each student."""
    found = []
    for name in grades.students:
        own = [each for each in grades.grades if each.student == name]
        passed = sum(each.result.status == "pass" for each in own)
        found.append((name, passed, [(each, kind_of(each)) for each in own]))
    return found


def _page(grades: ClassGrades) -> Page:
    passed = sum(each.result.status == "pass" for each in grades.grades)
    named = Counter(
        f"{each.result.mutant.replace('_', ' ')}, in {each.result.exercise.name}"
        for each in grades.grades
        if each.result.mutant
    )
    common = "".join(f"{name}: {count}" for name, count in named.most_common(1))
    exercises = sum(len(each.exercises) for each in grades.lessons)
    facts = [
        ("students", f"{len(grades.students)}"),
        ("exercises", f"{exercises}"),
        ("passed", f"{passed / max(1, len(grades.grades)):.0%}"),
        ("most common misconception", common or "none"),
    ]
    lead = "What the class has understood, and what it takes for something else."
    titles = "Exercise by misconception", "Student by exercise", "How it was graded"
    return Page("The class", lead, facts, [Section(title, []) for title in titles])
