"""What goes wrong in lesson 6."""

from minicnn.learn import Mutant

SGD_WEIGHT = "weight += momentum * velocity - lr * grad if nesterov else velocity"
ADAM_M = "m += (1 - beta1) * (grad - m)"
ADAM_RATE = "rate = lr * (1 - beta2**step) ** 0.5 / (1 - beta1**step)"

MUTANTS = {
    "sgd_step": [
        Mutant(
            "weight_not_in_place",
            [(SGD_WEIGHT, SGD_WEIGHT.replace("weight += ", "weight = weight + (") + ")")],
            "`weight = weight + …` makes a new array, and the caller's stays as it was: the net "
            "never moves. `weight += …` changes the array itself.",
        ),
        Mutant(
            "velocity_not_in_place",
            [
                ("velocity *= momentum", "velocity = velocity * momentum"),
            ],
            "The weight moves, but the velocity is forgotten: `velocity = …` makes a new array, "
            "and the next step begins at rest again. Change it in place.",
        ),
        Mutant(
            "climbs",
            [
                ("velocity -= lr * grad", "velocity += lr * grad"),
                ("momentum * velocity - lr * grad if", "momentum * velocity + lr * grad if"),
            ],
            "The sign is wrong: the step goes along the gradient, uphill. The loss grows.",
        ),
        Mutant(
            "momentum_on_gradient",
            [("velocity -= lr * grad", "velocity -= (1 - momentum) * lr * grad")],
            "The push is scaled by 1 - momentum: that is a running average of gradients. Here the "
            "velocity keeps a share of itself and gets the whole push, -lr * grad.",
        ),
        Mutant(
            "weight_before_velocity",
            [
                ("    velocity *= momentum\n    velocity -= lr * grad\n", ""),
                (
                    SGD_WEIGHT,
                    SGD_WEIGHT + "\n    velocity *= momentum\n    velocity -= lr * grad",
                ),
            ],
            "The weight is moved by the old velocity, and the velocity changed afterwards: the "
            "gradient acts one step late.",
        ),
        Mutant(
            "rate_on_velocity",
            [
                ("velocity -= lr * grad", "velocity += grad"),
                (
                    SGD_WEIGHT,
                    "weight -= lr * (grad + momentum * velocity if nesterov else velocity)",
                ),
            ],
            "This is PyTorch's form: the velocity sums up gradients, and the rate comes at the "
            "end. Here the velocity is the step itself: it gets -lr * grad.",
        ),
        Mutant(
            "nesterov_ignored",
            [(SGD_WEIGHT, "weight += velocity")],
            "Without nesterov all is right; with it the weight must move by momentum * velocity - "
            "lr * grad, with the velocity that was just made.",
        ),
        Mutant(
            "velocity_uphill",
            [
                ("velocity -= lr * grad", "velocity += lr * grad"),
                (SGD_WEIGHT, "weight -= momentum * velocity + lr * grad if nesterov else velocity"),
            ],
            "The weight moves as it must, but the velocity has the opposite sign: it is to point "
            "downhill, where the weight goes. It gets -lr * grad, and is added to the weight.",
        ),
    ],
    "adam_step": [
        Mutant(
            "no_correction",
            [(ADAM_RATE, "rate = lr")],
            "The corrections for the beginning are missing: m and v start at 0 and are too small "
            "at first, which makes the first step three times too large.",
        ),
        Mutant(
            "correction_upside_down",
            [(ADAM_RATE, "rate = lr * (1 - beta1**step) / (1 - beta2**step) ** 0.5")],
            "The correction is upside down: m is divided by 1 - beta1**step, and v, below the "
            "fraction, by 1 - beta2**step.",
        ),
        Mutant(
            "root_of_correction_missing",
            [("(1 - beta2**step) ** 0.5", "(1 - beta2**step)")],
            "The correction of v needs the square root as v itself does: sqrt(1 - beta2**step).",
        ),
        Mutant(
            "averages_not_in_place",
            [
                (ADAM_M, "m = m + (1 - beta1) * (grad - m)"),
                ("v += (1 - beta2) * (grad * grad - v)", "v = v + (1 - beta2) * (grad * grad - v)"),
            ],
            "The weight moves, but the averages are forgotten: `m = …` and `v = …` make new "
            "arrays, and the next step knows nothing of this one. Change them in place.",
        ),
        Mutant(
            "root_missing",
            [("np.sqrt(v) + epsilon", "v + epsilon")],
            "m is divided by v instead of its square root: then the step has the units of one over "
            "the gradient, and small gradients make huge steps.",
        ),
        Mutant(
            "epsilon_after_correction",
            [
                (ADAM_RATE, "v_correction = (1 - beta2**step) ** 0.5"),
                (
                    "rate * m / (np.sqrt(v) + epsilon)",
                    "lr * m / (1 - beta1**step) / (np.sqrt(v) / v_correction + epsilon)",
                ),
            ],
            "Almost: epsilon is added to the corrected root of v. In the form that Keras uses the "
            "corrections are in the rate, and epsilon is added to the root of v as it stands.",
        ),
        Mutant(
            "betas_swapped",
            [
                (ADAM_M, "m += (1 - beta2) * (grad - m)"),
                ("v += (1 - beta2)", "v += (1 - beta1)"),
            ],
            "The betas are swapped in the averages: beta1 belongs to m, the short memory, beta2 to "
            "v, the long one.",
        ),
        Mutant(
            "old_and_new_swapped",
            [
                (ADAM_M, "m += beta1 * (grad - m)"),
                ("v += (1 - beta2)", "v += beta2"),
            ],
            "The averages take beta of the new and 1 - beta of the old; it is the other way "
            "round, they remember much and take in little.",
        ),
    ],
}
