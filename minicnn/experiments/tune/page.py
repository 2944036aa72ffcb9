"""The page on a search."""

from collections.abc import Mapping
from typing import Any

from minicnn.experiments.report.page import Page, Part, Section, Table, Text, picture
from minicnn.experiments.tune import figures
from minicnn.experiments.tune.found import Trial, Tuning
from minicnn.experiments.tune.watch import worded

LISTED = 20  # trials


def tuning_page(found: Tuning) -> Page:
    """The page on a search that has a complete trial."""
    best, settings = found.best, found.settings
    assert best is not None
    assert settings is not None
    ended = [t for t in found.trials if t.state in figures.LOOKS and t.accuracies]
    lead = (
        f"The settings that train {found.model} best, by its accuracy on a part of the training "
        f"set after {found.epochs} epochs. The test set was not looked at."
    )
    facts = [
        ("best trial", f"{best.number}"),
        ("its validation accuracy", f"{best.accuracies[-1]:.2%}"),
        ("complete trials", f"{found.count('complete')}"),
        ("pruned trials", f"{found.count('pruned')}"),
    ]
    sections = [
        Section("Best settings", [_settings(vars(settings), best)]),
        Section("History", [_history(ended)]),
        Section("What mattered", [_importances(found)]),
        Section("Each setting by itself", [_slices(ended, found)]),
        Section("Epoch by epoch", [_epochs(ended, best)]),
        Section("Trials", [_trials(found)]),
    ]
    return Page(f"Tuning {found.model}", lead, facts, sections)


def _settings(settings: Mapping[str, Any], best: Trial) -> Table:
    searched = [[_name(name), worded(value), "searched"] for name, value in best.values.items()]
    strengths = {k: v for k, v in vars(settings["augmentation"]).items() if v}
    rest = {k: v for k, v in settings.items() if k != "augmentation" and v is not None}
    others = [
        [_name(name), worded(value), ""]
        for name, value in {**rest, **strengths}.items()
        if name not in best.values
    ]
    caption = "best.json has all of them: minicnn train --config best.json"
    return Table(["setting", "value", ""], searched + others, caption, text_columns=3)


def _name(setting: str) -> str:
    return setting.replace("_", " ")


def _history(ended: list[Trial]) -> Part:
    caption = (
        "Each trial's accuracy on the validation set after its last epoch, in the order in which "
        "they began. Pruned ones were stopped before, because others did better. The axis goes by "
        "the ratio of errors: from 90 to 95% is as far as from 98 to 99%."
    )
    return picture("history", figures.history(ended), "The accuracy of each trial", caption)


def _importances(found: Tuning) -> Part:
    if not found.importances:
        return Text("There are too few complete trials to tell which settings mattered.")
    caption = (
        "How much of what tells the better half of the trials from the rest each setting explains "
        "(PED-ANOVA: Watanabe, Bansal and Hutter, 2023, arXiv:2304.10255)."
    )
    drawn = figures.importances(found.importances)
    return picture("importances", drawn, "The share of each setting", caption)


def _slices(ended: list[Trial], found: Tuning) -> Part:
    caption = "Each trial by the value of each setting that was searched."
    drawn = figures.slices(ended, found.rows)
    return picture("slices", drawn, "The accuracy by each setting", caption)


def _epochs(ended: list[Trial], best: Trial) -> Part:
    caption = "The accuracy on the validation set after each epoch, a line for each trial."
    return picture("epochs", figures.epochs(ended, best), "Accuracies by epoch", caption)


def _trials(found: Tuning) -> Table:
    order = [t for t in found.trials if t.accuracy is not None and t.state in figures.LOOKS]
    order.sort(key=lambda trial: (trial.state, -(trial.accuracy or 0)))
    rows = [
        [
            str(trial.number),
            trial.state,
            f"{trial.accuracies[-1]:.2%}",
            str(len(trial.accuracies)),
            *(worded(trial.values.get(row.name, "–")) for row in found.rows),
        ]
        for trial in order[:LISTED]
    ]
    head = ["trial", "state", "accuracy", "epochs", *(_name(row.name) for row in found.rows)]
    caption = "" if len(order) <= LISTED else f"The best {LISTED}; trials.json has all."
    return Table(head, rows, caption, text_columns=2)
