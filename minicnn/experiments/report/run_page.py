"""What a run came to, as a page."""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

import numpy as np

from minicnn import metrics
from minicnn.data.corruption import CORRUPTIONS
from minicnn.experiments.report import figures
from minicnn.experiments.report import network_figures as draw
from minicnn.experiments.report.brightness import drawable
from minicnn.experiments.report.page import Page, Part, Section, Table, Text, picture
from minicnn.experiments.report.robustness_figures import corrupted
from minicnn.experiments.report.robustness_figures import robustness as robustness_figure
from minicnn.experiments.report.run_numbers import BINS, RunReport
from minicnn.experiments.settings import Settings
from minicnn.insight import style
from minicnn.insight.inspection import first_filters, layer_outputs, saliency
from minicnn.nn import Sequential
from minicnn.plain_data import Setting, settings_of
from minicnn.tape import Array

SHOWN = 30  # of the test pictures
UNCHANGED = ("Dropout", "Flatten")  # in prediction these make nothing new of a picture


def run_page(report: RunReport) -> Page:
    """The page on a run."""
    low, high = report.interval
    count = len(report.labels)
    wrong = count - int((report.predictions == report.labels).sum())
    model = report.settings.get("model", report.name)
    return Page(
        f"Run report: {report.name}",
        f"The model {model} with {report.model.parameter_count():,} trainable "
        f"parameters, measured on a test set of {count:,} pictures.",
        [
            ("test accuracy", f"{report.evaluation.accuracy:.2%}"),
            ("95 % interval", f"{100 * low:.2f} – {100 * high:.2f}%"),
            ("mistakes", f"{wrong:,} of {count:,}"),
            ("test loss", f"{report.evaluation.loss:.4f}"),
            ("calibration error", f"{report.calibration_error:.4f}"),
            ("robustness", f"{report.robustness.overall:.2%}"),
            ("parameters", f"{report.model.parameter_count():,}"),
            *_of_training(report.training),
        ],
        [
            Section("Settings", [_settings(report)]),
            Section("Layers", [_layers(report.model)]),
            Section("Learning curves", list(_curves(report))),
            Section("Precision and recall", [_classification(report.classification)]),
            Section("Confusion matrix", list(_confusion(report))),
            Section("Reliability of the probabilities", list(_reliability(report))),
            Section("Robustness", list(_robustness(report))),
            Section("Test pictures and answers", list(_answers(report))),
            Section("Worst mistakes", list(_mistakes(report))),
            Section("Filters of the first layer", list(_filters(report.model))),
            Section("One picture through the net", list(_maps(report))),
            Section("What the answers hang on", list(_saliency(report))),
        ],
    )


def _of_training(training: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = []
    if "epochs" in training:
        best = f" (best: {training['best_epoch']})" if training.get("best_epoch") else ""
        facts.append(("epochs", f"{training['epochs']}{best}"))
    if "training_seconds" in training:
        facts.append(("training time", f"{training['training_seconds']:.0f} s"))
    return facts


def _settings(report: RunReport) -> Part:
    if not report.settings:
        return Text("A model's file does not say how it was trained.")
    rows = [
        [declared.word or name.replace("_", " "), _setting(declared, report.settings[name])]
        for name, declared in settings_of(Settings).items()
    ]
    half = -(-len(rows) // 2)  # side by side, for it is a long list of short words
    pairs = zip_longest(rows[:half], rows[half:], fillvalue=["", ""])
    return Table(["setting", "value"] * 2, [left + right for left, right in pairs], text_columns=4)


def _setting(declared: Setting, value: Any) -> str:
    """A setting's value in words; of several in one, those that are not 0."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {each:g}" for name, each in value.items() if each) or "none"
    return declared.left_out if value is None else str(value)


def _layers(model: Sequential) -> Table:
    rows = [
        [f"{row.name} ({row.kind})", str((None, *row.output_shape)), f"{row.parameters:,}"]
        for row in model.layer_rows()
    ]
    total = sum(tensor.size for _, tensor in model.named_tensors())
    trainable = model.parameter_count()
    totals = [
        ["Total params", "", f"{total:,}"],
        ["Trainable params", "", f"{trainable:,}"],
        ["Non-trainable params", "", f"{total - trainable:,}"],
    ]
    return Table(
        ["Layer (type)", "Output shape", "Param #"], [*rows, *totals], text_columns=2, last=3
    )


def _curves(report: RunReport) -> Iterator[Part]:
    if not report.history:
        yield Text("No epoch was recorded in this run, so there are no curves to show.")
        return
    caption = ""
    if "val_loss" in report.history:
        caption = "Validation is on pictures held out of the training set."
    if report.training.get("best_epoch"):
        caption += f" The weights are those after epoch {report.training['best_epoch']}."
    alt = "Loss and accuracy after each epoch, in training and validation"
    yield picture("curves", figures.curves(report.history), alt, caption.strip())


def _classification(found: metrics.ClassificationReport) -> Table:
    rows = [
        [style.short(name), *(f"{score:.4f}" for score in scores), f"{support:,}"]
        for name, *scores, support in zip(
            found.class_names, found.precision, found.recall, found.f1, found.support, strict=True
        )
    ]
    total = f"{found.support.sum():,}"
    rows += [
        ["accuracy", "", "", f"{found.accuracy:.4f}", total],
        ["macro average", *(f"{score:.4f}" for score in found.macro), total],
        ["weighted average", *(f"{score:.4f}" for score in found.weighted), total],
    ]
    caption = "Support is the number of test pictures of the class."
    return Table(["class", "precision", "recall", "F1", "support"], rows, caption, last=3)


def _confusion(report: RunReport) -> Iterator[Part]:
    matrix = report.confusion.copy()
    np.fill_diagonal(matrix, 0)
    if matrix.any():
        names = [style.short(name) for name in report.class_names]
        order = np.argsort(-matrix, axis=None, kind="stable")[:3]
        pairs = [np.unravel_index(place, matrix.shape) for place in order if matrix.flat[place]]
        listed = [f"{names[a]} taken for {names[b]} ({matrix[a, b]} times)" for a, b in pairs]
        yield Text(f"Most frequent: {'; '.join(listed)}.")
    figure = figures.confusion(report.confusion, report.class_names)
    alt = "Confusion matrix: how often each true class was predicted as each class"
    yield picture("confusion", figure, alt)


def _reliability(report: RunReport) -> Iterator[Part]:
    yield Text(
        "If a model says 90 %, it should be right nine times in ten. The answers are sorted by "
        f"their probability into {BINS} bins of equal width; the expected calibration error, the "
        "mean distance of accuracy and probability weighted by the pictures in each bin, is "
        f"{report.calibration_error:.4f}."
    )
    alt = "Reliability diagram: accuracy by probability of the answer, and how many there are"
    yield picture("reliability", draw.reliability(report.reliability), alt)


def _robustness(report: RunReport) -> Iterator[Part]:
    found = report.robustness
    which = f"all {found.images:,} test pictures"
    if found.images < found.out_of:
        which = f"{found.images:,} test pictures, drawn at random,"
    yield Text(
        f"The accuracy on {which} made worse in six ways; as they are it is {found.clean:.2%}."
    )
    rows = [
        [name, f"{corruption.scale} {', '.join(f'{each:g}' for each in corruption.severities)}"]
        + [f"{accuracy:.2%}" for accuracy in (*found.accuracy[name], found.mean(name))]
        for name, corruption in CORRUPTIONS.items()
    ]
    yield Table(
        ["", "from mild to hard", "1", "2", "3", "4", "mean"],
        [*rows, ["mean", "", "", "", "", "", f"{found.overall:.2%}"]],
        text_columns=2,
        last=1,
    )
    alt = "Accuracy by the severity of each corruption"
    yield picture("robustness", robustness_figure({report.name: found}), alt)
    alt = "A test picture with each corruption at each severity"
    figure = corrupted(report.test.scaled([0])[0])
    yield picture("corrupted", figure, alt, "The first test picture, made worse.")


def _answers(report: RunReport) -> Iterator[Part]:
    shown = np.arange(min(SHOWN, len(report.test)))
    notes = _notes(report, shown)
    caption = (
        f"The first {len(shown)} test pictures, the answer and its probability below each; "
        "a cross marks a mistake."
    )
    alt = "Test pictures with the model's answers"
    yield picture("answers", draw.predictions(report.test.images[shown], notes), alt, caption)


def _notes(report: RunReport, places: Array) -> list[str]:
    """The answers to these test pictures with their probabilities, a cross beside the wrong."""
    notes = []
    for place in places:
        answer = report.predictions[place]
        cross = "" if answer == report.labels[place] else " ✗"
        share = report.probabilities[place].max()
        notes.append(f"{style.short(report.class_names[answer])} {share:.1%}{cross}")
    return notes


def _mistakes(report: RunReport) -> Iterator[Part]:
    figure = figures.mistakes(
        drawable(report.test.images), report.labels, report.probabilities, report.class_names
    )
    caption = (
        "What it is → what it was taken for, with the probability of that answer. The mistakes of "
        "which the model was most sure come first."
    )
    yield picture("mistakes", figure, "The surest wrong answers", caption)


# ------------------------------------------------------------------ inside the net


def _filters(model: Sequential) -> Iterator[Part]:
    found = first_filters(model)
    if found is None:
        yield Text("The model has no convolution, so there are no filters to show.")
        return
    name, weight = found
    rows, columns, channels, count = weight.shape
    how = "in their colours" if channels == 3 else "blue is below zero, red above"
    most = f"; the first {draw.MOST_FILTERS} are shown" if count > draw.MOST_FILTERS else ""
    caption = f"The {count} kernels of {rows} × {columns} of layer {name}, {how}{most}."
    yield picture("filters", draw.filters(weight), "The kernels of the first convolution", caption)


def _maps(report: RunReport) -> Iterator[Part]:
    place = int(_examples(report)[0])
    chosen = report.test.images[place]
    outputs = [
        each
        for each in layer_outputs(report.model, report.test.scaled([place])[0])
        if each.kind not in UNCHANGED
    ]
    caption = (
        f"Test picture #{place}, what each layer makes of it: of images the ten maps with the most "
        "activity, of vectors all numbers in lines, each layer on its own scale, blue below "
        "zero. Dropout and Flatten change no number and are left out."
    )
    figure = draw.feature_maps(chosen, outputs, report.class_names)
    alt = "The activations of every layer for one test picture"
    yield picture("feature_maps", figure, alt, caption)


def _examples(report: RunReport) -> Array:
    """The first picture with the right answer of each of ten classes, or else simply the first."""
    right = np.flatnonzero(report.predictions == report.labels)
    _, first = np.unique(report.labels[right], return_index=True)
    return right[first][: draw.COLUMNS] if len(right) else np.array([0])


def _saliency(report: RunReport) -> Iterator[Part]:
    places = _examples(report)
    gradients = saliency(report.model, report.test.scaled(places))
    notes = _notes(report, places)
    caption = (
        "Bright where a small change of the pixel changes the winning output most: the size of "
        "its gradient by the input, each picture on its own scale."
    )
    figure = draw.saliency(report.test.images[places], gradients, notes)
    yield picture("saliency", figure, "Test pictures and the gradients of the answers", caption)
