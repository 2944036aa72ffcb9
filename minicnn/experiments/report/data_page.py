"""What was found in a data set, as a page; what it says stands in ``data_page.md.jinja``."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np
from matplotlib.figure import Figure

from minicnn.data import Dataset
from minicnn.experiments.explore import ALIKE, ChiSquared, Exploration, LikePair
from minicnn.experiments.report import data_figures as draw
from minicnn.experiments.report.markdown import page_from
from minicnn.experiments.report.mosaic import colours, mosaic
from minicnn.experiments.report.page import Page
from minicnn.tape import Array

SAMPLES = 10  # of a class
CLASSES_IN_A_FIGURE = 20
MOST_CLASSES = 100  # of which pictures are shown
MOST_GROUPS = 8  # of equal pictures
PAIRS_IN_A_ROW = 4  # of nearly equal pictures


def data_page(found: Exploration, name: str) -> Page:
    """Return the page on a data set that is called `name`."""
    train, same, shown = found.train, found.duplicates, found.augmented
    names = train.class_names
    sets = {"train": train, "test": found.test}
    shares = found.components.shares.cumsum()
    equal = [("train", group) for group in same.train] + [("test", group) for group in same.test]
    equal += [("train", group) for group, _ in same.between]
    return page_from(
        "report/data_page.md.jinja",
        found=found,
        name=name,
        alike=ALIKE,
        in_figures=_in_figures,
        listed=_listed,
        samples=[_evenly(train, label) for label in range(train.classes)],
        present=len(np.unique(train.labels)),
        most_samples=SAMPLES,
        most_classes=MOST_CLASSES,
        most_groups=MOST_GROUPS,
        by_class=_by_class,
        blank=int(np.isnan(found.strokes.aspect).sum()),
        enough=lambda part: int(np.searchsorted(shares, part - 1e-12) + 1),
        equal=equal,
        equal_figure=lambda groups: _equal_figure(sets, groups),
        pairs_figure=lambda rows: _pairs_figure(sets, rows),
        augmentation=asdict(shown.settings) if shown else {},
        augmented_names=[names[i] for i in train.labels[shown.index]] if shown else [],
        draw=draw,
    )


def _in_figures(test: ChiSquared) -> str:
    rough = "; rough, as some expected counts are below 5" if test.smallest_expected < 5 else ""
    degrees = "1 degree" if test.degrees == 1 else f"{test.degrees} degrees"
    return f"χ² = {test.statistic:.2f}, {degrees} of freedom, {p_value(test)}{rough}"


def p_value(test: ChiSquared) -> str:
    """Format the p-value in words.

    >>> p_value(ChiSquared(1.0, 1, 0.3173, 9.0)), p_value(ChiSquared(99.0, 1, 1e-23, 9.0))
    ('p = 0.32', 'p < 0.0001')
    """
    return f"p = {test.p_value:.2g}" if test.p_value >= 1e-4 else "p < 0.0001"


def _listed(names: Sequence[str], chosen: Array) -> str:
    picked = [name for name, is_in in zip(names, chosen, strict=True) if is_in]
    more = f" and {len(picked) - 10} more" if len(picked) > 10 else ""
    return ("class " if len(picked) == 1 else "classes ") + ", ".join(picked[:10]) + more


def _evenly(data: Dataset, label: int) -> Array:
    """Return the places of some pictures of a class, taken evenly from its whole."""
    members = np.flatnonzero(data.labels == label)
    return members[:: max(1, len(members) // SAMPLES)][:SAMPLES]


def _by_class(
    name: str, data: Dataset, chosen: Sequence[Array], numbered: bool = False
) -> Iterator[tuple[str, Figure]]:
    """Show the chosen pictures, a row for each class that has any, in as many figures as needed."""
    shown = [label for label, places in enumerate(chosen) if len(places)][:MOST_CLASSES]
    for start in range(0, len(shown), CLASSES_IN_A_FIGURE):
        part = shown[start : start + CLASSES_IN_A_FIGURE]
        rows = [colours(data.images[chosen[label]]) for label in part]
        notes = [[f"#{place}" for place in chosen[label]] for label in part] if numbered else []
        number = f"_{start // CLASSES_IN_A_FIGURE + 1}" if len(shown) > len(part) else ""
        yield f"{name}{number}", mosaic(rows, [data.class_names[label] for label in part], notes)


def _equal_figure(
    sets: dict[str, Dataset], groups: Sequence[tuple[str, tuple[int, ...]]]
) -> Figure:
    """Draw the first picture of each of the first groups, with the part of the data that it is
    in.
    """
    row = [(part, group[0]) for part, group in groups[:MOST_GROUPS]]
    pictures = colours(np.stack([sets[part].images[place] for part, place in row]))
    return mosaic([pictures], (), [[f"{part} #{place}" for part, place in row]])


def _pairs_figure(
    sets: dict[str, Dataset], rows: Sequence[tuple[str, Sequence[LikePair]]]
) -> Figure:
    """Rows of pairs, each of two pictures side by side, with room between one and the next."""
    gap = np.ones((1, *colours(sets["train"].images[:1]).shape[1:]))
    drawn, notes = [], []
    for _, pairs in rows[:CLASSES_IN_A_FIGURE]:
        places = [
            place for pair in pairs[:PAIRS_IN_A_ROW] for place in (pair.first, pair.second, None)
        ][:-1]
        drawn.append(
            np.concatenate(
                [colours(sets[place[0]].images[[place[1]]]) if place else gap for place in places]
            )
        )
        notes.append([f"{place[0]} #{place[1]}" if place else "" for place in places])
    return mosaic(drawn, [label for label, _ in rows[:CLASSES_IN_A_FIGURE]], notes)
