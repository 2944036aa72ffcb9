"""What goes wrong in lesson 7."""

from minicnn.learn import Mutant

MUTANTS = {
    "im2col": [
        Mutant(
            "kernel_flipped",
            [("cols[:, :, :, k] = cell", "cols[:, :, :, -1 - k] = cell")],
            "The cells of each window stand in reverse order: that is a convolution as in "
            "mathematics, with the kernel flipped; networks use cross-correlation.",
        ),
        Mutant(
            "channels_first",
            [("cols.reshape(n, *out", "cols.swapaxes(3, 4).reshape(n, *out")],
            "The channels come before the cells; cell (i, j) of channel c belongs into column "
            "(i * KW + j) * C + c, the channels innermost.",
        ),
        Mutant(
            "stride_ignored",
            [("cells(padded, kernel, stride, out)", "cells(padded, kernel, (1, 1), out)")],
            "The windows lie side by side one pixel apart: the stride decides how many there are, "
            "but not where they begin.",
        ),
        Mutant(
            "strides_swapped",
            [("cells(padded, kernel, stride, out)", "cells(padded, kernel, stride[::-1], out)")],
            "The stride is (rows, columns); the rows step by the second number here.",
        ),
        Mutant(
            "padding_ignored",
            [("pad(x, kernel, stride, padding)", 'pad(x, kernel, stride, "valid")')],
            "The picture is not padded, though the number of windows counts on it.",
        ),
        Mutant(
            "padding_of_ones",
            [("pad(x, kernel, stride, padding)", "pad(x, kernel, stride, padding, fill=1.0)")],
            "The padding is filled with ones; it must be zeros.",
        ),
        Mutant(
            "kernel_columns_first",
            [
                (
                    "for k, cell in enumerate(cells(padded, kernel, stride, out)):\n",
                    "for k, cell in enumerate(cells(padded, kernel, stride, out)):\n"
                    "        k = k % kernel[1] * kernel[0] + k // kernel[1]\n",
                )
            ],
            "Each window is laid out column by column; it must be row by row, cell (i, j) at "
            "i * KW + j.",
        ),
        Mutant(
            "dtype_lost",
            [
                (
                    "np.empty((n, *out, kernel[0] * kernel[1], c), x.dtype)",
                    "np.empty((n, *out, kernel[0] * kernel[1], c))",
                )
            ],
            "The new array is always float64; it must have the dtype of x, or training in float32 "
            "becomes slower by half.",
        ),
    ],
    "conv2d": [
        Mutant(
            "bias_missing",
            [(" + bias", "")],
            "The bias is not added.",
        ),
        Mutant(
            "kernel_flipped",
            [("weight.reshape(k, f)", "weight[::-1, ::-1].reshape(k, f)")],
            "The kernel is flipped: that is a convolution as in mathematics; networks "
            "cross-correlate.",
        ),
        Mutant(
            "weight_transposed",
            [("weight.reshape(k, f)", "weight.reshape(f, k).T")],
            "The weight is reshaped to (F, KH*KW*C) and transposed, which mixes the kernels up; in "
            "memory the kernels are the last axis, so reshape(KH*KW*C, F) is all.",
        ),
        Mutant(
            "stride_ignored",
            [("weight.shape[:2], stride, padding", "weight.shape[:2], (1, 1), padding")],
            "The stride does not reach im2col: the result has a number for every pixel.",
        ),
        Mutant(
            "padding_ignored",
            [("weight.shape[:2], stride, padding", 'weight.shape[:2], stride, "valid"')],
            "The padding does not reach im2col: the result is too small.",
        ),
        Mutant(
            "bias_by_row",
            [("weight.reshape(k, f) + bias", "weight.reshape(k, f) + bias.sum()")],
            "All biases are added to every number; each kernel has a bias of its own.",
        ),
    ],
}
