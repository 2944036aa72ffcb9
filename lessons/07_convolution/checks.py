"""The exercises of lesson 7."""

from minicnn.learn import Case, Exercise, draws


def draw_im2col(rng, size) -> Case:
    x, kernel, stride, padding = draws.window(rng, size)
    return {"x": x, "kernel": kernel, "stride": stride, "padding": padding}


def draw_conv2d(rng, size) -> Case:
    x, kernel, stride, padding = draws.window(rng, size)
    filters = 1 + size // 3
    return {
        "x": x,
        "weight": draws.numbers(rng, (*kernel, x.shape[3], filters)),
        "bias": draws.numbers(rng, (filters,)),
        "stride": stride,
        "padding": padding,
    }


EXERCISES = [
    Exercise(
        "minicnn.kernels.reference.windows:im2col",
        job="lay every window of x out flat, so that a convolution becomes one matrix product.",
        draw=draw_im2col,
    ),
    Exercise(
        "minicnn.kernels.reference.convolution:conv2d",
        job="multiply the windows of im2col by the kernels, and add the bias.",
        draw=draw_conv2d,
    ),
]
