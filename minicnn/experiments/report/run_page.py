"""What a run came to, as a page; what it says stands in ``run_page.md.jinja``."""

from collections.abc import Mapping
from functools import partial
from itertools import zip_longest
from typing import Any

import numpy as np

from minicnn.data.corruption import CORRUPTIONS
from minicnn.experiments.report import figures
from minicnn.experiments.report import network_figures as draw
from minicnn.experiments.report.markdown import page_from
from minicnn.experiments.report.mosaic import drawable
from minicnn.experiments.report.page import Page
from minicnn.experiments.report.run_numbers import RunReport
from minicnn.experiments.settings import Settings
from minicnn.insight import style
from minicnn.insight.inspection import first_filters, layer_outputs, saliency
from minicnn.plain_data import Setting, settings_of
from minicnn.tape import Array

SHOWN = 30  # of the test pictures
UNCHANGED = ("Dropout", "Flatten")  # in prediction these make nothing new of a picture


def run_page(report: RunReport) -> Page:
    """Return the page on a run."""
    examples = _examples(report)
    outputs = layer_outputs(report.model, report.test.scaled(examples[:1])[0])
    return page_from(
        "report/run_page.md.jinja",
        report=report,
        count=len(report.labels),
        settings=_settings(report.settings) if report.settings else [],
        confused=_confused(report),
        corruptions=CORRUPTIONS,
        first=np.arange(min(SHOWN, len(report.test))),
        examples=examples,
        outputs=[each for each in outputs if each.kind not in UNCHANGED],
        filters=first_filters(report.model),
        notes=partial(_notes, report),
        figures=figures,
        draw=draw,
        drawable=drawable,
        saliency=saliency,
        short=style.short,
    )


def _settings(given: Mapping[str, Any]) -> list[list[str]]:
    """Two settings and their values in a row, for it is a long list of short words."""
    rows = [
        [declared.word or name.replace("_", " "), _setting(declared, given[name])]
        for name, declared in settings_of(Settings).items()
    ]
    half = -(-len(rows) // 2)
    pairs = zip_longest(rows[:half], rows[half:], fillvalue=["", ""])
    return [left + right for left, right in pairs]


def _setting(declared: Setting, value: Any) -> str:
    """Format a setting's value in words; of several in one, those that are not 0."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {each:g}" for name, each in value.items() if each) or "none"
    return declared.left_out if value is None else str(value)


def _confused(report: RunReport) -> list[str]:
    """Return the three most frequent mistakes, in words."""
    matrix = report.confusion.copy()
    np.fill_diagonal(matrix, 0)
    names = [style.short(name) for name in report.class_names]
    order = np.argsort(-matrix, axis=None, kind="stable")[:3]
    pairs = [np.unravel_index(place, matrix.shape) for place in order if matrix.flat[place]]
    return [f"{names[a]} taken for {names[b]} ({matrix[a, b]} times)" for a, b in pairs]


def _notes(report: RunReport, places: Array) -> list[str]:
    """Return the answer for each of these test pictures with its probability; mark the wrong
    ones.
    """
    notes = []
    for place in places:
        answer = report.predictions[place]
        cross = "" if answer == report.labels[place] else " ✗"
        share = report.probabilities[place].max()
        notes.append(f"{style.short(report.class_names[answer])} {share:.1%}{cross}")
    return notes


def _examples(report: RunReport) -> Array:
    """Return the first picture with the right answer of each of ten classes, or else simply the
    first.
    """
    right = np.flatnonzero(report.predictions == report.labels)
    _, first = np.unique(report.labels[right], return_index=True)
    return right[first][: draw.COLUMNS] if len(right) else np.array([0])
