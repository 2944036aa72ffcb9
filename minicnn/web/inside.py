"""What goes on inside a model for one picture, as plain data for JSON."""

from typing import Any

import numpy as np

from minicnn.insight import inspection
from minicnn.insight.window import window
from minicnn.nn import Sequential
from minicnn.tape import Array
from minicnn.web.schemas import MOST_CHANNELS

DIGITS = 5


def layers(model: Sequential, picture: Array) -> dict[str, Any]:
    """The answer to ``POST /layers``: what each layer has made of the picture.

    Dropout and flattening are left out: they change nothing in prediction.
    """
    model = inspection.looked_into(model)
    outputs = inspection.layer_outputs(model, picture)
    shown = zip(model.layers, outputs, strict=True)
    return {
        "layers": [
            {
                "name": output.name,
                "kind": output.kind,
                "activation": getattr(layer, "activation", None),
                "shape": list(output.values.shape),
                "values": _numbers(output.values[..., :MOST_CHANNELS])
                if output.values.ndim == 3
                else _numbers(output.values),
            }
            for layer, output in shown
            if inspection.makes_something(layer)
        ]
    }


def saliency(model: Sequential, picture: Array) -> dict[str, Any]:
    """The answer to ``POST /saliency``: how the winning output moves with each pixel."""
    gradients = inspection.saliency(model, picture[np.newaxis])
    return {"saliency": _numbers(gradients[0, ..., 0])}


def trace(model: Sequential, picture: Array, layer: str, index: list[int]) -> dict[str, Any]:
    """The answer to ``POST /trace``: the window of a number, the products, and their sum."""
    found = window(model, picture, layer, index)
    return {
        "layer": found.layer,
        "index": list(found.index),
        "value": found.value,
        "activation": found.activation,
        "before": found.before,
        "source": found.source,
        "shape": list(found.shape),
        "box": [[each.start, each.stop] for each in found.box],
        "values": _numbers(found.values),
        "slopes": _numbers(found.slopes),
        "products": _numbers(found.products),
        "sum": found.sum,
        "rest": found.rest,
    }


def _numbers(array: Array) -> Any:
    """Nested lists, rounded to `DIGITS` digits of the largest: more no screen shows."""
    largest = float(np.abs(array).max(initial=0))
    digits = DIGITS - int(np.floor(np.log10(largest))) if 0 < largest < np.inf else 0
    return np.round(array.astype(np.float64), digits).tolist()
