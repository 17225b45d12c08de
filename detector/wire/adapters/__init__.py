"""Input formats of `detector run` and `detector backtest`, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from detector.errors import ConfigError, Problem
from detector.wire.adapters.coop import Coop
from detector.wire.adapters.dsa import Dsa
from detector.wire.adapters.interface import Factory, Format, Native
from detector.wire.adapters.osprey import Osprey
from detector.wire.adapters.ozone import Ozone

__all__ = ["Factory", "Format", "build", "formats"]

formats: Final[Mapping[str, Factory]] = {"native": Native, "osprey": Osprey, "coop": Coop, "ozone": Ozone, "dsa": Dsa}
"""Name -> maker(max_future_s, options as JSON text or None)."""


def build(name: str, max_future_s: float = 86_400, options: str | None = None) -> Format:
    """The format of that name. Raises ConfigError when there is none, or when `options` (JSON) are not its options."""
    factory = formats.get(name)
    if factory is None:
        raise ConfigError([Problem("--format", 0, 0, f"is {name!r}, must be one of {', '.join(formats)}")])
    return factory(max_future_s, options)
