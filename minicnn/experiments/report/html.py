"""A page as one HTML file that needs nothing else: no script, no other file, no network."""

import base64
from typing import TYPE_CHECKING

from minicnn.experiments.report.page import Page, PagePicture, Table, Text

if TYPE_CHECKING:
    from jinja2 import Environment


def html(page: Page) -> str:
    """Give the page as HTML; its pictures are inside it, and it follows the reader's light or dark.

    >>> text = html(Page("Digits & letters", "One page.", [("pictures", "7")], []))
    >>> "<title>Digits &amp; letters</title>" in text
    True
    """
    return templates().get_template("report/page.html.jinja").render(page=page)


def templates() -> "Environment":
    """Return where the templates of all pages are found."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("minicnn.experiments", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    kinds = {Text: "text", Table: "table", PagePicture: "picture"}
    environment.globals["kind"] = lambda part: kinds[type(part)]
    environment.globals["data_url"] = _data_url
    return environment


def _data_url(picture: PagePicture) -> str:
    return "data:image/png;base64," + base64.b64encode(picture.png).decode()
