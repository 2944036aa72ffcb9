"""What goes wrong in lesson 5."""

from minicnn.learn import Mutant

MUTANTS = {
    "softmax": [
        Mutant(
            "overflows",
            [("logits - logits.max(axis=-1, keepdims=True)", "logits")],
            "Small scores come out right, large ones as NaN: exp overflows. Take each row's "
            "largest score away first.",
        ),
        Mutant(
            "one_maximum_for_all",
            [("logits.max(axis=-1, keepdims=True)", "logits.max()")],
            "The largest score of the whole array is taken away from every row; a row far below it "
            "becomes exp(-2000) = 0 everywhere, and 0 / 0. Each row needs a maximum of its own.",
        ),
        Mutant(
            "over_the_batch",
            [("e.sum(axis=-1, keepdims=True)", "e.sum(axis=0, keepdims=True)")],
            "The columns sum to 1 instead of the rows: the sum must run over the classes, the last "
            "axis, not over the batch.",
        ),
        Mutant(
            "one_sum_for_all",
            [("e.sum(axis=-1, keepdims=True)", "e.sum()")],
            "All rows together sum to 1; each row is an example of its own and must do so by "
            "itself.",
        ),
        Mutant(
            "not_normalised",
            [(" / e.sum(axis=-1, keepdims=True)", "")],
            "The rows do not sum to 1: the division by the sum is missing.",
        ),
        Mutant(
            "keepdims_missing",
            [("e.sum(axis=-1, keepdims=True)", "e.sum(axis=-1)")],
            "The sums have the shape (N,), which NumPy lays along the last axis, the classes: it "
            "fails, or divides by the sum of another row. keepdims=True makes them (N, 1).",
        ),
        Mutant(
            "distance_from_smallest",
            [("logits.max(axis=-1, keepdims=True)", "logits.min(axis=-1, keepdims=True)")],
            "The smallest score is taken away, so the largest exponent is not 0 but the whole gap "
            "between the two, and overflows when that is wide.",
        ),
    ],
    "softmax_cross_entropy": [
        Mutant(
            "overflows",
            [("logits - logits.max(axis=1, keepdims=True)", "logits")],
            "Small scores come out right, large ones as infinity or NaN: exp overflows. Take each "
            "row's largest score away first.",
        ),
        Mutant(
            "shift_forgotten",
            [("np.log(total) - shifted", "np.log(total) - logits")],
            "The sum is made of the shifted scores, but the score that is taken from its logarithm "
            "is not shifted: each loss is too small by its row's maximum.",
        ),
        Mutant(
            "log_of_softmax",
            [("np.log(total) - shifted", "-np.log(e / total)")],
            "The logarithm of the probabilities is taken: where one has become 0 that is infinite, "
            "and 0 times infinity is NaN. Use log(total) - shifted.",
        ),
        Mutant(
            "protected_log",
            [("np.log(total) - shifted", "-np.log(e / total + 1e-7)")],
            "A small number is added inside the logarithm: no NaN, but every loss is a little off, "
            "and none can be larger than 16 however wrong the answer. Use log(total) - shifted.",
        ),
        Mutant(
            "mean_of_batch",
            [(".sum(axis=1)\n", ".sum(axis=1).mean()\n")],
            "The losses are averaged over the batch already; the function returns one for each "
            "example, shape (N,), and its caller takes the mean.",
        ),
        Mutant(
            "sum_over_batch",
            [
                (
                    "(targets * cost).sum(axis=1)",
                    "(targets * cost).sum(axis=0)",
                )
            ],
            "The losses are summed over the batch, one for each class; sum over the classes, "
            "axis 1, for one loss for each example.",
        ),
        Mutant(
            "not_normalised",
            [("(e / total)", "e")],
            "The losses are right, but the second result are the exponentials: divide them by "
            "their row's sum to make them probabilities.",
        ),
        Mutant(
            "hard_labels",
            [
                (
                    "(targets * cost).sum(axis=1)",
                    "(np.log(total) - shifted)[np.arange(len(logits)), targets.argmax(axis=1)]",
                )
            ],
            "Only the class with the largest target counts. Targets may be probabilities, as with "
            "label smoothing: weigh each class by its target, and sum.",
        ),
    ],
    "softmax_cross_entropy_vjp": [
        Mutant(
            "sign",
            [("probabilities - targets", "targets - probabilities")],
            "The sign is wrong: what was said minus what was right, p - t. With t - p the net "
            "climbs, and its loss grows.",
        ),
        Mutant(
            "divided_by_n_twice",
            [("dlosses[:, None] * ", "dlosses[:, None] / len(targets) * ")],
            "The gradient is divided by N, but that is in dlosses already: with a mean over the "
            "batch they arrive as 1/N. Divided twice, learning becomes N times slower.",
        ),
        Mutant(
            "upstream_ignored",
            [("dlosses[:, None] * (probabilities - targets)", "probabilities - targets")],
            "dlosses is not used: p - t is the gradient of each example's own loss, and the chain "
            "rule multiplies it by what arrives from above.",
        ),
        Mutant(
            "upstream_over_classes",
            [("dlosses[:, None]", "dlosses")],
            "dlosses has the shape (N,), which NumPy lays along the classes: it fails, or gives an "
            "example the gradient of another. Make it a column, dlosses[:, None].",
        ),
        Mutant(
            "label_only",
            [("(probabilities - targets)", "(targets * (probabilities - 1))")],
            "Only the score of the label gets a gradient. The other scores are in the sum below "
            "the fraction: each must be pushed down by its probability.",
        ),
        Mutant(
            "stopped_at_probabilities",
            [("(probabilities - targets)", "(-targets / probabilities)")],
            "This is the gradient of the probabilities, -t / p; it still has to go back through "
            "softmax to the logits. Both steps together are p - t.",
        ),
        Mutant(
            "mean_built_in",
            [
                (
                    "dlosses[:, None] * (probabilities - targets)",
                    "(probabilities - targets) / len(targets)",
                )
            ],
            "p - t is divided by N, and dlosses is not used. The 1/N of the mean is what arrives "
            "in dlosses; another loss may weigh its examples otherwise.",
        ),
        Mutant(
            "changed_in_place",
            [
                (
                    "return dlosses[:, None] * (probabilities - targets)",
                    "probabilities -= targets\n    return dlosses[:, None] * probabilities",
                )
            ],
            "The numbers are right, but `-=` changes the caller's probabilities; make a new array: "
            "probabilities - targets.",
        ),
    ],
}
