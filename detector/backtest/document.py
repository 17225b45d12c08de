"""A result as one JSON document: sorted keys, numbers rounded to `DIGITS` places, same bytes for same history."""

from __future__ import annotations

from typing import Final

import msgspec

from detector.backtest.result import Result

DIGITS: Final = 6


def encode(result: Result) -> bytes:
    """The document, indented, with a line break at its end; `decode` reads it back."""
    plain = _rounded(msgspec.to_builtins(result))
    return msgspec.json.format(msgspec.json.encode(plain, order="sorted"), indent=1) + b"\n"


def decode(document: bytes) -> Result:
    """A result, as far as rounding left it. Raises msgspec.MsgspecError."""
    return msgspec.json.decode(document, type=Result)


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, DIGITS) + 0.0  # no negative zero
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return value
