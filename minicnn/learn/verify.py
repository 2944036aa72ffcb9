"""Proof of the grader: that checks pass what is right, and name what is wrong.

For every exercise: the stub fails with its friendly message, the engine's solution passes, every
mutant is rejected with its own diagnosis, and who calls the engine's function is caught. The engine
really runs the student's function, nothing that the student receives holds the solution, only
earlier lessons are needed, and the notebooks execute.
"""

import re
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minicnn import kernels
from minicnn.errors import MinicnnError, one_line
from minicnn.learn import notebooks, script, source
from minicnn.learn.check import CheckResult, check
from minicnn.learn.exercise import Exercise, Mutant
from minicnn.learn.library import Lesson
from minicnn.learn.swap import is_kernel, swap

FEWEST_MUTANTS, MOST_MUTANTS, HINTS, LONGEST = 4, 8, 3, 30


@dataclass
class Proof:
    """What was proven of one lesson; `problems` is empty if all holds."""

    lesson: Lesson
    exercises: int = 0
    mutants: int = 0
    rejected: int = 0
    named: int = 0
    figures: int = 0
    problems: list[str] = field(default_factory=list)


def verify(
    chosen: list[Lesson],
    every: list[Lesson],
    jobs: int = 2,
    with_notebooks: bool = True,
    tell: Callable[[str], None] = lambda what: None,
) -> list[Proof]:
    """Prove the lessons in `chosen`; `every` are all lessons there are.

    - `jobs`: how many checks run at once; `tell` is called with the name of each lesson.
    """
    proofs = []
    for lesson in chosen:
        tell(lesson.name)
        proof = Proof(lesson, exercises=len(lesson.exercises))
        _prove_text(proof, every)
        for exercise in lesson.exercises:
            if not is_reached(exercise):
                proof.problems.append(
                    f"{exercise.name}: the engine runs without it; see `reached_by`"
                )
        with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(jobs) as pool:
            trials = [trial for each in lesson.exercises for trial in _trials(proof, each)]
            for judge, result in pool.map(lambda t: t.run(Path(place)), trials):
                judge(result)
        if with_notebooks:
            _prove_notebooks(proof)
        proofs.append(proof)
    return proofs


# ------------------------------------------------------------------ checks of student's files


@dataclass
class _Trial:
    """A student's file to be checked, and what is made of the result."""

    proof: Proof
    exercise: Exercise
    name: str
    text: str
    judge: Callable[[CheckResult], None]

    def run(self, place: Path) -> tuple[Callable[[CheckResult], None], CheckResult]:
        folder = place / f"{self.exercise.name}-{self.name}"
        folder.mkdir()
        (folder / "lesson.py").write_text(self.text, encoding="utf-8")
        return self.judge, check(self.proof.lesson, self.exercise, folder / "lesson.py")


def _trials(proof: Proof, exercise: Exercise) -> Iterator[_Trial]:
    lesson = proof.lesson

    def expect(status: str, says: str = "") -> Callable[[CheckResult], None]:
        def judge(result: CheckResult) -> None:
            if result.status != status or not result.says.startswith(says):
                proof.problems.append(
                    f"{exercise.name}: must be {status}, is {result.status}: {result.says}"
                )

        return judge

    def caught(result: CheckResult) -> None:
        if result.status != "delegated" and not result.says.startswith("The line `@"):
            proof.problems.append(
                f"{exercise.name}: the engine's own work ends as {result.status}: {result.says}"
            )

    def trial(name: str, text: str, judge: Callable[[CheckResult], None]) -> _Trial:
        whole = script.render(lesson, lambda e: text if e is exercise else source.solution(e))
        return _Trial(proof, exercise, name, whole, judge)

    friendly = source.FRIENDLY + exercise.job
    yield trial("stub", source.stub(exercise), expect("todo", friendly))
    yield trial("solution", source.solution(exercise), expect("pass"))
    for number, text in enumerate(delegations(exercise)):
        yield trial(f"delegated-{number}", text, caught)
    for mutant in exercise.mutants:
        proof.mutants += 1
        try:
            text = source.mutated(exercise, mutant)
        except MinicnnError as error:
            proof.problems.append(one_line(error))
        else:
            yield trial(f"mutant-{mutant.name}", text, _expect_named(proof, exercise, mutant))


def _expect_named(
    proof: Proof, exercise: Exercise, mutant: Mutant
) -> Callable[[CheckResult], None]:
    def judge(result: CheckResult) -> None:
        rejected = result.status in ("fail", "crash", "timeout")
        proof.rejected += rejected
        named = rejected and result.mutant == mutant.name and result.says == mutant.says
        proof.named += named
        if not named:
            proof.problems.append(
                f"{exercise.name}: mutant {mutant.name!r} ends as {result.status}, named "
                f"{result.mutant!r}: {result.says}"
            )

    return judge


def delegations(exercise: Exercise) -> list[str]:
    """Functions that let the engine's own do the work."""
    module, name = exercise.module, exercise.name
    call = f"def {name}(*args, **kwargs):\n    return {{}}(*args, **kwargs)\n"
    found = [
        f"from {module} import {name}\n",
        f"from {module} import {name} as engine\n\n\n" + call.format("engine"),
        f"import {module} as engine\n\n\n" + call.format(f"engine.{name}"),
    ]
    if "op" in source.decorators(exercise):
        op = "from minicnn.tensor import op\n\n\n@op\n"
        found.append(f"from {module} import {name} as engine\n{op}{call.format('engine')}")
    if is_kernel(exercise.target):
        found.append("from minicnn import kernels\n\n\n" + call.format(f"kernels.{name}"))
    return found


# ------------------------------------------------------------------ the engine and the texts


class _ReachedError(Exception):
    pass


def is_reached(exercise: Exercise) -> bool:
    """Tell whether the engine trips over the function if it raises."""

    def broken(*args: Any, **kwargs: Any) -> Any:
        raise _ReachedError

    broken.for_threads = broken  # type: ignore[attr-defined] # what is asked of a compiled kernel
    kernel_set = "fast" if ".fast" in exercise.module else "reference"
    try:
        with kernels.use(kernel_set), swap({exercise.target: broken}):
            exercise.reached_by()
    except _ReachedError:
        return True
    return False


def _prove_text(proof: Proof, every: list[Lesson]) -> None:
    lesson, problems = proof.lesson, proof.problems
    in_text, in_checks = script.cells_of(lesson), [each.name for each in lesson.exercises]
    if in_text != in_checks:
        problems.append(f"lesson.py has the exercises {in_text}, checks.py has {in_checks}")
    hints = "\n".join(hint for each in lesson.exercises for hint in each.hints)
    received = script.with_stubs(lesson) + hints
    for other in every:
        if other.number >= lesson.number:
            problems += [
                f"the solution of {each.name} stands in what the student receives"
                for each in other.exercises
                if holds_solution(received, each)
            ]
    home = {e.target.replace(":", "."): other.number for other in every for e in other.exercises}
    for exercise in lesson.exercises:
        problems += _text_problems(exercise)
        for module, name in source.needed_names(exercise):
            number = home.get(f"{module}.{name}", 0)
            if number > lesson.number:
                problems.append(f"{exercise.name} needs {name}, which is of lesson {number}")


def _text_problems(exercise: Exercise) -> Iterator[str]:
    if not FEWEST_MUTANTS <= len(exercise.mutants) <= MOST_MUTANTS:
        yield f"{exercise.name} has {len(exercise.mutants)} mutants; four to eight are needed"
    if len(exercise.hints) != HINTS:
        yield f"{exercise.name} has {len(exercise.hints)} hints; three are needed"
    if source.length(exercise) > LONGEST:
        yield f"{exercise.name} has {source.length(exercise)} lines; {LONGEST} are the most"
    names = [mutant.name for mutant in exercise.mutants]
    if len({*names}) != len(names):
        yield f"{exercise.name} has two mutants of one name"


def holds_solution(text: str, exercise: Exercise) -> bool:
    """Tell whether more than half of the solution's statements stand in the text."""
    plain = _squeezed(text)
    statements = [_squeezed(each) for each in source.body_statements(exercise)]
    telling = [each for each in statements if len(each) >= 12] or statements
    return 2 * sum(each in plain for each in telling) > len(telling)


def _squeezed(text: str) -> str:
    return re.sub(r"[\s#()]", "", text).replace('"', "'")


# ------------------------------------------------------------------ notebooks


def _prove_notebooks(proof: Proof) -> None:
    try:
        untouched = notebooks.execute(script.with_stubs(proof.lesson))
        solved = notebooks.execute(script.solved(proof.lesson))
    except MinicnnError as error:
        proof.problems.append(one_line(error))
        return
    proof.figures = len(solved.figures)
    proof.problems += [f"the solved notebook stops: {error}" for error in solved.errors[:1]]
    first = "".join(untouched.errors[:1])
    if first and source.FRIENDLY not in first:
        proof.problems.append(f"the untouched notebook stops with something else: {first}")
    if not solved.figures:
        proof.problems.append("the solved notebook has no figure")
    for number, image in enumerate(solved.figures, 1):
        if notebooks.is_empty(image):
            proof.problems.append(f"figure {number} of the solved notebook is empty")
