"""The exercises of lesson 8."""

from minicnn.kernels.geometry import out_size
from minicnn.learn import Case, Exercise, draws


def draw_col2im(rng, size) -> Case:
    x, kernel, stride, padding = draws.window(rng, size)
    out = out_size(x.shape[1:3], kernel, stride, padding)
    cols = draws.numbers(rng, (len(x), *out, kernel[0] * kernel[1] * x.shape[3]))
    return {
        "cols": cols,
        "x_shape": x.shape,
        "kernel": kernel,
        "stride": stride,
        "padding": padding,
    }


def draw_dweight(rng, size) -> Case:
    x, kernel, stride, padding = draws.window(rng, size)
    dy = draws.numbers(
        rng, (len(x), *out_size(x.shape[1:3], kernel, stride, padding), 1 + size % 3)
    )
    return {"dy": dy, "x": x, "kernel": kernel, "stride": stride, "padding": padding}


def draw_dx(rng, size) -> Case:
    x, kernel, stride, padding = draws.window(rng, size)
    filters = 1 + size % 3
    return {
        "dy": draws.numbers(
            rng, (len(x), *out_size(x.shape[1:3], kernel, stride, padding), filters)
        ),
        "weight": draws.numbers(rng, (*kernel, x.shape[3], filters)),
        "x_shape": x.shape,
        "stride": stride,
        "padding": padding,
    }


def draw_dbias(rng, size) -> Case:
    return {"dy": draws.numbers(rng, (1 + size % 4, 1 + size // 2, 2 + size // 3, 1 + size % 3))}


EXERCISES = [
    Exercise(
        "minicnn.kernels.reference.windows:col2im",
        job="bring the gradient of every window back to the pixels, and sum where windows overlap.",
        draw=draw_col2im,
    ),
    Exercise(
        "minicnn.kernels.reference.convolution:conv2d_dweight",
        job="give each weight the sum of what it was multiplied by, times what came of it.",
        draw=draw_dweight,
    ),
    Exercise(
        "minicnn.kernels.reference.convolution:conv2d_dx",
        job="send dy back through the weights to the windows, and from there to the pixels.",
        draw=draw_dx,
    ),
    Exercise(
        "minicnn.kernels.reference.convolution:conv2d_dbias",
        job="give each kernel's bias the sum of the gradients of all numbers it was added to.",
        draw=draw_dbias,
    ),
]
