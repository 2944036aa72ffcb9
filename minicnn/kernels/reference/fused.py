"""A layer and what follows it, in one. Here the parts are called in turn; `fast` has one pass."""

from minicnn.kernels.geometry import Array, Pair, Shape, out_size
from minicnn.kernels.reference.activations import relu, relu_vjp
from minicnn.kernels.reference.convolution import conv2d, conv2d_dweight, conv2d_dx
from minicnn.kernels.reference.linear import dense
from minicnn.kernels.reference.normalisation import batch_norm, batch_norm_vjp
from minicnn.kernels.reference.pooling import max_pool2d, max_pool2d_vjp


def dense_relu(
    x: Array,
    weight: Array,
    bias: Array,
) -> Array:
    """``relu(dense(x))``."""
    return relu(dense(x, weight, bias))


def conv2d_relu(
    x: Array,
    weight: Array,
    bias: Array,
    stride: Pair = (1, 1),
    padding: str = "valid",
) -> Array:
    """``relu(conv2d(x))``."""
    return relu(conv2d(x, weight, bias, stride, padding))


def conv2d_relu_max_pool2d(
    x: Array,
    weight: Array,
    bias: Array,
    stride: Pair,
    padding: str,
    pool: Pair,
) -> tuple[Array, Array]:
    """``relu(max_pool2d(conv2d(x)))`` with windows side by side: y and winner (N, OH, OW, F).

    ReLU keeps the order of numbers, so it may come after pooling, where fewer are left.
    """
    y, winner = max_pool2d(conv2d(x, weight, bias, stride, padding), pool, pool)
    return relu(y), winner


def conv2d_dweight_from_argmax(
    dy: Array,
    winner: Array,
    x: Array,
    kernel: Pair,
    stride: Pair,
    padding: str,
    pool: Pair,
) -> Array:
    """`conv2d_dweight` behind max pooling: `dy` is the gradient of the pooled output."""
    out = out_size(x.shape[1:3], kernel, stride, padding)
    dz = max_pool2d_vjp(dy, winner, (len(x), *out, dy.shape[3]), pool, pool)
    return conv2d_dweight(dz, x, kernel, stride, padding)


def conv2d_dx_from_argmax(
    dy: Array,
    winner: Array,
    weight: Array,
    x_shape: Shape,
    stride: Pair,
    padding: str,
    pool: Pair,
) -> Array:
    """`conv2d_dx` behind max pooling: `dy` is the gradient of the pooled output."""
    out = out_size(x_shape[1:3], weight.shape[:2], stride, padding)
    dz = max_pool2d_vjp(dy, winner, (len(dy), *out, dy.shape[3]), pool, pool)
    return conv2d_dx(dz, weight, x_shape, stride, padding)


def batch_norm_relu(
    x: Array,
    gamma: Array,
    beta: Array,
    mean: Array,
    variance: Array,
    epsilon: float,
) -> Array:
    """``relu(batch_norm(x))``."""
    return relu(batch_norm(x, gamma, beta, mean, variance, epsilon))


def batch_norm_relu_vjp(
    dy: Array,
    x: Array,
    gamma: Array,
    beta: Array,
    mean: Array,
    variance: Array,
    epsilon: float,
) -> tuple[Array, Array, Array]:
    """`batch_norm_vjp` before ReLU; where that was 0 is computed again instead of kept."""
    alive = relu_vjp(dy, batch_norm(x, gamma, beta, mean, variance, epsilon))
    return batch_norm_vjp(alive, x, gamma, mean, variance, epsilon)
