"""What goes wrong in lesson 12."""

from minicnn.learn import Mutant

ZIP = "zip(names, arrays, strict=True)}"
RETURN = 'return {f"{layer.name}.{name}": a for name, a in zip(names, arrays, strict=True)}'
CELLS = "true.astype(np.int64) * classes + predicted.astype(np.int64)"
COUNTS = "np.bincount(cells, minlength=classes * classes)"

MUTANTS = {
    "named_arrays": [
        Mutant(
            "back_to_front",
            [(ZIP, "zip(names, arrays[::-1], strict=True)}")],
            "The order is back to front: Keras gives the kernel first and the bias after it, as "
            "`named_tensors` does.",
        ),
        Mutant(
            "transposed",
            [(RETURN, RETURN.replace(": a for", ": np.asarray(a).T for"))],
            "The arrays are transposed. PyTorch keeps (out, in); Keras keeps (in, out), and so "
            "does minicnn.",
        ),
        Mutant(
            "kernel_flipped",
            [(RETURN, RETURN.replace(": a for", ": a[::-1, ::-1] if a.ndim == 4 else a for"))],
            "The kernels are turned by half; Keras cross-correlates too, so they cross as they "
            "are.",
        ),
        Mutant(
            "layer_left_out",
            [(RETURN, RETURN.replace("{layer.name}.{name}", "{name}"))],
            "The name of the layer is missing: all layers have a `weight`, and the last one would "
            "overwrite the others.",
        ),
        Mutant(
            "averages_forgotten",
            [
                (
                    "names = [name for name, _ in layer.named_tensors()]",
                    "names = [n for n, tensor in layer.named_tensors() if tensor.requires_grad]",
                )
            ],
            "Only what is trained is counted; batch normalisation also keeps a moving mean and a "
            "moving variance, which cross too.",
        ),
        Mutant(
            "too_few_accepted",
            [("if len(arrays) != len(names):", "if False:"), (ZIP, "zip(names, arrays)}")],
            "Too few arrays are taken without a word, and a weight stays as it was drawn; refuse "
            "another number than the layer has.",
        ),
        Mutant(
            "nothing_refused",
            [
                ("if len(arrays) != len(names):", "if False:"),
                ("and not np.isfinite(array).all()", "and False"),
                ("for name, array in zip(names, arrays, strict=True):", "for name, array in ():"),
                (f"for name, a in {ZIP}", "for name, a in zip(names, arrays)}"),
            ],
            "Whatever comes is taken. Raise FileError if there are too few arrays or too "
            "many, and if one holds NaN or infinity.",
        ),
        Mutant(
            "nan_accepted",
            [("and not np.isfinite(array).all()", "and False")],
            "An array that holds NaN is taken; every answer of the net would be NaN. Refuse it.",
        ),
    ],
    "confusion_matrix": [
        Mutant(
            "transposed",
            [(CELLS, "predicted.astype(np.int64) * classes + true.astype(np.int64)")],
            "Rows and columns are swapped: the row is what the digit is, the column what it was "
            "taken for.",
        ),
        Mutant(
            "each_pair_once",
            [(COUNTS, f"np.minimum({COUNTS}, 1)")],
            "No cell goes beyond 1: `matrix[labels, predictions] += 1` counts a pair that comes "
            "several times only once; np.add.at or np.bincount count every one.",
        ),
        Mutant(
            "shares_for_counts",
            [
                (
                    f"return {COUNTS}.reshape(classes, classes)",
                    f"matrix = {COUNTS}.reshape(classes, classes)\n"
                    "    return matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))",
                )
            ],
            "Each row is divided by its sum; the matrix holds counts.",
        ),
        Mutant(
            "mistakes_only",
            [
                (
                    f"return {COUNTS}.reshape(classes, classes)",
                    f"matrix = {COUNTS}.reshape(classes, classes)\n"
                    "    np.fill_diagonal(matrix, 0)\n    return matrix",
                )
            ],
            "The diagonal is empty: the right answers belong there.",
        ),
        Mutant(
            "bytes_overflow",
            [(CELLS, "true * classes + predicted")],
            "Labels that are bytes are counted as bytes, and beyond 255 a byte begins at 0 again: "
            "make them int64 before you multiply.",
        ),
        Mutant(
            "classes_of_labels_only",
            [("max(int(true.max()), int(predicted.max()))", "int(true.max())")],
            "The number of classes is taken from the labels alone; the highest class may be one "
            "that was only predicted.",
        ),
        Mutant(
            "empty_cells_cut",
            [(COUNTS, "np.bincount(cells)")],
            "np.bincount stops at the highest number that occurs, so the cells after it are "
            "missing; its `minlength` says how many there must be.",
        ),
        Mutant(
            "floats",
            [(f"return {COUNTS}", f"return 1.0 * {COUNTS}")],
            "The counts are floats (np.zeros makes those); they must be int64.",
        ),
    ],
    "worst_mistakes": [
        Mutant(
            "places_among_mistakes",
            [
                ("return wrong[np.argsort", "return (np.argsort"),
                ('kind="stable")]', 'kind="stable"))'),
            ],
            "These are places among the mistakes; whoever wants to see the picture needs the place "
            "among all: index the mistakes with them.",
        ),
        Mutant(
            "least_sure_first",
            [("-scores[wrong].max(axis=1)", "scores[wrong].max(axis=1)")],
            "The least sure come first; argsort goes upwards, so sort by minus the probability.",
        ),
        Mutant(
            "right_ones_too",
            [("np.flatnonzero(scores.argmax(axis=1) != true)", "np.arange(len(true))")],
            "The right predictions are among them; only the wrong ones are mistakes.",
        ),
        Mutant(
            "by_the_right_digit",
            [("-scores[wrong].max(axis=1)", "scores[wrong, true[wrong]]")],
            "They are sorted by how little the right digit got; the worst is the one that the net "
            "was surest of, by the probability that the wrong digit got.",
        ),
        Mutant(
            "equals_back_to_front",
            [
                (
                    'np.argsort(-scores[wrong].max(axis=1), kind="stable")',
                    'np.argsort(scores[wrong].max(axis=1), kind="stable")[::-1]',
                )
            ],
            "Of equally sure ones the later comes first, for the whole order was turned round; "
            'sort by minus the probability, with kind="stable".',
        ),
        Mutant(
            "the_right_ones",
            [("!= true", "== true")],
            "These are the right predictions; mistakes are where the two differ.",
        ),
    ],
}
