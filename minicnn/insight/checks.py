"""What may be wrong with a batch (pixels, labels), and with a net (loss, ReLUs, gradients)."""

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
    """Return what every ReLU on the tape gave, by the layer whose weights come before it."""
    known = names_by_id(model)
    found: dict[str, Array] = {}
    for tensor in topological_order(loss):
        if tensor.node and "relu" in tensor.node.op:
            found[_layer(tensor, known) or f"relu {len(found) + 1}"] = tensor.data
    return found


def _layer(tensor: Any, known: dict[int, str]) -> str | None:
    """Return the layer whose weight is the nearest on the way back."""
    while tensor.node:
        for x in tensor.node.inputs:
            if id(x) in known:
                return known[id(x)].rpartition(".")[0]
        tensor = tensor.node.inputs[0]
    return None


def check_loss(found: Probe) -> Iterator[Finding]:
    """Compare the loss with that of a net which gives every class the same probability."""
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
    """Check that a gradient reaches every weight, and that its size is similar in all layers."""
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


# Standardised pixels (mean 0, deviation 1) stay within about 3 on either side.
MOST_USUAL = 10.0
LEAST_USUAL = 0.05

FEWEST_TO_JUDGE = 40
SURE = 0.005  # the chance to be this good by luck, for each of two tries


def check_pixels(images: Array) -> Iterator[Finding]:
    """Is the data scaled, and are there pictures at all? `images`: (N, ...), numbers."""
    low, high = float(images.min()), float(images.max())
    seen = f"pixels go from {number(low)} to {number(high)}"
    normal = "0 to 1 is normal, or about -3 to 3 if standardised"
    state, advice = "fine", ""
    if not np.isfinite([low, high]).all():
        state, advice = "problem", "take out the pictures that hold NaN or infinity"
    elif low == high:
        state, advice = "problem", "every picture is blank: look at how they were read"
    elif max(-low, high) > MOST_USUAL:
        by = "255" if high > 1 + 255 / 2 and high <= 255 else "their largest value"
        state, advice = "problem", f"divide by {by} before training"
    elif max(-low, high) < LEAST_USUAL:
        state, advice = "problem", "they seem to be scaled twice: divide by 255 once only"
    elif images.dtype.kind != "f":
        state, advice = "problem", "they are whole numbers: the net needs floats"
    yield Finding(state, "pixels", "; ".join(filter(None, [seen, normal, advice])))


def check_labels(labels: Array, classes: int) -> Iterator[Finding]:
    """Do the labels of the batch look drawn at random? `labels`: (N,) class numbers."""
    counts = np.bincount(labels, minlength=classes)
    present = int((counts > 0).sum())
    # Of N drawn at random, so many classes are missing on the average.
    expected = classes * (1 - (1 - 1 / classes) ** len(labels))
    seen = f"{present} of {classes} classes are among {len(labels)} labels"
    normal = f"about {expected:.0f} are normal"
    if present == 1 and expected > 2:
        advice = "the data is sorted by class: shuffle it before it is cut into batches"
        yield Finding("problem", "labels", f"{seen}; {normal}; {advice}")
    elif present < 0.6 * expected:
        advice = "is the data sorted by class, or cut off? Shuffle it before taking batches"
        yield Finding("doubt", "labels", f"{seen}; {normal}; {advice}")
    else:
        yield Finding("fine", "labels", f"{seen}; {normal}")


def check_pairing(images: Array, labels: Array) -> Iterator[Finding]:
    """Do images and labels belong together, or was only one of them shuffled?

    Two classifiers that cannot fail to learn, nearest class mean and nearest neighbour, answer
    for each picture with that picture left out. If neither beats the commonest class, labels tell
    nothing about images that simple means could find.
    """
    counts = np.bincount(labels)
    classes = int((counts > 1).sum())  # a class of one has no other picture to be known by
    if len(labels) < FEWEST_TO_JUDGE or classes < 2:
        need = f"{FEWEST_TO_JUDGE} images of at least two classes"
        got = f"{len(labels)} of {classes}"
        yield Finding("fine", "pairing", f"not judged: that takes {need}, got {got}")
        return
    from scipy.stats import binom  # here, because it takes a while to import

    rows = images.reshape(len(images), -1).astype(np.float64)
    right = {
        "nearest class mean": int((_nearest_mean(rows, labels) == labels).sum()),
        "nearest neighbour": int((_nearest_neighbour(rows, labels) == labels).sum()),
    }
    best = max(right, key=lambda name: right[name])
    chance = counts.max() / len(labels)
    luck = float(binom.sf(right[best] - 1, len(labels), chance))
    seen = f"the {best} is right for {right[best] / len(labels):.0%} of {len(labels)} images"
    normal = f"the commonest class alone for {chance:.0%}"
    if luck < SURE:
        yield Finding("fine", "pairing", f"{seen}, {normal}: labels and images belong together")
    else:
        advice = (
            "no better than luck: were images and labels shuffled apart, or read from two files "
            "that do not belong together? Look at ten pictures with their labels"
        )
        yield Finding("problem", "pairing", f"{seen}, {normal}; {advice}")


def _nearest_mean(rows: Array, labels: Array) -> Array:
    """Return the class whose mean, without the row itself, is nearest to each row."""
    counts = np.bincount(labels)
    means = np.zeros((len(counts), rows.shape[1]))
    np.add.at(means, labels, rows)
    means /= np.maximum(counts, 1)[:, np.newaxis]
    distances = _squared_distances(rows, means)
    mine = np.arange(len(rows)), labels
    # Without the row its class's mean is n / (n - 1) times as far from it.
    others = counts[labels] - 1.0
    distances[mine] *= (counts[labels] / np.maximum(others, 1)) ** 2
    distances[mine] = np.where(others > 0, distances[mine], np.inf)
    distances[:, counts == 0] = np.inf
    return distances.argmin(axis=1)


def _nearest_neighbour(rows: Array, labels: Array) -> Array:
    """Return the class of the nearest other row."""
    distances = _squared_distances(rows, rows)
    np.fill_diagonal(distances, np.inf)
    return labels[distances.argmin(axis=1)]


def _squared_distances(a: Array, b: Array) -> Array:
    lengths = (a * a).sum(axis=1)[:, np.newaxis] + (b * b).sum(axis=1)
    return np.maximum(lengths - 2 * a @ b.T, 0)
