"""A page as a PDF document on A4 paper."""

import io
from pathlib import Path
from typing import Any

import matplotlib
from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from minicnn.experiments.report.page import Page, PagePicture, Part, Section, Table, Text
from minicnn.insight import style

MARGIN = 18  # millimetres, as all lengths here
LINE = 5.2
ROW = 5.4  # of a table
INCH = 25.4
SCALE = 0.85  # of pictures; their letters are then as large as those of a caption
LEAST = 0.65  # of a picture's size: so much smaller it may be, to fill a page that is begun
FACTS_IN_A_ROW = 4
LONGEST_TABLE = 20  # rows, that is kept on one page
FONTS = {"": "DejaVuSans.ttf", "B": "DejaVuSans-Bold.ttf"}  # they come with matplotlib


def pdf(page: Page) -> bytes:
    """Give the page as a PDF document, with the same parts in the same order as the HTML.

    >>> pdf(Page("Digits", "One page.", [("pictures", "7")], []))[:5]
    b'%PDF-'
    """
    document = _Document(page)
    document.head()
    for section in page.sections:
        document.section(section)
    return bytes(document.output())


class _Document(FPDF):
    def __init__(self, page: Page):
        super().__init__(format="A4")
        self.of = page
        folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
        for face, file in FONTS.items():
            self.add_font("text", face, folder / file)
        self.set_margin(MARGIN)
        self.set_auto_page_break(True, MARGIN + 4)
        self.set_title(page.title)
        self.set_creator("minicnn")
        self.set_lang("en")
        self.add_page()

    def footer(self) -> None:
        """Draw the title and the page number at the foot of each page."""
        self.set_y(-MARGIN)
        self._ink(7.5, colour=style.FAINT)
        self.cell(self.epw / 2, LINE, self.of.title)
        self.cell(self.epw / 2, LINE, f"{self.page_no()} / {{nb}}", align="R")

    def head(self) -> None:
        """Write the title, the sentence below it and the facts."""
        self._words(self.of.title, 20, "B", line=9)
        self.ln(1)
        self._words(self.of.lead, 10.5, colour=style.FAINT, line=5.8)
        self.ln(4)
        facts, width = list(self.of.facts), self.epw / FACTS_IN_A_ROW
        for start in range(0, len(facts), FACTS_IN_A_ROW):
            top = bottom = self.get_y()
            for place, (what, value) in enumerate(facts[start : start + FACTS_IN_A_ROW]):
                left = MARGIN + place * width
                self.set_xy(left, top)
                self._words(what, 8, colour=style.FAINT, width=width - 2, line=4.2)
                self.set_x(left)
                self._words(value, 11.5, "B", width=width - 2, line=6)
                bottom = max(bottom, self.get_y())
            self.set_xy(MARGIN, bottom + 3)

    def section(self, section: Section) -> None:
        """Write a title, never alone at the foot of a page, and its parts."""
        self._make_room(16 + self._beginning(section))
        self.ln(5)
        self.start_section(section.title)
        self._words(section.title, 14, "B", line=7)
        self.ln(1.5)
        for part in section.parts:
            self._part(part)

    def _beginning(self, section: Section) -> float:
        """Return the least height of the parts up to the first that is no text: they belong
        together.
        """
        height = 0.0
        for part in section.parts:
            height += self._height(part, LEAST)
            if not isinstance(part, Text):
                break
        return min(height, self.eph - 40)

    def _part(self, part: Part) -> None:
        if isinstance(part, Text):
            self._words(part.text, 9.5)
            self.ln(2)
        elif isinstance(part, Table):
            self._make_room(self._height(part))
            self._table(part)
            self._caption(part.caption)
        else:
            self._make_room(self._height(part, LEAST))
            room = self.h - self.b_margin - self.get_y() - self._height(part, 0)
            width, height = self._size(part)
            if height > room:
                width, height = width * room / height, room
            self.image(io.BytesIO(part.png), w=width, h=height, alt_text=part.alt)
            self.ln(1)
            self._caption(part.caption)

    def _table(self, table: Table) -> None:
        self._ink(8.5)
        widths = [self._column(table, i) for i in range(len(table.head))]
        whole = min(self.epw, sum(widths))
        words = table.text_columns
        borders: Any = TableBordersLayout.HORIZONTAL_LINES
        self.set_draw_color(style.GRID)
        with self.table(
            width=whole,
            col_widths=widths,
            align="LEFT",
            text_align=["LEFT" if i < words else "RIGHT" for i in range(len(table.head))],
            line_height=ROW - 1,
            padding=(0.5, 0.8),
            borders_layout=borders,
            headings_style=FontFace(emphasis="B", color=style.FAINT),
        ) as drawn:
            drawn.row(table.head)
            totals = len(table.rows) - table.last
            for number, row in enumerate(table.rows):
                drawn.row(row, style=FontFace(emphasis="B") if number >= totals else None)
        self.ln(2)

    def _column(self, table: Table, place: int) -> float:
        self.set_font(style="B")
        cells = [table.head[place], *(row[place] for row in table.rows)]
        widest = max(self.get_string_width(cell) for cell in cells)
        self.set_font(style="")
        return float(widest + 6)

    def _size(self, picture: PagePicture) -> tuple[float, float]:
        """Its own size, or as much smaller as the paper asks for."""
        width, height = picture.width * INCH * SCALE, picture.height * INCH * SCALE
        room = self.eph - 30
        scale = min(1, self.epw / width, room / height)
        return scale * width, scale * height

    def _height(self, part: Part, scale: float = 1) -> float:
        """Return what a part takes, a picture as much smaller as `scale` says."""
        if isinstance(part, PagePicture):
            return scale * self._size(part)[1] + 2 + self._lines(part.caption, 8) * 4.4
        if isinstance(part, Text):
            return self._lines(part.text, 9.5) * LINE + 2
        rows = len(part.rows) + 1  # a table that is longer than this may go on on the next page
        caption = self._lines(part.caption, 8) * 4.4
        return ROW * (rows if rows <= LONGEST_TABLE else 4) + 2 + caption

    def _lines(self, text: str, size: float) -> int:
        if not text:
            return 0
        self._ink(size)
        lines: Any = self.multi_cell(0, LINE, text, dry_run=True, output="LINES")
        return len(lines)

    def _make_room(self, height: float) -> None:
        if self.get_y() + height > self.h - self.b_margin:
            self.add_page()

    def _caption(self, text: str) -> None:
        if text:
            self._words(text, 8, colour=style.FAINT, line=4.4)
        self.ln(3)

    def _words(
        self,
        text: str,
        size: float,
        face: str = "",
        *,
        colour: str = style.INK,
        width: float = 0,
        line: float = LINE,
    ) -> None:
        self._ink(size, face, colour)
        self.multi_cell(width, line, text, align="LEFT", new_x="LMARGIN", new_y="NEXT")

    def _ink(self, size: float, face: str = "", colour: str = style.INK) -> None:
        self.set_font("text", face, size)
        self.set_text_color(colour)
