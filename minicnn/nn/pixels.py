"""The range that pixels need, said in one place for data sets and for what a model is given."""

SLACK = 1e-4  # of a scaling that was rounded


def wrong_range(low: float, high: float) -> str | None:
    """Say what is wrong with float pixels from `low` to `high` that are to be in 0 to 1, or None.

    >>> wrong_range(0, 1) is None
    True
    >>> wrong_range(0, 255)
    'pixels go from 0 to 255; need 0 to 1: divide them by 255'
    """
    if low >= -SLACK and high <= 1 + SLACK:
        twice = 0 < high <= 1 / 255 + 1e-9
        way = "they seem to be divided by 255 twice" if twice else ""
    elif low < -SLACK:
        halves = low >= -1 - SLACK and high <= 1 + SLACK
        way = "add 1 and halve them" if halves else "subtract the least and divide by the range"
    else:
        way = "divide them by 255" if high <= 255 else "divide them by their largest value"
    return f"pixels go from {low:g} to {high:g}; need 0 to 1: {way}" if way else None
