"""Options of the command line that follow from settings as they are declared."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_args, get_type_hints

import typer

from minicnn.plain_data import Setting, limits_in_words, settings_of

MOST_LISTED = 6  # of the names that a help may list


def with_settings(kind: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each setting of a dataclass, where it has none of its own.

    What was given arrives in its argument `settings`, by name.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = dict(inspect.signature(command).parameters)
        del own["settings"]
        types = get_type_hints(kind)
        declared = {name: each for name, each in settings_of(kind).items() if name not in own}
        options = [_option(name, each, types[name]) for name, each in declared.items()]

        @functools.wraps(command)
        def called(**given: Any) -> None:
            settings = {name: given.pop(name) for name in declared}
            command(settings={k: v for k, v in settings.items() if v is not None}, **given)

        kept = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own.values()]
        parameters = [*options, *kept]
        called.__annotations__ = {each.name: each.annotation for each in parameters}
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return called

    return decorate


def _option(name: str, declared: Setting, kind: Any) -> inspect.Parameter:
    (of,) = [each for each in get_args(kind) or [kind] if each is not type(None)]
    flag = declared.option or f"--{name.replace('_', '-')}"
    if of not in (int, float, str):  # several settings in one, which are taken or not
        of, flag = bool, f"{flag}/--no-{flag[2:]}"
    option: Any = Annotated[of | None, typer.Option(flag, help=_help(declared))]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option)


def _help(declared: Setting) -> str:
    more = limits_in_words(declared.limits) if declared.limits else ""
    if declared.known and len(declared.known) <= MOST_LISTED:
        more = "one of " + ", ".join(declared.known)
    return f"{declared.help[:-1]}; {more}." if more else declared.help
