"""What was found in a data set, as a page."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np

from minicnn.data import Dataset
from minicnn.experiments.explore import ALIKE, MEASURES, ChiSquared, Exploration, LikePair, Pixels
from minicnn.experiments.report import data_figures as draw
from minicnn.experiments.report.mosaic import colours, mosaic
from minicnn.experiments.report.page import Page, PagePicture, Part, Section, Table, Text, picture
from minicnn.tape import Array

SAMPLES = 10  # of a class
CLASSES_IN_A_FIGURE = 20
MOST_CLASSES = 100  # of which pictures are shown
MOST_GROUPS = 8  # of equal pictures
PAIRS_IN_A_ROW = 4  # of nearly equal pictures


def data_page(found: Exploration, name: str) -> Page:
    """The page on a data set that is called `name`."""
    train, test = found.train, found.test
    height, width, channels = train.image_shape
    return Page(
        f"Data report: {name}",
        f"{len(train):,} training and {len(test):,} test pictures, looked at before any training.",
        [
            ("training pictures", f"{len(train):,}"),
            ("test pictures", f"{len(test):,}"),
            ("size", f"{height} × {width} × {channels}"),
            ("classes", f"{train.classes:,}"),
            ("mean pixel", f"{found.pixels.mean:.4f}"),
            ("deviation", f"{found.pixels.deviation:.4f}"),
            ("largest / smallest class", f"{found.balance.ratio:.2f}"),
            ("equal pictures", f"{_equal(found):,}"),
        ],
        [
            Section("The arrays", [_arrays(found)]),
            Section("Classes and their balance", list(_balance(found))),
            Section("Samples", list(_samples(train))),
            Section("Mean and variance", list(_means(found))),
            Section("Pixels", list(_pixels(found))),
            Section("Ink, slant and aspect", list(_strokes(found))),
            Section("Principal components", list(_components(found))),
            Section("The most unusual pictures", list(_unusual(found))),
            Section("Equal pictures", list(_duplicates(found))),
            Section("Nearly equal pictures", list(_near_duplicates(found))),
            *_augmented(found),
        ],
    )


def _equal(found: Exploration) -> int:
    same = found.duplicates
    return len(same.train) + len(same.test) + len(same.between)


def _arrays(found: Exploration) -> Table:
    def row(name: str, data: Dataset, measured: Pixels) -> list[str]:
        value_range = f"{measured.minimum:g} to {measured.maximum:g}"
        size = f"{data.images.nbytes / 2**20:,.1f} MB"
        scaled = f"{measured.mean:.4f}", f"{measured.deviation:.4f}"
        return [name, str(measured.shape), measured.dtype, value_range, *scaled, size]

    return Table(
        ["set", "shape (N, H, W, C)", "dtype", "values", "mean", "deviation", "memory"],
        [
            row("training", found.train, found.pixels),
            row("test", found.test, found.test_pixels),
        ],
        "Mean and deviation are those of the pixels scaled to 0 to 1.",
        text_columns=3,
    )


# ------------------------------------------------------------------ balance


def _balance(found: Exploration) -> Iterator[Part]:
    balance, names = found.balance, found.train.class_names
    yield Text(_verdict_uniform(balance.uniform, balance.ratio))
    yield Text(_verdict_test(balance.test_follows_train))
    missing = [
        f"{part} has no picture of {_listed(names, counts == 0)}."
        for part, counts in (("Training", balance.train), ("Test", balance.test))
        if (counts == 0).any()
    ]
    if missing:
        yield Text(" ".join(missing))
    figure = draw.class_counts(balance, names)
    yield picture("class_counts", figure, "Bars: the share of each class in both sets")
    shares = balance.train / balance.train.sum(), balance.test / balance.test.sum()
    rows = [
        [name, f"{train:,}", f"{a:.2%}", f"{test:,}", f"{b:.2%}"]
        for name, train, test, a, b in zip(names, balance.train, balance.test, *shares, strict=True)
    ]
    total = ["all", f"{balance.train.sum():,}", "", f"{balance.test.sum():,}", ""]
    yield Table(["class", "training", "share", "test", "share"], [*rows, total], last=1)


def _verdict_uniform(test: ChiSquared, ratio: float) -> str:
    if test.degrees == 0:
        return "The training set has one class only, so there is no balance to speak of."
    if test.p_value < 0.05:
        verdict = (
            "The training classes are not equally frequent: differences as large as these would "
            "hardly come by chance"
        )
    else:
        verdict = "Nothing says that the training classes are not equally frequent"
    return f"{verdict} ({_in_figures(test)}). The largest has {ratio:.2f} times the smallest."


def _verdict_test(test: ChiSquared) -> str:
    if test.p_value < 0.05:
        verdict = "The test set does not follow the training set's shares of the classes"
    else:
        verdict = "The test set follows the training set's shares, as far as chance allows"
    return f"{verdict} ({_in_figures(test)})."


def _in_figures(test: ChiSquared) -> str:
    rough = "; rough, as some expected counts are below 5" if test.smallest_expected < 5 else ""
    degrees = "1 degree" if test.degrees == 1 else f"{test.degrees} degrees"
    return f"χ² = {test.statistic:.2f}, {degrees} of freedom, {p_value(test)}{rough}"


def p_value(test: ChiSquared) -> str:
    """The p-value in words.

    >>> p_value(ChiSquared(1.0, 1, 0.3173, 9.0)), p_value(ChiSquared(99.0, 1, 1e-23, 9.0))
    ('p = 0.32', 'p < 0.0001')
    """
    return f"p = {test.p_value:.2g}" if test.p_value >= 1e-4 else "p < 0.0001"


def _listed(names: Sequence[str], chosen: Array) -> str:
    picked = [name for name, is_in in zip(names, chosen, strict=True) if is_in]
    more = f" and {len(picked) - 10} more" if len(picked) > 10 else ""
    return ("class " if len(picked) == 1 else "classes ") + ", ".join(picked[:10]) + more


# ------------------------------------------------------------------ pictures of each class


def _samples(train: Dataset) -> Iterator[Part]:
    chosen = []
    for label in range(train.classes):
        members = np.flatnonzero(train.labels == label)
        chosen.append(members[:: max(1, len(members) // SAMPLES)][:SAMPLES])
    yield Text(f"Up to {SAMPLES} training pictures of each class, taken evenly from its whole.")
    yield from _by_class("samples", train, chosen, "Training pictures, a row for each class")


def _by_class(
    name: str, data: Dataset, chosen: Sequence[Array], alt: str, numbered: bool = False
) -> Iterator[Part]:
    """The chosen pictures, a row for each class that has any, in as many figures as it takes."""
    labels = [label for label, places in enumerate(chosen) if len(places)]
    if len(labels) > MOST_CLASSES:
        yield Text(f"The first {MOST_CLASSES} of {len(labels)} classes are shown.")
    shown = labels[:MOST_CLASSES]
    for start in range(0, len(shown), CLASSES_IN_A_FIGURE):
        part = shown[start : start + CLASSES_IN_A_FIGURE]
        rows = [colours(data.images[chosen[label]]) for label in part]
        notes = [[f"#{place}" for place in chosen[label]] for label in part] if numbered else []
        figure = mosaic(rows, [data.class_names[label] for label in part], notes)
        number = f"_{start // CLASSES_IN_A_FIGURE + 1}" if len(shown) > len(part) else ""
        yield picture(f"{name}{number}", figure, alt)


def _means(found: Exploration) -> Iterator[Part]:
    yield Text(
        "The mean picture of each class shows its common shape; the variance below it is bright "
        "where its pictures differ most."
    )
    names = found.train.class_names
    figure = draw.mean_and_variance(found.classes, names)
    yield picture("mean_and_variance", figure, "Mean picture and pixel variance of each class")


def _pixels(found: Exploration) -> Iterator[Part]:
    edges, counts = found.pixels.edges, found.pixels.counts
    lowest, highest = counts[0] / counts.sum(), counts[-1] / counts.sum()
    if found.pixels.dtype == "uint8":
        yield Text(f"{lowest:.1%} of the training pixels are 0, {highest:.1%} are 255.")
    else:
        yield Text(
            f"{lowest:.1%} of the training pixels are in the lowest of 256 equal bins, from "
            f"{edges[0]:g} to {edges[1]:g}, {highest:.1%} in the highest, from {edges[-2]:g} to "
            f"{edges[-1]:g}."
        )
    figure = draw.intensities(found.pixels, found.test_pixels)
    yield picture("intensities", figure, "Histogram of the pixel values of both sets")


def _strokes(found: Exploration) -> Iterator[Part]:
    ink = "dark" if found.strokes.dark_on_light else "bright"
    yield Text(
        f"Ink is what is {ink}, as the borders of the pictures tell. Slant is the angle to the "
        "vertical by second moments, positive to the right. Width over height is that of the box "
        "around the pixels with at least half the most ink."
    )
    figure = draw.quantiles(found.quantiles, found.train.class_names)
    caption = "Dot: median. Thick: middle half. Thin: from 5 to 95 % of the training pictures."
    alt = "Ink, slant and width over height of each class: median, quartiles, 5 and 95 %"
    yield picture("ink_slant_aspect", figure, alt, caption)
    rows = [
        [name, *(_median(found.quantiles[measure][i]) for measure in MEASURES)]
        for i, name in enumerate(found.train.class_names)
        if found.balance.train[i]
    ]
    yield Table(["class", "ink", "slant (°)", "width / height"], rows, "Medians.")
    blank = int(np.isnan(found.strokes.aspect).sum())
    if blank:
        yield Text(f"{blank:,} training pictures have no ink at all and no slant or aspect.")


def _median(quantiles: Array) -> str:
    return "–" if np.isnan(quantiles[2]) else f"{quantiles[2]:.3f}"


# ------------------------------------------------------------------ components and odd pictures


def _components(found: Exploration) -> Iterator[Part]:
    parts = found.components
    if not parts.variance.any():
        yield Text("All pictures are the same, so there are no directions in which they differ.")
        return
    shares = parts.shares.cumsum()
    if parts.block > 1:
        yield Text(
            f"Blocks of {parts.block} × {parts.block} pixels were averaged first, which leaves "
            f"{len(parts.mean):,} numbers of each picture."
        )
    most, nearly_all = (int(np.searchsorted(shares, part - 1e-12) + 1) for part in (0.9, 0.99))
    yield Text(
        f"Of the {len(parts.mean):,} principal components the first {most:,} hold 90 % of the "
        f"variance, the first {nearly_all:,} hold 99 %."
    )
    names = found.train.class_names
    plane = draw.principal_plane(parts, found.train.labels, names)
    alt = "Training pictures in the plane of the first two principal components, by class"
    yield picture("principal_plane", plane, alt, "Each class's name stands at its median.")
    strip = draw.component_pictures(parts, found.train.image_shape)
    caption = (
        "The first components as pictures, with their shares of the variance: along each, "
        "brightness is added where it is red and taken away where it is blue."
    )
    yield picture("components", strip, "The first principal components as pictures", caption)
    alt = "The share of the variance that the first components hold together"
    yield picture("explained", draw.explained(parts), alt)


def _unusual(found: Exploration) -> Iterator[Part]:
    yield Text(
        "The training pictures that lie farthest from the mean of their class among the first "
        f"{found.components.points.shape[1]} principal components and in what these leave of "
        "them (Mahalanobis distance), the farthest first, with their positions in the set. Wrong "
        "labels and slips of the pen tend to be here."
    )
    if not any(len(places) for places in found.unusual):
        yield Text("No class has the three pictures that this needs.")
        return
    alt = "The most unusual training pictures of each class, a row for each class"
    yield from _by_class("unusual", found.train, found.unusual, alt, numbered=True)


def _duplicates(found: Exploration) -> Iterator[Part]:
    same = found.duplicates
    if not _equal(found):
        yield Text("No picture occurs twice, neither within the two sets nor between them.")
        return
    within = "groups of equal pictures within one set"
    yield Table(
        ["", "groups", "pictures"],
        [
            [f"{within}: training", f"{len(same.train):,}", f"{sum(map(len, same.train)):,}"],
            [f"{within}: test", f"{len(same.test):,}", f"{sum(map(len, same.test)):,}"],
            [
                "test pictures that are in the training set too",
                f"{len(same.between):,}",
                f"{sum(len(test) for _, test in same.between):,}",
            ],
            ["different pictures with more than one label", f"{same.contradictions:,}", ""],
        ],
    )
    groups = [
        *(("training", group) for group in same.train),
        *(("test", group) for group in same.test),
        *(("training", train) for train, _ in same.between),
    ][:MOST_GROUPS]
    yield _groups(found, groups)


def _groups(found: Exploration, groups: Sequence[tuple[str, tuple[int, ...]]]) -> PagePicture:
    sets = {"training": found.train, "test": found.test}
    row = colours(np.stack([sets[part].images[group[0]] for part, group in groups]))
    notes = [[f"{part[:5]} #{group[0]}" for part, group in groups]]
    caption = f"The first {len(groups)} of them, each shown once, with the position of the first."
    return picture("equal", mosaic([row], (), notes), "Pictures that occur more than once", caption)


def _near_duplicates(found: Exploration) -> Iterator[Part]:
    near, names = found.near_duplicates, found.train.class_names
    yield Text(
        f"Pictures whose pixels have a correlation of {ALIKE:g} and more are the same but for "
        "noise, brightness and contrast, or so simple that two of them look alike. "
        f"{near.compared:,} different pictures of both sets were compared."
    )
    if not near.classes.any():
        yield Text("None of them is nearly equal to another.")
        return
    yield Table(
        ["", "pictures", "of another label"],
        [
            [what, f"{count.pictures:,}", f"{count.other_label:,}"]
            for what, count in (
                ("training pictures that are like another one", near.train),
                ("test pictures that are like another one", near.test),
                ("test pictures that are like a training picture", near.between),
            )
        ],
    )
    most = int(near.classes.argmax())
    yield Text(
        f"Most of them are of class {names[most]}: {near.classes[most]:,} of "
        f"{near.classes.sum():,}."
    )
    closest = [(name, pairs) for name, pairs in zip(names, near.closest, strict=True) if pairs]
    if near.contradictions:
        alt = "Nearly equal pictures with different labels"
        shown = [("", near.contradictions)]
        yield _pairs(found, "different_labels", shown, alt, "Nearly equal, but of two labels")
    if closest:
        alt = "The closest pairs of nearly equal pictures of each class, a row for each class"
        yield _pairs(found, "nearly_equal", closest, alt, "The closest pairs of each class")


def _pairs(
    found: Exploration,
    name: str,
    rows: Sequence[tuple[str, Sequence[LikePair]]],
    alt: str,
    title: str,
) -> PagePicture:
    """Rows of pairs, each of two pictures side by side, with room between one and the next."""
    sets = {"train": found.train, "test": found.test}
    gap = np.ones((1, *colours(found.train.images[:1]).shape[1:]))
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
    caption = f"{title}, the closest first."
    labels = [label for label, _ in rows[:CLASSES_IN_A_FIGURE]]
    return picture(name, mosaic(drawn, labels, notes), alt, caption)


# ------------------------------------------------------------------ augmentation


def _augmented(found: Exploration) -> Iterator[Section]:
    """A section if augmentation was asked for."""
    if found.augmented is None:
        return
    names = [found.train.class_names[i] for i in found.train.labels[found.augmented.index]]
    settings = asdict(found.augmented.settings)
    words = ", ".join(f"{name} {value:g}" for name, value in settings.items())
    text = (
        "At the left a training picture of each class as it is; beside it, what training may see "
        f"in its place, drawn anew in every epoch ({words})."
    )
    figure = draw.augmented(found.augmented.pictures, names)
    alt = "A training picture of each class, and eight versions of it changed at random"
    yield Section("Augmentation", [Text(text), picture("augmentation", figure, alt)])
