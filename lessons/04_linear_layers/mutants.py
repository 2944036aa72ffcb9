"""What goes wrong in lesson 4."""

from minicnn.learn import Mutant

DBIAS = "dy.sum(axis=0, dtype=np.float64).astype(dy.dtype)"

MUTANTS = {
    "dense_dweight": [
        Mutant(
            "nothing_turned",
            [("matmul(x.T, dy)", "matmul(x, dy)")],
            "x is not transposed: the sum must run over the batch, the first axis of both.",
        ),
        Mutant(
            "answer_turned",
            [("matmul(x.T, dy)", "matmul(dy.T, x)")],
            "That is the right product turned over, (U, I); the weight is (I, U), and so must its "
            "gradient be.",
        ),
        Mutant(
            "reshaped",
            [("x.T", "x.reshape(x.shape[::-1])")],
            "x is reshaped where it must be transposed: the shape is right, but the numbers stand "
            "in other places.",
        ),
        Mutant(
            "mean_over_batch",
            [("matmul(x.T, dy)", "matmul(x.T, dy) / len(x)")],
            "The gradient is divided by N, which the loss has done already: dy comes divided.",
        ),
        Mutant(
            "first_example_only",
            [("matmul(x.T, dy)", "matmul(x[:1].T, dy[:1])")],
            "Only the first example of the batch counts; each one adds to the gradient.",
        ),
        Mutant(
            "summed_too_early",
            [
                (
                    "matmul(x.T, dy)",
                    "x.sum(axis=0)[:, None] * dy.sum(axis=0)",
                )
            ],
            "Inputs and gradients are summed over the batch first and multiplied then; each "
            "example's input belongs to its own gradient.",
        ),
        Mutant(
            "input_forgotten",
            [("matmul(x.T, dy)", "matmul(0 * x.T + 1, dy)")],
            "The inputs are not used: the slope of a weight is what it was multiplied by.",
        ),
    ],
    "dense_dx": [
        Mutant(
            "nothing_turned",
            [("weight.T", "weight")],
            "The weight is not transposed: the sum must run over the outputs, the last axis of "
            "both.",
        ),
        Mutant(
            "answer_turned",
            [("matmul(dy, weight.T)", "matmul(weight, dy.T)")],
            "That is the right product turned over, (I, N); the examples must stay in the rows.",
        ),
        Mutant(
            "reshaped",
            [("weight.T", "weight.reshape(weight.shape[::-1])")],
            "The weight is reshaped where it must be transposed: the shape is right, but the "
            "numbers stand in other places.",
        ),
        Mutant(
            "mean_over_batch",
            [("matmul(dy, weight.T)", "matmul(dy, weight.T) / len(dy)")],
            "The gradient is divided by N, which the loss has done already: dy comes divided.",
        ),
        Mutant(
            "summed_over_batch",
            [("matmul(dy, weight.T)", "matmul(dy.sum(axis=0, keepdims=True), weight.T)")],
            "The gradient is summed over the batch; each example is an input of its own, and has a "
            "gradient of its own.",
        ),
        Mutant(
            "weight_forgotten",
            [("weight.T", "0 * weight.T + 1")],
            "The weights are not used: an input moves an output by the weight between them.",
        ),
        Mutant(
            "mean_over_outputs",
            [("matmul(dy, weight.T)", "matmul(dy, weight.T) / dy.shape[1]")],
            "The gradient is divided by the number of outputs; an input that goes into many of "
            "them gets the sum.",
        ),
    ],
    "dense_dbias": [
        Mutant(
            "mean_for_sum",
            [("dy.sum", "dy.mean")],
            "The mean is taken where the sum is needed: the bias was copied to every row, and "
            "copies sum back.",
        ),
        Mutant(
            "over_outputs",
            [("axis=0", "axis=1")],
            "The sum runs over the outputs and leaves the batch; it must leave the outputs, each "
            "has a bias of its own.",
        ),
        Mutant(
            "axis_kept",
            [("axis=0", "axis=0, keepdims=True")],
            "The axis of the batch is still there, with size 1; the bias is (U,).",
        ),
        Mutant(
            "over_everything",
            [(DBIAS, "0 * dy[0] + dy.sum()")],
            "Every bias gets the sum over all outputs; each has a bias of its own.",
        ),
        Mutant(
            "not_summed",
            [(DBIAS, "dy.copy()")],
            "dy comes back as it is, a row for each example; the one bias was added to all rows.",
        ),
        Mutant(
            "first_example_only",
            [(DBIAS, "dy[0].copy()")],
            "Only the first example of the batch counts; the bias was added to every row.",
        ),
    ],
    "relu_vjp": [
        Mutant(
            "passes_at_zero",
            [("y > 0", "y >= 0")],
            "The output of a ReLU is never negative, so y >= 0 holds everywhere and the gate is "
            "always open; it must be y > 0.",
        ),
        Mutant(
            "sign_of_gradient",
            [("y > 0", "dy > 0")],
            "That is a ReLU of the gradient: the gate opens where dy is positive; it must be where "
            "the output was.",
        ),
        Mutant(
            "value_for_slope",
            [("np.where(y > 0, dy, 0)", "dy * y")],
            "dy is multiplied by the output; the slope of a ReLU is 1 or 0, not its value.",
        ),
        Mutant(
            "gate_reversed",
            [("np.where(y > 0, dy, 0)", "np.where(y > 0, 0, dy)")],
            "The gate stands the wrong way round: open where the output is 0.",
        ),
        Mutant(
            "upstream_lost",
            [("np.where(y > 0, dy, 0)", "np.where(y > 0, 1 + 0 * dy, 0)")],
            "That is the slope alone, 1 or 0; by the chain rule dy is multiplied by it.",
        ),
        Mutant(
            "in_place",
            [("return np.where(y > 0, dy, 0)", "dy[y <= 0] = 0\n    return dy")],
            "dy itself is changed; whoever sent it may still need it. Make a new array.",
        ),
        Mutant(
            "forward_again",
            [("np.where(y > 0, dy, 0)", "np.maximum(y, 0)")],
            "That is the ReLU itself, of y; asked is the gradient, which comes from dy.",
        ),
    ],
}
