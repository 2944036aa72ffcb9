"""What goes wrong in lesson 2."""

from minicnn.learn import Mutant

LEADING = "dy = dy.sum(axis=tuple(range(dy.ndim - len(shape))))"
DIFFERENCE = "a - b, lambda dy: dy, lambda dy: -dy"
QUOTIENT = "a / b, lambda dy: dy / b, lambda dy: -dy * (a / b) / b"
SLOPE = "exponent * x ** (exponent - 1) if exponent else np.zeros_like(x)"

MUTANTS = {
    "unbroadcast": [
        Mutant(
            "added_axes_only",
            [("return dy.sum(axis=copied, keepdims=True)", "return dy")],
            "Axes that were added on the left are summed, but an axis of size 1 that was copied is "
            "still as long as the copies.",
        ),
        Mutant(
            "axis_of_one_lost",
            [("keepdims=True", "keepdims=False")],
            "A sum over an axis of size 1 takes the axis away; it must stay, with size 1: see "
            "keepdims.",
        ),
        Mutant(
            "mean_for_sum",
            [
                (LEADING, LEADING.replace("sum", "mean")),
                ("dy.sum(axis=copied", "dy.mean(axis=copied"),
            ],
            "The gradients of the copies are averaged; every copy moves the loss by itself, so "
            "they add up.",
        ),
        Mutant(
            "first_copy_only",
            [
                (LEADING, "dy = dy[(0,) * (dy.ndim - len(shape))]"),
                (
                    "return dy.sum(axis=copied, keepdims=True)",
                    "return dy[tuple(slice(0, 1) if i in copied else slice(None) "
                    "for i in range(dy.ndim))]",
                ),
            ],
            "Only the first copy's gradient comes back; the others are lost.",
        ),
        Mutant(
            "aligned_at_the_left",
            [("range(dy.ndim - len(shape))", "range(len(shape), dy.ndim)")],
            "The axes on the right are summed away; broadcasting aligns shapes at the right, so it "
            "is on the left that axes were added.",
        ),
        Mutant(
            "sum_of_everything",
            [(LEADING, "return np.full(shape, dy.sum(), dy.dtype)")],
            "Everything is summed to one number; only copies of the same number belong together.",
        ),
        Mutant(
            "copies_of_one_only",
            [(LEADING + "\n", "\n")],
            "Axes of size 1 are summed, but those that were added on the left are still there.",
        ),
    ],
    "spread": [
        Mutant(
            "shared_out",
            [
                (
                    "return np.broadcast_to(reduced, shape)",
                    "return np.broadcast_to(reduced, shape) * (reduced.size / np.prod(shape))",
                )
            ],
            "The gradient is shared out among the summands, which is the rule of a mean; each "
            "summand gets the whole of it.",
        ),
        Mutant(
            "axis_not_brought_back",
            [("reduced = np.expand_dims(reduced, axis)", "pass")],
            "The lost axis is not brought back before the copying: broadcasting adds axes on the "
            "left, wherever the sum has taken one away.",
        ),
        Mutant(
            "axis_always_last",
            [("np.expand_dims(reduced, axis)", "np.expand_dims(reduced, -1)")],
            "The lost axis is always brought back as the last one; it belongs where it was, at "
            "`axis`.",
        ),
        Mutant(
            "kept_axes_forgotten",
            [("if reduced.ndim < len(shape):", "if True:")],
            "An axis is brought back that was never lost: with keepdims=True it is still there, of "
            "size 1.",
        ),
        Mutant(
            "none_forgotten",
            [("axis = tuple(range(len(shape)))", "pass")],
            "axis=None stands for all axes, and is not handled.",
        ),
        Mutant(
            "filled_in_memory_order",
            [("np.broadcast_to(reduced, shape)", "np.resize(reduced, shape)")],
            "The numbers are repeated in the order of memory, which is a copy along the first axis "
            "only; copy along the axis of the sum.",
        ),
    ],
    "subtract": [
        Mutant(
            "rule_of_add",
            [(DIFFERENCE, "a - b, lambda dy: dy, lambda dy: dy")],
            "b gets the gradient of a sum; b is taken away, so pushing it up pushes the result "
            "down.",
        ),
        Mutant(
            "signs_swapped",
            [(DIFFERENCE, "a - b, lambda dy: -dy, lambda dy: dy")],
            "The minus is at the wrong rule: it is b that is taken away.",
        ),
        Mutant(
            "both_negative",
            [(DIFFERENCE, "a - b, lambda dy: -dy, lambda dy: -dy")],
            "Both rules have a minus; pushing a up pushes the result up.",
        ),
        Mutant(
            "upstream_lost",
            [(DIFFERENCE, "a - b, lambda dy: dy * 0 + 1, lambda dy: dy * 0 - 1")],
            "The rules give the slopes 1 and -1 and leave dy out: by the chain rule they are "
            "multiplied by it.",
        ),
        Mutant(
            "second_rule_missing",
            [(DIFFERENCE, "a - b, lambda dy: dy")],
            "Only a has a rule; b gets no gradient.",
        ),
        Mutant(
            "order_swapped",
            [(DIFFERENCE, "b - a, lambda dy: -dy, lambda dy: dy")],
            "That is b - a; the second is taken away from the first.",
        ),
    ],
    "divide": [
        Mutant(
            "minus_lost",
            [("-dy * (a / b) / b", "dy * (a / b) / b")],
            "The slope along b lacks its minus: a larger divisor makes the quotient smaller.",
        ),
        Mutant(
            "square_lost",
            [("-dy * (a / b) / b", "-dy * (a / b)")],
            "The slope along b is -a / b**2; here b is not squared.",
        ),
        Mutant(
            "brackets_lost",
            [("-dy * (a / b) / b", "-dy * a / b * b")],
            "Python reads x / b * b as (x / b) * b, which is x again; put b * b in brackets.",
        ),
        Mutant(
            "rule_of_multiply",
            [(QUOTIENT, "a / b, lambda dy: dy * b, lambda dy: dy * a")],
            "Those are the rules of a product; along a the slope of a quotient is 1 / b, along b "
            "it is -a / b**2.",
        ),
        Mutant(
            "dividend_forgotten",
            [("-dy * (a / b) / b", "-dy / (b * b)")],
            "The slope along b is that of 1 / b; the quotient is a times as large, and so is its "
            "slope.",
        ),
        Mutant(
            "rules_swapped",
            [(QUOTIENT, "a / b, lambda dy: -dy * (a / b) / b, lambda dy: dy / b")],
            "The two rules are in the wrong order: the first is that of a.",
        ),
    ],
    "power": [
        Mutant(
            "exponent_kept",
            [("x ** (exponent - 1)", "x**exponent")],
            "The exponent must go down by one in the slope: p * x**(p - 1).",
        ),
        Mutant(
            "factor_lost",
            [("exponent * x ** (exponent - 1)", "x ** (exponent - 1)")],
            "The exponent has gone down by one, but does not stand in front: p * x**(p - 1).",
        ),
        Mutant(
            "brackets_lost",
            [("x ** (exponent - 1)", "x**exponent - 1")],
            "Python reads x**p - 1 as (x**p) - 1; put p - 1 in brackets.",
        ),
        Mutant(
            "zero_not_considered",
            [(f"slope = {SLOPE}", "slope = exponent * x ** (exponent - 1.0)")],
            "With exponent 0 the slope is 0 everywhere, but 0 * x**-1 is NaN where x is 0.",
        ),
        Mutant(
            "upstream_lost",
            [("return dy * slope", "return slope + 0 * dy")],
            "The gradient that arrives, dy, is not used: by the chain rule the slope is multiplied "
            "by it.",
        ),
        Mutant(
            "always_square",
            [(SLOPE, "2 * x")],
            "The slope is that of a square, 2 * x, whatever the exponent.",
        ),
    ],
}
