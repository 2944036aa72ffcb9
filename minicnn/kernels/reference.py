"""The kernels in plain NumPy: the text that the lessons teach and the oracle that the tests trust.

Arrays in, arrays out; nothing here knows of gradients' bookkeeping or layers. Shapes:

    x        (N, H, W, C)      a batch of N images, C channels
    weight   (KH, KW, C, F)    F kernels
    y, dy    (N, OH, OW, F)    one value per window and kernel
    cols     (N, OH, OW, KH*KW*C)   each window, laid out flat

`d` before a name is the gradient of the loss with respect to it. A kernel keeps the dtype that it
is given. A kernel that is built from others names them as keyword-only parameters: replace `im2col`
in the table (`minicnn.kernels.use`) and `conv2d` is built from the replacement.
"""

from collections.abc import Callable, Iterator

import numpy as np

from minicnn.kernels.geometry import Pair, out_size, pads

Array = np.ndarray
Shape = tuple[int, int, int, int]

# ------------------------------------------------------------------ windows


def pad(x: Array, kernel: Pair, stride: Pair, padding: str, fill: float = 0.0) -> Array:
    """Surround (N, H, W, C) with `fill` as the padding rule asks."""
    rows, columns = pads(x.shape[1:3], kernel, stride, padding)
    return np.pad(x, ((0, 0), rows, columns, (0, 0)), constant_values=fill)


def cells(padded: Array, kernel: Pair, stride: Pair, out: Pair) -> Iterator[Array]:
    """For each cell of the window, row by row, a view of all that lies under it: (N, OH, OW, C)."""
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            rows = slice(i, i + stride[0] * out[0], stride[0])
            columns = slice(j, j + stride[1] * out[1], stride[1])
            yield padded[:, rows, columns]


def im2col(x: Array, kernel: Pair, stride: Pair = (1, 1), padding: str = "valid") -> Array:
    """Lay every window of `x` out flat: (N, H, W, C) -> (N, OH, OW, KH*KW*C).

    Cell (i, j), channel c of a window goes to column ``(i * KW + j) * C + c``, the order of
    ``weight.reshape(KH * KW * C, F)``, so that a convolution becomes one matrix product.

    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> im2col(x, (2, 2))[0, 0, 1]
    array([1., 2., 4., 5.])
    """
    n, height, width, c = x.shape
    out = out_size((height, width), kernel, stride, padding)
    cols = np.empty((n, *out, kernel[0] * kernel[1], c), x.dtype)
    padded = pad(x, kernel, stride, padding)
    for k, cell in enumerate(cells(padded, kernel, stride, out)):
        cols[:, :, :, k] = cell
    return cols.reshape(n, *out, -1)


def col2im(
    cols: Array,
    x_shape: Shape,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: str = "valid",
) -> Array:
    """The transpose of `im2col`: (N, OH, OW, KH*KW*C) -> (N, H, W, C).

    A pixel was copied into every window that covers it, so its gradient is the *sum* over them.

    >>> col2im(np.ones((1, 2, 2, 4)), (1, 3, 3, 1), (2, 2))[0, :, :, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    n, height, width, c = x_shape
    out = out_size((height, width), kernel, stride, padding)
    (top, bottom), (left, right) = pads((height, width), kernel, stride, padding)
    padded = np.zeros((n, top + height + bottom, left + width + right, c), cols.dtype)
    cols = cols.reshape(n, *out, kernel[0] * kernel[1], c)
    for k, cell in enumerate(cells(padded, kernel, stride, out)):
        cell += cols[:, :, :, k]
    return padded[:, top : top + height, left : left + width]


# ------------------------------------------------------------------ convolution


def conv2d(
    x: Array,
    weight: Array,
    bias: Array,
    stride: Pair = (1, 1),
    padding: str = "valid",
    *,
    im2col: Callable[..., Array] = im2col,
) -> Array:
    """Cross-correlate and add the bias: (N, H, W, C) * (KH, KW, C, F) -> (N, OH, OW, F)."""
    cols = im2col(x, weight.shape[:2], stride, padding)
    k, f = cols.shape[-1], weight.shape[-1]
    y = cols.reshape(-1, k) @ weight.reshape(k, f) + bias
    return y.reshape(*cols.shape[:3], f)


def conv2d_dweight(
    dy: Array,
    x: Array,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: str = "valid",
    *,
    im2col: Callable[..., Array] = im2col,
) -> Array:
    """The gradient of the kernels, (KH, KW, C, F): each window times what came of it, summed."""
    cols = im2col(x, kernel, stride, padding)
    k, f = cols.shape[-1], dy.shape[-1]
    dweight = cols.reshape(-1, k).T @ dy.reshape(-1, f)
    return dweight.reshape(*kernel, x.shape[-1], f)


def conv2d_dx(
    dy: Array,
    weight: Array,
    x_shape: Shape,
    stride: Pair = (1, 1),
    padding: str = "valid",
    *,
    col2im: Callable[..., Array] = col2im,
) -> Array:
    """The gradient of the input, (N, H, W, C): the windows' shares, summed where they overlap."""
    f = dy.shape[-1]
    dcols = dy.reshape(-1, f) @ weight.reshape(-1, f).T
    dcols = dcols.reshape(*dy.shape[:3], -1)
    return col2im(dcols, x_shape, weight.shape[:2], stride, padding)


def conv2d_dbias(dy: Array) -> Array:
    """The gradient of the bias, (F,): it was added to every output of its kernel."""
    return dy.sum(axis=(0, 1, 2))


# ------------------------------------------------------------------ pooling


def max_pool2d(x: Array, pool: Pair, stride: Pair, padding: str = "valid") -> tuple[Array, Array]:
    """The largest value of each window, and which cell held it.

    (N, H, W, C) -> y (N, OH, OW, C), winner (N, OH, OW, C) int32, the cell's number ``i * PW + j``.
    Of equal values the first one wins, so that a gradient goes to one cell only.
    """
    out = out_size(x.shape[1:3], pool, stride, padding)
    padded = pad(x, pool, stride, padding, fill=-np.inf)
    y = np.full((x.shape[0], *out, x.shape[3]), -np.inf, x.dtype)
    winner = np.zeros(y.shape, np.int32)
    for k, cell in enumerate(cells(padded, pool, stride, out)):
        better = (cell > y) | np.isnan(cell)  # NaN must not be lost on the way to the loss
        winner[better] = k
        y[better] = cell[better]
    return y, winner


def max_pool2d_vjp(
    dy: Array,
    winner: Array,
    x_shape: Shape,
    pool: Pair,
    stride: Pair,
    padding: str = "valid",
) -> Array:
    """Each gradient goes back to the cell that won, (N, H, W, C); overlapping windows add."""
    _, height, width, _ = x_shape
    (top, bottom), (left, right) = pads((height, width), pool, stride, padding)
    dpadded = np.pad(np.zeros(x_shape, dy.dtype), ((0, 0), (top, bottom), (left, right), (0, 0)))
    for k, cell in enumerate(cells(dpadded, pool, stride, dy.shape[1:3])):
        cell += np.where(winner == k, dy, 0)
    return dpadded[:, top : top + height, left : left + width]


def _cells_inside(x_shape: Shape, pool: Pair, stride: Pair, padding: str) -> Array:
    """How many cells of each window lie inside the image, not in the padding: (1, OH, OW, 1)."""
    out = out_size(x_shape[1:3], pool, stride, padding)
    inside = pad(np.ones((1, *x_shape[1:3], 1)), pool, stride, padding)
    return np.sum(list(cells(inside, pool, stride, out)), axis=0)


def avg_pool2d(x: Array, pool: Pair, stride: Pair, padding: str = "valid") -> Array:
    """The mean of each window, (N, H, W, C) -> (N, OH, OW, C); padding does not count."""
    out = out_size(x.shape[1:3], pool, stride, padding)
    total = sum(cells(pad(x, pool, stride, padding), pool, stride, out))
    return (total / _cells_inside(x.shape, pool, stride, padding)).astype(x.dtype)


def avg_pool2d_vjp(
    dy: Array, x_shape: Shape, pool: Pair, stride: Pair, padding: str = "valid"
) -> Array:
    """Each gradient is shared equally by the cells of its window: (N, H, W, C)."""
    _, height, width, _ = x_shape
    (top, bottom), (left, right) = pads((height, width), pool, stride, padding)
    dpadded = np.pad(np.zeros(x_shape, dy.dtype), ((0, 0), (top, bottom), (left, right), (0, 0)))
    share = (dy / _cells_inside(x_shape, pool, stride, padding)).astype(dy.dtype)
    for cell in cells(dpadded, pool, stride, dy.shape[1:3]):
        cell += share
    return dpadded[:, top : top + height, left : left + width]


# ------------------------------------------------------------------ activations and dense layers


def matmul(a: Array, b: Array) -> Array:
    """The matrix product (M, K) @ (K, N) -> (M, N)."""
    return a @ b


def dense(x: Array, weight: Array, bias: Array, *, matmul: Callable[..., Array] = matmul) -> Array:
    """Every output is a weighted sum of all inputs plus a bias: (N, I) @ (I, U) -> (N, U)."""
    return matmul(x, weight) + bias


def dense_dx(dy: Array, weight: Array, *, matmul: Callable[..., Array] = matmul) -> Array:
    """The gradient of the input, (N, I): each input went into every output by its weight."""
    return matmul(dy, weight.T)


def dense_dweight(dy: Array, x: Array, *, matmul: Callable[..., Array] = matmul) -> Array:
    """The gradient of the weight, (I, U): each input times what came of it, summed over N."""
    return matmul(x.T, dy)


def dense_dbias(dy: Array) -> Array:
    """The gradient of the bias, (U,): it was added to every row."""
    return dy.sum(axis=0)


def relu(x: Array) -> Array:
    """``max(x, 0)``, any shape."""
    return np.maximum(x, 0)


def relu_vjp(dy: Array, y: Array) -> Array:
    """The gradient passes where the output is positive; at exactly 0 it is 0, as in Keras."""
    return np.where(y > 0, dy, 0)


def dropout_mask(
    rng: np.random.Generator, shape: Shape, rate: float, dtype: type = np.float32
) -> Array:
    """0 with probability `rate`, else ``1 / (1 - rate)``: the expected sum stays what it was."""
    kept = rng.random(shape, dtype=np.float32) >= rate
    return kept.astype(dtype) / dtype(1 - rate)


# ------------------------------------------------------------------ a layer and what follows it


def dense_relu(
    x: Array,
    weight: Array,
    bias: Array,
    *,
    dense: Callable[..., Array] = dense,
    relu: Callable[..., Array] = relu,
) -> Array:
    """``relu(dense(x))``."""
    return relu(dense(x, weight, bias))


def conv2d_relu(
    x: Array,
    weight: Array,
    bias: Array,
    stride: Pair = (1, 1),
    padding: str = "valid",
    *,
    conv2d: Callable[..., Array] = conv2d,
    relu: Callable[..., Array] = relu,
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
    *,
    conv2d: Callable[..., Array] = conv2d,
    relu: Callable[..., Array] = relu,
    max_pool2d: Callable[..., tuple[Array, Array]] = max_pool2d,
) -> tuple[Array, Array]:
    """``relu(max_pool2d(conv2d(x)))`` with windows side by side: y and winner (N, OH, OW, F).

    ReLU keeps the order of numbers, so it may come after pooling, where fewer are left.
    """
    y, winner = max_pool2d(conv2d(x, weight, bias, stride, padding), pool, pool)
    return relu(y), winner


def conv2d_dweight_of_winners(
    dy: Array,
    winner: Array,
    x: Array,
    kernel: Pair,
    stride: Pair,
    padding: str,
    pool: Pair,
    *,
    max_pool2d_vjp: Callable[..., Array] = max_pool2d_vjp,
    conv2d_dweight: Callable[..., Array] = conv2d_dweight,
) -> Array:
    """`conv2d_dweight` behind max pooling: `dy` is the gradient of the pooled output."""
    out = out_size(x.shape[1:3], kernel, stride, padding)
    dz = max_pool2d_vjp(dy, winner, (len(x), *out, dy.shape[3]), pool, pool)
    return conv2d_dweight(dz, x, kernel, stride, padding)


def conv2d_dx_of_winners(
    dy: Array,
    winner: Array,
    weight: Array,
    x_shape: Shape,
    stride: Pair,
    padding: str,
    pool: Pair,
    *,
    max_pool2d_vjp: Callable[..., Array] = max_pool2d_vjp,
    conv2d_dx: Callable[..., Array] = conv2d_dx,
) -> Array:
    """`conv2d_dx` behind max pooling: `dy` is the gradient of the pooled output."""
    out = out_size(x_shape[1:3], weight.shape[:2], stride, padding)
    dz = max_pool2d_vjp(dy, winner, (len(dy), *out, dy.shape[3]), pool, pool)
    return conv2d_dx(dz, weight, x_shape, stride, padding)


# ------------------------------------------------------------------ batch normalisation


def moments(x: Array) -> tuple[Array, Array]:
    """Mean and (biased) variance of each channel, (..., C) -> (C,), (C,)."""
    rows = x.reshape(-1, x.shape[-1])
    return rows.mean(axis=0), rows.var(axis=0)


def batch_norm(
    x: Array, gamma: Array, beta: Array, mean: Array, variance: Array, epsilon: float
) -> Array:
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta`` by channel, any shape (..., C)."""
    scale = gamma / np.sqrt(variance + epsilon)
    return ((x - mean) * scale + beta).astype(x.dtype)


def batch_norm_vjp(
    dy: Array, x: Array, gamma: Array, mean: Array, variance: Array, epsilon: float
) -> tuple[Array, Array, Array]:
    """(dx, dgamma, dbeta) where `mean` and `variance` are those of `x` itself.

    Ioffe and Szegedy, 2015 (arXiv:1502.03167), section 3: as x moves, its own mean and variance
    move along, so the parts of dy that only shift or stretch the batch cancel.
    """
    axes = tuple(range(x.ndim - 1))
    inverse = (1 / np.sqrt(variance + epsilon)).astype(x.dtype)
    normal = (x - mean) * inverse
    dgamma, dbeta = (dy * normal).sum(axis=axes), dy.sum(axis=axes)
    count = x.size // x.shape[-1]
    dx = gamma * inverse * (dy - (dbeta + normal * dgamma) / count)
    return dx.astype(x.dtype), dgamma, dbeta


# ------------------------------------------------------------------ loss


def softmax(logits: Array) -> Array:
    """Probabilities along the last axis; the largest logit goes to 0 first, so none overflows."""
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_cross_entropy(logits: Array, targets: Array) -> tuple[Array, Array]:
    """Loss of each example and the probabilities: (N, C), (N, C) -> (N,), (N, C).

    ``loss = sum_c targets_c * (log sum_k exp(logits_k) - logits_c)``, taken together so that
    logits of 1e4 neither overflow nor lose the answer. Each row of `targets` sums to 1.
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    losses = (targets * (np.log(total) - shifted)).sum(axis=1)
    return losses, e / total


def softmax_cross_entropy_vjp(dlosses: Array, probabilities: Array, targets: Array) -> Array:
    """The gradient of the logits, (N, C): what was said minus what was right."""
    return dlosses[:, None] * (probabilities - targets)


# ------------------------------------------------------------------ optimizer steps, in place


def sgd_step(
    weight: Array, grad: Array, velocity: Array, lr: float, momentum: float, nesterov: bool
) -> None:
    """One step of gradient descent with momentum, in Keras's form."""
    velocity *= momentum
    velocity -= lr * grad
    weight += momentum * velocity - lr * grad if nesterov else velocity


def adam_step(
    weight: Array,
    grad: Array,
    m: Array,
    v: Array,
    step: int,
    lr: float,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> None:
    """One step of Adam; changes `weight`, `m` and `v`. `step` counts from 1.

    Kingma and Ba, 2015 (arXiv:1412.6980), in the form at the end of their section 2, which Keras
    uses too: the bias corrections are folded into the rate.
    """
    m += (1 - beta1) * (grad - m)
    v += (1 - beta2) * (grad * grad - v)
    rate = lr * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
    weight -= rate * m / (np.sqrt(v) + epsilon)
