"""What goes wrong in lesson 9."""

from minicnn.learn import Mutant

BETTER = "better = (cell > y) | np.isnan(cell)"
VARIANCE = "2 / fans(shape)[0]"

MUTANTS = {
    "max_pool2d": [
        Mutant(
            "last_of_equal_wins",
            [("cell > y", "cell >= y")],
            "Of equal values the last cell wins; it must be the first: compare with >, not >=.",
        ),
        Mutant(
            "zeros_in_the_padding",
            [("fill=-np.inf", "fill=0.0")],
            "Cells of the padding win where all pixels are negative, because they are filled with "
            "0; fill them with -infinity.",
        ),
        Mutant(
            "starts_at_zero",
            [
                (
                    "np.full((x.shape[0], *out, x.shape[3]), -np.inf, x.dtype)",
                    "np.zeros((x.shape[0], *out, x.shape[3]), x.dtype)",
                )
            ],
            "Where all pixels of a window are negative the result is 0: y begins at 0, which none "
            "of them beats. Begin at -infinity.",
        ),
        Mutant(
            "winner_is_last_cell",
            [("winner[better] = k", "winner[...] = k")],
            "The largest values are right, but every window says that its last cell has won: set "
            "the winner only where the cell is better.",
        ),
        Mutant(
            "counted_by_columns",
            [("winner[better] = k", "winner[better] = k % pool[1] * pool[0] + k // pool[1]")],
            "The cells of a window are counted column by column; cell (i, j) has the number "
            "i * PW + j.",
        ),
        Mutant(
            "stride_ignored",
            [("cells(padded, pool, stride, out)", "cells(padded, pool, (1, 1), out)")],
            "The windows lie one pixel apart: the stride decides how many there are, but not where "
            "they begin.",
        ),
        Mutant(
            "winner_in_int64",
            [("np.int32", "np.int64")],
            "The numbers are right, but the winners are int64, as argmax gives them; make them "
            "int32, .astype(np.int32), which takes half the memory.",
        ),
        Mutant(
            "dtype_lost",
            [("-np.inf, x.dtype)", "-np.inf)")],
            "y is always float64; it must have the dtype of x, or training in float32 becomes "
            "slower by half.",
        ),
    ],
    "max_pool2d_vjp": [
        Mutant(
            "last_window_wins",
            [("cell += np.where(winner == k, dy, 0)", "np.copyto(cell, dy, where=winner == k)")],
            "`=` where `+=` is needed: a pixel that has won several windows keeps the gradient of "
            "the last one only, instead of the sum of all.",
        ),
        Mutant(
            "everybody_gets_it",
            [("np.where(winner == k, dy, 0)", "dy")],
            "Every cell of a window gets the gradient; only the winner had a part in the result.",
        ),
        Mutant(
            "shared_equally",
            [("np.where(winner == k, dy, 0)", "dy / (pool[0] * pool[1])")],
            "The gradient is shared equally by all cells: that is average pooling. Here the winner "
            "gets the whole of it.",
        ),
        Mutant(
            "upstream_ignored",
            [("np.where(winner == k, dy, 0)", "(winner == k).astype(dy.dtype)")],
            "Every winner gets 1: that is the slope of the maximum, which still has to be "
            "multiplied by dy, what arrives from above.",
        ),
        Mutant(
            "padding_not_cropped",
            [("dpadded[:, top : top + height, left : left + width]", "dpadded")],
            "The padding is still around the result: crop it, the picture had no such pixels.",
        ),
        Mutant(
            "cropped_at_the_corner",
            [
                (
                    "dpadded[:, top : top + height, left : left + width]",
                    "dpadded[:, :height, :width]",
                )
            ],
            "The crop begins at the corner of the padding; it must begin where the picture does, "
            "at (top, left).",
        ),
        Mutant(
            "stride_ignored",
            [
                (
                    "cells(dpadded, pool, stride, dy.shape[1:3])",
                    "cells(dpadded, pool, (1, 1), dy.shape[1:3])",
                )
            ],
            "The windows are put back one pixel apart, whatever the stride.",
        ),
        Mutant(
            "counted_by_columns",
            [("winner == k", "winner == k % pool[1] * pool[0] + k // pool[1]")],
            "The number of the winner is read column by column; forward, the cells were counted "
            "row by row, i * PW + j.",
        ),
    ],
    "he_normal": [
        Mutant(
            "variance_for_deviation",
            [(f"math.sqrt({VARIANCE})", VARIANCE)],
            "rng.normal is given the variance; it asks for the standard deviation, which is the "
            "square root of 2/n.",
        ),
        Mutant(
            "relu_forgotten",
            [(VARIANCE, "1 / fans(shape)[0]")],
            "The variance is 1/n: right without ReLU. It lets half through, so the other half "
            "must bring twice as much, 2/n.",
        ),
        Mutant(
            "fan_out",
            [(VARIANCE, "2 / fans(shape)[1]")],
            "n is the number of outputs here; forward, a unit sums over its inputs, the first of "
            "the two fans.",
        ),
        Mutant(
            "glorot",
            [(VARIANCE, "2 / sum(fans(shape))")],
            "The variance is 2/(fan_in + fan_out), that of Glorot and Bengio for tanh; behind ReLU "
            "it is 2/fan_in.",
        ),
        Mutant(
            "window_forgotten",
            [("fans(shape)[0]", "shape[-2]")],
            "Dense weights are right, those of a convolution too large: a unit sums over the whole "
            "window, n is KH * KW * in.",
        ),
        Mutant(
            "first_axis",
            [("fans(shape)[0]", "shape[0]")],
            "Dense weights are right, but for a convolution shape[0] is the height of the window; "
            "n is KH * KW * in.",
        ),
        Mutant(
            "uniform",
            [
                (
                    f"rng.normal(0, math.sqrt({VARIANCE}), shape)",
                    "math.sqrt(6 / fans(shape)[0]) * rng.uniform(-1, 1, shape)",
                )
            ],
            "The numbers are uniform: of the right variance, but he_normal draws normal ones.",
        ),
        Mutant(
            "float64",
            [(".astype(np.float32)", "")],
            "The weights are float64, and with them the whole training, at half the speed: "
            ".astype(np.float32).",
        ),
    ],
}
