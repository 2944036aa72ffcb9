"""What goes wrong in lesson 10."""

from minicnn.learn import Mutant

MUTANTS = {
    "dropout_mask": [
        Mutant(
            "not_scaled",
            [(" / dtype(1 - rate)", "")],
            "What is kept is not scaled: with dropout off, at prediction, every sum would be "
            "larger than the net has learnt to expect. Divide by 1 - rate.",
        ),
        Mutant(
            "rate_is_kept",
            [(">= rate", "< rate")],
            "The rate is the share that is dropped; here it is the share that is kept. The two "
            "look the same at 0.5 only.",
        ),
        Mutant(
            "scaled_down",
            [("/ dtype(1 - rate)", "* dtype(1 - rate)")],
            "What is kept is multiplied by 1 - rate; it must be divided by it, since the kept ones "
            "make up for the dropped ones.",
        ),
        Mutant(
            "divided_by_rate",
            [("dtype(1 - rate)", "dtype(rate)")],
            "What is kept is divided by the rate, the share that is dropped; divide by the share "
            "that is kept, 1 - rate.",
        ),
        Mutant(
            "one_mask_for_all",
            [
                (
                    "rng.random(shape, dtype=np.float32) >= rate",
                    "np.broadcast_to(rng.random(shape[1:], dtype=np.float32) >= rate, shape)",
                )
            ],
            "All examples of the batch have the same mask; draw a number for each element of the "
            "whole shape.",
        ),
        Mutant(
            "normal_numbers",
            [("kept = rng.random(", "kept = rng.standard_normal(")],
            "The numbers are drawn from a normal distribution; a uniform one between 0 and 1 is at "
            "least `rate` with the probability 1 - rate.",
        ),
        Mutant(
            "drawn_in_float64",
            [("kept = rng.random(shape, dtype=np.float32)", "kept = rng.random(shape)")],
            "The mask is fair, but drawn with float64 numbers: a seed must give the same mask as "
            "the engine's, which draws with `dtype=np.float32`.",
        ),
        Mutant(
            "dtype_lost",
            [("kept.astype(dtype) / dtype(1 - rate)", "kept / (1 - rate)")],
            "The mask is always float64; it must have the dtype that is asked for, or every "
            "activation behind it becomes float64 too.",
        ),
    ],
    "bilinear": [
        Mutant(
            "corner_only",
            [
                ("(top, top + 1)", "(top,)"),
                ("(left, left + 1)", "(left,)"),
                (
                    "(1 - np.abs(rows - i)) * (1 - np.abs(columns - j))",
                    "np.ones(rows.shape)",
                ),
            ],
            "Only the pixel above and to the left is taken, whole: what lies behind the decimal "
            "point of a place is thrown away.",
        ),
        Mutant(
            "far_pixels_win",
            [
                (
                    "(1 - np.abs(rows - i)) * (1 - np.abs(columns - j))",
                    "np.abs(rows - i) * np.abs(columns - j)",
                )
            ],
            "Each pixel is weighted by its distance, so that the far ones count most; the weight "
            "is one minus the distance.",
        ),
        Mutant(
            "edge_repeated",
            [("np.where(inside, nearness, 0)", "nearness")],
            "Outside the picture the pixels of its edge go on; there all pixels are 0.",
        ),
        Mutant(
            "wraps_around",
            [
                ("np.where(inside, nearness, 0)", "nearness"),
                ("i.clip(0, h - 1)", "i % h"),
                ("j.clip(0, w - 1)", "j % w"),
            ],
            "What leaves the picture on one side comes in on the other: index -1 is the last row "
            "in Python. Outside all pixels are 0.",
        ),
        Mutant(
            "rounded_to_zero",
            [
                (
                    "np.floor(rows).astype(int), np.floor(columns).astype(int)",
                    "rows.astype(int), columns.astype(int)",
                )
            ],
            "Places are rounded towards zero, so that -0.25 has its neighbours at 0 and 1; they "
            "are at -1 and 0. np.floor rounds down.",
        ),
        Mutant(
            "rim_lost",
            [
                (
                    "(i >= 0) & (i < h) & (j >= 0) & (j < w)",
                    "(top >= 0) & (top + 1 < h) & (left >= 0) & (left + 1 < w)",
                )
            ],
            "A place is 0 as soon as one of its four pixels is outside; each pixel is judged by "
            "itself, those inside still count.",
        ),
        Mutant(
            "first_picture_only",
            [("np.arange(n)", "np.zeros(n, int)")],
            "All results are read from the first picture; each has rows and columns of its own.",
        ),
        Mutant(
            "dtype_lost",
            [("np.zeros((*rows.shape, c), images.dtype)", "np.zeros((*rows.shape, c))")],
            "The result is always float64; it must have the dtype of the images.",
        ),
    ],
    "warp": [
        Mutant(
            "about_the_corner",
            [("[(h - 1) / 2, (w - 1) / 2, 0]", "[0.0, 0.0, 0.0]")],
            "Places are counted from the upper left corner, so that pictures turn about it and "
            "leave the frame; count from the middle.",
        ),
        Mutant(
            "half_a_pixel_off",
            [("[(h - 1) / 2, (w - 1) / 2, 0]", "[h / 2, w / 2, 0.0]")],
            "The middle is taken at H / 2 and W / 2, half a pixel too far: indices go from 0 to "
            "H - 1, so it is at (H - 1) / 2.",
        ),
        Mutant(
            "middle_not_added",
            [("maps @ new + middle", "maps @ new")],
            "The map's answer is counted from the middle, too; add the middle again before you "
            "read pixels.",
        ),
        Mutant(
            "other_way",
            [("maps @ new", "np.linalg.pinv(maps) @ new")],
            "The maps are inverted: they already say where a new pixel comes from, not where an "
            "old one goes.",
        ),
        Mutant(
            "rows_are_columns",
            [("old[:, 0], old[:, 1]", "old[:, 1], old[:, 0]")],
            "Rows and columns of the old places are mixed up: the first number of each is the row.",
        ),
        Mutant(
            "maps_transposed",
            [("maps @ new", "maps.swapaxes(1, 2) @ new")],
            "Each map is transposed: a place is a column, and the map stands to its left, "
            "map @ place.",
        ),
        Mutant(
            "one_map_for_all",
            [("maps @ new", "maps[[0] * len(maps)] @ new")],
            "All pictures are moved by the first map; each has its own.",
        ),
        Mutant(
            "height_and_width_swapped",
            [("[(h - 1) / 2, (w - 1) / 2, 0]", "[(w - 1) / 2, (h - 1) / 2, 0]")],
            "The middle's row is made from the width and its column from the height.",
        ),
    ],
    "shift": [
        Mutant(
            "other_way",
            [("= -down", "= +down"), ("= -right", "= +right")],
            "The pictures move up and to the left: a new pixel comes from where the picture was "
            "before, so the map takes the shift away.",
        ),
        Mutant(
            "down_is_right",
            [
                ("maps[:, 0, 2] = -down", "maps[:, 0, 2] = -right"),
                ("maps[:, 1, 2] = -right", "maps[:, 1, 2] = -down"),
            ],
            "`down` and `right` are exchanged: a place is (row, column, 1), and down is along the "
            "rows, the first of the three.",
        ),
        Mutant(
            "in_the_last_row",
            [("maps[:, 0, 2]", "maps[:, 2, 0]"), ("maps[:, 1, 2]", "maps[:, 2, 1]")],
            "The shift stands in the last row of the map; it belongs into the last column, where "
            "the 1 of (row, column, 1) multiplies it.",
        ),
        Mutant(
            "without_ones",
            [("np.eye(3)", "np.zeros((3, 3))")],
            "The ones on the diagonal are missing: without them every new pixel comes from the "
            "same place.",
        ),
        Mutant(
            "whole_pixels",
            [("= -down", "= -np.rint(down)"), ("= -right", "= -np.rint(right)")],
            "The shifts are rounded to whole pixels; a shift may be any number, `bilinear` reads "
            "between pixels.",
        ),
        Mutant(
            "first_for_all",
            [("= -down", "= -down[0]"), ("= -right", "= -right[0]")],
            "All maps have the shift of the first picture; each has its own.",
        ),
    ],
    "rotate": [
        Mutant(
            "degrees_as_radians",
            [("np.radians(degrees)", "np.asarray(degrees)")],
            "The degrees go into sine and cosine as they are, and these take radians: "
            "np.radians(degrees) turns 180 into π.",
        ),
        Mutant(
            "clockwise",
            [
                ("maps[:, 0, 1] = cos, sin", "maps[:, 0, 1] = cos, -sin"),
                ("maps[:, 1, 1] = -sin, cos", "maps[:, 1, 1] = sin, cos"),
            ],
            "The pictures turn clockwise: with rows counting downwards, or for a map that looks "
            "back, the sign of the sine changes; one of these was left out.",
        ),
        Mutant(
            "two_equal_signs",
            [("= -sin, cos", "= sin, cos")],
            "Both sines have the same sign, so that the picture is squeezed, not turned: one of "
            "them is negative.",
        ),
        Mutant(
            "sine_and_cosine_swapped",
            [
                (
                    "cos, sin = np.cos(angle), np.sin(angle)",
                    "cos, sin = np.sin(angle), np.cos(angle)",
                )
            ],
            "Sine and cosine are exchanged: at 0 degrees the map must leave everything where it "
            "is, and cos 0 = 1 stands on the diagonal.",
        ),
        Mutant(
            "without_the_one",
            [("np.eye(3)", "np.zeros((3, 3))")],
            "The last row of a map is (0, 0, 1), and the 1 is missing; a shift that is joined to "
            "it with @ would be lost.",
        ),
        Mutant(
            "first_for_all",
            [("np.radians(degrees)", "np.radians(degrees)[[0] * len(degrees)]")],
            "All maps turn by the first angle; each picture has its own.",
        ),
    ],
}
