"""`tune`: the search for the settings that train a model best, by validation accuracy.

study.json    what the search is of
journal.log   the study itself, unless it is in a database; `alive/` is beside it
best.json     the best settings, which ``minicnn train --config`` takes
trials.json   every trial with its accuracies
tuning.html   the page on all that, with `figures/*.png`
"""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from minicnn import zoo
from minicnn.bridge.extras import required
from minicnn.errors import SettingError
from minicnn.experiments.run import load_data
from minicnn.experiments.tune.found import Trial, Tuning
from minicnn.experiments.tune.plan import Plan
from minicnn.experiments.tune.space import SPACE
from minicnn.experiments.tune.watch import Watch
from minicnn.files import StrPath

__all__ = ["SPACE", "Trial", "Tuning", "tune"]


def tune(
    model: str,
    *,
    out: StrPath | None = None,
    trials: int = 30,
    timeout: float | None = None,
    epochs: int | None = None,
    seed: int = 0,
    validation: float = 0.1,
    only: Sequence[str] | None = None,
    fix: Mapping[str, Any] | None = None,
    data: StrPath | None = None,
    prefix: str | None = None,
    storage: str | None = None,
    progress: bool = True,
) -> Tuning:
    """Search the settings that train a model of the zoo best, and write what was found to `out`.

    Each trial trains the model anew with settings that Optuna draws from `tuning.SPACE` in the
    light of the trials before, and is stopped early where it does worse than most. What counts is
    the accuracy after the last epoch on a part of the training set, the same for all trials; the
    test set is not looked at.

    - `out`: a new folder, or that of the same search, which goes on: finished trials are kept,
      those of processes that were killed are tried again. Any number of processes, on all machines
      that share the folder, may work on one search. ``runs/MODEL-tuning`` if not given.
    - `trials`: how many in all, whoever trains them; none is begun after `timeout` seconds.
    - `epochs`: of each trial; those of the model's recipe if not given.
    - `only`: the names of the settings to search; the others are the recipe's.
    - `fix`: settings with the values that they have in every trial.
    - `data`: an IDX directory; MNIST if not given.
    - `prefix`: which set of the directory, if it holds several.
    - `storage`: the URL of a database, such as ``postgresql://user:password@host/name``, for
      machines that share no folder; its driver must be installed. The study there has the name of
      the folder `out`, which then holds only what was found.
    - `progress`: show it on the standard error stream.

    Ctrl-C ends it in order: the result has the trials so far and says `interrupted`.

    Raises, before anything is trained, `UnknownNameError` for a model or setting that is not known,
    `SettingError` for a value that cannot be, `FileError` for a folder or study of anything
    else, `DataError` for data that cannot be read, and `MissingPackageError` without Optuna.
    """
    zoo.entry(model)
    for name, number in ("trials", trials), ("timeout", timeout), ("epochs", epochs):
        if number is not None and not number > 0:
            raise SettingError(f"{name} must be positive, got {number}")
    required("optuna", "tune")
    from minicnn.experiments.tune.folder import begin, write_results
    from minicnn.experiments.tune.search import Search

    directory = None if data is None else os.path.abspath(data)
    training_set, _ = load_data(directory, prefix=prefix)
    plan = Plan.of(
        model,
        training_set,
        directory=directory,
        prefix=prefix,
        epochs=epochs,
        seed=seed,
        validation=validation,
        only=only,
        fix=fix,
    )
    folder = Path("runs", f"{model}-tuning") if out is None else Path(out)
    seconds = math.inf if timeout is None else timeout
    search = Search(plan, folder, training_set, trials, seconds, Watch(progress))
    search.refuse_unreachable(storage)
    begin(folder, plan)
    found = search.run(storage)
    write_results(found)
    return found
