"""Layers and models."""

from minicnn.nn.batch_norm import BatchNorm
from minicnn.nn.ensemble import MeanProbability
from minicnn.nn.layers import Activation, Conv2D, Dense, Dropout, ReLU
from minicnn.nn.module import Module
from minicnn.nn.pooling import AveragePool2D, GlobalAveragePool2D, MaxPool2D
from minicnn.nn.sequential import Sequential
from minicnn.nn.shaping import Flatten, Rescaling, Reshape

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
