"""What the kernels are measured on: the shapes that they meet in three models of the zoo.

`flops` and `bytes` are nominal: each product and sum of the plain formula counts once, each array
is read or written once. A kernel that needs fewer (it skips gradients that are zero, say) shows it
by a higher rate, one that moves more by a lower.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.settings import FULL
from minicnn import kernels, nn, zoo
from minicnn.data.augmentation import Augmentation
from minicnn.insight.profiling import Shape, layers_with_shapes, macs

BATCH = 128
MODELS = FULL.kernel_models
POOL = (2, 2)

Step = Callable[[], Any]


@dataclass(frozen=True)
class Case:
    """One kernel on one shape.

    - `arrays`: the shapes of the arrays that `start` takes, filled with random numbers;
      `start` gives the function of no arguments that calls the kernel.
    """

    kernel: str
    shape: str
    flops: int
    bytes: int
    arrays: tuple[Shape, ...]
    start: Callable[..., Step]

    @property
    def name(self) -> str:
        return f"{self.kernel} {self.shape}"

    def prepare(self) -> Step:
        """The call to be timed, on fresh arrays."""
        rng = np.random.default_rng(0)
        return self.start(
            *[rng.random(shape, np.float32) - np.float32(0.5) for shape in self.arrays]
        )


def all_cases(models: Sequence[str] = MODELS) -> dict[str, Case]:
    """The cases of these models by their names, in the order of the kernels' table."""
    found = {case.name: case for case in _other_cases()}
    for name in models:
        layers = [*layers_with_shapes(zoo.build(name)), (nn.Flatten(), ())]
        for (layer, shape), (follower, _) in pairwise(layers):
            found |= {case.name: case for case in _layer_cases(layer, shape, follower)}
    order = {kernel: i for i, kernel in enumerate(kernels.NAMES)}
    return {case.name: case for case in sorted(found.values(), key=lambda c: order[c.kernel])}


def without_case() -> list[str]:
    """Kernels of the table that are not measured."""
    measured = {case.kernel for case in all_cases().values()}
    return [name for name in kernels.NAMES if name not in measured]


def _size(*shapes: Iterable[int]) -> int:
    """Bytes of float32 arrays."""
    return 4 * sum(math.prod(shape) for shape in shapes)


def _layer_cases(layer: nn.Module, shape: Shape, follower: nn.Module) -> Iterator[Case]:
    if isinstance(layer, nn.Conv2D):
        yield from _convolution(layer, shape)
        if isinstance(follower, nn.MaxPool2D):
            yield from _pooled_convolution(layer, shape)
    elif isinstance(layer, nn.MaxPool2D):
        yield from _pooling(shape)
    elif isinstance(layer, nn.Dense):
        yield from _dense(shape[0], layer.units)


def _convolution(layer: nn.Conv2D, shape: Shape) -> Iterator[Case]:
    x, weight, y = (BATCH, *shape), layer.weight.shape, (BATCH, *layer.output_shape(shape))
    kernel, bias, where = weight[:2], weight[3:], _windows(layer, shape)
    work = 2 * BATCH * macs(layer, shape), _size(x, weight, y)
    yield Case(
        "conv2d",
        where,
        *work,
        (x, weight, bias),
        lambda x, weight, bias: lambda: kernels.conv2d(x, weight, bias),
    )
    yield Case(
        "conv2d_relu",
        where,
        *work,
        (x, weight, bias),
        lambda x, weight, bias: lambda: kernels.conv2d_relu(x, weight, bias),
    )
    yield Case(
        "conv2d_dweight",
        where,
        *work,
        (y, x),
        lambda dy, x: lambda: kernels.conv2d_dweight(dy, x, kernel),
    )
    if shape == zoo.DIGITS:
        return  # the first layer's input needs no gradient
    yield Case(
        "conv2d_dx",
        where,
        *work,
        (y, weight),
        lambda dy, weight: lambda: kernels.conv2d_dx(dy, weight, x),
    )


def _pooled_convolution(layer: nn.Conv2D, shape: Shape) -> Iterator[Case]:
    """The convolution and what follows it in one; the work is that of the convolution alone."""
    height, width, filters = layer.output_shape(shape)
    x, weight, y = (BATCH, *shape), layer.weight.shape, (BATCH, height // 2, width // 2, filters)
    kernel, bias, where = weight[:2], weight[3:], f"{_windows(layer, shape)}, pooled"
    work = 2 * BATCH * macs(layer, shape), _size(x, weight, y, y)
    windows: Any = ((1, 1), "valid", POOL)

    def forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> Step:
        return lambda: kernels.conv2d_relu_max_pool2d(x, weight, bias, *windows)

    def dweight(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> Step:
        dy, winner = forward(x, weight, bias)()
        return lambda: kernels.conv2d_dweight_from_argmax(dy, winner, x, kernel, *windows)

    def dx(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> Step:
        dy, winner = forward(x, weight, bias)()
        return lambda: kernels.conv2d_dx_from_argmax(dy, winner, weight, x.shape, *windows)

    arrays = (x, weight, bias)
    yield Case("conv2d_relu_max_pool2d", where, *work, arrays, forward)
    yield Case("conv2d_dweight_from_argmax", where, *work, arrays, dweight)
    if shape != zoo.DIGITS:
        yield Case("conv2d_dx_from_argmax", where, *work, arrays, dx)


def _pooling(shape: Shape) -> Iterator[Case]:
    height, width, channels = shape
    x, y = (BATCH, *shape), (BATCH, height // 2, width // 2, channels)
    where = f"{_text(shape)}, 2×2"
    yield Case(
        "max_pool2d",
        where,
        math.prod(x),
        _size(x, y, y),
        (x,),
        lambda x: lambda: kernels.max_pool2d(x, POOL, POOL),
    )

    def backward(x: np.ndarray, dy: np.ndarray) -> Step:
        winner = kernels.max_pool2d(x, POOL, POOL)[1]
        return lambda: kernels.max_pool2d_vjp(dy, winner, x.shape, POOL, POOL)

    yield Case("max_pool2d_vjp", where, math.prod(y), _size(x, y, y), (x, y), backward)


def _dense(inputs: int, units: int) -> Iterator[Case]:
    x, weight, y = (BATCH, inputs), (inputs, units), (BATCH, units)
    where = f"{BATCH}×{inputs} · {inputs}×{units}"
    work = 2 * BATCH * inputs * units, _size(x, weight, y)
    layer = (x, weight, (units,))
    products = {
        "matmul": (x, weight),
        "dense": layer,
        "dense_relu": layer,
        "dense_dx": (y, weight),
        "dense_dweight": (y, x),
    }
    for kernel, arrays in products.items():
        yield Case(kernel, where, *work, arrays, _caller(kernel))
    yield Case("dense_dbias", where, math.prod(y), _size(y), (y,), _caller("dense_dbias"))


def _caller(kernel: str) -> Callable[..., Step]:
    return lambda *arrays: lambda: getattr(kernels, kernel)(*arrays)


def _other_cases() -> Iterator[Case]:
    """What no layer does alone, on activations and a weight of `cnn_classic`."""
    yield from _columns((13, 13, 32), (3, 3))
    yield from _elementwise((26, 26, 32))
    yield from _average_pooling((26, 26, 32))
    yield from _normalisation((26, 26, 32))
    yield from _loss(10)
    yield from _optimizers((1600, 128))
    yield from _augmentation(zoo.DIGITS)


def _columns(shape: Shape, kernel: tuple[int, int]) -> Iterator[Case]:
    height, width, channels = shape
    out = height - kernel[0] + 1, width - kernel[1] + 1
    x, cols = (BATCH, *shape), (BATCH, *out, math.prod(kernel) * channels)
    where = f"{_text(shape)}, {_text(kernel)}"
    yield Case(
        "im2col", where, 0, _size(x, cols), (x,), lambda x: lambda: kernels.im2col(x, kernel)
    )
    yield Case(
        "col2im",
        where,
        math.prod(cols),
        _size(x, cols),
        (cols,),
        lambda cols: lambda: kernels.col2im(cols, x, kernel),
    )


def _elementwise(shape: Shape) -> Iterator[Case]:
    x, where = (BATCH, *shape), _text(shape)
    rng, count = np.random.default_rng(0), math.prod(x)
    yield Case(
        "conv2d_dbias", where, count, _size(x), (x,), lambda dy: lambda: kernels.conv2d_dbias(dy)
    )
    yield Case("relu", where, count, _size(x, x), (x,), lambda x: lambda: kernels.relu(x))
    yield Case(
        "relu_vjp",
        where,
        count,
        _size(x, x, x),
        (x, x),
        lambda dy, y: lambda: kernels.relu_vjp(dy, y),
    )
    yield Case(
        "dropout_mask",
        where,
        2 * count,
        _size(x),
        (),
        lambda: lambda: kernels.dropout_mask(rng, x, 0.5),
    )


def _average_pooling(shape: Shape) -> Iterator[Case]:
    height, width, channels = shape
    x, y = (BATCH, *shape), (BATCH, height // 2, width // 2, channels)
    settings: Any = (POOL, POOL)
    yield Case(
        "avg_pool2d",
        f"{_text(shape)}, 2×2",
        math.prod(x),
        _size(x, y),
        (x,),
        lambda x: lambda: kernels.avg_pool2d(x, *settings),
    )
    yield Case(
        "avg_pool2d_vjp",
        f"{_text(shape)}, 2×2",
        math.prod(x),
        _size(x, y),
        (y,),
        lambda dy: lambda: kernels.avg_pool2d_vjp(dy, x, *settings),
    )


def _normalisation(shape: Shape) -> Iterator[Case]:
    x, channel, where = (BATCH, *shape), shape[2:], _text(shape)
    count, epsilon = math.prod(x), 1e-3
    yield Case("moments", where, 4 * count, _size(x), (x,), lambda x: lambda: kernels.moments(x))

    def with_statistics(kernel: str, at: int) -> Callable[..., Step]:
        """The kernel with mean and variance of its argument number `at` as the last two arrays."""

        def prepare(*arrays: np.ndarray) -> Step:
            statistics = kernels.moments(arrays[at])
            return lambda: getattr(kernels, kernel)(*arrays, *statistics, epsilon)

        return prepare

    both, forth, back = (channel, channel), _size(x, x), _size(x, x, x)
    for kernel, arrays, work, moved in (
        ("batch_norm", (x, *both), 4, forth),
        ("batch_norm_vjp", (x, x, channel), 8, back),
        ("batch_norm_relu", (x, *both), 5, forth),
        ("batch_norm_relu_vjp", (x, x, *both), 10, back),
    ):
        prepare = with_statistics(kernel, at=int(kernel.endswith("vjp")))
        yield Case(kernel, where, work * count, moved, arrays, prepare)


def _loss(classes: int) -> Iterator[Case]:
    rows = (BATCH, classes)
    where, count = f"{BATCH}×{classes}", BATCH * classes
    targets = np.eye(classes, dtype=np.float32)[np.arange(BATCH) % classes]
    yield Case(
        "softmax",
        where,
        4 * count,
        _size(rows, rows),
        (rows,),
        lambda x: lambda: kernels.softmax(x),
    )
    yield Case(
        "softmax_cross_entropy",
        where,
        6 * count,
        _size(rows, rows, rows),
        (rows,),
        lambda x: lambda: kernels.softmax_cross_entropy(x, targets),
    )
    yield Case(
        "softmax_cross_entropy_vjp",
        where,
        2 * count,
        _size(rows, rows, rows),
        (rows[:1], rows),
        lambda dy, p: lambda: kernels.softmax_cross_entropy_vjp(dy, p, targets),
    )


def _optimizers(weight: Shape) -> Iterator[Case]:
    where, count = _text(weight), math.prod(weight)
    yield Case(
        "sgd_step",
        where,
        4 * count,
        _size(*[weight] * 5),
        (weight,) * 3,
        lambda w, grad, velocity: lambda: kernels.sgd_step(w, grad, velocity, 1e-3, 0.9, False),
    )

    def adam(w: np.ndarray, grad: np.ndarray, m: np.ndarray, v: np.ndarray) -> Step:
        squares = np.abs(v)
        return lambda: kernels.adam_step(w, grad, m, squares, 1, 1e-3, 0.9, 0.999, 1e-7)

    yield Case("adam_step", where, 12 * count, _size(*[weight] * 7), (weight,) * 4, adam)


def _augmentation(shape: Shape) -> Iterator[Case]:
    """Everything at once: what a pixel costs is about 60 operations, and 4 bytes in and out."""
    x = (BATCH, *shape)
    settings = Augmentation(
        rotation=15, zoom=0.15, shift=0.1, shear=10, elastic=1.5, erasing=0.2, stroke=0.5
    )
    amounts = settings.draw(x, np.random.default_rng(0))
    yield Case(
        "augment",
        _text(shape),
        60 * math.prod(x),
        _size(x, x),
        (x,),
        lambda x: lambda: kernels.augment(x, *amounts),
    )


def _windows(layer: nn.Conv2D, shape: Shape) -> str:
    return f"{_text(shape)} → {_text(layer.output_shape(shape))}, {_text(layer.weight.shape[:2])}"


def _text(shape: Iterable[int]) -> str:
    """A shape as it is read: 26×26×32."""
    return "×".join(map(str, shape))
