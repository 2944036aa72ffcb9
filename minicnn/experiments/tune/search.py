"""The search itself: trials one after the other, beside other processes with the same study."""

import contextlib
import math
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.exceptions import DuplicatedStudyError, ExperimentalWarning, TrialPruned
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.storages import BaseStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState

from minicnn.data import Dataset
from minicnn.errors import TrainingError
from minicnn.experiments import runs
from minicnn.experiments.settings import Settings
from minicnn.experiments.tune.found import Trial, Tuning
from minicnn.experiments.tune.journal import opened, retry
from minicnn.experiments.tune.plan import Plan
from minicnn.experiments.tune.watch import Watch
from minicnn.training.callbacks import Callback, TrainingState

NAMES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
PLAN = "minicnn"  # the attribute of a study that says what it is of
ENOUGH = 8  # complete trials, to tell which settings mattered
POLL = 1.0  # seconds between two looks at what other processes do


class Search:
    """A study that this process works on.

    - `wanted`: how many trials there shall be in all, of all processes.
    - `seconds`: after so many this process begins no other trial.
    """

    def __init__(
        self, plan: Plan, folder: Path, data: Dataset, wanted: int, seconds: float, watch: Watch
    ):
        self.plan, self.folder, self.data, self.watch = plan, folder, data, watch
        self.wanted, self.seconds = wanted, seconds

    def refuse_unreachable(self, url: str | None) -> None:
        """Raise `FileError` if there is no such database."""
        if url is not None:
            with _quiet_optuna(), opened(self.folder, url):
                pass

    def run(self, url: str | None) -> Tuning:
        """Work until there are enough trials; what the study has then."""
        interrupted = False
        with _quiet_optuna(), opened(self.folder, url) as (storage, self.heartbeats):
            self.study = self._opened(storage, url)
            try:
                with self.watch:
                    self._work()
            except KeyboardInterrupt:
                interrupted = True
            return self._found(interrupted)

    def _opened(self, storage: BaseStorage, url: str | None) -> optuna.Study:
        """Return the study, made now or by whoever came first."""
        name = self.folder.absolute().name
        try:
            study = optuna.create_study(
                storage=storage, study_name=name, direction="maximize", pruner=self._pruner()
            )
        except DuplicatedStudyError:
            study = optuna.load_study(storage=storage, study_name=name, pruner=self._pruner())
            where = str(self.folder) if url is None else f"study {name!r} in the database"
            self.plan.refuse_other(_plan_of(study), where)
        else:
            study.set_user_attr(PLAN, self.plan.to_dict())
            study.enqueue_trial(self.plan.recipe())
        return study

    def _pruner(self) -> optuna.pruners.BasePruner:
        """Return a pruner that stops a trial worse than the median of the others at the same epoch.

        Not in the first third, for a schedule that starts low is no worse in the end.
        """
        first = math.ceil(self.plan.epochs / 3) + 1  # epoch where a trial may end
        return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=first)

    # ---------------------------------------------------------------- the work

    def _work(self) -> None:
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            self.heartbeats.fail_stale(self.study)
            trials = self.study.get_trials(deepcopy=False)
            finished = sum(trial.state in FINISHED for trial in trials)
            if finished >= self.wanted:
                return
            if finished + sum(t.state == TrialState.RUNNING for t in trials) < self.wanted:
                self._try_one()
            else:  # the rest is with others; if one of them is killed, its trial becomes ours
                self.watch.waiting(finished, self.wanted)
                time.sleep(POLL)

    def _try_one(self) -> None:
        self.number = -1
        try:
            self.study.optimize(self._alive, n_trials=1)
        except KeyboardInterrupt:
            if self.number >= 0:
                self._try_again(self.study.trials[self.number])
            raise
        except Exception:
            if not self._tried_again():
                raise  # else this process was taken for dead: the trial is in other hands

    def _try_again(self, trial: FrozenTrial) -> None:
        """Leave a trial that was stopped to whoever goes on."""
        if trial.state == TrialState.FAIL and not self._tried_again():
            retry(self.study, trial)

    def _tried_again(self) -> bool:
        history = RetryHeartbeatStaleTrialCallback.retry_history
        return any(self.number in history(trial) for trial in self.study.get_trials(deepcopy=False))

    def _alive(self, trial: optuna.Trial) -> float:
        with self.heartbeats.of(trial.number):
            return self._accuracy(trial)

    def _accuracy(self, trial: optuna.Trial) -> float:
        """Train with what the trial draws: the validation accuracy after the last epoch."""
        self.number = trial.number
        trials = self.study.get_trials(deepcopy=False)
        before = [t.state for t in trials if t.number < trial.number]
        if sum(state in (*FINISHED, TrialState.RUNNING) for state in before) >= self.wanted:
            return math.nan  # another process was quicker: Optuna drops a trial without a number
        # Drawn by the trial's number: as many processes as there may be, and however often the
        # search was stopped, no two draw the same.
        seed = np.random.SeedSequence((self.plan.seed, trial.number)).generate_state(1)
        self.study.sampler = optuna.samplers.TPESampler(seed=int(seed[0]), constant_liar=True)
        settings = self.plan.drawn_settings(self.plan.draw(trial))
        show = self.watch.trial(trial.number, sum(t.state in FINISHED for t in trials), self.wanted)
        try:
            accuracy = self._trained(settings, trial, show)
        except TrialPruned as reason:
            self.watch.ended(trial.number, trial.params, None, str(reason))
            raise
        best = max((t.value or 0.0 for t in trials if t.state == TrialState.COMPLETE), default=0.0)
        self.watch.ended(trial.number, trial.params, accuracy, "best" if accuracy > best else "")
        return accuracy

    def _trained(self, settings: Settings, trial: optuna.Trial, show: Callback) -> float:
        """Return the accuracy of a model that is trained by these settings; raise `TrialPruned`."""
        report = _Report(trial)
        try:
            model = settings.build_model(self.data)
            history = runs.fit_model(settings, model, self.data, [report, show], progress=False)
        except TrainingError as error:
            raise TrialPruned("the loss is no longer a number") from error
        if history.interrupted:
            raise KeyboardInterrupt
        if report.pruned:
            raise TrialPruned(f"pruned after epoch {history.epochs}")
        return history["val_accuracy"][-1]

    # ---------------------------------------------------------------- the end

    def _found(self, interrupted: bool) -> Tuning:
        trials = [_trial(each) for each in self.study.get_trials(deepcopy=False)]
        complete = [trial for trial in trials if trial.state == "complete"]
        best = max(complete, key=lambda trial: trial.accuracies[-1], default=None)
        return Tuning(
            self.folder,
            self.plan.model,
            self.plan.epochs,
            self.wanted,
            self.plan.rows,
            trials,
            best,
            None if best is None else self.plan.drawn_settings(best.values),
            self._importances(len(complete)),
            interrupted,
        )

    def _importances(self, complete: int) -> dict[str, float]:
        if complete < ENOUGH:
            return {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # momentum is drawn in few trials only
            return get_param_importances(self.study, evaluator=PedAnovaImportanceEvaluator())


class _Report(Callback):
    """Tell the trial each epoch's validation accuracy, and stop where it is not worth going on."""

    def __init__(self, trial: optuna.Trial):
        self.trial, self.pruned = trial, False

    def on_epoch(self, training: TrainingState) -> None:
        epoch = training.history.epochs
        self.trial.report(training.history["val_accuracy"][-1], epoch)
        if epoch < training.epochs and self.trial.should_prune():
            self.pruned = training.stop = True


def _trial(trial: FrozenTrial) -> Trial:
    values = trial.intermediate_values
    return Trial(
        trial.number,
        NAMES[trial.state],
        tuple(values[epoch] for epoch in sorted(values)),
        dict(trial.params),
        None if trial.duration is None else trial.duration.total_seconds(),
    )


def _plan_of(study: optuna.Study) -> Any:
    """Return what the study is of; whoever made it may need a moment to say so."""
    for _ in range(20):
        if PLAN in study.user_attrs:
            return study.user_attrs[PLAN]
        time.sleep(0.25)
    return None


@contextlib.contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Its log is left to our own words, and its parts that may still change are known to be so."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
