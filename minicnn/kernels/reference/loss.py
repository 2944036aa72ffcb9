"""Softmax and cross-entropy, taken together so that nothing overflows."""

import numpy as np

from minicnn.kernels.geometry import Array


def softmax(logits: Array) -> Array:
    """Probabilities along the last axis; the largest logit goes to 0 first, so none overflows."""
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_cross_entropy(logits: Array, targets: Array) -> tuple[Array, Array]:
    """Loss of each example and the probabilities: (N, C), (N, C) -> (N,), (N, C).

    ``loss = sum_c targets_c * (log sum_k exp(logits_k) - logits_c)``, taken together so that
    logits of 1e4 neither overflow nor lose the answer. Each row of `targets` sums to 1.
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True, dtype=np.float64)  # in float32, 1 + 1e-8 is 1
    cost = np.where(targets == 0, 0, np.log(total) - shifted)  # 0 times infinity is no number
    losses = (targets * cost).sum(axis=1)
    return losses.astype(logits.dtype), (e / total).astype(logits.dtype)


def softmax_cross_entropy_vjp(dlosses: Array, probabilities: Array, targets: Array) -> Array:
    """Return the gradient of the logits, (N, C): what was said minus what was right."""
    return dlosses[:, None] * (probabilities - targets)
