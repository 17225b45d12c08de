"""A history judged again with other values of one setting, for every policy alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, cast

import msgspec
from msgspec import inspect

from detector.backtest.result import Curve, Result, SweepPoint
from detector.config import scalars, words
from detector.errors import ConfigError, Problem
from detector.policy import PolicySettings, Ruleset

FLAG: Final = "--sweep"
_FIELDS: Final = {
    each.encode_name: each
    for each in cast("inspect.StructType", inspect.type_info(PolicySettings)).fields
    if isinstance(scalars.unwrap(each.type)[0], inspect.FloatType | inspect.IntType)
}
"""Settings that are numbers, by the names of policy files."""


class Sweep(NamedTuple):
    """`setting` as policy files spell it; `values` in the order asked for."""

    setting: str
    values: tuple[float, ...]


def parse(texts: Sequence[str]) -> list[Sweep]:
    """What `name=v1,v2,...` asks for. Raises ConfigError with all problems."""
    problems, found = list[Problem](), list[Sweep]()
    for text in texts:
        name, _, listed = text.partition("=")
        field = _FIELDS.get(name)
        if field is None:
            hint = words.suggestion(name, _FIELDS)
            problems.append(Problem(FLAG, 0, 0, f"knows no setting {words.shown(name)}{hint}; {', '.join(_FIELDS)}"))
            continue
        values = list[float]()
        for spelled in listed.split(","):
            try:
                values.append(cast("float", scalars.parse(field.type, spelled.strip())))
            except ValueError:
                complaint = words.complaint(field.type, spelled)
                problems.append(Problem(FLAG, 0, 0, f"{name} {complaint}; such as {name}=V1,V2"))
        found.append(Sweep(name, tuple(values)))
    if problems:
        raise ConfigError(problems)
    return found


def rulesets(ruleset: Ruleset, sweeps: Sequence[Sweep]) -> list[Ruleset]:
    """One a value, sweep after sweep: every policy, listed or not, has the value."""
    return [_with(ruleset, _FIELDS[each.setting].name, value) for each in sweeps for value in each.values]


def curves(sweeps: Sequence[Sweep], results: Sequence[Result]) -> tuple[Curve, ...]:
    """The results of `rulesets`, in its order, as curves."""
    scores = iter([each.scores.counted for each in results])
    return tuple(
        Curve(
            setting=each.setting,
            points=tuple(SweepPoint(value=float(value), score=next(scores)) for value in each.values),
        )
        for each in sweeps
    )


def _with(ruleset: Ruleset, field: str, value: float) -> Ruleset:
    change = {field: value}
    return msgspec.structs.replace(
        ruleset,
        policies=tuple(msgspec.structs.replace(each, **change) for each in ruleset.policies),
        unknown=msgspec.structs.replace(ruleset.unknown, **change),
    )
