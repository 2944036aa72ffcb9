"""What goes wrong in lesson 8."""

from minicnn.learn import Mutant

MUTANTS = {
    "col2im": [
        Mutant(
            "last_window_wins",
            [("cell += cols[:, :, :, k]", "cell[...] = cols[:, :, :, k]")],
            "`=` where `+=` is needed: a pixel under several windows keeps the gradient of the "
            "last one only, instead of the sum of all.",
        ),
        Mutant(
            "kernel_flipped",
            [("cols[:, :, :, k]", "cols[:, :, :, -1 - k]")],
            "The cells of each window come back in reverse order.",
        ),
        Mutant(
            "channels_first",
            [
                (
                    "cols.reshape(n, *out, kernel[0] * kernel[1], c)",
                    "cols.reshape(n, *out, c, kernel[0] * kernel[1]).swapaxes(3, 4)",
                )
            ],
            "The columns are taken apart with the channels first; im2col has put the channels "
            "innermost, (KH*KW, C).",
        ),
        Mutant(
            "stride_ignored",
            [("cells(padded, kernel, stride, out)", "cells(padded, kernel, (1, 1), out)")],
            "The windows are put back one pixel apart, whatever the stride.",
        ),
        Mutant(
            "padding_not_cropped",
            [("padded[:, top : top + height, left : left + width]", "padded")],
            "The padding is still around the result: crop it, the picture had no such pixels.",
        ),
        Mutant(
            "cropped_at_the_corner",
            [
                (
                    "padded[:, top : top + height, left : left + width]",
                    "padded[:, :height, :width]",
                )
            ],
            "The crop begins at the corner of the padding; it must begin where the picture does, "
            "at (top, left).",
        ),
        Mutant(
            "mean_of_windows",
            [
                (
                    "    return padded[",
                    "    counts = np.zeros_like(padded)\n"
                    "    for cell in cells(counts, kernel, stride, out):\n"
                    "        cell += 1\n"
                    "    padded /= np.maximum(counts, 1)\n"
                    "    return padded[",
                )
            ],
            "A pixel gets the mean over its windows; it must get the sum: each window adds its own "
            "part of the loss.",
        ),
    ],
    "conv2d_dweight": [
        Mutant(
            "mean_over_windows",
            [("@ dy.reshape(-1, f)", "@ dy.reshape(-1, f) / (cols.size // k)")],
            "The gradient is divided by the number of windows; whether the loss is a mean is "
            "already in dy.",
        ),
        Mutant(
            "mean_over_batch",
            [("@ dy.reshape(-1, f)", "@ dy.reshape(-1, f) / len(x)")],
            "The gradient is divided by N, which the loss has done already: dy comes divided.",
        ),
        Mutant(
            "axes_mixed",
            [
                (
                    "dweight.reshape(*kernel, x.shape[-1], f)",
                    "dweight.T.reshape(*kernel, x.shape[-1], f)",
                )
            ],
            "The product is transposed before it is reshaped, which mixes kernels with pixels; the "
            "kernels are its last axis already.",
        ),
        Mutant(
            "kernel_flipped",
            [
                (
                    "dweight.reshape(*kernel, x.shape[-1], f)",
                    "dweight.reshape(*kernel, x.shape[-1], f)[::-1, ::-1]",
                )
            ],
            "The gradient is flipped upside down and left to right: forward, the kernel was not.",
        ),
        Mutant(
            "stride_ignored",
            [("im2col(x, kernel, stride, padding)", "im2col(x, kernel, (1, 1), padding)")],
            "The stride does not reach im2col: there are more windows than numbers in dy.",
        ),
        Mutant(
            "first_picture_only",
            [
                (
                    "cols.reshape(-1, k).T @ dy.reshape(-1, f)",
                    "cols[0].reshape(-1, k).T @ dy[0].reshape(-1, f)",
                )
            ],
            "Only the first picture of the batch counts; every picture adds to the gradient.",
        ),
    ],
    "conv2d_dx": [
        Mutant(
            "weight_not_transposed",
            [("weight.reshape(-1, f).T", "weight.reshape(f, -1)")],
            "The weights are reshaped where they must be transposed: reshape(-1, F).T, for "
            "reshape(F, -1) mixes the kernels up.",
        ),
        Mutant(
            "kernel_flipped",
            [("weight.reshape(-1, f).T", "weight[::-1, ::-1].reshape(-1, f).T")],
            "The kernel is flipped, and col2im puts every cell back where it came from: one of the "
            "two is too much.",
        ),
        Mutant(
            "stride_ignored",
            [("weight.shape[:2], stride, padding", "weight.shape[:2], (1, 1), padding")],
            "The stride does not reach col2im.",
        ),
        Mutant(
            "padding_ignored",
            [("weight.shape[:2], stride, padding", 'weight.shape[:2], stride, "valid"')],
            "The padding does not reach col2im.",
        ),
        Mutant(
            "mean_over_batch",
            [("dcols.shape[1])", "dcols.shape[1]) / len(dy)")],
            "The gradient is divided by N, which the loss has done already: dy comes divided.",
        ),
    ],
    "conv2d_dbias": [
        Mutant(
            "mean_for_sum",
            [("dy.sum", "dy.mean")],
            "The mean is taken where the sum is needed: the bias was added to every number, so "
            "every gradient counts.",
        ),
        Mutant(
            "only_over_batch",
            [("axis=(0, 1, 2)", "axis=0")],
            "The sum runs over the pictures alone; the same bias was added at every row and column "
            "too.",
        ),
        Mutant(
            "only_over_places",
            [("axis=(0, 1, 2)", "axis=(1, 2)")],
            "The sum runs over rows and columns, but not over the pictures of the batch.",
        ),
        Mutant(
            "over_kernels",
            [("axis=(0, 1, 2)", "axis=(1, 2, 3)")],
            "The sum runs over the kernels, the last axis, and leaves the pictures; it must leave "
            "the kernels.",
        ),
        Mutant(
            "over_everything",
            [("dy.sum(axis=(0, 1, 2), dtype=np.float64)", "np.full(dy.shape[-1], dy.sum())")],
            "Every kernel gets the sum over all kernels; each has a bias of its own.",
        ),
    ],
}
