"""What the property tests draw: windows on images, memory layouts, arguments for every kernel."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minicnn import kernels
from minicnn.kernels import reference

Pair = tuple[int, int]

some = settings(max_examples=25)
few = settings(max_examples=8)
both_sets = pytest.mark.parametrize("kernel_set", kernels.SETS)

seeds = st.integers(0, 2**32 - 1)

# Channels that fill no vector register, fill one, and run one over.
ODD_CHANNELS = (1, 3, 16, 17, 33)

KINK = 1e-3
"""How far values keep from where a function has no derivative; gradcheck steps by 1e-6."""


@dataclass(frozen=True)
class Case:
    """A batch of images, the windows that go over it, and a seed for all values."""

    batch: int
    image: Pair
    channels: int
    filters: int
    kernel: Pair
    stride: Pair
    padding: str
    pool: Pair
    dtype: type
    seed: int

    @property
    def x_shape(self) -> tuple[int, int, int, int]:
        return (self.batch, *self.image, self.channels)

    @property
    def windows(self) -> tuple:
        return self.kernel, self.stride, self.padding

    @property
    def out(self) -> Pair:
        return outputs(self.image, self.kernel, self.stride, self.padding)

    @property
    def pooled(self) -> Pair:
        """What pools side by side leave of the windows' outputs."""
        return outputs(self.out, self.pool, self.pool, "valid")

    @property
    def rng(self) -> np.random.Generator:
        """A new generator each time, so that the same arguments can be drawn again."""
        return np.random.default_rng(self.seed)


def outputs(image: Pair, kernel: Pair, stride: Pair, padding: str) -> Pair:
    """How many windows there are along each axis."""
    axes = zip(image, kernel, stride, strict=True)
    if padding == "same":
        return tuple(-(-size // stride) for size, _, stride in axes)
    return tuple(len(range(0, size - kernel + 1, stride)) for size, kernel, stride in axes)


@st.composite
def cases(
    draw: st.DrawFn,
    *,
    channels: Sequence[int] = (1, 2, 3),
    max_batch: int = 2,
    max_size: int = 5,
    max_kernel: int = 3,
    dtypes: Sequence[type] = (np.float64,),
) -> Case:
    """Windows larger and smaller than their stride, and (with "same") larger than the image."""
    kernel = draw(st.tuples(*[st.integers(1, max_kernel)] * 2))
    padding = draw(st.sampled_from(["valid", "same"]))
    stride = draw(st.tuples(*[st.integers(1, 3)] * 2))
    smallest = kernel if padding == "valid" else (1, 1)
    image = tuple(draw(st.integers(size, max(size, max_size))) for size in smallest)
    out = outputs(image, kernel, stride, padding)
    return Case(
        batch=draw(st.integers(1, max_batch)),
        image=image,
        channels=draw(st.sampled_from(channels)),
        filters=draw(st.sampled_from(channels)),
        kernel=kernel,
        stride=stride,
        padding=padding,
        pool=tuple(draw(st.integers(1, min(size, 3))) for size in out),
        dtype=draw(st.sampled_from(dtypes)),
        seed=draw(seeds),
    )


small_shapes = hnp.array_shapes(min_dims=1, max_dims=4, max_side=4)


# ------------------------------------------------------------------ values


def between(rng: np.random.Generator, shape: Sequence[int], dtype: type = np.float64) -> np.ndarray:
    """Numbers in (-1, 1)."""
    return rng.uniform(-1, 1, shape).astype(dtype)


def away_from_zero(rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    """Numbers in (-1, 1), none nearer to 0 than `KINK`."""
    return rng.uniform(KINK, 1, shape) * rng.choice([-1, 1], shape)


def distinct(rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    """Numbers around 0, any two at least 10 * `KINK` apart: no ties, whatever the window."""
    size = int(np.prod(shape))
    return (rng.permutation(size).reshape(shape) - size / 2) * (10 * KINK)


def tied(rng: np.random.Generator, shape: Sequence[int], dtype: type = np.float64) -> np.ndarray:
    """Few different integers, most of them below the 0 of a wrong padding: ties everywhere."""
    return rng.integers(-3, 1, shape).astype(dtype)


# ------------------------------------------------------------------ memory layouts

LAYOUTS = ("contiguous", "transposed", "sliced", "reversed", "copied along the batch")


def lay_out(array: np.ndarray, layout: str) -> np.ndarray:
    """The same values (copied along the batch: the first row's) in another layout in memory."""
    if layout == "transposed":
        return np.ascontiguousarray(array.T).T
    if layout == "sliced":
        between_them = np.full([2 * size for size in array.shape], 99, array.dtype)
        view = between_them[(slice(None, None, 2),) * array.ndim]
        view[...] = array
        return view
    if layout == "reversed":
        backwards = (slice(None, None, -1),) * array.ndim
        return array[backwards].copy()[backwards]
    if layout == "copied along the batch":
        return np.broadcast_to(array[:1], array.shape)
    return array


# ------------------------------------------------------------------ arguments for every kernel

Arguments = list[Any]

IN_PLACE = {"sgd_step": (0, 2), "adam_step": (0, 2, 3)}
"""Which arguments the optimizer steps change."""


def _x(case: Case) -> np.ndarray:
    return between(case.rng, case.x_shape, case.dtype)


def _weight(case: Case) -> np.ndarray:
    shape = (*case.kernel, case.channels, case.filters)
    return between(np.random.default_rng(case.seed + 1), shape, case.dtype)


def _per_channel(case: Case, low: float = -1) -> np.ndarray:
    rng = np.random.default_rng(case.seed + 2 + int(low))
    return rng.uniform(low, 2, case.channels).astype(case.dtype)


def _dy(case: Case, channels: int) -> np.ndarray:
    rng = np.random.default_rng(case.seed + 4)
    return between(rng, (case.batch, *case.out, channels), case.dtype)


def _cols(case: Case) -> np.ndarray:
    return _dy(case, case.kernel[0] * case.kernel[1] * case.channels)


def _rows(case: Case, salt: int, shape: tuple[int, ...] | None = None) -> np.ndarray:
    shape = shape or (case.batch * case.image[0], case.channels)
    return between(np.random.default_rng(case.seed + salt), shape, case.dtype)


def _logits(case: Case) -> np.ndarray:
    """From equal ones up to some that a plain exp overflows for."""
    largest = case.rng.choice([0, 1, 100, 1e4])
    return (_rows(case, 5) * largest).astype(case.dtype)


def _targets(case: Case) -> np.ndarray:
    chosen = np.random.default_rng(case.seed + 6).integers(0, case.channels, len(_logits(case)))
    return (0.9 * np.eye(case.channels)[chosen] + 0.1 / case.channels).astype(case.dtype)


def _statistics(case: Case) -> Arguments:
    """gamma, then a mean and a variance that belong to no particular x."""
    return [_per_channel(case), _per_channel(case, 0) / 2, _per_channel(case, 1) - case.dtype(0.5)]


def _offset(case: Case) -> np.ndarray:
    """Values whose mean is large beside their spread: E[x^2] - E[x]^2 would lose them."""
    return _x(case) + case.dtype(case.seed % 3 * 10)


def _tied_pool(case: Case) -> np.ndarray:
    return tied(case.rng, case.x_shape, case.dtype)


def _max_pool2d_vjp(case: Case) -> Arguments:
    winner = reference.max_pool2d(_tied_pool(case), *case.windows)[1]
    return [_dy(case, case.channels), winner, case.x_shape, *case.windows]


def _convolution(case: Case) -> Arguments:
    bias = _rows(case, 14, (case.filters,))
    return [_x(case), _weight(case), bias, case.stride, case.padding]


def _convolution_with_ties(case: Case) -> Arguments:
    """Small integers: every sum is exact, so equal sums are equal in every order of adding."""
    x, weight, bias, *windows = _convolution(case)
    return [(2 * x).round(), (2 * weight).round(), bias.round() - 1, *windows, case.pool]


def _winners(case: Case) -> Arguments:
    """A gradient behind max pooling, as ReLU leaves it with zeros, and where it goes."""
    y, winner = reference.conv2d_relu_max_pool2d(*_convolution_with_ties(case))
    return [reference.relu_vjp(_rows(case, 16, y.shape), y), winner]


def _batch_norm(case: Case) -> Arguments:
    gamma, mean, variance = _statistics(case)
    return [_x(case), gamma, gamma[::-1].copy(), mean, variance, 1e-3]


def _batch_norm_vjp(case: Case) -> Arguments:
    return [_rows(case, 7, case.x_shape), _x(case), *_statistics(case), 1e-3]


def _batch_norm_relu_vjp(case: Case) -> Arguments:
    """No result is near ReLU's bend: each is gamma times something in ±(0.4, 1.1)."""
    gamma, mean, variance = _statistics(case)
    normal = away_from_zero(case.rng, case.x_shape) / 2
    normal += np.copysign(0.5, normal)
    x = mean + normal * np.sqrt(variance + 1e-3)
    arguments = [x, gamma, gamma / 10, mean, variance]
    return [_rows(case, 7, case.x_shape), *(a.astype(case.dtype) for a in arguments), 1e-3]


def _matmul(case: Case) -> Arguments:
    a, b = (case.batch * case.image[0], case.channels), (case.channels, case.filters)
    return [_rows(case, 8, a), _rows(case, 9, b)]


def _dense(case: Case) -> Arguments:
    return [*_matmul(case), _rows(case, 14, (case.filters,))]


def _dense_dy(case: Case) -> np.ndarray:
    return _rows(case, 17, (case.batch * case.image[0], case.filters))


def _sgd_step(case: Case) -> Arguments:
    weight, grad, velocity = (_rows(case, 10 + i, case.x_shape) for i in range(3))
    return [weight, grad, velocity, 0.1, case.rng.choice([0.0, 0.9]), case.seed % 2 == 0]


def _adam_step(case: Case) -> Arguments:
    weight, grad, m, v = (_rows(case, 10 + i, case.x_shape) for i in range(4))
    return [weight, grad, m, abs(v) + case.dtype(0.01), 1 + case.seed % 9, 0.1, 0.9, 0.999, 1e-7]


def _loss_vjp(case: Case) -> Arguments:
    probabilities = reference.softmax(_rows(case, 5))
    return [_rows(case, 13)[:, 0].copy(), probabilities, _targets(case)]


def _augment(case: Case) -> Arguments:
    """Maps that turn, stretch and shift; a coarse grid; every second picture's strokes changed."""
    rng, n = np.random.default_rng(case.seed + 18), case.batch
    maps = np.tile(np.eye(3), (n, 1, 1))
    maps[:, :2] += between(rng, (n, 2, 3)) * rng.choice([0, 0.5, 2])
    bends = 2 * between(rng, (n, *rng.integers(1, 5, 2), 2))
    strokes = between(rng, (n,)) * (np.arange(n) % 2)
    boxes = [np.sort(rng.integers(0, side + 1, (n, 2))) for side in case.image]
    return [_x(case), maps, bends, strokes, np.concatenate(boxes, axis=1)]


ARGUMENTS: dict[str, Callable[[Case], Arguments]] = {
    "im2col": lambda case: [_x(case), *case.windows],
    "col2im": lambda case: [_cols(case), case.x_shape, *case.windows],
    "conv2d": _convolution,
    "conv2d_dweight": lambda case: [_dy(case, case.filters), _x(case), *case.windows],
    "conv2d_dx": lambda case: [
        _dy(case, case.filters),
        _weight(case),
        case.x_shape,
        *case.windows[1:],
    ],
    "conv2d_dbias": lambda case: [_dy(case, case.filters)],
    "max_pool2d": lambda case: [_tied_pool(case), *case.windows],
    "max_pool2d_vjp": _max_pool2d_vjp,
    "avg_pool2d": lambda case: [_x(case), *case.windows],
    "avg_pool2d_vjp": lambda case: [_dy(case, case.channels), case.x_shape, *case.windows],
    "matmul": _matmul,
    "dense": _dense,
    "dense_dx": lambda case: [_dense_dy(case), _matmul(case)[1]],
    "dense_dweight": lambda case: [_dense_dy(case), _matmul(case)[0]],
    "dense_dbias": lambda case: [_dense_dy(case)],
    "dense_relu": _dense,
    "relu": lambda case: [_x(case).round(1)],
    "relu_vjp": lambda case: [_x(case), reference.relu(_rows(case, 15, case.x_shape).round(1))],
    "conv2d_relu": _convolution,
    "conv2d_relu_max_pool2d": _convolution_with_ties,
    "conv2d_dweight_from_argmax": lambda case: [
        *_winners(case),
        _x(case),
        *case.windows,
        case.pool,
    ],
    "conv2d_dx_from_argmax": lambda case: [
        *_winners(case),
        _weight(case),
        case.x_shape,
        *case.windows[1:],
        case.pool,
    ],
    "dropout_mask": lambda case: [case.rng, case.x_shape, 0.3, case.dtype],
    "moments": lambda case: [_offset(case)],
    "batch_norm": _batch_norm,
    "batch_norm_vjp": _batch_norm_vjp,
    "batch_norm_relu": _batch_norm,
    "batch_norm_relu_vjp": _batch_norm_relu_vjp,
    "softmax": lambda case: [_logits(case)],
    "softmax_cross_entropy": lambda case: [_logits(case), _targets(case)],
    "softmax_cross_entropy_vjp": _loss_vjp,
    "sgd_step": _sgd_step,
    "adam_step": _adam_step,
    "augment": _augment,
}
"""For each kernel, arguments drawn from a case: the same ones each time they are asked for."""


def call(kernel: Callable[..., Any], arguments: Arguments, name: str) -> list[np.ndarray]:
    """The results of a kernel as a list; for an optimizer step, the arrays that it changed."""
    result = kernel(*arguments)
    if name in IN_PLACE:
        assert result is None
        return [arguments[i] for i in IN_PLACE[name]]
    return list(result) if isinstance(result, tuple) else [result]


def longest_sum(name: str, case: Case) -> int:
    """How many numbers are added up for one element of a kernel's result."""
    window = case.kernel[0] * case.kernel[1]
    outs, pixels = case.out[0] * case.out[1], case.image[0] * case.image[1]
    return {
        "col2im": window,
        "conv2d": window * case.channels + 1,
        "conv2d_relu": window * case.channels + 1,
        "conv2d_dweight": case.batch * outs,
        "conv2d_dweight_from_argmax": case.batch * outs,
        "conv2d_dx": window * case.filters,
        "conv2d_dx_from_argmax": window * case.filters,
        "conv2d_dbias": case.batch * outs,
        "max_pool2d_vjp": window,
        "avg_pool2d": window,
        "avg_pool2d_vjp": window,
        "matmul": case.channels,
        "dense": case.channels + 1,
        "dense_relu": case.channels + 1,
        "dense_dx": case.filters,
        "dense_dweight": case.batch * case.image[0],
        "dense_dbias": case.batch * case.image[0],
        "moments": case.batch * pixels,
        "batch_norm_vjp": case.batch * pixels,
        "batch_norm_relu_vjp": case.batch * pixels,
        "softmax": case.channels,
        "softmax_cross_entropy": case.channels,
        # A place is float64 whatever the images are, and rounded more, the further away it is.
        "augment": 4 if case.dtype == np.float32 else (8 * sum(case.image)) ** 2,
    }.get(name, 1)


EXACT = {"im2col", "max_pool2d", "relu", "relu_vjp", "conv2d_relu_max_pool2d", "dropout_mask"}
"""Kernels that only choose or copy, or are asked to add small integers: not one bit may differ."""
