"""How modules inside others are built: from the generator around them, by a pass of zeros."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np

from minicnn.tape import no_grad
from minicnn.tensor import Tensor

parents_generator: ContextVar[np.random.Generator | None] = ContextVar("parent", default=None)
"""What a module is built from that is called for the first time inside another one."""

trying_out: ContextVar[bool] = ContextVar("trying_out", default=False)
"""Whether a forward pass runs on zeros, only to build what it reaches: it counts nothing."""


@dataclass(frozen=True)
class Origin:
    """What a module was built for, and from."""

    input_shape: tuple[int, ...]
    rng: np.random.Generator


@contextmanager
def inside(rng: np.random.Generator) -> Iterator[None]:
    """Within this block modules that are called for the first time are built from `rng`."""
    token = parents_generator.set(rng)
    try:
        yield
    finally:
        parents_generator.reset(token)


@contextmanager
def on_zeros() -> Iterator[None]:
    """Within this block a forward pass leaves no tape and no statistics, and may divide by zero."""
    token = trying_out.set(True)
    try:
        with no_grad(), np.errstate(all="ignore"):
            yield
    finally:
        trying_out.reset(token)


def zeros(input_shape: tuple[int, ...]) -> Tensor:
    """Return a batch of one input, float32."""
    return Tensor(np.zeros((1, *input_shape), np.float32))
