"""What a page of a report consists of, whether it becomes HTML or PDF."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from minicnn.insight import style


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of cells under a head.

    - `text_columns`: so many columns from the left hold words, the others hold numbers.
    - `last`: so many rows at the end are totals.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    text_columns: int = 1
    last: int = 0


@dataclass(frozen=True, eq=False)
class PagePicture:
    """A figure as PNG.

    - `name`: of its file, without the ending.
    - `alt`: what it shows, for those who do not see it.
    - `width`, `height`: inches.
    """

    name: str
    png: bytes
    alt: str
    caption: str
    width: float
    height: float


Part = Text | Table | PagePicture


@dataclass(frozen=True)
class Section:
    """Parts under a title."""

    title: str
    parts: Sequence[Part]

    @property
    def anchor(self) -> str:
        """The title as a name to link to.

        >>> Section("Worst mistakes", []).anchor
        'worst-mistakes'
        """
        words = "".join(c if c.isalnum() else " " for c in self.title.lower()).split()
        return "-".join(words)


@dataclass(frozen=True)
class Page:
    """A page: its title, a sentence below it, the few facts that matter most, and the sections.

    - `facts`: (what, value) pairs.
    """

    title: str
    lead: str
    facts: Sequence[tuple[str, str]]
    sections: Sequence[Section]

    @property
    def pictures(self) -> list[PagePicture]:
        """All pictures, in order."""
        parts = (part for section in self.sections for part in section.parts)
        return [part for part in parts if isinstance(part, PagePicture)]


def picture(name: str, figure: Figure, alt: str, caption: str = "") -> PagePicture:
    """Draw a figure for a page.

    >>> shown = picture("empty", style.figure(2, 1), "An empty figure")
    >>> shown.width, shown.height, shown.png[1:4]
    (2.0, 1.0, b'PNG')
    """
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=style.DOTS_PER_INCH)
    width, height = figure.get_size_inches()
    return PagePicture(name, drawn.getvalue(), alt, caption, float(width), float(height))
