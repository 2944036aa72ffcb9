"""What goes wrong in lesson 3."""

from minicnn.learn import Mutant

STEPS = "above, below = f(x + epsilon * direction), f(x - epsilon * direction)"

MUTANTS = {
    "numerical_gradient": [
        Mutant(
            "one_sided",
            [("x[index] = old - epsilon", "x[index] = old"), ("(2 * epsilon)", "epsilon")],
            "That is the one-sided difference, (f(x + epsilon) - f(x)) / epsilon, which is off by "
            "as much as epsilon; step to both sides.",
        ),
        Mutant(
            "two_forgotten",
            [("(2 * epsilon)", "epsilon")],
            "The two places are 2 * epsilon apart, not epsilon: every slope is twice too steep.",
        ),
        Mutant(
            "brackets_lost",
            [("/ (2 * epsilon)", "/ 2 * epsilon")],
            "Python reads a / 2 * epsilon as (a / 2) * epsilon; put 2 * epsilon in brackets.",
        ),
        Mutant(
            "back_to_the_start_only",
            [("x[index] = old - epsilon", "x[index] -= epsilon")],
            "After += epsilon, -= epsilon only leads back to the start: the lower place is at the "
            "old value minus epsilon.",
        ),
        Mutant(
            "not_put_back",
            [("below = f(x)\n        x[index] = old\n", "below = f(x)\n")],
            "The element is not put back to its old value, so that all that follow are measured "
            "somewhere else.",
        ),
        Mutant(
            "all_at_once",
            [
                ("x[index] = old + epsilon\n        above = f(x)", "above = f(x + epsilon)"),
                ("x[index] = old - epsilon\n        below = f(x)", "below = f(x - epsilon)"),
            ],
            "All elements are moved at once; the slope along one of them is measured while the "
            "others stay where they are.",
        ),
        Mutant(
            "first_axis_only",
            [("np.ndindex(x.shape)", "range(len(x))")],
            "The loop goes over the first axis only; x can have any number of axes, and each "
            "element has a slope of its own (np.ndindex gives all indices).",
        ),
        Mutant(
            "dtype_kept",
            [("np.array(x, np.float64)", "x.copy()")],
            "The copy has the dtype of x: among whole numbers a step is cut off, and float32 has "
            "too few digits for it. Work in float64.",
        ),
    ],
    "directional_derivative": [
        Mutant(
            "one_sided",
            [("f(x - epsilon * direction)", "f(x)"), ("(2 * epsilon)", "epsilon")],
            "That is the one-sided difference, which is off by as much as epsilon; step to both "
            "sides.",
        ),
        Mutant(
            "two_forgotten",
            [("(2 * epsilon)", "epsilon")],
            "The two places are 2 * epsilon apart, not epsilon: the slope is twice too steep.",
        ),
        Mutant(
            "brackets_lost",
            [("/ (2 * epsilon)", "/ 2 * epsilon")],
            "Python reads a / 2 * epsilon as (a / 2) * epsilon; put 2 * epsilon in brackets.",
        ),
        Mutant(
            "direction_ignored",
            [(STEPS, "above, below = f(x + epsilon), f(x - epsilon)")],
            "The step goes along all axes equally, not along the direction.",
        ),
        Mutant(
            "direction_made_a_unit",
            [
                (
                    STEPS,
                    "direction = direction / np.maximum(np.sqrt((direction**2).sum()), 1e-9)\n"
                    f"    {STEPS}",
                )
            ],
            "The direction is scaled to length 1 first; then the slope no longer is the sum of "
            "gradient times direction: a direction twice as long is twice as steep.",
        ),
        Mutant(
            "sides_swapped",
            [("(above - below)", "(below - above)")],
            "The lower value minus the upper: the slope has the wrong sign.",
        ),
        Mutant(
            "whole_gradient",
            [(STEPS, "return (numerical_gradient(f, x, epsilon) * direction).sum()")],
            "The whole gradient is measured first, with two evaluations for each element; along "
            "one direction two are enough for all of them.",
        ),
        Mutant(
            "whole_step",
            [(STEPS, STEPS.replace("epsilon * ", ""))],
            "The step is the whole direction; only epsilon times the direction is a short one.",
        ),
    ],
}
