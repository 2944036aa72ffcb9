"""Batch normalisation."""

from dataclasses import dataclass, field

import numpy as np

from minicnn import functional as F
from minicnn import kernels
from minicnn.errors import ShapeError
from minicnn.nn.arguments import (
    finite,
)
from minicnn.nn.building import trying_out
from minicnn.nn.init import refuse_giant
from minicnn.nn.module import SameShape, Shape
from minicnn.tape import Array
from minicnn.tensor import Tensor


@dataclass(eq=False)
class BatchNorm(SameShape):
    """Normalise each channel to mean 0 and variance 1, then scale and shift by learnt amounts.

    In training by the batch's own statistics, otherwise by their running averages:
    ``average = momentum * average + (1 - momentum) * batch's``, with the biased variance, as Keras.
    Where it is not `trainable`, always by the running averages, which stay as they are.
    """

    momentum: float = 0.99
    epsilon: float = 1e-3
    name: str | None = None
    gamma: Tensor = field(init=False, repr=False)
    beta: Tensor = field(init=False, repr=False)
    moving_mean: Tensor = field(init=False, repr=False)
    moving_variance: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        finite(self.momentum, "momentum", 0, 1)
        finite(self.epsilon, "epsilon", 0)

    def build(self, input_shape: Shape, rng: np.random.Generator) -> None:
        channels = input_shape[-1]
        refuse_giant((4, channels))
        self.gamma = Tensor(np.ones(channels, np.float32), requires_grad=True)
        self.beta = Tensor(np.zeros(channels, np.float32), requires_grad=True)
        self.moving_mean = Tensor(np.zeros(channels, np.float32))
        self.moving_variance = Tensor(np.ones(channels, np.float32))

    def forward(self, x: Tensor, training: bool) -> Tensor:
        self._check(x)
        if training and self.trainable:
            return F.batch_norm(x, self.gamma, self.beta, *self._statistics(x), self.epsilon)
        averages = self.moving_mean.data, self.moving_variance.data
        return F.batch_norm_inference(x, self.gamma, self.beta, *averages, self.epsilon)

    def forward_fused(self, x: Tensor, training: bool) -> Tensor:
        """Compute the layer and ReLU in one, in training."""
        self._check(x)
        return F.batch_norm_relu(x, self.gamma, self.beta, *self._statistics(x), self.epsilon)

    def folded_into(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Weights (..., C) and bias (C,) that do in prediction what they and this layer do."""
        scale = self.gamma / F.sqrt(self.moving_variance + self.epsilon)
        return weight * scale, (bias - self.moving_mean) * scale + self.beta

    def _check(self, x: Tensor) -> None:
        if x.shape[-1] != self.gamma.size:
            raise ShapeError(f"the input must have {self.gamma.size} channels, got shape {x.shape}")

    def _statistics(self, x: Tensor) -> tuple[Array, Array]:
        """Mean and variance of each channel; the running averages take them in."""
        mean, variance = kernels.moments(x._data)
        if trying_out.get():
            return mean, variance
        for average, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average[...] = self.momentum * average.data + (1 - self.momentum) * now
        return mean, variance
