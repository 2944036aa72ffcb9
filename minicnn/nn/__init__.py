"""Layers and models."""

from minicnn.nn.ensemble import MeanProbability
from minicnn.nn.layers import (
    Activation,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    MaxPool2D,
    ReLU,
    Rescaling,
    Reshape,
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
    "GlobalAveragePool2D",
    "MaxPool2D",
    "MeanProbability",
    "Module",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Sequential",
]
