"""Models that no other engine can be given."""

from minicnn.errors import ExportError, ShapeError
from minicnn.nn import MeanProbability, Sequential
from minicnn.nn.module import Shape


def described_shape(model: Sequential) -> Shape:
    """The shape of one input of a model that can be described to another engine.

    Raises `ShapeError` for a model that is not built, `UnknownNameError` for a layer that is not
    minicnn's own, `ExportError` for an ensemble.
    """
    if model.input_shape is None:
        raise ShapeError("the model has no weights yet; give it an input_shape or an input")
    model.config()
    for layer in model.layers:
        if isinstance(layer, MeanProbability):
            raise ExportError(
                f"layer {layer.name!r} is an ensemble of {len(layer.members)} models, for which "
                "other engines have no layer; export the models themselves"
            )
    return model.input_shape
