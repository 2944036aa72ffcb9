"""One step of an optimizer, in place."""

import numpy as np

from minicnn.kernels.geometry import Array


def sgd_step(
    weight: Array, grad: Array, velocity: Array, lr: float, momentum: float, nesterov: bool
) -> None:
    """One step of gradient descent with momentum, in Keras's form.

    Changes `weight` and `velocity`. With `nesterov` the weight moves to where the velocity would
    take it next.
    """
    velocity *= momentum
    velocity -= lr * grad
    weight += momentum * velocity - lr * grad if nesterov else velocity


def adam_step(
    weight: Array,
    grad: Array,
    m: Array,
    v: Array,
    step: int,
    lr: float,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> None:
    """One step of Adam; changes `weight`, `m` and `v`. `step` counts from 1.

    Kingma and Ba, 2015 (arXiv:1412.6980), in the form at the end of their section 2, which Keras
    uses too: the bias corrections are folded into the rate.
    """
    m += (1 - beta1) * (grad - m)
    v += (1 - beta2) * (grad * grad - v)
    rate = lr * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
    weight -= rate * m / (np.sqrt(v) + epsilon)
