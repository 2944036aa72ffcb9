"""A model's answer to a picture of several digits in a row: a number, a postal code."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from minicnn.errors import PictureError
from minicnn.experiments.run import Run
from minicnn.files import StrPath
from minicnn.nn import Sequential
from minicnn.reader import judge
from minicnn.reader.frame import frame
from minicnn.reader.ink import Ink, Mask, find_ink
from minicnn.reader.lattice import Edge, best_path
from minicnn.reader.line import SIZE, Line, Piece, digit_height
from minicnn.reader.picture import Grey, PictureSource, open_picture
from minicnn.reader.recognise import Recogniser
from minicnn.reader.rows import Box, level, rows
from minicnn.reader.ruled_lines import without_boxes
from minicnn.reader.segmentation import segments
from minicnn.reader.sheet import without_table

# Tuned on 300 strings of training digits (`python -m benchmarks.reading RUN --training`).
LEAST_WHOLE = 0.02  # by the judge; a piece with less is not shown to the model
LEAST = 1e-30  # of a probability, for sigmoids may all be 0
TRUST = 1.0  # what the logarithm of the model's probability counts, beside that of the judge
PER_DIGIT = 0.3  # added for each digit: a way of more pieces has more factors below 1
NO_DIGIT = float(np.log(0.1))
"""The score below which a group of ink is left out, for every digit that it is wide."""
WHOLE = 0.2
"""What has less by the judge is no digit, even if there is no better way through the line. Of 100
strings of training digits that are apart it costs none, of 100 that overlap one; of 200 doodles a
third is refused."""

MOST_GROUPS = 100  # of ink, on a line; what has more is no writing
MOST_PIECES = 25_000  # that a line may be cut into; 100 digits that touch have fewer
MOST_SHOWN = 4_000  # of them, to the model: those that the judge finds likeliest
LOWEST = 5  # pixels; writing that is less high is not read
HIGHEST = 80  # pixels, that a digit needs to have; larger writing is reduced


@dataclass(frozen=True, eq=False)
class Reading:
    """What a model reads on a picture, digit by digit, in the order in which it is read.

    - `boxes`: the rows and columns of each of the n digits, on `grey`.
    - `answers`: int64, `(n,)`, the most probable class of each.
    - `probabilities`: float32, `(n, C)`, one for each of the `class_names`.
    - `whole`: float32, `(n,)`, the probability that it is one whole digit, not a part, not two.
    - `lines`: int64, `(n,)`, the line that each is on: 0, 1, …
    - `seen`: float32, `(n, H, W)`, what the model was given.
    - `grey`: float32, the picture itself, reduced if it was large, from 0 (black) to 1 (white).
    - `notes`: what else there is to know, such as that it was the first of several pictures.
    """

    boxes: tuple[Box, ...]
    answers: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    whole: NDArray[np.float32]
    lines: NDArray[np.int64]
    class_names: tuple[str, ...]
    seen: NDArray[np.float32]
    grey: Grey
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of each digit's most probable class."""
        return tuple(self.class_names[answer] for answer in self.answers)

    @property
    def text(self) -> str:
        """All of it, the lines parted by line breaks."""
        lines = [""] * (1 + int(self.lines.max(initial=-1)))
        for line, label in zip(self.lines, self.labels, strict=True):
            lines[line] += label
        return "\n".join(lines)

    @property
    def confidence(self) -> float:
        """The probability that all of it is right: that each piece is a digit, and this one."""
        return float((self.probabilities.max(axis=1) * self.whole).prod())

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain data, without the pictures; a box is left, top, right,
        bottom.
        """
        best = self.probabilities.max(axis=1)
        return {
            "text": self.text,
            "confidence": self.confidence,
            "digits": [
                {
                    "label": label,
                    "probability": float(best[i]),
                    "whole": float(self.whole[i]),
                    "line": int(self.lines[i]),
                    "box": corners(self.boxes[i]),
                }
                for i, label in enumerate(self.labels)
            ],
            "width": self.grey.shape[1],
            "height": self.grey.shape[0],
            "notes": list(self.notes),
        }


def corners(box: Box) -> list[int]:
    """Left, top, right and bottom, as Pillow has them.

    >>> corners((slice(1, 2), slice(3, 4)))
    [3, 1, 4, 2]
    """
    return [box[1].start, box[0].start, box[1].stop, box[0].stop]


class Digit(NamedTuple):
    """A digit that was read on a line: its probabilities, the judge's, its frame, its box there."""

    probabilities: NDArray[np.float32]
    whole: float
    seen: Grey
    box: Box


def read_digits(
    model: Sequential | Run | StrPath,
    picture: PictureSource,
    *,
    lines: bool = False,
    expect: int | None = None,
) -> Reading:
    """Read the digits on a picture of any size, pen and paper; they may touch.

    - `model`: a trained model for grey pictures, a run, or the folder of one or a model's file.
    - `picture`: a path, a file's bytes, a Pillow image, or an array; see `picture.open_picture`.
    - `lines`: read all lines; else only the one with the most ink.
    - `expect`: how many digits a line has, if that is known; any number by default.

    Of classes other than the ten digits, each connected piece of ink is taken for one.

    Raises `PictureError` if the picture cannot be read or is blank, if nothing on it is like a
    digit, or if there cannot be as many as expected; `ShapeError` if the model takes something else
    than `(H, W, 1)`, `FileError` if the model cannot be opened.

    >>> import minicnn as mc
    >>> model = mc.zoo.build("mlp")  # not trained
    >>> train, _ = mc.data.mnist()
    >>> row = np.hstack(train.images[:4])  # (28, 112, 1)
    >>> reading = mc.read_digits(model, row)
    >>> len(reading.text), reading.seen.shape
    (4, (4, 28, 28))
    """
    recogniser = Recogniser(model)
    opened = open_picture(picture)
    page = level(find_ink(without_table(opened.grey), keep=any_digits))
    masks = rows(page.ink.mask)
    notes = opened.notes
    if not lines and len(masks) > 1:
        notes = (*notes, f"the largest of {len(masks)} lines was read")
        masks = [max(masks, key=np.count_nonzero)]
    read = [_read(recogniser, page.ink, mask, expect) for mask in masks]
    digits = [digit for line in read for digit in line]
    if not digits:
        raise PictureError("shows no digits: nothing was read, for the writing on it is like none")
    on_line = [number for number, line in enumerate(filter(None, read)) for _ in line]
    probabilities = np.stack([digit.probabilities for digit in digits])
    return Reading(
        boxes=tuple(page.on_picture(digit.box) for digit in digits),
        answers=probabilities.argmax(axis=1),
        probabilities=probabilities,
        whole=np.array([digit.whole for digit in digits], np.float32),
        lines=np.array(on_line),
        class_names=recogniser.class_names(probabilities),
        seen=np.stack([digit.seen for digit in digits]),
        grey=opened.grey,
        notes=notes,
    )


def any_digits(mask: Mask) -> Mask:
    """All writing that may be a digit: `find_ink` keeps that of one only."""
    return segments(without_boxes(mask)) > 0


def _read(
    recogniser: Recogniser,
    page: Ink,
    mask: Mask,
    expect: int | None,
    least_whole: float = LEAST_WHOLE,
) -> list[Digit]:
    """Read the digits of one line of a page, from left to right."""
    numbers = segments(mask)
    high = digit_height(numbers)
    if numbers.max() > MOST_GROUPS or high < LOWEST:
        return []
    line, corner, factor = _line(page, mask, high)
    groups = line.whole_groups()
    pieces, whole = groups, np.ones(len(groups), np.float32)
    if recogniser.reads_digits:
        pieces = line.pieces()
        if len(pieces) > MOST_PIECES:
            return []
        pieces, whole = _judged(line, pieces, least_whole)
    inks = [line.digit(piece) for piece in pieces]
    inked = [i for i, (ink, _) in enumerate(inks) if ink.mask.any()]  # a pixel may be cut in two
    pieces, inks, whole = [pieces[i] for i in inked], [inks[i] for i in inked], whole[inked]
    frames = np.stack([frame(ink, recogniser.shape) for ink, _ in inks])
    _, probabilities = recogniser(frames)
    sure = np.log(whole.clip(LEAST_WHOLE / 10)) + TRUST * np.log(
        probabilities.max(axis=1).clip(LEAST)
    )
    edges = map(Edge, pieces, (sure + PER_DIGIT).tolist())
    unread = [
        Edge(group, NO_DIGIT * max(1, line.width(*group) / SIZE), digits=0) for group in groups
    ]
    path = best_path([*edges, *unread], len(line.borders) - 1, expect)
    if path is None and least_whole > 0:  # so many digits only if unlikely ones are taken too
        return _read(recogniser, page, mask, expect, least_whole=0)
    if path is None:
        raise PictureError(f"has no line that could be {expect} digits")
    number = {piece: i for i, piece in enumerate(pieces)}
    found = []
    for i in (number[edge.piece] for edge in path if edge.digits):
        if whole[i] < WHOLE and expect is None:
            continue
        ink, place = inks[i]
        box = _moved(ink.box, place, corner, factor)
        found.append(Digit(probabilities[i], float(whole[i]), frames[i], box))
    return found


def _judged(
    line: Line, pieces: list[Piece], least_whole: float
) -> tuple[list[Piece], NDArray[np.float32]]:
    """Keep the pieces that may be whole digits, with the probability of each that it is.

    The groups are among them in any case, so that there is a way through the line.
    """
    whole = judge.whole(line, pieces)
    groups = {*line.whole_groups()}
    shown = np.zeros(len(pieces), bool)
    shown[np.argsort(-whole, kind="stable")[:MOST_SHOWN]] = True
    shown &= whole >= least_whole
    kept = [i for i, piece in enumerate(pieces) if shown[i] or piece in groups]
    return [pieces[i] for i in kept], whole[kept]


def _line(page: Ink, mask: Mask, high: float) -> tuple[Line, Box, int]:
    """Cut a line out of the page; say where it is, and how many times smaller it was made.

    - `high`: how high its digits are.
    """
    rows, columns = (
        slice(max(part.start - 2, 0), min(part.stop + 2, n))
        for part, n in zip(Ink(page.amount, mask).box, mask.shape, strict=True)
    )
    own = mask[rows, columns]
    amount = page.amount[rows, columns] * ~(page.mask[rows, columns] & ~own)
    factor = int(high // HIGHEST)
    if factor < 2:
        return Line(Ink(amount, own)), (rows, columns), 1
    amount, share = (
        np.asarray(Image.fromarray(each.astype(np.float32)).reduce(factor))
        for each in (amount, own)
    )
    return Line(Ink(amount, share > 0.5)), (rows, columns), factor


def _moved(box: Box, window: Box, corner: Box, factor: int) -> Box:
    """Move a box in a window of the line onto the page."""
    rows, columns = (
        slice(
            line.start + factor * (part.start + inner.start),
            min(line.start + factor * (part.start + inner.stop), line.stop),
        )
        for inner, part, line in zip(box, window, corner, strict=True)
    )
    return rows, columns
