"""How much arithmetic and memory a model takes: counted from its shapes, whatever computes it.

A product and its addition are two operations. Training multiplies three times: forward, for the
gradient of the weights, and for the gradient of the input, which the first layer with weights does
not need. Biases, activations, pooling, loss and optimizer are not counted (together 2 to 3 %).
"""

import math
from collections.abc import Iterator

from minicnn.errors import ShapeError
from minicnn.nn import Conv2D, Dense, Module, Sequential
from minicnn.nn.layers import as_pair

Shape = tuple[int, ...]


def layers_with_shapes(model: Sequential) -> Iterator[tuple[Module, Shape]]:
    """Each layer of a built model with the shape of its input, the batch axis left out."""
    if model.input_shape is None:
        raise ShapeError("the model is not built yet; give input_shape or an input")
    shape = model.input_shape
    for layer in model.layers:
        yield layer, shape
        shape = layer.output_shape(shape)


def macs(layer: Module, shape: Shape) -> int:
    """Multiplications (each with an addition) of the layer's forward pass for one image.

    >>> macs(Conv2D(64, 3), (13, 13, 32)), 11 * 11 * 64 * 3 * 3 * 32
    (2230272, 2230272)
    """
    if isinstance(layer, Conv2D):
        rows, columns = as_pair(layer.kernel_size, "kernel_size")
        return math.prod(layer.output_shape(shape)) * rows * columns * shape[2]
    if isinstance(layer, Dense):
        return shape[0] * layer.units
    return 0


def forward_flops(model: Sequential) -> int:
    """Operations to predict one image."""
    return 2 * sum(macs(layer, shape) for layer, shape in layers_with_shapes(model))


def training_flops(model: Sequential) -> int:
    """Operations of one image's share of a training step."""
    counts = [macs(layer, shape) for layer, shape in layers_with_shapes(model)]
    first = next((count for count in counts if count), 0)
    return 2 * (3 * sum(counts) - first)


def activation_bytes(model: Sequential) -> int:
    """Bytes of all layers' outputs for one image, in float32; what a training step must keep."""
    shapes = [layer.output_shape(shape) for layer, shape in layers_with_shapes(model)]
    return 4 * sum(math.prod(shape) for shape in shapes)


def column_bytes(model: Sequential) -> int:
    """Bytes of the largest column matrix (`im2col`) of one image; never alive for a whole batch."""
    return 4 * max(
        (
            macs(layer, shape) // layer.filters
            for layer, shape in layers_with_shapes(model)
            if isinstance(layer, Conv2D)
        ),
        default=0,
    )
