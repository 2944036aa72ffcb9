"""What goes wrong in lesson 11."""

from minicnn.learn import Mutant

MEAN = "mean[i] += share1 * (g[i] - mean[i])"
STEP = "w[i] -= rate * mean[i] / (np.sqrt(square[i]) + epsilon)"

MUTANTS = {
    "_adam_step": [
        Mutant(
            "first_share_only",
            [("share(weight.size, t, threads)", "share(weight.size, 0, threads)")],
            "Every thread works on the first thread's share, and on the others nobody does: the "
            "share of thread t is `share(weight.size, t, threads)`.",
        ),
        Mutant(
            "epsilon_in_the_root",
            [("(np.sqrt(square[i]) + epsilon)", "np.sqrt(square[i] + epsilon)")],
            "Epsilon stands inside the root; it is added to the root, or near zero its own root "
            "takes over.",
        ),
        Mutant(
            "weight_first",
            [(STEP, "pass"), (MEAN, f"{STEP}; {MEAN}")],
            "The weight moves before m and v know of this gradient; bring them up to date first.",
        ),
        Mutant(
            "gradient_for_mean",
            [("rate * mean[i] /", "rate * g[i] /")],
            "The weight follows the gradient itself; Adam follows m, its running mean.",
        ),
        Mutant(
            "nothing_forgotten",
            [("share1 * (g[i] - mean[i])", "share1 * g[i]")],
            "m only grows, for nothing of the old mean is forgotten: it moves by a share of the "
            "way to the gradient, share1 * (g - m).",
        ),
        Mutant(
            "not_squared",
            [("share2 * (g[i] * g[i] - square[i])", "share2 * (g[i] - square[i])")],
            "v is a running mean of the squared gradient; here the gradient is not squared.",
        ),
        Mutant(
            "shares_swapped",
            [
                ("mean[i] += share1", "mean[i] += share2"),
                ("square[i] += share2", "square[i] += share1"),
            ],
            "share1 is the share of m, share2 the share of v; they are swapped.",
        ),
        Mutant(
            "uphill",
            [("w[i] -= rate", "w[i] += rate")],
            "The weight moves up the slope, so the loss grows; it must go down, with `-=`.",
        ),
    ],
    "_max_pool2d": [
        Mutant(
            "nan_lost",
            [("v > y[n, r, s, c] or np.isnan(v)", "v > y[n, r, s, c]")],
            "A NaN is lost: every comparison with it is False, so it never counts as larger, and a "
            "net that has gone wrong looks healthy. Let it win with np.isnan.",
        ),
        Mutant(
            "last_of_equals",
            [("v > y[n, r, s, c] or", "v >= y[n, r, s, c] or")],
            "Of equal numbers the last one wins; it must be the first, as in the reference, so "
            "that both send the gradient to the same cell.",
        ),
        Mutant(
            "starts_at_zero",
            [("y[n, r, s] = -np.inf", "y[n, r, s] = 0")],
            "The search for the largest begins at 0, so a window of negative numbers gives 0; "
            "begin below all numbers, at -inf.",
        ),
        Mutant(
            "steps_by_the_window",
            [
                (
                    "r * stride[0] - top, s * stride[1] - left",
                    "r * pool[0] - top, s * pool[1] - left",
                )
            ],
            "The windows step by their own size; they must step by the stride.",
        ),
        Mutant(
            "padding_ignored",
            [("r * stride[0] - top, s * stride[1] - left", "r * stride[0], s * stride[1]")],
            "The first window begins at the corner of the picture; with padding it begins `top` "
            "rows above and `left` columns before.",
        ),
        Mutant(
            "round_the_edge",
            [("range(max(0, -first_row), ", "range("), ("range(max(0, -first_column), ", "range(")],
            "A row of -1 is the last row of the array: windows that begin above the picture look "
            "at its other end. Leave out the cells that lie in the padding.",
        ),
        Mutant(
            "cells_by_column",
            [("i * pool[1] + j", "j * pool[0] + i")],
            "The cells are numbered column by column; cell (i, j) has the number i * PW + j.",
        ),
        Mutant(
            "first_share_only",
            [("share(x.shape[0], t, threads)", "share(x.shape[0], 0, threads)")],
            "Every thread works on the first thread's pictures, and the others stay as they were: "
            "the share of thread t is `share(x.shape[0], t, threads)`.",
        ),
    ],
}
