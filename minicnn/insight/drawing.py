"""A figure that shows itself in a notebook and saves itself to a file."""

import io
from pathlib import Path

from matplotlib.figure import Figure

from minicnn.errors import WriteError
from minicnn.files import StrPath, atomic
from minicnn.insight import style

FORMATS = ("png", "svg", "pdf")


class Drawing(Figure):
    """A figure made without pyplot; a notebook draws it when it is the last value of a cell."""

    def _repr_png_(self) -> bytes:
        """What Jupyter asks for."""
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=style.DOTS_PER_INCH)
        return file.getvalue()

    def save(self, path: StrPath) -> None:
        """Write it as the name ends, .png, .svg or .pdf, whole or not at all.

        Raises `WriteError` for another ending, or what the operating system refuses.
        """
        ending = Path(path).suffix.lower().lstrip(".")
        if ending not in FORMATS:
            raise WriteError(f"{path}: cannot be drawn; the name must end in .png, .svg or .pdf")
        with atomic(path) as partial:
            self.savefig(partial, format=ending, dpi=style.DOTS_PER_INCH)


def drawing(width: float, height: float) -> Drawing:
    """An empty one of this size in inches."""
    return Drawing(figsize=(width, height), facecolor=style.PAPER, layout="constrained")
