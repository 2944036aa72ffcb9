"""Digits as a hand draws them on the page: strokes of real pointer events."""

import math
from typing import Any

import numpy as np

Stroke = list[tuple[float, float]]


def arc(
    x: float, y: float, width: float, height: float, start: float, end: float, places: int = 24
) -> Stroke:
    """Places on an ellipse, from one angle in degrees to another; 0 is right, 90 is down."""
    angles = np.radians(np.linspace(start, end, places))
    return [(x + width * math.cos(a), y + height * math.sin(a)) for a in angles]


DIGITS: dict[str, list[Stroke]] = {
    "0": [arc(0.5, 0.5, 0.2, 0.3, -90, 270)],
    "1": [[(0.5, 0.2), (0.5, 0.35), (0.5, 0.5), (0.5, 0.65), (0.5, 0.8)]],
    "3": [arc(0.47, 0.36, 0.16, 0.15, -150, 90) + arc(0.47, 0.65, 0.19, 0.15, -90, 150)],
    "7": [[(0.3, 0.25), (0.5, 0.25), (0.68, 0.25), (0.6, 0.45), (0.52, 0.6), (0.45, 0.8)]],
}
"""By places on a paper that goes from 0 to 1."""


def draw(
    page: Any, strokes: list[Stroke], size: float = 1, left: float = 0, top: float = 0
) -> None:
    """Draw on the board with the mouse; smaller, and elsewhere, if wanted."""
    board = page.locator("#board")
    board.scroll_into_view_if_needed()
    frame = board.bounding_box()
    for stroke in strokes:
        places = [
            (
                frame["x"] + (left + x * size) * frame["width"],
                frame["y"] + (top + y * size) * frame["height"],
            )
            for x, y in stroke
        ]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place)
        page.mouse.up()


def draw_row(page: Any, digits: str) -> None:
    """Several digits beside each other."""
    step = 0.94 / len(digits)
    size = min(1.35 * step, 0.6)
    for place, digit in enumerate(digits):
        left = 0.03 + step * (place + 0.5) - size / 2
        draw(page, DIGITS[digit], size, left, 0.5 - size / 2)
