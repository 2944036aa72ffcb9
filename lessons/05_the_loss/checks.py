"""The exercises of lesson 5."""

import numpy as np

from minicnn.learn import Case, Exercise, draws, returned_as

FAR = 2000.0  # beyond what exp can hold in any dtype


def draw_logits(rng, size) -> np.ndarray:
    """Small ones first; later a row that is far above the others, and one with a wide gap."""
    logits = draws.numbers(rng, (1 + size // 2, 2 + size // 3))
    if size >= 4:
        logits[0] += FAR
        logits[-1, 0] -= FAR
    return logits


def draw_targets(rng, size, shape) -> np.ndarray:
    """One-hot rows; later probabilities, as label smoothing makes them."""
    if size % 4 != 3:
        return np.eye(shape[1])[rng.integers(0, shape[1], shape[0])]
    weights = rng.random(shape) + 0.1
    return weights / weights.sum(axis=1, keepdims=True)


def draw_softmax(rng, size) -> Case:
    return {"logits": draw_logits(rng, size)}


def draw_loss(rng, size) -> Case:
    logits = draw_logits(rng, size)
    return {"logits": logits, "targets": draw_targets(rng, size, logits.shape)}


def draw_loss_vjp(rng, size) -> Case:
    shape = (1 + size // 2, 2 + size // 3)
    probabilities = rng.integers(1, 5, shape).astype(np.float64)
    return {
        "dlosses": rng.integers(1, 5, shape[0]) * rng.choice([-1.0, 1.0], shape[0]),
        "probabilities": probabilities / probabilities.sum(axis=1, keepdims=True),
        "targets": draw_targets(rng, size, shape),
    }


def use_softmax() -> None:
    from minicnn import functional as F

    F.softmax(np.zeros((1, 2)))


EXERCISES = [
    Exercise(
        "minicnn.kernels.reference.loss:softmax",
        job="turn scores into probabilities along the last axis, whatever the size of the scores.",
        draw=draw_softmax,
        reached_by=use_softmax,
    ),
    Exercise(
        "minicnn.kernels.reference.loss:softmax_cross_entropy",
        job=(
            "return the loss of each example and the probabilities, with no logarithm of a "
            "probability on the way."
        ),
        draw=draw_loss,
        observe=returned_as("losses", "probabilities"),
    ),
    Exercise(
        "minicnn.kernels.reference.loss:softmax_cross_entropy_vjp",
        job="return the gradient of the logits, when dlosses arrives for the loss of each example.",
        draw=draw_loss_vjp,
    ),
]
