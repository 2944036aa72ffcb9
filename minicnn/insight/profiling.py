"""Where the time of a training step goes, by the clock; and how much arithmetic a model takes."""

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from minicnn import functional as F
from minicnn.errors import SettingError, ShapeError
from minicnn.nn import Conv2D, Dense, Module, Sequential
from minicnn.nn.arguments import as_pair
from minicnn.nn.fusion import FusedStep, fused_steps
from minicnn.optim import Adam
from minicnn.tape import Array
from minicnn.tensor import Tensor


@dataclass(frozen=True)
class Cost:
    """What one part of a training step takes.

    - `part`: the layers that are computed in one pass, or "loss" or "optimizer".
    - `direction`: "forward" or "backward"; the optimizer has none.
    - `seconds`: median of the rounds.
    - `flops`: products and sums of the plain formula, those with a known zero included; of the
      layers with weights alone.
    - `bytes`: of the arrays that must be read or written once.
    """

    part: str
    direction: str
    seconds: float
    flops: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Profile:
    """The parts of a training step, and the whole by itself.

    - `step_seconds`: median time of the whole step; less than the sum of its parts where memory
      stays in the cache from one to the next.
    - `peak_flops`: per second, of NumPy's product of large float32 matrices on all cores.
    - `peak_bytes`: per second, of copying a long array on all cores, read and written.
    """

    batch_size: int
    costs: tuple[Cost, ...]
    step_seconds: float
    peak_flops: float
    peak_bytes: float


def refuse_too_large(model: Sequential, batch_size: int) -> None:
    """Raise `SettingError` if a step with so many images needs more memory than the machine has.

    At least the images and what each layer gives are there at once, as float32, and the gradients
    of as much.
    """
    if not hasattr(os, "sysconf"):  # as on Windows, where NumPy has the last word
        return
    values = math.prod(model.input_shape or ())
    values += sum(math.prod(row.output_shape) for row in model.layer_rows())
    needed = 2 * 4 * values * batch_size
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise SettingError(
            f"batch_size is {batch_size:,}; a step needs {needed // 10**9:,} GB at least, "
            f"and this machine has {there // 10**9:,} GB"
        )


def profile(model: Sequential, images: Array, labels: Array, rounds: int = 20) -> Profile:
    """Time a training step of a built model on this batch: every part, and the whole.

    - `images`: (N, H, W, C) float32; `labels`: (N,). The model itself is not changed.

    What the kernels are is decided by `minicnn.kernels.use`.

    >>> from minicnn import nn
    >>> model = nn.Sequential(nn.Flatten(), nn.Dense(3, activation="relu"), input_shape=(4, 4, 1))
    >>> found = profile(model, np.ones((2, 4, 4, 1), np.float32), np.array([0, 2]), rounds=2)
    >>> [(cost.part, cost.direction, cost.flops) for cost in found.costs][1:3]
    [('dense', 'forward', 192), ('dense', 'backward', 192)]
    """
    copy = Sequential.from_config(model.config())
    copy.set_weights(model.weights())
    parts = _Parts(copy, images, labels)
    times = [parts.measure() for _ in range(rounds + 1)][1:]  # the first one compiles and warms up
    medians = np.median(times, axis=0)
    costs = tuple(
        Cost(part, direction, float(seconds), flops, size)
        for (part, direction, flops, size), seconds in zip(parts.about(), medians, strict=True)
        if seconds  # before the first weights there is no way back
    )
    whole = [_clock(parts.whole_step)[1] for _ in range(rounds + 1)][1:]
    return Profile(len(labels), costs, median(whole), _peak_flops(), _peak_bytes())


class _Parts:
    """One training step in parts, each on inputs of its own."""

    def __init__(self, model: Sequential, images: Array, labels: Array):
        self.model, self.images, self.labels = model, images, labels
        self.steps = fused_steps(model.layers, training=True)
        self.optimizer = Adam(1e-3)
        weighted = [any(layer.parameter_count() for layer in step.layers) for step in self.steps]
        # Before the first layer with weights nothing needs a gradient.
        self.needs_dx = [any(weighted[:i]) for i in range(len(weighted))]

    def measure(self) -> list[float]:
        """Seconds of each part, in the order of `about`."""
        forward, backward, passes = [], [], []
        value = self.images
        for step, needs_dx in zip(self.steps, self.needs_dx, strict=True):
            x = Tensor(value, requires_grad=needs_dx)
            y, seconds = _clock(step.forward, x, True)
            forward.append(seconds)
            passes.append((x, y))
            value = y.data
        logits = Tensor(value, requires_grad=True)
        loss, loss_forward = _clock(F.softmax_cross_entropy, logits, self.labels)
        _, loss_backward = _clock(loss.backward)
        self.model.zero_grad()
        dy = logits.grad
        for x, y in reversed(passes):
            _, seconds = _clock(y.backward, dy) if y.requires_grad else (None, 0.0)
            backward.append(seconds)
            dy = x.grad
        _, update = _clock(self.optimizer.step, self.model.parameters())
        self.sizes = [(x.size, y.size) for x, y in passes]
        pairs = zip(forward, reversed(backward), strict=True)
        return [*(s for pair in pairs for s in pair), loss_forward, loss_backward, update]

    def about(self) -> list[tuple[str, str, int, int]]:
        """(part, direction, flops, bytes) of each."""
        rows, shape = [], self.images.shape[1:]
        for step, needs_dx, (x, y) in zip(self.steps, self.needs_dx, self.sizes, strict=True):
            name = " + ".join(str(layer.name) for layer in step.layers)
            flops = 2 * len(self.images) * macs(step.layers[0], shape)
            weights = sum(layer.parameter_count() for layer in step.layers)
            rows.append((name, "forward", flops, 4 * (x + weights + y)))
            moved = 4 * (x + y + 2 * weights + needs_dx * x) if weights or needs_dx else 0
            rows.append((name, "backward", flops * (1 + needs_dx), moved))
            shape = _output_shape(step, shape)
        logits = 4 * self.sizes[-1][1]
        update = 7 * 4 * self.model.parameter_count()  # weight, m and v both ways, the gradient in
        return [
            *rows,
            ("loss", "forward", 0, logits),
            ("loss", "backward", 0, 2 * logits),
            ("optimizer", "", 0, update),
        ]

    def whole_step(self) -> None:
        loss = F.softmax_cross_entropy(self.model(self.images, training=True), self.labels)
        self.model.zero_grad()
        loss.backward()
        self.optimizer.step(self.model.parameters())


def _output_shape(step: FusedStep, shape: Sequence[int]) -> tuple[int, ...]:
    for layer in step.layers:
        shape = layer.output_shape(tuple(shape))
    return tuple(shape)


def _clock(function: Callable[..., Any], *args: Any) -> tuple[Any, float]:
    """Return the result of a call, and its seconds."""
    started = time.perf_counter()
    result = function(*args)
    return result, time.perf_counter() - started


def _peak_flops(side: int = 1024) -> float:
    a, b = np.random.default_rng(0).random((2, side, side), np.float32)
    return 2 * side**3 / min(_clock(np.matmul, a, b)[1] for _ in range(8))


def _peak_bytes(count: int = 16 * 2**20) -> float:
    a, b = np.ones((2, count), np.float32)
    cores = os.cpu_count() or 1
    parts = list(zip(np.array_split(a, cores), np.array_split(b, cores), strict=True))
    with ThreadPoolExecutor(cores) as pool:
        copy_all = lambda: list(pool.map(lambda pair: np.copyto(*pair), parts))  # noqa: E731
        return 2 * a.nbytes / min(_clock(copy_all)[1] for _ in range(8))


Shape = tuple[int, ...]


def layers_with_shapes(model: Sequential) -> Iterator[tuple[Module, Shape]]:
    """Each layer of a built model with the shape of its input, the batch axis left out."""
    if model.input_shape is None:
        raise ShapeError("the model is not built yet; give input_shape or an input")
    shape = model.input_shape
    for layer in model.layers:
        yield layer, shape
        shape = layer.output_shape(shape)


def macs(layer: Module, shape: Shape) -> int:
    """Multiplications (each with an addition) of the layer's forward pass for one image.

    >>> macs(Conv2D(64, 3), (13, 13, 32)), 11 * 11 * 64 * 3 * 3 * 32
    (2230272, 2230272)
    """
    if isinstance(layer, Conv2D):
        rows, columns = as_pair(layer.kernel_size, "kernel_size")
        return math.prod(layer.output_shape(shape)) * rows * columns * shape[2]
    if isinstance(layer, Dense):
        return shape[0] * layer.units
    return 0


def forward_flops(model: Sequential) -> int:
    """Operations to predict one image."""
    return 2 * sum(macs(layer, shape) for layer, shape in layers_with_shapes(model))


def training_flops(model: Sequential) -> int:
    """Operations of one image's share of a training step."""
    counts = [macs(layer, shape) for layer, shape in layers_with_shapes(model)]
    first = next((count for count in counts if count), 0)
    return 2 * (3 * sum(counts) - first)


def activation_bytes(model: Sequential) -> int:
    """Bytes of all layers' outputs for one image, in float32; what a training step must keep."""
    shapes = [layer.output_shape(shape) for layer, shape in layers_with_shapes(model)]
    return 4 * sum(math.prod(shape) for shape in shapes)


def column_bytes(model: Sequential) -> int:
    """Bytes of the largest column matrix (`im2col`) of one image; never alive for a whole batch."""
    return 4 * max(
        (
            macs(layer, shape) // layer.filters
            for layer, shape in layers_with_shapes(model)
            if isinstance(layer, Conv2D)
        ),
        default=0,
    )
