"""The zoo's architectures written in Keras, from the table of the models and nothing of minicnn."""

import keras
from keras import layers as k

ZOO = {
    "mlp": lambda: [k.Flatten(), k.Dense(784, "relu")],
    "cnn_baseline": lambda: [conv(32, 3), k.MaxPool2D(), k.Flatten(), k.Dense(100, "relu")],
    "cnn_simple": lambda: [
        *(conv(32, 5), k.MaxPool2D(), k.Dropout(0.2)),
        *(k.Flatten(), k.Dense(128, "relu")),
    ],
    "cnn_compact": lambda: [
        *(conv(30, 5), k.MaxPool2D(), conv(15, 3), k.MaxPool2D(), k.Dropout(0.2)),
        *(k.Flatten(), k.Dense(128, "relu"), k.Dense(50, "relu")),
    ],
    "cnn_light": lambda: [
        *(conv(32, 3), k.MaxPool2D(), conv(64, 3), k.MaxPool2D()),
        *(k.Flatten(), k.Dense(128, "relu")),
    ],
    "cnn_classic": lambda: [
        *(conv(32, 3), k.MaxPool2D(), conv(64, 3), k.MaxPool2D()),
        *(k.Flatten(), k.Dense(128, "relu"), k.Dropout(0.5)),
    ],
    "cnn_deeper": lambda: [
        *(conv(32, 3), conv(32, 3), k.MaxPool2D(), k.Dropout(0.25)),
        *(conv(64, 3), conv(64, 3), k.MaxPool2D(), k.Dropout(0.25)),
        *(k.Flatten(), k.Dense(256, "relu"), k.Dropout(0.5)),
    ],
}


def conv(filters: int, size: int) -> keras.Layer:
    return k.Conv2D(filters, size, activation="relu")


def build(name: str) -> keras.Sequential:
    """The model with fresh weights, ending in softmax as Keras's models do."""
    return keras.Sequential([keras.Input((28, 28, 1)), *ZOO[name](), k.Dense(10, "softmax")])
