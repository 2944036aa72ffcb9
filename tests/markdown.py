"""What a page tells its readers to run: its fenced blocks, and the commands in its text."""

import re
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"`((?:minicnn|python -m|\.ci/)[^`]*)`")
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[\w-]*)?\)")


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language ("" for those without one), in the order of the page."""
    return [text for name, text in _BLOCK.findall(page.read_text()) if name == language]


def commands(page: Path) -> list[str]:
    """Every command line in the text, each once; ``minicnn/tensor.py`` is none."""
    found = _COMMAND.findall(_BLOCK.sub("", page.read_text()))
    return [each for each in dict.fromkeys(found) if not each.startswith("minicnn/")]


def dead_links(page: Path) -> list[str]:
    """The links and pictures of a page that lead to no file."""
    links = [link for link in _LINK.findall(page.read_text()) if "://" not in link]
    return [link for link in links if not (page.parent / link).exists()]
