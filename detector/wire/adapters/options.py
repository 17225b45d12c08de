"""Options of a format, given as one JSON object: `--format-options`."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from detector.errors import ConfigError, Problem

PLACE = "DETECTOR_FORMAT_OPTIONS"
Options = TypeVar("Options", bound=msgspec.Struct)


def parse(kind: type[Options], text: str | None) -> Options:
    """The options, their defaults without a text. Raises ConfigError, with the path of what is wrong."""
    if text is None:
        return kind()
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        known = ", ".join(kind.__struct_fields__)
        raise ConfigError([Problem(PLACE, 0, 0, f"{error}; give a JSON object with some of: {known}")]) from None


def refuse(text: str | None, name: str) -> None:
    """For a format without options. Raises ConfigError when there are any."""
    if text is not None:
        raise ConfigError([Problem(PLACE, 0, 0, f"format {name!r} has no options: leave them out")])
