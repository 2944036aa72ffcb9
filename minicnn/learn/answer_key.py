"""What the engine, and each known misconception, gives for the cases of an exercise."""

import contextlib
import functools

from minicnn import kernels
from minicnn.errors import LessonError
from minicnn.learn.compare import same
from minicnn.learn.exercise import Exercise, Mutant
from minicnn.learn.outcome import Outcome, observe
from minicnn.learn.source import engine_function, mutant_function


class AnswerKey:
    """The cases of a seed, and the right outcome of each."""

    def __init__(self, exercise: Exercise, seed: int):
        self.exercise, self.cases = exercise, exercise.drawn(seed)
        with kernels.use("reference"):
            function = engine_function(exercise)
            self.expected = [observe(function, exercise, case) for case in self.cases]

    @functools.cached_property
    def mutants(self) -> list[tuple[Mutant, list[Outcome]]]:
        """The outcomes of each known misconception."""
        with kernels.use("reference"):
            found = []
            for mutant in self.exercise.mutants:
                with contextlib.suppress(LessonError):  # one that does not apply; `verify` says so
                    function = mutant_function(self.exercise, mutant)
                    outcomes = [observe(function, self.exercise, case) for case in self.cases]
                    found.append((mutant, outcomes))
            return found

    def recognise(self, outcomes: list[Outcome]) -> Mutant | None:
        """Find the misconception that gives the same as `outcomes` on every case."""
        for mutant, theirs in self.mutants:
            pairs = zip(outcomes, theirs, strict=True)
            if all(same(yours, other, self.exercise.tolerance) for yours, other in pairs):
                return mutant
        return None


@functools.lru_cache(256)
def answer_key(exercise: Exercise, seed: int) -> AnswerKey:
    """Return the key of an exercise, made once."""
    return AnswerKey(exercise, seed)
