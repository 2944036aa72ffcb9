"""Softmax and cross-entropy in one pass over each row."""

import numpy as np
from numba import prange

from minicnn.kernels.checking import checked
from minicnn.kernels.fast.parallel import Array, contiguous, parallel, run, share, worth_threads


@parallel
def _softmax_cross_entropy(logits, targets, losses, probabilities, threads):
    rows, classes = logits.shape
    for t in prange(threads):
        start, stop = share(rows, t, threads)
        for n in range(start, stop):
            largest = logits[n, 0]
            for c in range(1, classes):
                if logits[n, c] > largest or np.isnan(logits[n, c]):
                    largest = logits[n, c]
            total = 0.0
            for c in range(classes):
                probabilities[n, c] = np.exp(logits[n, c] - largest)
                total += probabilities[n, c]
            log_total, loss = np.log(total), 0.0
            for c in range(classes):
                if targets[n, c] != 0:  # times infinity is 0 here
                    loss += targets[n, c] * (log_total - (logits[n, c] - largest))
                probabilities[n, c] /= total
            losses[n] = loss


@checked
def softmax_cross_entropy(logits: Array, targets: Array) -> tuple[Array, Array]:
    """See `reference.softmax_cross_entropy`."""
    logits, targets = contiguous(logits), contiguous(targets)
    losses, probabilities = np.empty(len(logits), logits.dtype), np.empty_like(logits)
    threads = worth_threads(logits.size * 8)  # exp takes as long as several products
    run(_softmax_cross_entropy, logits, targets, losses, probabilities, threads)
    return losses, probabilities
