"""The tables of the accuracies, out of the files of results."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import tables
from benchmarks.accuracy.summary import FORMAT, Content
from benchmarks.goal import Goal
from benchmarks.tables import Table
from minicnn.data.corruption import CORRUPTIONS
from minicnn.insight.robustness import Robustness


def load(folder: Path) -> dict[str, Content]:
    """The results in a folder by the name of the recipe, the most accurate first."""
    contents = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    known = [each for each in contents if each.get("format") == FORMAT]
    known.sort(key=lambda each: -each["accuracy"]["mean"])
    return {each["model"]: each for each in known}


def all_tables(results: Mapping[str, Content]) -> list[Table]:
    """Those that have a row."""
    every = [accuracies(results), others(results), against(results), goals(results)]
    every += [robustness(each) for each in results.values() if "robustness" in each]
    return [table for table in every if table.rows]


def percent(share: float, digits: int = 2) -> str:
    """A share of 1, with as many digits as there are test pictures.

    >>> percent(0.9971), percent(0.99712, 3)
    ('99.71', '99.712')
    """
    return f"{100 * share:.{digits}f}"


def mean(spread: Mapping[str, float | None]) -> str:
    """Mean and deviation in percent.

    >>> mean({"mean": 0.99712, "deviation": 0.00041}), mean({"mean": 0.99, "deviation": None})
    ('99.712 ± 0.041', '99.000')
    """
    deviation = spread["deviation"]
    more = "" if deviation is None else f" ± {percent(deviation, 3)}"
    return f"{percent(spread['mean'] or 0, 3)}{more}"


def median(spread: Mapping[str, float], text: Callable[[float], str]) -> str:
    """Median and range of times, which other work on the machine makes longer.

    >>> median({"median": 7.0, "low": 6.0, "high": 9.0}, str)
    '7.0 (6.0–9.0)'
    """
    return f"{text(spread['median'])} ({text(spread['low'])}–{text(spread['high'])})"


def accuracies(results: Mapping[str, Content]) -> Table:
    """The figures that count."""
    columns = ["recipe", "parameters", "mean ± deviation", "every seed", "ensemble"]
    table = Table("Accuracy on the test set, in percent", columns)
    for model, found in results.items():
        seeds = [percent(seed["accuracy"]) for seed in found["seeds"]]
        of_all = percent(found["ensemble"]["accuracy"]) if "ensemble" in found else "–"
        row = [model, f"{found['parameters']:,}", mean(found["accuracy"]), ", ".join(seeds), of_all]
        table.rows.append(row)
        if len(seeds) < found["wanted"]:
            table.notes.append(f"{model}: {len(seeds)} of {found['wanted']} seeds are done.")
    table.notes.append(
        "Trained on all training pictures; the weights of the last epoch; nothing chosen on the "
        "test set. The ensemble is the mean of the probabilities of all seeds."
    )
    return table


def others(results: Mapping[str, Content]) -> Table:
    """The same without the disputed labels, calibration and time."""
    columns = ["recipe", "undisputed", "its ensemble", "calibration error", "of the ensemble"]
    table = Table("Disputed labels, calibration and time", [*columns, "minutes", "process"])
    for model, found in results.items():
        joined, seconds = found.get("ensemble", {}), found.get("process_seconds")
        row = [
            model,
            mean(found["undisputed"]) if "undisputed" in found else "–",
            percent(joined["undisputed"]) if "undisputed" in joined else "–",
            percent(found["calibration_error"]["mean"]),
            percent(joined["calibration_error"]) if joined else "–",
            median(found["training_seconds"], lambda seconds: f"{seconds / 60:.1f}"),
            median(seconds, tables.seconds) if seconds else "–",
        ]
        table.rows.append(row)
    table.notes = [
        "Undisputed: accuracy in percent without the 15 test pictures whose labels are known to be "
        "wrong. Calibration error: in percent, mean of the seeds. Minutes: training of one seed. "
        "Process: from the start of `minicnn train` to its end, kernels compiled before. Of times "
        "the median, in brackets the least and the most."
    ]
    return table


def against(results: Mapping[str, Content]) -> Table:
    """McNemar's test."""
    columns = ["recipe", "against", "models", "only it right", "only the other", "p"]
    table = Table("McNemar's test against the plain recipe", columns)
    for model, found in results.items():
        other = found.get("against", {"seeds": []})
        pairs = [(f"seed {number}", each) for number, each in enumerate(other["seeds"])]
        pairs += [("ensembles", other["ensemble"])] if "ensemble" in other else []
        for models, each in pairs:
            counts = [str(each["only_first"]), str(each["only_second"])]
            table.rows.append([model, other["model"], models, *counts, f"{each['p_value']:.2g}"])
    table.notes = [
        "Test pictures that only one of the two gets right, and the probability of counts at least "
        "this uneven if both were equally good (exact, two-sided)."
    ]
    return table


def robustness(found: Content) -> Table:
    """The accuracy on pictures made worse, of a recipe and of the plain one."""
    measured = {model: Robustness.from_dict(each) for model, each in found["robustness"].items()}
    columns = ["corruption", "recipe", "mild", "", "", "hard", "mean"]
    table = Table(f"{found['model']}: accuracy on corrupted pictures, in percent", columns)
    for name, corruption in CORRUPTIONS.items():
        severities = ", ".join(f"{each:g}" for each in corruption.severities)
        for number, (model, each) in enumerate(measured.items()):
            what = "" if number else f"{name}, {corruption.scale} {severities}"
            shares = [percent(share, 1) for share in (*each.accuracy[name], each.mean(name))]
            table.rows.append([what, model, *shares])
    for model, each in measured.items():
        overall = ["", "", "", "", percent(each.overall, 1)]
        table.rows.append(["mean of all", model, *overall])
    one = next(iter(measured.values()))
    some = f"{one.images:,} of the {one.out_of:,}" if one.images < one.out_of else "all"
    table.notes = [f"Seed 0 of each, on {some} test pictures."]
    return table


# ------------------------------------------------------------------ goals


def _value(*path: str) -> Callable[[Content], float | None]:
    """Takes the figure at this path out of the results; None where it is not there."""

    def value(found: Any) -> float | None:
        for key in path:
            found = found.get(key) if found else None
        return None if found is None else float(found)

    return value


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min"


GOALS = [
    Goal("best", "mean", 0.9970, _value("accuracy", "mean"), lambda v: percent(v, 3)),
    Goal("best", "ensemble", 0.9978, _value("ensemble", "accuracy"), percent),
    Goal("best", "calibration error", 0.01, _value("calibration_error", "mean"), percent, False),
    Goal("best", "one run", 1800, _value("training_seconds", "median"), _minutes, False),
    Goal("compact-best", "mean", 0.9960, _value("accuracy", "mean"), lambda v: percent(v, 3)),
    Goal("tiny-best", "mean", 0.9940, _value("accuracy", "mean"), lambda v: percent(v, 3)),
    Goal("speedrun", "mean", 0.99, _value("accuracy", "mean"), lambda v: percent(v, 3)),
    Goal("speedrun", "process", 12, _value("process_seconds", "median"), tables.seconds, False),
]


def goals(results: Mapping[str, Content]) -> Table:
    """Every goal whose recipe was measured on MNIST."""
    table = Table("Goals", ["recipe", "figure", "goal", "reached", "met"])
    for goal in GOALS:
        found = results.get(goal.of)
        value = goal.value(found) if found and found["settings"]["data"] is None else None
        if value is not None:
            row = [goal.of, goal.figure, goal.limit_text, goal.text(value), goal.verdict(value)]
            table.rows.append(row)
    return table
