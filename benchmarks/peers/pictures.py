"""The pictures that every engine works on: MNIST's training digits, enlarged where asked."""

from collections.abc import Iterator
from itertools import cycle

import numpy as np

from benchmarks.peers.protocol import Task
from minicnn.data import Dataset, mnist
from minicnn.data.mnist import both_parts


def pictures(task: Task) -> Dataset:
    """The first digits, uint8, each pixel and channel repeated to fill the task's image size."""
    digits = mnist()[0][: task.images]
    height, width, channels = task.image
    if task.image == digits.image_shape:
        return digits
    rows, columns = np.arange(height) * 28 // height, np.arange(width) * 28 // width
    images = digits.images[:, rows][:, :, columns].repeat(channels, axis=-1)
    return Dataset(images, digits.labels, digits.class_names)


def scaled_pictures(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """The same as float32 in [0, 1], (N, H, W, C), and labels, as the other engines take them."""
    digits = pictures(task)
    both_parts.cache_clear()  # the bytes need not stay: a peer's memory is its own copy alone
    return digits.scaled(), digits.labels.copy()


def shuffled(count: int, batch: int) -> Iterator[np.ndarray]:
    """Positions of batch after batch without end, in a new order in each pass."""
    rng = np.random.default_rng(0)
    while True:
        order = rng.permutation(count)
        for start in range(0, count - batch + 1, batch):
            yield order[start : start + batch]


def in_turn(task: Task) -> Iterator[slice]:
    """The slices of whole batches without end."""
    starts = range(0, task.images - task.batch + 1, task.batch)
    return cycle([slice(start, start + task.batch) for start in starts])
