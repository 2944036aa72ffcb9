"""Keras on TensorFlow, as its users run it: `compile`, then `fit`, with Keras's own defaults."""

import functools
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from benchmarks.peers.pictures import in_turn, scaled_pictures, shuffled
from benchmarks.peers.protocol import Run, Task, mean_time, median_time
from minicnn import nn, zoo


def about() -> dict[str, Any]:
    """Versions and threads; 0 threads is TensorFlow's word for "as many as there are cores"."""
    return {
        "versions": {
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "numpy": np.__version__,
        },
        "threads": {
            "intra_op": tf.config.threading.get_intra_op_parallelism_threads(),
            "inter_op": tf.config.threading.get_inter_op_parallelism_threads(),
        },
    }


load = functools.lru_cache(maxsize=1)(scaled_pictures)


# ------------------------------------------------------------------ the model


def build(task: Task) -> keras.Model:
    """The zoo's model in Keras's layers, compiled with Adam and cross-entropy on logits."""
    ours = zoo.build(task.model, task.image)
    model = keras.Sequential([keras.Input(task.image), *map(translated, ours.layers)])
    if model.count_params() != ours.parameter_count():
        raise ValueError(f"{task.model}: {model.count_params()} parameters in Keras, not ours")
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def translated(layer: nn.Module) -> keras.Layer:
    """The Keras layer that does the same."""
    match layer:
        case nn.Conv2D():
            settings = {"strides": layer.stride, "padding": layer.padding}
            return layers.Conv2D(
                layer.filters, layer.kernel_size, activation=layer.activation, **settings
            )
        case nn.Dense():
            return layers.Dense(layer.units, activation=layer.activation)
        case nn.MaxPool2D():
            return layers.MaxPooling2D(layer.pool_size, layer.stride, layer.padding)
        case nn.Dropout():
            return layers.Dropout(layer.rate)
        case nn.Flatten():
            return layers.Flatten()
    raise TypeError(f"no Keras layer for {layer}")


# ------------------------------------------------------------------ training


class Clock(keras.callbacks.Callback):
    """Notes when each batch begins: the only hook for which `fit` does not wait for figures."""

    def __init__(self) -> None:
        super().__init__()
        self.moments: list[float] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.moments.append(time.perf_counter())


def fit(task: Task, data: Callable[[Task, int], dict[str, Any]]) -> Run:
    """`model.fit`, timed from its second batch on, so that its start costs Keras nothing."""
    model = build(task)

    def run(steps: int) -> float:
        clock = Clock()
        model.fit(**data(task, steps + 2), verbose=0, callbacks=[clock])
        return (clock.moments[steps + 1] - clock.moments[1]) / steps

    return run


def as_arrays(task: Task, batches: int) -> dict[str, Any]:
    """The arguments of `fit` for NumPy arrays."""
    x, y = load(task)
    count = batches * task.batch
    return {"x": x[:count], "y": y[:count], "batch_size": task.batch}


def as_dataset(task: Task, batches: int) -> dict[str, Any]:
    """The argument of `fit` for a tf.data pipeline."""
    return {"x": _dataset(task).take(batches)}


@functools.lru_cache(maxsize=1)
def _dataset(task: Task) -> tf.data.Dataset:
    data = tf.data.Dataset.from_tensor_slices(load(task)).shuffle(10_000)
    return data.batch(task.batch, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def train_on_batch(task: Task) -> Run:
    """A loop of one's own around `train_on_batch`."""
    model, (x, y), batches = build(task), load(task), shuffled(task.images, task.batch)

    def step() -> None:
        batch = next(batches)
        model.train_on_batch(x[batch], y[batch])

    return functools.partial(mean_time, step)


# ------------------------------------------------------------------ prediction


def predict_on_batch(task: Task) -> Run:
    """`model.predict_on_batch` on NumPy arrays."""
    model, x, parts = build(task), load(task)[0], in_turn(task)
    return functools.partial(mean_time, lambda: model.predict_on_batch(x[next(parts)]))


def compiled(task: Task, jit: bool) -> Run:
    """The model as a `tf.function`, with XLA or without, on tensors that are there already."""
    model = build(task)
    function = tf.function(lambda x: model(x, training=False), jit_compile=jit)
    batches = _tensors(task)
    return functools.partial(mean_time, lambda: function(next(batches)).numpy())


def _tensors(task: Task) -> Iterator[tf.Tensor]:
    x = load(task)[0]
    parts = itertools.islice(in_turn(task), task.images // task.batch)
    return itertools.cycle([tf.convert_to_tensor(x[part]) for part in parts])


def call(task: Task, convert: Callable[[np.ndarray], Any]) -> Run:
    """`model(x)` for one image."""
    model, x = build(task), convert(load(task)[0][:1])
    return functools.partial(median_time, lambda: model(x))


RUNS = {
    "training": {
        "fit, NumPy arrays": functools.partial(fit, data=as_arrays),
        "fit, tf.data": functools.partial(fit, data=as_dataset),
        "train_on_batch": train_on_batch,
    },
    "prediction": {
        "tf.function": functools.partial(compiled, jit=False),
        "tf.function, XLA": functools.partial(compiled, jit=True),
        "predict_on_batch": predict_on_batch,
    },
    "latency": {
        "model(x) of a tensor": functools.partial(call, convert=tf.convert_to_tensor),
        "model(x) of an array": functools.partial(call, convert=np.asarray),
    },
}
