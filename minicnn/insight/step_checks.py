"""What may be wrong with a training step that somebody wrote: does it do what its loss says?"""

import copy
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from minicnn.insight.findings import Finding
from minicnn.insight.formatting import number
from minicnn.insight.net_checks import probe
from minicnn.nn import Module
from minicnn.tape import Array

TrainingStep = Callable[[Module, Array, Array], object]
"""A step of training: takes a model, images (N, H, W, C) and labels (N,), and changes the model."""

ALIKE = 1e-3  # of the length of a gradient, what rounding may change

# Of ten steps, by which a sum of gradients that is never set to zero has grown.
WATCHED, GROWN, NEARLY_SAME = 10, 2.5, 0.6


def check_step(
    step: TrainingStep, model: Module, images: Array, labels: Array
) -> Iterator[Finding]:
    """Take two steps on the same batch, and compare the second's gradient with the true one."""
    patient = copy.deepcopy(model)
    before = patient.weights()
    step(patient, images, labels)
    after = patient.weights()
    if all(np.array_equal(before[name], after[name]) for name in before):
        advice = "call optimizer.step(model.parameters()) after backward(), with a rate above 0"
        says = f"it changes none of {len(before)} weights; all should change a little; {advice}"
        yield Finding("problem", "step", says)
    earlier = _gradients(patient)
    twin = copy.deepcopy(patient)  # the same weights, and the same random numbers to come
    step(patient, images, labels)
    found = _gradients(patient)
    probe(twin, images, labels)
    true = _gradients(twin)
    if found is None or true is None:
        yield Finding("fine", "zero_grad", "no gradient is left after a step, so none adds up")
    elif _alike(found, true):
        yield Finding("fine", "zero_grad", "the second step's gradient is that of its loss alone")
    elif earlier is not None and _alike(found, earlier + true):
        seen = "the second step's gradient is the sum of both steps' gradients"
        advice = "call model.zero_grad() before backward()"
        yield Finding("problem", "zero_grad", f"{seen}; it should be its own alone; {advice}")
    else:
        seen = "the second step's gradient is not that of the mean cross-entropy of the batch"
        advice = "right for another loss, label smoothing or clipping; otherwise look at the step"
        yield Finding("doubt", "step", f"{seen}; normally they are equal; {advice}")


def _gradients(model: Module) -> Array | None:
    """All gradients as one vector, or None if there is none."""
    parameters = model.parameters()
    if all(p.grad is None for p in parameters):
        return None
    return np.concatenate(
        [np.zeros(p.size) if p.grad is None else p.grad.ravel() for p in parameters]
    )


def _alike(found: Array, expected: Array) -> bool:
    return float(np.linalg.norm(found - expected)) <= ALIKE * float(np.linalg.norm(expected))


def check_growth(gradients: Sequence[Array]) -> Iterator[Finding]:
    """Do the gradients of successive steps, a vector each, add up?

    What is never set to zero grows, and each is the one before with a little added.
    """
    lengths = [float(np.linalg.norm(each)) for each in gradients]
    if not np.isfinite(lengths).all() or not all(lengths):
        return
    later = list(pairwise(gradients))[len(gradients) // 2 :]
    added = float(np.median([np.linalg.norm(b - a) / np.linalg.norm(b) for a, b in later]))
    if lengths[-1] > GROWN * lengths[0] and added < NEARLY_SAME:
        seen = (
            f"the gradient has grown from a length of {number(lengths[0])} to "
            f"{number(lengths[-1])} in {len(lengths)} steps, each nearly the one before"
        )
        normal = "gradients of different batches normally differ, and do not grow"
        advice = "call model.zero_grad() before backward(), or they add up"
        yield Finding("problem", "zero_grad", f"{seen}; {normal}; {advice}")
