"""Differentiable functions of tensors: each a forward and its rules side by side.

Images are (N, H, W, C), kernels (KH, KW, C, F), dense weights (in, out), as in Keras. The array
work is done by `minicnn.kernels`; see `minicnn.tensor.op` for how an op is written.
"""

import numpy as np

from minicnn import kernels
from minicnn.errors import SettingError, ShapeError
from minicnn.kernels.geometry import Pair
from minicnn.tape import Array, once
from minicnn.tensor import Operand, Tensor, op

# ------------------------------------------------------------------ elementwise


@op
def exp(x):
    """e to the power of each element."""
    y = np.exp(x)
    return y, lambda dy: dy * y


@op
def log(x):
    """Return the natural logarithm of each element."""
    return np.log(x), lambda dy: dy / x


@op
def sqrt(x):
    """Return the square root of each element."""
    y = np.sqrt(x)
    return y, lambda dy: dy / (2 * y)


@op
def tanh(x):
    """Return the hyperbolic tangent of each element."""
    return np.tanh(x), lambda dy: dy * 4 * _sigmoid_slope(2 * x)


@op
def sigmoid(x):
    """``1 / (1 + exp(-x))``, without overflow, and with all digits where it is nearly 0."""
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e), lambda dy: dy * _sigmoid_slope(x)


def _sigmoid_slope(x: Array) -> Array:
    """``y * (1 - y)`` of the sigmoid, which would be 0 where y is nearly 1."""
    e = np.exp(-np.abs(x))
    return e / ((1 + e) * (1 + e))


@op
def relu(x):
    """``max(x, 0)``; the gradient at exactly 0 is 0."""
    y = kernels.relu(x)
    return y, lambda dy: kernels.relu_vjp(dy, y)


@op
def softmax(x):
    """Probabilities along the last axis."""
    y = kernels.softmax(x)
    return y, lambda dy: y * (dy - (dy * y).sum(axis=-1, keepdims=True))


@op
def dropout(x, rate: float, rng: np.random.Generator):
    """Set each element to 0 with probability `rate`, and scale the others by ``1 / (1 - rate)``."""
    if not 0 <= rate < 1:
        raise SettingError(f"dropout: the rate must be in [0, 1), got {rate}")
    mask = kernels.dropout_mask(rng, x.shape, rate, x.dtype.type)
    return x * mask, lambda dy: dy * mask


# ------------------------------------------------------------------ dense layers


@op
def dense(x, weight, bias):
    """``x @ weight + bias``: (N, I), (I, U), (U,) -> (N, U)."""
    return (
        kernels.dense(x, weight, bias),
        lambda dy: kernels.dense_dx(dy, weight),
        lambda dy: kernels.dense_dweight(dy, x),
        kernels.dense_dbias,
    )


@op
def dense_relu(x, weight, bias):
    """``relu(dense(x, ...))`` in one pass over memory."""
    y = kernels.dense_relu(x, weight, bias)
    before_relu = once(lambda dy: kernels.relu_vjp(dy, y))
    return (
        y,
        lambda dy: kernels.dense_dx(before_relu(dy), weight),
        lambda dy: kernels.dense_dweight(before_relu(dy), x),
        lambda dy: kernels.dense_dbias(before_relu(dy)),
    )


# ------------------------------------------------------------------ convolution and pooling


@op
def conv2d(x, weight, bias, stride: Pair = (1, 1), padding: str = "valid"):
    """Cross-correlation plus bias: (N, H, W, C), (KH, KW, C, F), (F,) -> (N, OH, OW, F)."""
    return (
        kernels.conv2d(x, weight, bias, stride, padding),
        lambda dy: kernels.conv2d_dx(dy, weight, x.shape, stride, padding),
        lambda dy: kernels.conv2d_dweight(dy, x, weight.shape[:2], stride, padding),
        kernels.conv2d_dbias,
    )


@op
def conv2d_relu(x, weight, bias, stride: Pair = (1, 1), padding: str = "valid"):
    """``relu(conv2d(x, ...))`` in one pass over memory."""
    y = kernels.conv2d_relu(x, weight, bias, stride, padding)
    before_relu = once(lambda dy: kernels.relu_vjp(dy, y))
    return (
        y,
        lambda dy: kernels.conv2d_dx(before_relu(dy), weight, x.shape, stride, padding),
        lambda dy: kernels.conv2d_dweight(before_relu(dy), x, weight.shape[:2], stride, padding),
        lambda dy: kernels.conv2d_dbias(before_relu(dy)),
    )


@op
def conv2d_relu_max_pool2d(
    x, weight, bias, stride: Pair = (1, 1), padding: str = "valid", pool: Pair = (2, 2)
):
    """``max_pool2d(relu(conv2d(x, ...)), pool)``; the full-sized output never leaves the cache.

    Only the winner of each pool has a gradient, so the rules visit the winners alone.
    """
    kernel = weight.shape[:2]
    y, winner = kernels.conv2d_relu_max_pool2d(x, weight, bias, stride, padding, pool)
    alive = once(lambda dy: kernels.relu_vjp(dy, y))
    windows = (stride, padding, pool)
    return (
        y,
        lambda dy: kernels.conv2d_dx_from_argmax(alive(dy), winner, weight, x.shape, *windows),
        lambda dy: kernels.conv2d_dweight_from_argmax(alive(dy), winner, x, kernel, *windows),
        lambda dy: kernels.conv2d_dbias(alive(dy)),
    )


@op
def max_pool2d(x, pool: Pair = (2, 2), stride: Pair | None = None, padding: str = "valid"):
    """Return the largest value of each window; of equal ones the first takes the whole gradient."""
    stride = stride or pool
    y, winner = kernels.max_pool2d(x, pool, stride, padding)
    return y, lambda dy: kernels.max_pool2d_vjp(dy, winner, x.shape, pool, stride, padding)


@op
def avg_pool2d(x, pool: Pair = (2, 2), stride: Pair | None = None, padding: str = "valid"):
    """Return the mean of each window; cells of the padding do not count."""
    stride = stride or pool
    y = kernels.avg_pool2d(x, pool, stride, padding)
    return y, lambda dy: kernels.avg_pool2d_vjp(dy, x.shape, pool, stride, padding)


@op
def batch_norm(x, gamma, beta, mean: Array, variance: Array, epsilon: float = 1e-3):
    """Normalise each channel by `mean` and `variance`, which must be those of `x` itself.

    `x` is (..., C), all else (C,). The rule for `x` includes that its statistics move with it.
    """
    rules = once(lambda dy: kernels.batch_norm_vjp(dy, x, gamma, mean, variance, epsilon))
    return (
        kernels.batch_norm(x, gamma, beta, mean, variance, epsilon),
        lambda dy: rules(dy)[0],
        lambda dy: rules(dy)[1],
        lambda dy: rules(dy)[2],
    )


@op
def batch_norm_inference(x, gamma, beta, mean: Array, variance: Array, epsilon: float = 1e-3):
    """Normalise by a fixed mean and variance, as in prediction."""
    inverse = (1 / np.sqrt(variance + epsilon)).astype(x.dtype)
    others = tuple(range(x.ndim - 1))
    return (
        kernels.batch_norm(x, gamma, beta, mean, variance, epsilon),
        lambda dy: dy * (gamma * inverse),
        lambda dy: (dy * (x - mean) * inverse).sum(others, np.float64),
        lambda dy: dy.sum(others, np.float64),
    )


@op
def batch_norm_relu(x, gamma, beta, mean: Array, variance: Array, epsilon: float = 1e-3):
    """``relu(batch_norm(x, ...))`` in one pass over memory."""
    statistics = (mean, variance, epsilon)
    rules = once(lambda dy: kernels.batch_norm_relu_vjp(dy, x, gamma, beta, *statistics))
    return (
        kernels.batch_norm_relu(x, gamma, beta, *statistics),
        lambda dy: rules(dy)[0],
        lambda dy: rules(dy)[1],
        lambda dy: rules(dy)[2],
    )


# ------------------------------------------------------------------ loss


def target_distribution(
    labels: Array, classes: int, smoothing: float = 0.0, dtype: type = np.float32
) -> Array:
    """Turn labels, integers (N,) or probabilities (N, classes), into targets (N, classes).

    - `smoothing`: the share taken from each target and given to all classes equally
      (Szegedy et al., 2016, arXiv:1512.00567, section 7).

    >>> target_distribution(np.array([1]), 4, smoothing=0.2)
    array([[0.05, 0.85, 0.05, 0.05]], dtype=float32)
    """
    if not 0 <= smoothing < 1:
        raise SettingError(f"label smoothing must be in [0, 1), got {smoothing}")
    labels = np.asarray(labels)
    if labels.ndim == 1 and np.issubdtype(labels.dtype, np.integer):
        if labels.size and not 0 <= labels.min() <= labels.max() < classes:
            raise ShapeError(
                f"labels must be in 0..{classes - 1} for {classes} classes, "
                f"got {labels.min()}..{labels.max()}"
            )
        targets: Array = np.zeros((len(labels), classes), dtype)
        targets[np.arange(len(labels)), labels] = 1
    elif labels.ndim == 2 and labels.shape[1] == classes:
        targets = labels.astype(dtype)
        if not np.allclose(targets.sum(axis=1), 1, atol=1e-3) or (targets < 0).any():
            raise ShapeError(
                "one-hot labels or probabilities must not be negative and sum to 1 in each row"
            )
    else:
        raise ShapeError(
            f"labels must be integers (N,) or rows of probabilities (N, {classes}), "
            f"got {labels.dtype} of shape {labels.shape}"
        )
    return targets * dtype(1 - smoothing) + dtype(smoothing / classes) if smoothing else targets


@op
def _mean_cross_entropy(logits, targets):
    losses, probabilities = kernels.softmax_cross_entropy(logits, targets)

    def rule(dy):
        dlosses = np.full(len(losses), dy / len(losses), logits.dtype)
        said = probabilities * targets.sum(axis=1, keepdims=True)  # of soft labels 0.9992, say
        return kernels.softmax_cross_entropy_vjp(dlosses, said, targets)

    return losses.mean(), rule


def softmax_cross_entropy(logits: Operand, labels: Array, smoothing: float = 0.0) -> Tensor:
    """Return the mean over the batch of ``-sum(target * log softmax(logits))``, a single number.

    - `logits`: (N, classes), before softmax; stable at any magnitude.
    - `labels`: integers (N,), or one-hot rows or probabilities (N, classes).
    - `smoothing`: label smoothing in [0, 1), 0 by default.

    >>> softmax_cross_entropy(np.array([[0.0, 0.0], [1e4, 0.0]]), np.array([0, 1])).item()
    5000.34657359028
    """
    logits = logits if isinstance(logits, Tensor) else Tensor(logits)
    if logits.ndim != 2 or len(logits) != len(labels):
        raise ShapeError(
            f"softmax_cross_entropy: logits must be (N, classes) with a label each, got logits "
            f"{logits.shape} and labels {np.shape(labels)}"
        )
    if not logits.size:
        raise ShapeError(
            f"softmax_cross_entropy: no mean over logits {logits.shape}; "
            "need at least one row and one class"
        )
    targets = target_distribution(labels, logits.shape[1], smoothing, logits.dtype.type)
    return _mean_cross_entropy(logits, targets)
