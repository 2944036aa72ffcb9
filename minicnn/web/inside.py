"""What goes on inside a model for one picture, in few enough digits to be sent."""

from typing import Any

import numpy as np

from minicnn.insight import inspection
from minicnn.insight.inspection import window
from minicnn.nn import Sequential
from minicnn.tape import Array
from minicnn.web.schemas import Layer, Layers, Place, Saliency, TraceAnswer

DIGITS = 5

MOST_CHANNELS = 64
"""Feature maps of a layer that are given."""


def layers(model: Sequential, picture: Array) -> Layers:
    """Return what each layer has made of the picture, but for those that change nothing."""
    model = inspection.looked_into(model)
    outputs = inspection.layer_outputs(model, picture)
    shown = zip(model.layers, outputs, strict=True)
    return Layers(
        layers=[
            Layer(
                name=output.name,
                kind=output.kind,
                activation=getattr(layer, "activation", None),
                shape=list(output.values.shape),
                values=_numbers(
                    output.values[..., :MOST_CHANNELS] if output.values.ndim == 3 else output.values
                ),
            )
            for layer, output in shown
            if inspection.makes_something(layer)
        ]
    )


def saliency(model: Sequential, picture: Array) -> Saliency:
    """Return how the winning output moves with each pixel."""
    gradients = inspection.saliency(model, picture[np.newaxis])
    return Saliency(saliency=_numbers(gradients[0, ..., 0]))


def trace(model: Sequential, picture: Array, place: Place) -> TraceAnswer:
    """Return the window of a number, the products, and their sum."""
    found = window(model, picture, place.layer, place.index)
    return TraceAnswer(
        layer=found.layer,
        index=list(found.index),
        value=found.value,
        activation=found.activation,
        before=found.before,
        source=found.source,
        shape=list(found.shape),
        box=[[each.start, each.stop] for each in found.box],
        values=_numbers(found.values),
        slopes=_numbers(found.slopes),
        products=_numbers(found.products),
        sum=found.sum,
        rest=found.rest,
    )


def _numbers(array: Array) -> Any:
    """Nested lists, rounded to `DIGITS` digits of the largest: more no screen shows."""
    largest = float(np.abs(array).max(initial=0))
    digits = DIGITS - int(np.floor(np.log10(largest))) if 0 < largest < np.inf else 0
    return np.round(array.astype(np.float64), digits).tolist()
