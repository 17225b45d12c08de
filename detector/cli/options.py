"""Command-line flags made from the process settings: a flag a field, with variable, default and meaning in `--help`.

@click.command()
@settings_options(*CONNECTION)
def command(**flags: object) -> None:
    settings = load(os.environ, flags)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from msgspec import inspect

from detector.config import scalars
from detector.config.setting_types import FIELDS, SECRETS, description, flag, variable

if TYPE_CHECKING:
    from collections.abc import Callable


def settings_options(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds a flag for each named setting (all without names). Values arrive as text, for `settings.load` to judge."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(names or tuple(FIELDS)):
            function = _option(name)(function)
        return function

    return decorate


def _option(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    kind, _, _ = scalars.unwrap(FIELDS[name].type)
    several, switch = isinstance(kind, inspect.VarTupleType), isinstance(kind, inspect.BoolType)
    return click.option(
        f"{flag(name)}/--no-{flag(name)[2:]}" if switch else flag(name),
        f"{name}_file" if name in SECRETS else name,
        default=None,
        multiple=several,
        metavar=None if switch else _metavar(name, kind),
        help=f"{description(name)}  [{variable(name)}{_default(name)}]",
    )


def _metavar(name: str, kind: inspect.Type) -> str:
    if name in SECRETS or isinstance(kind, inspect.VarTupleType):
        return "FILE"
    if isinstance(kind, inspect.LiteralType):
        return "|".join(map(str, kind.values))
    return "NUMBER" if isinstance(kind, inspect.IntType | inspect.FloatType) else "TEXT"


def _default(name: str) -> str:
    default = FIELDS[name].default
    if name in SECRETS:
        return f" or {variable(name)}_FILE"
    if default is None or default == ():
        return ""
    if isinstance(default, bool):
        return f"; default {str(default).lower()}"
    return f"; default {default:g}" if isinstance(default, float) else f"; default {default}"
