"""For the API's pages: the examples in docstrings become blocks of code."""

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"^(?P<indent> *)>>> .*(?:\n(?! *$).*)*", re.MULTILINE)
_OPTION = re.compile(r" +# doctest: .*")


class Doctests(griffe.Extension):
    """Put each ``>>>`` example of a docstring, with what it prints, into a fence."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(text: str) -> str:
    """The text with its examples in fences.

    >>> print(fenced("Adds.\\n\\n>>> 1 + 1\\n2\\n"))
    Adds.
    <BLANKLINE>
    ```pycon
    >>> 1 + 1
    2
    ```
    <BLANKLINE>
    """
    return _EXAMPLE.sub(lambda found: _fence(found[0], found["indent"]), text)


def _fence(example: str, indent: str) -> str:
    return f"{indent}```pycon\n{_OPTION.sub('', example)}\n{indent}```"
