"""Whether a figure is whole."""

from collections.abc import Callable

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


@pytest.fixture(scope="package")
def fits() -> Callable[[Figure], bool]:
    """Whether all of a figure is on its paper."""

    def check(figure: Figure) -> bool:
        FigureCanvasAgg(figure).draw()
        box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        low, high = min(box.x0, box.y0), max(box.x1 - width, box.y1 - height)
        return low >= -0.01 and high <= 0.01

    return check
