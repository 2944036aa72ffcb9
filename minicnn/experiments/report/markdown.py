"""A page from its template: Markdown with Jinja, in which ``picture`` draws a figure.

The title and the sentence below it come first, then the facts as a list (``- what: value``), then
the sections under ``##``. A paragraph that begins with a colon is the caption of the table above;
rows that begin in bold are totals; columns that are flush right hold numbers.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from markupsafe import Markup
from matplotlib.figure import Figure

from minicnn.experiments.report.page import Page, PagePicture, Part, Section, Table, Text, picture


def page_from(template: str, **values: Any) -> Page:
    """Fill in a template of `minicnn.experiments`, and draw its pictures in their order."""
    pictures: dict[str, PagePicture] = {}

    def draw(name: str, figure: Figure, alt: str, caption: str = "") -> Markup:
        pictures[name] = picture(name, figure, alt, caption)
        return Markup(f"\n\n![]({name})\n\n")

    environment = Environment(
        loader=PackageLoader("minicnn.experiments", "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_escaped,
    )
    environment.filters["f"] = format
    text = environment.get_template(template).render(picture=draw, zip=zip, str=str, **values)
    return _page(SyntaxTreeNode(MarkdownIt("commonmark").enable("table").parse(text)), pictures)


def _escaped(value: object) -> object:
    """Return what a template puts in, as it stands: nothing in it is Markdown."""
    return value if isinstance(value, Markup) else re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", str(value))


def _page(tree: SyntaxTreeNode, pictures: Mapping[str, PagePicture]) -> Page:
    title, lead, facts, *nodes = tree.children
    sections: list[tuple[str, list[Part]]] = []
    for node in nodes:
        if node.type == "heading":
            sections.append((_words(node), []))
        else:
            _add(sections[-1][1], node, pictures)
    pairs = [_words(item).split(": ", 1) for item in facts.children]
    return Page(
        _words(title),
        _words(lead),
        [(what, value) for what, value in pairs],
        [Section(name, parts) for name, parts in sections],
    )


def _add(parts: list[Part], node: SyntaxTreeNode, pictures: Mapping[str, PagePicture]) -> None:
    if node.type == "table":
        parts.append(_table(node))
        return
    inline = node.children[0].children
    if inline[0].type == "image":
        parts.append(pictures[str(inline[0].attrs["src"])])
    elif _words(node).startswith(": ") and isinstance(parts[-1], Table):
        parts[-1] = replace(parts[-1], caption=_words(node)[2:])
    else:
        parts.append(Text(_words(node)))


def _table(node: SyntaxTreeNode) -> Table:
    head, *body = [row.children for group in node.children for row in group.children]
    rows = [[_words(cell) for cell in row] for row in body]
    words = sum("style" not in cell.attrs for cell in head)
    totals = sum(any(each.type == "strong" for each in row[0].walk()) for row in body)
    return Table([_words(cell) for cell in head], rows, text_columns=words, last=totals)


def _words(node: SyntaxTreeNode) -> str:
    """Return the text of a node, without its marks."""
    if node.type == "softbreak":
        return " "
    inner: Sequence[SyntaxTreeNode] = node.children
    return node.content if node.type in ("text", "code_inline") else "".join(map(_words, inner))
