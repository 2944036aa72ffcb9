"""What goes wrong in lesson 13."""

from minicnn.learn import Mutant

MUTANTS = {
    "grouped": [
        Mutant(
            "not_sorted",
            [('np.argsort(left, kind="stable")', "range(len(left))")],
            "The pieces are taken in the order in which they come, which is any; go from left to "
            "right.",
        ),
        Mutant(
            "any_overlap",
            [("2 * common >= narrower", "common > 0")],
            "One shared column already makes two pieces one digit; slanted neighbours share some, "
            "so it takes half of the narrower one.",
        ),
        Mutant(
            "half_of_the_wider",
            [
                (
                    "min(stop - start, right[piece] - left[piece])",
                    "max(stop - start, right[piece] - left[piece])",
                )
            ],
            "The overlap is measured against the wider of the two: a short bar above a wide digit "
            "never covers half of it. Take the narrower.",
        ),
        Mutant(
            "every_piece_a_digit",
            [("2 * common >= narrower", "False")],
            "Every piece becomes a digit of its own; those that stand above each other are one.",
        ),
        Mutant(
            "digit_shrinks",
            [("stop = max(stop, right[piece])", "stop = right[piece]")],
            "The digit ends where its last piece ends; that piece may be shorter than the digit. "
            "Take the larger of both ends.",
        ),
        Mutant(
            "order_of_walking",
            [
                (
                    'for piece in np.argsort(left, kind="stable"):',
                    'for place, piece in enumerate(np.argsort(left, kind="stable")):',
                ),
                ("numbers[piece] = count", "numbers[place] = count"),
            ],
            "The numbers come back in the order of your walk, from left to right; give them in the "
            "order in which the pieces came.",
        ),
        Mutant(
            "from_zero",
            [("numbers[piece] = count", "numbers[piece] = count - 1")],
            "The first digit has the number 0; it is 1, since 0 will mean: no digit.",
        ),
    ],
    "segments": [
        Mutant(
            "sides_only",
            [("ndimage.label(mask, EIGHT)", "ndimage.label(mask)")],
            "Pixels that touch at a corner are taken for two pieces: `ndimage.label` counts sides "
            "only, unless it is given the neighbourhood, `EIGHT`.",
        ),
        Mutant(
            "specks_kept",
            [("pixels >= SPECK * pixels.max(initial=1)", "pixels > 0")],
            "Specks count as digits; drop what has less than SPECK times the pixels of the largest "
            "piece.",
        ),
        Mutant(
            "not_grouped",
            [("grouped(left, right)", "np.arange(1, 1 + len(kept))")],
            "The pieces keep their own numbers, in the order of their first rows: bring them "
            "together and into reading order with `grouped`.",
        ),
        Mutant(
            "rows_for_columns",
            [
                ("boxes[piece][1].start", "boxes[piece][0].start"),
                ("boxes[piece][1].stop", "boxes[piece][0].stop"),
            ],
            "The pieces are grouped by their rows; a box is (rows, columns), and `grouped` needs "
            "the columns.",
        ),
        Mutant(
            "paper_counted",
            [("numbers[1 + kept]", "numbers[kept]")],
            "Every number is one place too early, so that the paper gets the first digit's: piece "
            "0 of `ndimage.label` is the paper, the ink begins at 1.",
        ),
        Mutant(
            "share_of_all_ink",
            [("pixels.max(initial=1)", "pixels.sum()")],
            "A speck is measured against all the ink, so that in a long string whole strokes get "
            "lost; measure it against the largest piece.",
        ),
        Mutant(
            "fixed_size",
            [("SPECK * pixels.max(initial=1)", "10")],
            "What a speck is depends on a fixed number of pixels, which is right for one size of "
            "picture only; measure it against the largest piece.",
        ),
    ],
    "centre_of_mass": [
        Mutant(
            "column_first",
            [("return float(row), float(column)", "return float(column), float(row)")],
            "Row and column come back in the wrong order: the row is first, as in an index.",
        ),
        Mutant(
            "middle_of_the_box",
            [
                (
                    "np.arange(image.shape[0]) @ image.sum(axis=1) / total",
                    "(image.shape[0] - 1) / 2",
                ),
                (
                    "np.arange(image.shape[1]) @ image.sum(axis=0) / total",
                    "(image.shape[1] - 1) / 2",
                ),
            ],
            "That is the middle of the picture, wherever the ink is; weigh each row and column by "
            "its ink.",
        ),
        Mutant(
            "all_ink_alike",
            [("total = image.sum()", "image = (image > 0).astype(float)\n    total = image.sum()")],
            "Every pixel with any ink counts the same; one that is half grey weighs half as much.",
        ),
        Mutant(
            "counted_from_one",
            [
                ("np.arange(image.shape[0])", "np.arange(1, 1 + image.shape[0])"),
                ("np.arange(image.shape[1])", "np.arange(1, 1 + image.shape[1])"),
            ],
            "Rows and columns are counted from 1, so that the centre lies one pixel too far; "
            "indices begin at 0.",
        ),
        Mutant(
            "not_divided",
            [
                ("image.sum(axis=1) / total", "image.sum(axis=1)"),
                ("image.sum(axis=0) / total", "image.sum(axis=0)"),
            ],
            "The sums are not divided by the mass of all the ink: the more ink, the further away "
            "the centre.",
        ),
        Mutant(
            "divided_by_pixels",
            [("total = image.sum()", "total = image.size")],
            "The sums are divided by the number of pixels; divide by the amount of ink, the sum of "
            "the picture.",
        ),
    ],
    "centred": [
        Mutant(
            "box_in_the_middle",
            [("round(MIDDLE / SIDE * side - mass)", "(side - size) // 2")],
            "The box of the digit is in the middle, not its centre of mass.",
        ),
        Mutant(
            "half_a_pixel_off",
            [("MIDDLE / SIDE * side - mass", "(side - 1) / 2 - mass")],
            "The digit lies half a pixel too far up and left: the middle is index 14 of 28, half "
            "of the side, not 13.5; and the place is rounded to the nearest, not cut by int().",
        ),
        Mutant(
            "corner_in_the_middle",
            [("MIDDLE / SIDE * side - mass", "MIDDLE / SIDE * side")],
            "The corner of the digit goes to the middle; its centre of mass must come there, so "
            "the corner goes as far up and left of it as the centre is from the corner.",
        ),
        Mutant(
            "sticks_out",
            [("min(max(first, 0), side - size)", "first")],
            "The digit sticks out of the frame, or comes in from the other side at a negative "
            "index; hold its corner between 0 and side - size.",
        ),
        Mutant(
            "top_is_left",
            [("top, left = corner", "left, top = corner")],
            "Rows and columns are exchanged where the digit is put into the frame.",
        ),
        Mutant(
            "dtype_lost",
            [("np.zeros(shape, digit.dtype)", "np.zeros(shape)")],
            "The frame is always float64; it must have the dtype of the digit.",
        ),
    ],
    "classify": [
        Mutant(
            "logits",
            [("model.head.probabilities(logits)", "logits")],
            "What comes back as probabilities are the logits: negative ones are among them, and "
            "they do not add up to 1. Softmax is missing.",
        ),
        Mutant(
            "not_normalised",
            [("model.head.probabilities(logits)", "np.exp(logits)")],
            "The exponentials are not divided by their sum, so that they do not add up to 1.",
        ),
        Mutant(
            "softmax_over_batch",
            [("model.head.probabilities(logits)", "model.head.probabilities(logits.T).T")],
            "Softmax runs over the pictures of the batch; it must run over the classes of each.",
        ),
        Mutant(
            "best_picture",
            [("argmax(axis=1)", "argmax(axis=0)")],
            "For each class the picture that fits best is given; wanted is, for each picture, the "
            "class that fits best: the last axis.",
        ),
        Mutant(
            "channel_in_front",
            [("frames[..., np.newaxis]", "frames[:, np.newaxis]")],
            "The axis of channels stands before the rows; the engine has it last, (N, H, W, 1).",
        ),
        Mutant(
            "black_on_white",
            [("frames[..., np.newaxis]", "1 - frames[..., np.newaxis]")],
            "The pictures are inverted; the frames are already light on dark, as the model wants "
            "them.",
        ),
        Mutant(
            "best_probability_only",
            [
                (
                    "return probabilities.argmax(axis=1), probabilities",
                    "return probabilities.argmax(axis=1), probabilities.max(axis=1)",
                )
            ],
            "Only the largest probability of each picture comes back; all are asked for, (N, C), "
            "for the second best is often worth knowing.",
        ),
    ],
}
