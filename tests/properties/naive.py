"""Every kernel once more, as loops over single numbers, straight from its formula.

Written without a look at `minicnn.kernels`: no padding is made, a window's cell that lies outside
the image is skipped. Float64, slow, and only for small arrays.
"""

import math
from collections.abc import Iterator
from decimal import Decimal, localcontext

import numpy as np

Array = np.ndarray


def positions(size: int, kernel: int, stride: int, padding: str) -> list[int]:
    """Where the windows begin along an axis; before the image where there is padding.

    "same", as TensorFlow documents it: ceil(size / stride) windows, and as few cells of padding as
    they need, half of them (rounded down) before the image.
    """
    if padding == "valid":
        return [p for p in range(0, size, stride) if p + kernel <= size]
    count = math.ceil(size / stride)
    needed = max((count - 1) * stride + kernel - size, 0)
    return [k * stride - needed // 2 for k in range(count)]


def visits(image, kernel, stride, padding) -> Iterator[tuple[int, int, int, int, int, int]]:
    """(r, s, i, j, h, w): cell (i, j) of window (r, s) lies on the image's pixel (h, w)."""
    for r, top in enumerate(positions(image[0], kernel[0], stride[0], padding)):
        for s, left in enumerate(positions(image[1], kernel[1], stride[1], padding)):
            for i, j in np.ndindex(*kernel):
                if 0 <= top + i < image[0] and 0 <= left + j < image[1]:
                    yield r, s, i, j, top + i, left + j


def _outputs(x_shape, kernel, stride, padding, channels) -> tuple[int, ...]:
    rows, columns = (
        len(positions(*axis, padding)) for axis in zip(x_shape[1:3], kernel, stride, strict=True)
    )
    return (x_shape[0], rows, columns, channels)


def im2col(x, kernel, stride, padding):
    n, *image, channels = x.shape
    cols = np.zeros(_outputs(x.shape, kernel, stride, padding, kernel[0] * kernel[1] * channels))
    for r, s, i, j, h, w in visits(image, kernel, stride, padding):
        for b, c in np.ndindex(n, channels):
            cols[b, r, s, (i * kernel[1] + j) * channels + c] = x[b, h, w, c]
    return cols


def col2im(cols, x_shape, kernel, stride, padding):
    n, *image, channels = x_shape
    x = np.zeros(x_shape)
    for r, s, i, j, h, w in visits(image, kernel, stride, padding):
        for b, c in np.ndindex(n, channels):
            x[b, h, w, c] += cols[b, r, s, (i * kernel[1] + j) * channels + c]
    return x


def conv2d(x, weight, bias, stride, padding):
    *kernel, channels, filters = weight.shape
    y = np.zeros(_outputs(x.shape, kernel, stride, padding, filters)) + bias
    for r, s, i, j, h, w in visits(x.shape[1:3], kernel, stride, padding):
        for b, c, f in np.ndindex(len(x), channels, filters):
            y[b, r, s, f] += x[b, h, w, c] * weight[i, j, c, f]
    return y


def conv2d_dweight(dy, x, kernel, stride, padding):
    dweight = np.zeros((*kernel, x.shape[3], dy.shape[3]))
    for r, s, i, j, h, w in visits(x.shape[1:3], kernel, stride, padding):
        for b, c, f in np.ndindex(len(x), *dweight.shape[2:]):
            dweight[i, j, c, f] += x[b, h, w, c] * dy[b, r, s, f]
    return dweight


def conv2d_dx(dy, weight, x_shape, stride, padding):
    *kernel, channels, filters = weight.shape
    dx = np.zeros(x_shape)
    for r, s, i, j, h, w in visits(x_shape[1:3], kernel, stride, padding):
        for b, c, f in np.ndindex(len(dy), channels, filters):
            dx[b, h, w, c] += weight[i, j, c, f] * dy[b, r, s, f]
    return dx


def conv2d_dbias(dy):
    dbias = np.zeros(dy.shape[3])
    for b, r, s, f in np.ndindex(dy.shape):
        dbias[f] += dy[b, r, s, f]
    return dbias


def max_pool2d(x, pool, stride, padding):
    y = np.full(_outputs(x.shape, pool, stride, padding, x.shape[3]), -math.inf)
    winner = np.full(y.shape, -1)
    for r, s, i, j, h, w in visits(x.shape[1:3], pool, stride, padding):
        for b, c in np.ndindex(len(x), x.shape[3]):
            if winner[b, r, s, c] < 0 or x[b, h, w, c] > y[b, r, s, c]:
                y[b, r, s, c], winner[b, r, s, c] = x[b, h, w, c], i * pool[1] + j
    return y, winner


def max_pool2d_vjp(dy, winner, x_shape, pool, stride, padding):
    dx = np.zeros(x_shape)
    for r, s, i, j, h, w in visits(x_shape[1:3], pool, stride, padding):
        for b, c in np.ndindex(len(dy), dy.shape[3]):
            if winner[b, r, s, c] == i * pool[1] + j:
                dx[b, h, w, c] += dy[b, r, s, c]
    return dx


def _cells_on_image(x_shape, pool, stride, padding):
    count = np.zeros(_outputs(x_shape, pool, stride, padding, 1)[1:3])
    for r, s, *_ in visits(x_shape[1:3], pool, stride, padding):
        count[r, s] += 1
    return count


def avg_pool2d(x, pool, stride, padding):
    count = _cells_on_image(x.shape, pool, stride, padding)
    y = np.zeros((len(x), *count.shape, x.shape[3]))
    for r, s, _, _, h, w in visits(x.shape[1:3], pool, stride, padding):
        y[:, r, s] += x[:, h, w] / count[r, s]
    return y


def avg_pool2d_vjp(dy, x_shape, pool, stride, padding):
    count = _cells_on_image(x_shape, pool, stride, padding)
    dx = np.zeros(x_shape)
    for r, s, _, _, h, w in visits(x_shape[1:3], pool, stride, padding):
        dx[:, h, w] += dy[:, r, s] / count[r, s]
    return dx


def matmul(a, b):
    y = np.zeros((a.shape[0], b.shape[1]))
    for i, j, k in np.ndindex(*y.shape, a.shape[1]):
        y[i, j] += a[i, k] * b[k, j]
    return y


def dense(x, weight, bias):
    return matmul(x, weight) + np.broadcast_to(bias, (len(x), len(bias)))


def dense_dx(dy, weight):
    dx = np.zeros((dy.shape[0], weight.shape[0]))
    for n, i, u in np.ndindex(*dx.shape, dy.shape[1]):
        dx[n, i] += dy[n, u] * weight[i, u]
    return dx


def dense_dweight(dy, x):
    dweight = np.zeros((x.shape[1], dy.shape[1]))
    for i, u, n in np.ndindex(*dweight.shape, len(x)):
        dweight[i, u] += x[n, i] * dy[n, u]
    return dweight


def dense_dbias(dy):
    dbias = np.zeros(dy.shape[1])
    for n, u in np.ndindex(*dy.shape):
        dbias[u] += dy[n, u]
    return dbias


def dense_relu(x, weight, bias):
    return relu(dense(x, weight, bias))


def _each(function, *arrays):
    """The result of a function of numbers for every element."""
    y = np.zeros(arrays[0].shape)
    for index in np.ndindex(y.shape):
        y[index] = function(*[float(a[index]) for a in arrays])
    return y


def relu(x):
    return _each(lambda value: value if value > 0 else 0, x)


def relu_vjp(dy, y):
    return _each(lambda d, value: d if value > 0 else 0, dy, y)


def conv2d_relu(x, weight, bias, stride, padding):
    return relu(conv2d(x, weight, bias, stride, padding))


def conv2d_relu_max_pool2d(x, weight, bias, stride, padding, pool):
    """Largest first, then ReLU: of all-negative windows the largest is still the winner."""
    y, winner = max_pool2d(conv2d(x, weight, bias, stride, padding), pool, pool, "valid")
    return relu(y), winner


def _before_pooling(dy, winner, image, kernel, stride, padding, pool):
    out = _outputs((len(dy), *image), kernel, stride, padding, dy.shape[3])
    return max_pool2d_vjp(dy, winner, out, pool, pool, "valid")


def conv2d_dweight_from_argmax(dy, winner, x, kernel, stride, padding, pool):
    dz = _before_pooling(dy, winner, x.shape[1:3], kernel, stride, padding, pool)
    return conv2d_dweight(dz, x, kernel, stride, padding)


def conv2d_dx_from_argmax(dy, winner, weight, x_shape, stride, padding, pool):
    dz = _before_pooling(dy, winner, x_shape[1:3], weight.shape[:2], stride, padding, pool)
    return conv2d_dx(dz, weight, x_shape, stride, padding)


def dropout_mask(rng, shape, rate, dtype):
    drawn = rng.random(shape, dtype=np.float32)
    return _each(lambda value: 0 if value < np.float32(rate) else 1 / (1 - rate), drawn)


def moments(x):
    channels = [[float(v) for v in x[..., c].flat] for c in range(x.shape[-1])]
    means = [math.fsum(values) / len(values) for values in channels]
    variances = [
        math.fsum((v - mean) ** 2 for v in values) / len(values)
        for values, mean in zip(channels, means, strict=True)
    ]
    return np.array(means), np.array(variances)


def batch_norm(x, gamma, beta, mean, variance, epsilon):
    y = np.zeros(x.shape)
    for *where, c in np.ndindex(x.shape):
        normal = (x[*where, c] - mean[c]) / math.sqrt(variance[c] + epsilon)
        y[*where, c] = gamma[c] * normal + beta[c]
    return y


def batch_norm_vjp(dy, x, gamma, mean, variance, epsilon):
    """From the whole matrix of dy_i/dx_j of a channel (Ioffe and Szegedy, section 3, written out):

    gamma / sqrt(variance + epsilon) * ((i == j) - 1/M - normal_i * normal_j / M)
    """
    channels = x.shape[-1]
    dx, dgamma, dbeta = np.zeros((x.size // channels, channels)), *np.zeros((2, channels))
    for c in range(channels):
        deviation = math.sqrt(variance[c] + epsilon)
        normal = [(float(v) - mean[c]) / deviation for v in x[..., c].flat]
        m = len(normal)
        for i, d in enumerate(dy[..., c].flat):
            dgamma[c] += d * normal[i]
            dbeta[c] += d
            for j in range(m):
                dx[j, c] += d * gamma[c] / deviation * ((i == j) - (1 + normal[i] * normal[j]) / m)
    return dx.reshape(x.shape), dgamma, dbeta


def batch_norm_relu(x, gamma, beta, mean, variance, epsilon):
    return relu(batch_norm(x, gamma, beta, mean, variance, epsilon))


def batch_norm_relu_vjp(dy, x, gamma, beta, mean, variance, epsilon):
    alive = relu_vjp(dy, batch_norm_relu(x, gamma, beta, mean, variance, epsilon))
    return batch_norm_vjp(alive, x, gamma, mean, variance, epsilon)


def _log_softmax(logits) -> list[Decimal]:
    """50 digits, and no trick: exponents of a Decimal go up to 10**18."""
    z = [Decimal(float(value)) for value in logits]
    total = sum(value.exp() for value in z)
    return [value - total.ln() for value in z]


def softmax(logits):
    with localcontext(prec=50):
        return np.array([[float(v.exp()) for v in _log_softmax(row)] for row in logits])


def softmax_cross_entropy(logits, targets):
    with localcontext(prec=50):
        losses = [
            -sum(Decimal(float(t)) * v for t, v in zip(row, _log_softmax(z), strict=True))
            for z, row in zip(logits, targets, strict=True)
        ]
    return np.array([float(loss) for loss in losses]), softmax(logits)


def softmax_cross_entropy_vjp(dlosses, probabilities, targets):
    dlogits = np.zeros(probabilities.shape)
    for b, c in np.ndindex(dlogits.shape):
        dlogits[b, c] = dlosses[b] * (probabilities[b, c] - targets[b, c])
    return dlogits


def sgd_step(weight, grad, velocity, lr, momentum, nesterov):
    """Keras's documentation of SGD, line by line."""
    for i in np.ndindex(weight.shape):
        velocity[i] = momentum * velocity[i] - lr * grad[i]
        if nesterov:
            weight[i] = weight[i] + momentum * velocity[i] - lr * grad[i]
        else:
            weight[i] = weight[i] + velocity[i]


def adam_step(weight, grad, m, v, step, lr, beta1, beta2, epsilon):
    """Kingma and Ba, Algorithm 1 with the order of computation at the end of section 2."""
    for i in np.ndindex(weight.shape):
        m[i] = beta1 * m[i] + (1 - beta1) * grad[i]
        v[i] = beta2 * v[i] + (1 - beta2) * grad[i] ** 2
        rate = lr * math.sqrt(1 - beta2**step) / (1 - beta1**step)
        weight[i] = weight[i] - rate * m[i] / (math.sqrt(v[i]) + epsilon)


def augment(images, maps, bends, strokes, boxes):
    """Floats only; bilinear interpolation is a sum of tents, one on each pixel."""
    _, h, w, _ = images.shape
    _, gh, gw, _ = bends.shape
    moved, y = np.zeros(images.shape), np.zeros(images.shape)
    for b, i, j, c in np.ndindex(images.shape):
        from_middle = np.array([i - (h - 1) / 2, j - (w - 1) / 2, 1])
        at = i / (h - 1) * (gh - 1) if h > 1 else 0, j / (w - 1) * (gw - 1) if w > 1 else 0
        row = maps[b, 0] @ from_middle + (h - 1) / 2 + _tents(bends[b, :, :, 0], *at)
        column = maps[b, 1] @ from_middle + (w - 1) / 2 + _tents(bends[b, :, :, 1], *at)
        moved[b, i, j, c] = _tents(images[b, :, :, c], row, column)
    for b, i, j, c in np.ndindex(images.shape):
        top, bottom, left, right = boxes[b]
        if not (top <= i < bottom and left <= j < right):
            around = moved[b, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2, c]
            goal = around.max() if strokes[b] > 0 else around.min()
            here = moved[b, i, j, c]
            y[b, i, j, c] = here + abs(strokes[b]) * (goal - here)
    return y


def _tents(plane, row, column):
    return sum(
        plane[i, j] * max(0, 1 - abs(row - i)) * max(0, 1 - abs(column - j))
        for i, j in np.ndindex(plane.shape)
    )
