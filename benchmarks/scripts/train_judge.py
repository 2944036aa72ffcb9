"""Train the judge of `minicnn.reader.judge` and write its weights: about half an hour on one core.

``python benchmarks/scripts/train_judge.py minicnn/reader/judge.npz``

Strings of one to five *training* digits, from 5 pixels apart to 3.5 overlapping, a tenth of them
with a broken stroke, go through the reader up to the pieces that it considers. A piece that has at
least 80 % of its ink in common with a digit (of the ink of either) is one, of that class; less than
68 % makes it none; what is between is left out. Three pictures in ten hold no digits: letters,
scribbles, shapes. An eleventh class, the last, is "none".
"""

import sys
from pathlib import Path

import numpy as np

import minicnn as mc
from benchmarks.synthesis.doodles import doodle
from minicnn import nn, optim
from minicnn.data import Dataset
from minicnn.errors import PictureError
from minicnn.reader import canvas
from minicnn.reader.ink import Ink, find_ink
from minicnn.reader.line import Line, Piece
from minicnn.reader.picture import Grey
from minicnn.reader.strings import any_digits
from minicnn.reader.views import views
from minicnn.training.progress import steps

STRINGS = 4000
DOODLES = 0.3  # of them
DIGIT, NO_DIGIT = 0.8, 0.68
NONE = 10

Sample = tuple[np.ndarray, np.ndarray]


def main(path: Path) -> None:
    """Compose, train, write."""
    rng = np.random.default_rng(0)
    train, _ = mc.data.mnist()
    samples = []
    with steps(STRINGS) as step:
        for number in range(STRINGS):
            step(f"string {number:,}")
            samples += _no_digit(rng) if rng.random() < DOODLES else _digits(train, rng)
    seen, labels = (np.concatenate(parts) for parts in zip(*samples, strict=True))
    data = Dataset(seen, labels, (*train.class_names, "none"))
    model = nn.Sequential(
        nn.Conv2D(16, 3, activation="relu"),
        nn.MaxPool2D(2),
        nn.Conv2D(32, 3, activation="relu"),
        nn.MaxPool2D(2),
        nn.Conv2D(32, 3, activation="relu"),
        nn.Flatten(),
        nn.Dense(64, activation="relu"),
        nn.Dense(NONE + 1),
        input_shape=data.image_shape,
        rng=0,
    )
    settings = {"optimizer": optim.Adam(3e-3), "schedule": optim.one_cycle, "epochs": 6}
    mc.fit(model, data, validation=0.05, **settings)
    model.class_names = data.class_names
    mc.save_model(path, model)


def _digits(train: Dataset, rng: np.random.Generator) -> list[Sample]:
    chosen = rng.choice(len(train), rng.integers(1, 6), replace=False)
    gap = rng.uniform(-3.5, 0.5) if rng.random() < 0.5 else rng.uniform(-1, 5)
    inks = canvas.handwritten(train.images[chosen], rng, gap)
    if rng.random() < 0.1:
        inks = inks * _broken(inks.max(axis=0), rng)
    return _samples(inks, train.labels[chosen], rng)


def _broken(ink: Grey, rng: np.random.Generator) -> np.ndarray:
    """False along a short narrow strip through the ink."""
    y, x = np.nonzero(ink > 0.5)
    at, unit, angle = rng.integers(len(y)), len(ink) / 60, rng.uniform(0, np.pi)
    down, right = np.ogrid[: ink.shape[0], : ink.shape[1]]
    down, right = down - y[at], right - x[at]
    across = np.abs(down * np.cos(angle) + right * np.sin(angle))
    return (across >= rng.uniform(0.5, 2) * unit) | (np.hypot(down, right) >= 6 * unit)


def _no_digit(rng: np.random.Generator) -> list[Sample]:
    ink = doodle(rng)
    return _samples(ink[np.newaxis], np.array([NONE]), rng) if (ink > 0.5).any() else []


def _samples(inks: Grey, labels: np.ndarray, rng: np.random.Generator) -> list[Sample]:
    """Views of some pieces of a string, and what each is; those that are near to a digit first."""
    page = canvas.paint(inks.max(axis=0), rng)
    try:
        ink = find_ink(page / np.float32(255), keep=any_digits)
    except PictureError:
        return []
    window = tuple(slice(max(part.start - 3, 0), part.stop + 3) for part in ink.box)
    line = Line(Ink(ink.amount[window], ink.mask[window]))
    pieces = line.pieces()
    truth = np.stack([line.upright(np.ascontiguousarray(each[window])) for each in inks]) > 0.5
    common = np.stack([_common(line, piece, truth) for piece in pieces])
    digit, share = common.argmax(axis=1), common.max(axis=1)
    is_none = labels[digit] == NONE
    classes = np.where((share >= DIGIT) & ~is_none, labels[digit], NONE)
    clear = (share >= DIGIT) | (share < NO_DIGIT) | is_none
    whole = rng.permutation(np.flatnonzero(clear & (classes != NONE)))[: 3 * len(inks)]
    best = common.argmax(axis=0)
    whole = np.union1d(whole, best[classes[best] != NONE])
    none = rng.permutation(np.flatnonzero(clear & (classes == NONE)))[: 6 * len(inks)]
    chosen = np.concatenate([whole, none]).astype(int)
    seen = np.round(255 * views(line, [pieces[i] for i in chosen])).astype(np.uint8)
    return [(seen, classes[chosen])]


def _common(line: Line, piece: Piece, truth: np.ndarray) -> np.ndarray:
    """The ink that a piece has in common with each digit, as a share of the ink of either."""
    part, left = line.part(piece)
    mask = part > 0.5
    common = (truth[:, :, left : left + mask.shape[1]] & mask).sum(axis=(1, 2))
    shares: np.ndarray = common / np.maximum(truth.sum(axis=(1, 2)) + mask.sum() - common, 1)
    return shares


if __name__ == "__main__":
    main(Path(sys.argv[1]))
