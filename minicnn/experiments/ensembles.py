"""Several trained models as one model, which is saved, opened and asked like any other."""

import os
from collections.abc import Sequence

from minicnn.errors import SettingError, ShapeError
from minicnn.experiments.opening import as_model
from minicnn.experiments.run import Run
from minicnn.files import StrPath
from minicnn.nn import MeanProbability, Sequential


def ensemble(models: Sequence[Sequential | Run | StrPath]) -> Sequential:
    """Return a model that gives the mean of the probabilities that the given models give.

    - `models`: two or more trained models, runs, folders of runs, or models' files.

    It is of one layer, `nn.MeanProbability`, which holds the models themselves, not copies, and is
    kept by `save_model` in a file of its own. Raises `ShapeError` if the models do not take the
    same inputs and tell the same classes apart, `FileError` for one that cannot be opened.

    >>> from minicnn import zoo
    >>> ensemble([zoo.build("mlp", rng=seed) for seed in range(5)]).parameter_count()
    3116450
    """
    if len(models) < 2:
        raise SettingError(f"an ensemble needs two models or more, got {len(models)}")
    members = [as_model(model) for model in models]
    first = _terms(members[0])
    for number, (model, member) in enumerate(zip(models, members, strict=True), 1):
        if _terms(member) != first:
            raise ShapeError(
                f"{_name(model, number)} {_words(member)}, while {_name(models[0], 1)} "
                f"{_words(members[0])}; the models of an ensemble must agree"
            )
    joined = Sequential(MeanProbability(members), input_shape=members[0].input_shape)
    joined.head.check()
    joined.class_names = members[0].class_names
    return joined


def _terms(model: Sequential) -> tuple[object, ...]:
    """Return what the members must have in common."""
    return model.input_shape, model.classes, model.class_names


def _words(model: Sequential) -> str:
    names = f" ({', '.join(model.class_names)})" if model.class_names else ""
    return f"takes inputs {model.input_shape} of {model.classes} classes{names}"


def _name(model: Sequential | Run | StrPath, number: int) -> str:
    if isinstance(model, Run):
        return str(model.folder)
    return os.fspath(model) if isinstance(model, str | os.PathLike) else f"model {number}"
