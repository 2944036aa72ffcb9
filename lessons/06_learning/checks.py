"""The exercises of lesson 6."""

from minicnn.learn import Case, Exercise, draws


def draw_shape(size) -> tuple[int, ...]:
    return (1 + size,) if size < 3 else (1 + size % 3, size - 1)


def draw_sgd(rng, size) -> Case:
    """A first step from rest, then with a velocity, then Nesterov's."""
    shape = draw_shape(size)
    return {
        "weight": draws.numbers(rng, shape),
        "grad": draws.numbers(rng, shape) + 0.5,
        "velocity": draws.numbers(rng, shape) * (size > 0),
        "lr": (0.1, 0.5, 0.01)[size % 3],
        "momentum": (0.0, 0.9, 0.5)[(size + 1) // 2 % 3],
        "nesterov": size > 2 and size % 2 == 0,
    }


def draw_adam(rng, size) -> Case:
    """The first step, with nothing remembered, then later ones."""
    shape = draw_shape(size)
    return {
        "weight": draws.numbers(rng, shape),
        "grad": draws.numbers(rng, shape) + 0.5,
        "m": draws.numbers(rng, shape) * (size > 0),
        "v": draws.numbers(rng, shape) ** 2 * (size > 0),
        "step": 1 if size == 0 else int(rng.integers(1, 40)),
        "lr": (0.1, 0.5, 0.01)[size % 3],
        "beta1": (0.9, 0.8)[size // 2 % 2],
        "beta2": (0.999, 0.75)[size // 4 % 2],
        "epsilon": (1e-7, 0.5)[size // 3 % 2],
    }


EXERCISES = [
    Exercise(
        "minicnn.kernels.reference.optimizers:sgd_step",
        job=(
            "change velocity and weight in place by one step, with Nesterov's look-ahead if "
            "nesterov is true; return nothing."
        ),
        draw=draw_sgd,
    ),
    Exercise(
        "minicnn.kernels.reference.optimizers:adam_step",
        job=(
            "change m, v and weight in place by one step of Adam, with the corrections for the "
            "beginning in the rate; return nothing."
        ),
        draw=draw_adam,
    ),
]
