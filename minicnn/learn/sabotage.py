"""What a mistake in one function does to a whole training: the same net, right and wrong."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn import functional as F
from minicnn import kernels, nn, optim
from minicnn.data import Dataset
from minicnn.errors import LessonError, UnknownNameError, one_line
from minicnn.learn.exercise import Exercise, Mutant
from minicnn.learn.library import Lesson
from minicnn.learn.source import mutant_function
from minicnn.learn.swap import swap

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BATCH, CHOICES = 32, 4
OPTIMIZERS: dict[str, Any] = {
    "SGD": lambda: optim.SGD(0.05, momentum=0.9),
    "Adam": lambda: optim.Adam(5e-3),
}
"""SGD first: Adam divides a gradient by its own size, and hides what is wrong by a factor."""


@dataclass(frozen=True)
class Suspect:
    """A misconception and the exercise that it is one of."""

    lesson: Lesson
    exercise: Exercise
    mutant: Mutant


@dataclass(frozen=True)
class LossCurve:
    """The loss of each step; `stopped` is the error that ended it early, if one did."""

    losses: Sequence[float]
    stopped: str = ""


@dataclass(frozen=True)
class Experiment:
    """The same net, data and seed, trained right and wrong."""

    suspect: Suspect
    optimizer: str
    right: LossCurve
    wrong: LossCurve


def suspects(lessons: Sequence[Lesson]) -> list[Suspect]:
    """All misconceptions of functions that can be swapped; one of a compiled kernel would crawl."""
    return [
        Suspect(lesson, exercise, mutant)
        for lesson in lessons
        for exercise in lesson.exercises
        if ".kernels.fast." not in exercise.target
        for mutant in exercise.mutants
    ]


def find(name: str, known: Sequence[Suspect]) -> list[Suspect]:
    """Those of this name: ``stride_ignored``, ``conv2d:stride_ignored``, or any of ``conv2d``.

    Raises `UnknownNameError` if there is none.
    """
    exercise, _, mutant = name.rpartition(":")
    found = [
        each
        for each in known
        if name == each.exercise.name
        or (mutant == each.mutant.name and exercise in ("", each.exercise.name))
    ]
    if not found:
        exercises = dict.fromkeys(each.exercise.name for each in known)
        raise UnknownNameError("misconception or exercise", name, exercises)
    return found


def optimizer_for(exercise: Exercise) -> str | None:
    """With which optimizer the training goes through the function; None if with neither."""
    for name in OPTIMIZERS:
        if _is_reached(exercise, name):
            return name
    return None


class _ReachedError(Exception):
    pass


def _is_reached(exercise: Exercise, optimizer: str) -> bool:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise _ReachedError

    data = Dataset(np.zeros((BATCH, 28, 28, 1), np.uint8), np.arange(BATCH) % 10)
    with kernels.use("reference"), swap({exercise.target: broken}):
        try:
            for _ in _losses(data, optimizer, 1, 0):
                pass
        except _ReachedError:
            return True
    return False


def train(
    data: Dataset, optimizer: str, steps: int, seed: int, suspect: Suspect | None = None
) -> LossCurve:
    """Train a small net for some steps, with the misconception swapped in if there is one.

    By the reference kernels: a compiled one does not look whether the arrays that it gets from a
    wrong function are large enough.
    """
    losses: list[float] = []
    wrong = suspect and {suspect.exercise.target: mutant_function(suspect.exercise, suspect.mutant)}
    with np.errstate(all="ignore"), kernels.use("reference"), swap(wrong or {}):
        try:
            for loss in _losses(data, optimizer, steps, seed):
                if not np.isfinite(loss):
                    return LossCurve(losses, f"the loss is {loss}")
                losses.append(loss)
        except Exception as error:  # the misconception may be one that the engine cannot run with
            return LossCurve(losses, f"{type(error).__name__}: {one_line(error)}")
    return LossCurve(losses)


def _losses(data: Dataset, optimizer: str, steps: int, seed: int) -> Iterator[float]:
    rng = np.random.default_rng(seed)
    model = nn.Sequential(
        nn.Conv2D(4, 3, activation="relu", init="he_normal"),
        nn.MaxPool2D(3, stride=2, padding="same"),
        nn.Conv2D(4, 3, stride=2, padding="same"),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Dense(10),
        input_shape=(28, 28, 1),
        rng=rng,
    )
    update = OPTIMIZERS[optimizer]()
    batches = (batch for _ in range(steps) for batch in data.batches(BATCH, rng))
    for _, (images, labels) in zip(range(steps), batches, strict=False):
        loss = F.softmax_cross_entropy(model(images, training=True) * 1.0 + 0.0, labels)
        model.zero_grad()
        loss.backward()
        update.step(model.parameters())
        yield float(loss.data)


def experiment(
    chosen: Sequence[Suspect],
    data: Dataset,
    steps: int,
    rng: np.random.Generator,
    visible: bool = False,
) -> Experiment:
    """Train right and wrong with one of the `chosen` that this training goes through.

    - `visible`: with one whose mistake can be seen in the curves.

    Raises `LessonError` if there is none such.
    """
    seed, rights = int(rng.integers(1 << 30)), dict[str, LossCurve]()
    for suspect in (chosen[i] for i in rng.permutation(len(chosen))):
        optimizer = optimizer_for(suspect.exercise)
        if optimizer is None:
            continue
        if optimizer not in rights:
            rights[optimizer] = train(data, optimizer, steps, seed)
        wrong = train(data, optimizer, steps, seed, suspect)
        shown = len(wrong.losses) > steps // 10 and differ(rights[optimizer], wrong)
        if shown or not visible:
            return Experiment(suspect, optimizer, rights[optimizer], wrong)
    names = ", ".join({each.exercise.name: 0 for each in chosen})
    raise LessonError(
        "no mistake is to be seen in so few steps; take more with --steps"
        if visible
        else f"this training does not go through {names}; choose a mistake in another function"
    )


def differ(right: LossCurve, wrong: LossCurve) -> bool:
    """Can the mistake be seen in the curves: did it stop, or end a fifth off at least?"""
    if wrong.stopped or not right.losses:
        return True
    last = len(right.losses) // 2
    ends = [float(np.mean(curve.losses[-last:])) for curve in (right, wrong)]
    return abs(ends[1] - ends[0]) > ends[0] / 5


def choices(done: Experiment, known: Sequence[Suspect], rng: np.random.Generator) -> list[str]:
    """Names of functions that the training goes through, the broken one among them."""
    broken = done.suspect.exercise
    every = {each.exercise.name: each.exercise for each in known if each.exercise is not broken}
    others = [name for name in every if _is_reached(every[name], done.optimizer)]
    drawn = rng.choice(others, min(CHOICES - 1, len(others)), replace=False)
    found = [broken.name, *map(str, drawn)]
    return [found[i] for i in rng.permutation(len(found))]


def figure(right: LossCurve, wrong: LossCurve) -> "Figure":
    """Both curves of the loss."""
    from minicnn.insight import style

    drawn = style.figure(7, 3.8)
    axes = drawn.subplots()
    _draw(axes, right, "right", color=style.BLUE)
    _draw(axes, wrong, "one part broken", color=style.ORANGE, linestyle="--")
    if wrong.stopped:
        axes.set_xlabel(f"step   (the broken one stopped in step {len(wrong.losses) + 1})")
    else:
        axes.set_xlabel("step")
    style.title(axes, "Which part is broken?")
    axes.set_ylabel("loss")
    axes.set_xlim(0, max(len(right.losses), 2))
    axes.set_ylim(0, 2 * np.log(10))  # twice what guessing among ten classes gives
    axes.axhline(np.log(10), color=style.FAINT, linewidth=0.8, linestyle=":")
    axes.annotate(
        "guessing",
        (1, np.log(10)),
        xytext=(0, 3),
        textcoords="offset points",
        xycoords=("axes fraction", "data"),
        ha="right",
        **style.words(style.SMALL, style.FAINT),
    )
    style.quiet(axes)
    style.legend(axes)
    return drawn


def _draw(axes: Any, curve: LossCurve, name: str, **look: Any) -> None:
    """Draw the losses, faint, and their running mean over 10 steps."""
    if not curve.losses:
        axes.plot([], [], label=name, **look)
        return
    seen = np.minimum(curve.losses, 1e6)
    axes.plot(range(1, len(seen) + 1), seen, color=look["color"], alpha=0.2, linewidth=0.8)
    width = min(10, len(seen))
    mean = np.convolve(seen, np.full(width, 1 / width), "valid")
    axes.plot(np.arange(len(mean)) + width, mean, label=name, linewidth=1.8, **look)
