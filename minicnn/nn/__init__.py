"""Layers and models."""

from minicnn.nn.layers import (
    Activation,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    ReLU,
)
from minicnn.nn.module import Module
from minicnn.nn.sequential import Sequential

__all__ = [
    "Activation",
    "AveragePool2D",
    "BatchNorm",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "MaxPool2D",
    "Module",
    "ReLU",
    "Sequential",
]
