"""A curve along the training, of so few points that a page can draw it however long it goes on."""

from typing import NamedTuple

MOST = 400


class Point(NamedTuple):
    """What the training did since the point before.

    - `epoch`: how far it is now, in epochs; 1.5 is the middle of the second.
    - `images`, `seconds`: seen and spent since then.
    - `loss`, `accuracy`: the means over these images.
    """

    epoch: float
    images: int
    seconds: float
    loss: float
    accuracy: float


def joined(first: Point, second: Point) -> Point:
    """One point for two that follow each other.

    >>> joined(Point(0.5, 30, 1.0, 2.0, 0.5), Point(1.0, 10, 0.5, 1.0, 0.9))
    Point(epoch=1.0, images=40, seconds=1.5, loss=1.75, accuracy=0.6)
    """
    images = first.images + second.images
    share = second.images / images
    return Point(
        second.epoch,
        images,
        first.seconds + second.seconds,
        first.loss + share * (second.loss - first.loss),
        first.accuracy + share * (second.accuracy - first.accuracy),
    )


class Curve:
    """Points in order; when they become too many, neighbours are joined, two and two.

    From then on a point must have as many images as those before it, so that all are equally fine.

    - `most`: an even number, of points.
    """

    def __init__(self, most: int = MOST):
        self.most = most
        self.points: list[Point] = []
        self._images = 0

    def add(self, point: Point) -> None:
        """Go on to this point."""
        if self.points and self.points[-1].images < self._images:
            self.points[-1] = joined(self.points[-1], point)
        else:
            self.points.append(point)
        if len(self.points) >= self.most:
            pairs = zip(self.points[::2], self.points[1::2], strict=True)
            self.points = [joined(*pair) for pair in pairs]
            self._images = sum(each.images for each in self.points) // len(self.points)
