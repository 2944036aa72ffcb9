"""What goes wrong in lesson 1."""

from minicnn.learn import Mutant

PRODUCT = "a * b, lambda dy: dy * b, lambda dy: dy * a"
SUM = "a + b, lambda dy: dy, lambda dy: dy"

MUTANTS = {
    "multiply": [
        Mutant(
            "factors_swapped",
            [(PRODUCT, "a * b, lambda dy: dy * a, lambda dy: dy * b")],
            "The slope of a * b along a is b, the other factor; here each gets its own value.",
        ),
        Mutant(
            "upstream_lost",
            [(PRODUCT, "a * b, lambda dy: b + 0 * dy, lambda dy: a + 0 * dy")],
            "The gradient that arrives, dy, is not used: by the chain rule each slope is "
            "multiplied by it.",
        ),
        Mutant(
            "rule_of_add",
            [(PRODUCT, "a * b, lambda dy: dy, lambda dy: dy")],
            "That is the rule of a sum: dy passes unchanged. A product multiplies it by the other "
            "factor.",
        ),
        Mutant(
            "value_for_slope",
            [(PRODUCT, "a * b, lambda dy: dy * a * b, lambda dy: dy * a * b")],
            "dy is multiplied by the value a * b; the slope along a factor is the other factor "
            "alone.",
        ),
        Mutant(
            "upstream_added",
            [(PRODUCT, "a * b, lambda dy: dy + b, lambda dy: dy + a")],
            "dy is added to the slope; the chain rule multiplies them.",
        ),
        Mutant(
            "second_rule_missing",
            [(PRODUCT, "a * b, lambda dy: dy * b")],
            "Only the first factor has a rule; the second one gets no gradient.",
        ),
    ],
    "add": [
        Mutant(
            "rule_of_multiply",
            [(SUM, "a + b, lambda dy: dy * b, lambda dy: dy * a")],
            "That is the rule of a product; the slope of a + b is 1 along both.",
        ),
        Mutant(
            "shared_in_halves",
            [(SUM, "a + b, lambda dy: dy / 2, lambda dy: dy / 2")],
            "The gradient is shared in halves; both summands get all of it, for each moves the sum "
            "as much as it moves itself.",
        ),
        Mutant(
            "upstream_lost",
            [(SUM, "a + b, lambda dy: dy * 0 + 1, lambda dy: dy * 0 + 1")],
            "The rules give 1, the slope, and leave dy out: by the chain rule it is 1 times dy.",
        ),
        Mutant(
            "second_rule_missing",
            [(SUM, "a + b, lambda dy: dy")],
            "Only the first summand has a rule; the second one gets no gradient.",
        ),
        Mutant(
            "rule_of_subtract",
            [(SUM, "a + b, lambda dy: dy, lambda dy: -dy")],
            "That is the rule of a difference: the second summand gets -dy, but it is added.",
        ),
    ],
    "topological_order": [
        Mutant(
            "root_first",
            [("stack.append((tensor, True))", "order.append(tensor)")],
            "A number is listed when it is met, before what it was computed from; list it when all "
            "its inputs are.",
        ),
        Mutant(
            "seen_forgotten",
            [("seen.add(id(tensor))\n            ", "")],
            "A number that is used twice is listed twice: remember which ones were seen.",
        ),
        Mutant(
            "leaves_left_out",
            [("elif id(tensor) not in seen:", "elif tensor.node and id(tensor) not in seen:")],
            "The leaves are left out, the numbers that were not computed; they are the ones that "
            "want a gradient.",
        ),
        Mutant(
            "constants_listed",
            [(" for x in inputs if x.requires_grad)", " for x in inputs)")],
            "Numbers that need no gradient are listed too; no path leads back to them.",
        ),
        Mutant(
            "back_to_front",
            [("return order", "return order[::-1]")],
            "The order is back to front: inputs first, root last; backward() turns it "
            "round itself.",
        ),
        Mutant(
            "one_input_only",
            [("for x in inputs if", "for x in inputs[:1] if")],
            "Only the first input of each number is followed.",
        ),
    ],
}
