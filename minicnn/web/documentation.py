"""The page at ``/docs``: how to ask the service with curl."""

import functools

from jinja2 import Environment, PackageLoader, StrictUndefined

from minicnn.web.description import description
from minicnn.web.settings import Settings


def documentation(base: str, settings: Settings) -> str:
    """The page as HTML; `base` is the address at which the service was asked for it."""
    return _template().render(base=base, settings=settings, api=description(settings))


@functools.cache
def _template():  # type: ignore[no-untyped-def]
    environment = Environment(
        loader=PackageLoader("minicnn.web", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("docs.html.jinja")
