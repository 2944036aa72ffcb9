"""What a lesson is made of: exercises, and the known misconceptions of each."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minicnn.learn.observers import Case, Observer, returned


def training_step() -> None:
    """One step of a small model that has every common layer: what most exercises are part of."""
    from minicnn import functional as F
    from minicnn import nn, optim

    rng = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Conv2D(2, 3, activation="relu", init="he_normal"),
        nn.MaxPool2D(2),
        nn.Conv2D(2, 2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Dense(3),
        input_shape=(8, 8, 1),
    )
    images, labels = rng.random((2, 8, 8, 1), np.float32), np.array([0, 2])
    for optimizer in optim.SGD(0.1, momentum=0.9), optim.Adam():
        loss = F.softmax_cross_entropy(model(images, training=True) * 1.0 + 0.0, labels)
        model.zero_grad()
        loss.backward()
        optimizer.step(model.parameters())


@dataclass(frozen=True, eq=False)
class Mutant:
    """A known misconception: an edit of the engine's own source, and the sentence that names it.

    - `edits`: (old, new) pieces of text; each old one stands exactly once in the function.
    - `says`: one sentence for the student whose function does the same.
    """

    name: str
    edits: list[tuple[str, str]]
    says: str


@dataclass(frozen=True, eq=False)
class Exercise:
    """A function of the engine that the student writes anew.

    - `target`: where it lives, ``"minicnn.kernels.reference.windows:im2col"``.
    - `job`: what to do, one imperative sentence.
    - `draw`: makes the arguments of a case by name, in the order of the function's parameters, from
      a generator and a size 0, 1, 2, …: small cases come first, since the first that fails is
      shown. Arrays are float64.
    - `observe`: what of a call is compared; what it returns by default. Arguments that are arrays
      are compared too, as they are afterwards.
    - `tolerance`: largest difference in float64, relative to the largest expected number.
    - `cases`: how many are drawn; `seconds`: processor time that all of them may take.
    - `in_float32`: run the last case once more in float32, so that a lost dtype is seen.
    - `reached_by`: a calculation by the engine that must go through the function.
    """

    target: str
    job: str
    draw: Callable[[np.random.Generator, int], Case]
    observe: Observer = returned
    tolerance: float = 1e-9
    cases: int = 12
    seconds: int = 5
    in_float32: bool = True
    reached_by: Callable[[], Any] = training_step
    mutants: tuple[Mutant, ...] = field(default=(), repr=False)
    hints: tuple[str, ...] = field(default=(), repr=False)

    @property
    def module(self) -> str:
        return self.target.partition(":")[0]

    @property
    def name(self) -> str:
        return self.target.partition(":")[2]

    def drawn(self, seed: int) -> list[Case]:
        """Return the cases of a seed, the same ones every time."""
        rng = np.random.default_rng(seed)
        cases = [self.draw(rng, size) for size in range(self.cases)]
        if not self.in_float32:
            return cases
        single = {name: _as_float32(value) for name, value in cases[-1].items()}
        return [*cases, single]


def _as_float32(value: Any) -> Any:
    is_float = isinstance(value, np.ndarray) and value.dtype == np.float64
    return value.astype(np.float32) if is_float else value
