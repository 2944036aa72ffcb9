"""What may be wrong with a net: its first loss, its ReLUs, its weights and their gradients."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn.insight.findings import Finding
from minicnn.insight.formatting import names_by_id, number
from minicnn.nn import Module
from minicnn.nn.head import Head
from minicnn.tape import Array, topological_order

TOO_HIGH = 1.5  # times ln(classes), for a loss
LEARNT = 0.8
SOLVED = 1e-4  # a loss so small that float32 may round its gradient to 0

MANY_DEAD, MOST_DEAD = 0.2, 0.5
FEWEST_IMAGES = 30  # with fewer, a healthy unit may be silent by chance

# The gradient's length as a part of the weights' own. Healthy nets have 0.002 to 0.4 in every
# layer; one of five sigmoids has 1,000 times less in the first layer than in the last.
VANISHING, EXPLODING = 1e-3, 10.0


@dataclass(frozen=True, eq=False)
class Probe:
    """One pass forward and back: loss, what each ReLU gave, gradients by weight's name."""

    images: int
    head: Head
    loss: float
    relus: dict[str, Array]
    weights: dict[str, Array]
    gradients: dict[str, Array | None]


def probe(model: Module, images: Array, labels: Array) -> Probe:
    """Take one step's forward and backward as in training; changes the model's gradients.

    Raises `ShapeError` if the model's outputs are no classes, or not those of the labels.
    """
    head = Head.of(model, images[:1])
    head.check()
    with np.errstate(all="ignore"):
        loss = head.loss(model(images, training=True), labels)
        relus = _relus(loss, model) if loss.requires_grad else {}
        model.zero_grad()
        if loss.requires_grad:
            loss.backward()
    learning = {name: t for name, t in model.named_tensors() if t.requires_grad}
    weights = {name: t.data for name, t in learning.items()}
    gradients = {name: t.grad for name, t in learning.items()}
    return Probe(len(images), head, loss.item(), relus, weights, gradients)


def _relus(loss: Any, model: Module) -> dict[str, Array]:
    """What every ReLU on the tape gave, by the layer whose weights come before it."""
    known = names_by_id(model)
    found: dict[str, Array] = {}
    for tensor in topological_order(loss):
        if tensor.node and "relu" in tensor.node.op:
            found[_layer(tensor, known) or f"relu {len(found) + 1}"] = tensor.data
    return found


def _layer(tensor: Any, known: dict[int, str]) -> str | None:
    """The layer whose weight is the nearest on the way back."""
    while tensor.node:
        for x in tensor.node.inputs:
            if id(x) in known:
                return known[id(x)].rpartition(".")[0]
        tensor = tensor.node.inputs[0]
    return None


def check_loss(found: Probe) -> Iterator[Finding]:
    """The loss beside that of a net which gives every class the same probability."""
    classes = 2 if found.head.kind == "sigmoids" else found.head.classes
    even = math.log(classes)
    seen = f"it is {number(found.loss)}"
    normal = f"a net that has learnt nothing has about ln({classes}) = {even:.3f}"
    if found.head.kind == "softmax":
        says = "every row of outputs sums to 1; `fit` takes logits and applies softmax itself"
        yield Finding("problem", "outputs", f"{says}; leave the softmax at the end out")
    if not math.isfinite(found.loss):
        advice = "look at the range of the data and of the weights"
        yield Finding("problem", "loss", f"{seen}; {normal}; {advice}")
    elif found.loss > TOO_HIGH * even:
        advice = (
            "it is sure of wrong answers: scale the data, begin with smaller weights, or see "
            "whether these are the labels it was trained on"
        )
        yield Finding("problem", "loss", f"{seen}; {normal}, a trained one less; {advice}")
    elif found.loss < LEARNT * even:
        yield Finding("fine", "loss", f"{seen}; {normal}, this one has learnt something")
    else:
        yield Finding("fine", "loss", f"{seen}; {normal}")


def check_relus(found: Probe) -> Iterator[Finding]:
    """Units of a ReLU that are 0 for every image: no gradient will ever wake them."""
    if not found.relus or found.images < FEWEST_IMAGES:
        why = f"fewer than {FEWEST_IMAGES} images" if found.relus else "there is none"
        yield Finding("fine", "ReLU", f"not judged: {why}")
        return
    worst, dead, units = "", 0, 1
    for layer, values in found.relus.items():
        silent = int((values == 0).all(axis=tuple(range(values.ndim - 1))).sum())
        if not worst or silent / values.shape[-1] > dead / units:
            worst, dead, units = layer, silent, values.shape[-1]
    seen = f"in {worst} {dead} of {units} units are 0 for all {found.images} images"
    normal = f"under {MANY_DEAD:.0%} is normal"
    if dead <= MANY_DEAD * units:
        yield Finding("fine", "ReLU", f"{seen}, the most of any layer; {normal}")
        return
    state = "problem" if dead > MOST_DEAD * units else "doubt"
    advice = (
        "they get no gradient and stay so: take a smaller learning rate, initial weights by He, "
        "biases of 0, and data around 0 to 1"
    )
    yield Finding(state, "ReLU", f"{seen}; {normal}; {advice}")


def check_weights(found: Probe) -> Iterator[Finding]:
    """Units that began alike learn alike."""
    alike = [
        name
        for name, weight in found.weights.items()
        if weight.ndim > 1 and weight.shape[-1] > 1 and not np.ptp(weight, axis=-1).any()
    ]
    if alike:
        says = f"in {alike[0]} all {found.weights[alike[0]].shape[-1]} units are the same"
        advice = "then all learn the same; draw the initial weights at random"
        yield Finding("problem", "weights", f"{says}; normal is that no two are; {advice}")


def check_gradients(found: Probe) -> Iterator[Finding]:
    """Does a gradient reach every weight, and does it stay of one size from last layer to first?"""
    missing = [name for name, gradient in found.gradients.items() if gradient is None]
    if missing:
        says = f"none reaches {', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}"
        advice = "is it used, and is everything between it and the loss an op on tensors?"
        yield Finding("problem", "gradients", f"{says}; every weight should get one; {advice}")
        return
    pulls = {
        name: float(np.linalg.norm(gradient) / (np.linalg.norm(found.weights[name]) or 1))
        for name, gradient in found.gradients.items()
        if gradient is not None and gradient.ndim > 1
    }
    if not pulls:
        yield Finding("fine", "gradients", "not judged: no weight has more than one axis")
        return
    (first, at_first), *_, (last, at_last) = [*pulls.items(), *pulls.items()]
    most, at_most = max(pulls.items(), key=lambda pull: pull[1])
    seen = (
        f"the gradient is {number(at_first)} of the weights' length in {first}, "
        f"{number(at_last)} in {last}"
    )
    if not np.isfinite([*pulls.values()]).all():
        advice = "look at the range of the data, take a smaller learning rate or clip_norm=1"
        yield Finding("problem", "gradients", f"{seen}; it must be finite; {advice}")
    elif min(at_first, at_last) == 0 and found.loss > SOLVED:
        advice = "a ReLU that is off everywhere, or weights of 0, let nothing through"
        yield Finding("problem", "gradients", f"{seen}; neither should be 0; {advice}")
    elif at_most > EXPLODING:
        normal = f"it is {number(at_most)} in {most}, and below 1 is normal"
        advice = "it explodes: scale the data, begin with smaller weights, BatchNorm or clip_norm=1"
        yield Finding("problem", "gradients", f"{seen}; {normal}; {advice}")
    elif at_first < VANISHING * at_last:
        normal = "up to 100 times between the first and the last is normal"
        advice = (
            "it vanishes on the way back: ReLU instead of sigmoid or tanh, initial weights by He, "
            "BatchNorm, or fewer layers"
        )
        yield Finding("problem", "gradients", f"{seen}; {normal}; {advice}")
    else:
        yield Finding("fine", "gradients", f"{seen}; below 1 and of similar size is normal")
