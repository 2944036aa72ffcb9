"""`compare`: several models trained, measured and put side by side, in minicnn and in Keras."""

from collections.abc import Sequence
from pathlib import Path

from minicnn import zoo
from minicnn.bridge.extras import quiet, required
from minicnn.experiments.compare.entries import (
    ComparedModel,
    common_place,
    refuse_twins,
    refuse_without_twin,
)
from minicnn.experiments.compare.job import ComparisonJob
from minicnn.experiments.compare.table import (
    Cells,
    Comparison,
    ComparisonRow,
    Disagreement,
    ModelResult,
    engines_table,
    layers_table,
    results_table,
)
from minicnn.experiments.run import load_data
from minicnn.files import StrPath

__all__ = [
    "Cells",
    "Comparison",
    "ComparisonRow",
    "Disagreement",
    "ModelResult",
    "compare",
    "engines_table",
    "layers_table",
    "results_table",
]


def compare(
    models: Sequence[StrPath] = (),
    *,
    out: StrPath,
    keras: bool = False,
    epochs: int | None = None,
    seed: int | None = None,
    data: StrPath | None = None,
    prefix: str | None = None,
    progress: bool = True,
) -> Comparison:
    """Train each model by its own recipe, measure all on the same test set, and name the best.

    - `models`: names of the zoo, and folders of finished runs, which are neither copied nor
      changed; `zoo.MODELS` if there are none.
    - `out`: the folder for all of it. The same call again goes on where the last one stopped.
    - `keras`: train each once more in Keras: the same weights to begin with, the same batches.
    - `epochs`, `seed`: in place of the recipes' own, for the models that are trained here.
    - `data`: an IDX directory; that of the runs, or MNIST, if not given; `prefix`: which of its
      sets, if it holds several.
    - `progress`: show it on the standard error stream.

    The best is chosen by validation accuracy and saved as `best.npz`. Ctrl-C ends it in order: the
    result has the finished rows and says `interrupted`.

    Raises, before anything is trained, `UnknownNameError` for a model that is not known,
    `FileError` for a folder without a finished run, a model that is named twice, and a folder
    `out` of another comparison, `WriteError` for one that holds anything else, `DataError` for runs
    of other data, and if Keras is wanted `TrainingError` for a recipe that it cannot follow and
    `MissingPackageError` if it is not there.
    """
    given = [ComparedModel.of(model) for model in models or zoo.MODELS]
    refuse_twins(given)
    place = common_place(given, data, prefix)
    entries = [entry.completed(epochs=epochs, seed=seed, **place) for entry in given]
    if keras:
        refuse_without_twin(entries)
        with quiet():
            required("keras", "keras")
    sets = load_data(place["data"], prefix=place["prefix"])
    for entry in entries:
        entry.check(sets, place["data"])
    job = ComparisonJob(Path(out), entries, keras, sets, progress)
    return job.run({"epochs": epochs, "seed": seed, **place})
