"""The kernels in numba: the same functions as in `reference.py`, many times faster.

Every kernel hands out the images (or rows) to the threads in equal, fixed shares, so that the same
seed and the same number of threads give the same bits again. A convolution gathers the columns of
one image at a time into a scratch array that stays in the core's cache, and multiplies it there;
the columns of the whole batch never exist.

What is missing here (one small array operation each) is taken from `reference.py` by the table.
"""

import numba
import numpy as np
from numba import njit, prange

from minicnn.kernels.geometry import Pair, out_size, pads
from minicnn.kernels.reference import Shape
from minicnn.kernels.threads import all_cores

Array = np.ndarray


def _share(total: int, thread: int, threads: int) -> tuple[int, int]:
    """The part of `total` items, from and to, that falls to this thread."""
    return thread * total // threads, (thread + 1) * total // threads


_share = njit(_share, cache=True)


def _c(array: Array) -> Array:
    return np.ascontiguousarray(array)


# ------------------------------------------------------------------ windows


@njit(cache=True)
def _gather(image, kh, kw, sh, sw, top, left, oh, ow, cols):
    """Columns of one image: (H, W, C) -> cols (OH*OW, KH*KW*C), zero where a window hangs over."""
    height, width, c = image.shape
    for r in range(oh):
        for s in range(ow):
            row = r * ow + s
            for i in range(kh):
                h = r * sh + i - top
                for j in range(kw):
                    w = s * sw + j - left
                    at = (i * kw + j) * c
                    if 0 <= h < height and 0 <= w < width:
                        for k in range(c):
                            cols[row, at + k] = image[h, w, k]
                    else:
                        for k in range(c):
                            cols[row, at + k] = 0


@njit(cache=True)
def _scatter(cols, kh, kw, sh, sw, top, left, oh, ow, image):
    """The transpose of `_gather`: adds cols (OH*OW, KH*KW*C) onto image (H, W, C)."""
    height, width, c = image.shape
    for r in range(oh):
        for s in range(ow):
            row = r * ow + s
            for i in range(kh):
                h = r * sh + i - top
                if not 0 <= h < height:
                    continue
                for j in range(kw):
                    w = s * sw + j - left
                    if not 0 <= w < width:
                        continue
                    at = (i * kw + j) * c
                    for k in range(c):
                        image[h, w, k] += cols[row, at + k]


@njit(parallel=True, cache=True)
def _im2col(x, kh, kw, sh, sw, top, left, oh, ow, cols, threads):
    for t in prange(threads):
        start, stop = _share(x.shape[0], t, threads)
        for n in range(start, stop):
            _gather(x[n], kh, kw, sh, sw, top, left, oh, ow, cols[n])


@njit(parallel=True, cache=True)
def _col2im(cols, kh, kw, sh, sw, top, left, oh, ow, x, threads):
    for t in prange(threads):
        start, stop = _share(x.shape[0], t, threads)
        for n in range(start, stop):
            _scatter(cols[n], kh, kw, sh, sw, top, left, oh, ow, x[n])


def _window(image: Pair, kernel: Pair, stride: Pair, padding: str) -> tuple[int, ...]:
    """What the compiled loops need to know of the windows: kh, kw, sh, sw, top, left, oh, ow."""
    (top, _), (left, _) = pads(image, kernel, stride, padding)
    return (*kernel, *stride, top, left, *out_size(image, kernel, stride, padding))


def im2col(x: Array, kernel: Pair, stride: Pair = (1, 1), padding: str = "valid") -> Array:
    """See `reference.im2col`."""
    n, height, width, c = x.shape
    window = _window((height, width), kernel, stride, padding)
    oh, ow = window[-2:]
    cols = np.empty((n, oh * ow, kernel[0] * kernel[1] * c), x.dtype)
    with all_cores():
        _im2col(_c(x), *window, cols, numba.get_num_threads())
    return cols.reshape(n, oh, ow, -1)


def col2im(
    cols: Array,
    x_shape: Shape,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: str = "valid",
) -> Array:
    """See `reference.col2im`."""
    window = _window(x_shape[1:3], kernel, stride, padding)
    oh, ow = window[-2:]
    x = np.zeros(x_shape, cols.dtype)
    with all_cores():
        flat = _c(cols).reshape(x_shape[0], oh * ow, -1)
        _col2im(flat, *window, x, numba.get_num_threads())
    return x


# ------------------------------------------------------------------ convolution


@njit(parallel=True, cache=True)
def _conv2d(x, weight, bias, kh, kw, sh, sw, top, left, oh, ow, y, threads):
    for t in prange(threads):
        start, stop = _share(x.shape[0], t, threads)
        cols = np.empty((oh * ow, weight.shape[0]), x.dtype)
        for n in range(start, stop):
            _gather(x[n], kh, kw, sh, sw, top, left, oh, ow, cols)
            image = y[n]
            np.dot(cols, weight, image)
            for row in range(oh * ow):
                for f in range(bias.shape[0]):
                    image[row, f] += bias[f]


@njit(parallel=True, cache=True)
def _conv2d_dweight(dy, x, kh, kw, sh, sw, top, left, oh, ow, parts, threads):
    for t in prange(threads):
        start, stop = _share(x.shape[0], t, threads)
        cols = np.empty((oh * ow, parts.shape[1]), x.dtype)
        total, one = parts[t], np.empty(parts.shape[1:], x.dtype)
        for n in range(start, stop):
            _gather(x[n], kh, kw, sh, sw, top, left, oh, ow, cols)
            np.dot(cols.T, dy[n], one)
            for i in range(one.shape[0]):
                for f in range(one.shape[1]):
                    total[i, f] += one[i, f]


@njit(parallel=True, cache=True)
def _conv2d_dx(dy, weight_t, kh, kw, sh, sw, top, left, oh, ow, dx, threads):
    for t in prange(threads):
        start, stop = _share(dx.shape[0], t, threads)
        cols = np.empty((oh * ow, weight_t.shape[1]), dx.dtype)
        for n in range(start, stop):
            np.dot(dy[n], weight_t, cols)
            _scatter(cols, kh, kw, sh, sw, top, left, oh, ow, dx[n])


def conv2d(
    x: Array, weight: Array, bias: Array, stride: Pair = (1, 1), padding: str = "valid"
) -> Array:
    """See `reference.conv2d`."""
    n, height, width, _ = x.shape
    kh, kw, c, f = weight.shape
    window = _window((height, width), (kh, kw), stride, padding)
    oh, ow = window[-2:]
    y = np.empty((n, oh * ow, f), x.dtype)
    with all_cores():
        flat = _c(weight).reshape(kh * kw * c, f)
        _conv2d(_c(x), flat, _c(bias), *window, y, numba.get_num_threads())
    return y.reshape(n, oh, ow, f)


def conv2d_dweight(
    dy: Array, x: Array, kernel: Pair, stride: Pair = (1, 1), padding: str = "valid"
) -> Array:
    """See `reference.conv2d_dweight`."""
    n, height, width, c = x.shape
    f = dy.shape[-1]
    window = _window((height, width), kernel, stride, padding)
    threads = numba.get_num_threads()
    parts = np.zeros((threads, kernel[0] * kernel[1] * c, f), x.dtype)
    with all_cores():
        _conv2d_dweight(_c(dy).reshape(n, -1, f), _c(x), *window, parts, threads)
    return parts.sum(axis=0).reshape(*kernel, c, f)


def conv2d_dx(
    dy: Array,
    weight: Array,
    x_shape: Shape,
    stride: Pair = (1, 1),
    padding: str = "valid",
) -> Array:
    """See `reference.conv2d_dx`."""
    kh, kw, _, f = weight.shape
    window = _window(x_shape[1:3], (kh, kw), stride, padding)
    dx = np.zeros(x_shape, dy.dtype)
    with all_cores():
        flat = _c(dy).reshape(x_shape[0], -1, f)
        _conv2d_dx(flat, _c(weight.reshape(-1, f).T), *window, dx, numba.get_num_threads())
    return dx


@njit(parallel=True, cache=True)
def _sum_rows(rows, parts, threads):
    for t in prange(threads):
        start, stop = _share(rows.shape[0], t, threads)
        total = parts[t]
        for row in range(start, stop):
            for f in range(rows.shape[1]):
                total[f] += rows[row, f]


def conv2d_dbias(dy: Array) -> Array:
    """See `reference.conv2d_dbias`."""
    threads = numba.get_num_threads()
    parts = np.zeros((threads, dy.shape[-1]), dy.dtype)
    with all_cores():
        _sum_rows(_c(dy).reshape(-1, dy.shape[-1]), parts, threads)
    return parts.sum(axis=0)


# ------------------------------------------------------------------ pooling


@njit(parallel=True, cache=True)
def _max_pool2d(x, ph, pw, sh, sw, top, left, oh, ow, y, winner, threads):
    _, height, width, channels = x.shape
    for t in prange(threads):
        start, stop = _share(x.shape[0], t, threads)
        for n in range(start, stop):
            for r in range(oh):
                for s in range(ow):
                    for c in range(channels):
                        y[n, r, s, c] = -np.inf
                    for i in range(ph):
                        h = r * sh + i - top
                        if not 0 <= h < height:
                            continue
                        for j in range(pw):
                            w = s * sw + j - left
                            if not 0 <= w < width:
                                continue
                            for c in range(channels):
                                better = x[n, h, w, c] > y[n, r, s, c]
                                y[n, r, s, c] = x[n, h, w, c] if better else y[n, r, s, c]
                                winner[n, r, s, c] = i * pw + j if better else winner[n, r, s, c]


@njit(parallel=True, cache=True)
def _max_pool2d_vjp(dy, winner, pw, sh, sw, top, left, dx, threads):
    _, oh, ow, channels = dy.shape
    for t in prange(threads):
        start, stop = _share(dy.shape[0], t, threads)
        for n in range(start, stop):
            for r in range(oh):
                for s in range(ow):
                    for c in range(channels):
                        i, j = divmod(winner[n, r, s, c], pw)
                        dx[n, r * sh + i - top, s * sw + j - left, c] += dy[n, r, s, c]


def max_pool2d(x: Array, pool: Pair, stride: Pair, padding: str = "valid") -> tuple[Array, Array]:
    """See `reference.max_pool2d`."""
    n, height, width, c = x.shape
    window = _window((height, width), pool, stride, padding)
    y = np.empty((n, *window[-2:], c), x.dtype)
    winner = np.zeros(y.shape, np.int32)
    with all_cores():
        _max_pool2d(_c(x), *window, y, winner, numba.get_num_threads())
    return y, winner


def max_pool2d_vjp(
    dy: Array,
    winner: Array,
    x_shape: Shape,
    pool: Pair,
    stride: Pair,
    padding: str = "valid",
) -> Array:
    """See `reference.max_pool2d_vjp`."""
    (top, _), (left, _) = pads(x_shape[1:3], pool, stride, padding)
    dx = np.zeros(x_shape, dy.dtype)
    with all_cores():
        _max_pool2d_vjp(
            _c(dy), _c(winner), pool[1], *stride, top, left, dx, numba.get_num_threads()
        )
    return dx


# ------------------------------------------------------------------ activations


@njit(parallel=True, cache=True)
def _relu(x, y, threads):
    for t in prange(threads):
        start, stop = _share(x.size, t, threads)
        for i in range(start, stop):
            y[i] = max(x[i], 0)


@njit(parallel=True, cache=True)
def _relu_vjp(dy, y, dx, threads):
    for t in prange(threads):
        start, stop = _share(y.size, t, threads)
        for i in range(start, stop):
            dx[i] = dy[i] if y[i] > 0 else 0


def relu(x: Array) -> Array:
    """See `reference.relu`."""
    y = np.empty(x.shape, x.dtype)
    with all_cores():
        _relu(_c(x).reshape(-1), y.reshape(-1), numba.get_num_threads())
    return y


def relu_vjp(dy: Array, y: Array) -> Array:
    """See `reference.relu_vjp`."""
    dx = np.empty(y.shape, dy.dtype)
    with all_cores():
        flat = _c(dy).reshape(-1), _c(y).reshape(-1), dx.reshape(-1)
        _relu_vjp(*flat, numba.get_num_threads())
    return dx


# ------------------------------------------------------------------ optimizer steps, in place


@njit(parallel=True, cache=True)
def _adam_step(weight, grad, m, v, rate, share1, share2, epsilon, threads):
    for t in prange(threads):
        start, stop = _share(weight.size, t, threads)
        for i in range(start, stop):
            m[i] += share1 * (grad[i] - m[i])
            v[i] += share2 * (grad[i] * grad[i] - v[i])
            weight[i] -= rate * m[i] / (np.sqrt(v[i]) + epsilon)


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
    """See `reference.adam_step`."""
    rate = lr * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
    flat = [a.reshape(-1) for a in (weight, _c(grad), m, v)]
    numbers = [weight.dtype.type(x) for x in (rate, 1 - beta1, 1 - beta2, epsilon)]
    with all_cores():
        _adam_step(*flat, *numbers, numba.get_num_threads())
