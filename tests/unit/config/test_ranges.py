"""Every range that stands in a type is enforced in files, and named in the message."""

from __future__ import annotations

import pytest
from msgspec import inspect

from detector.config import scalars
from detector.config.policies import resolve
from detector.config.policy_file import KINDS
from detector.errors import ConfigError


def numbers(kind, path):
    """Each number below a struct: the keys that lead to it, its bare type, whether it is a duration."""
    for each in kind.fields:
        bare, duration, _ = scalars.unwrap(each.type)
        if isinstance(bare, inspect.StructType):
            yield from numbers(bare, (*path, each.encode_name))
        elif isinstance(bare, inspect.IntType | inspect.FloatType):
            yield (*path, each.encode_name), bare, duration


FIELDS = [one for name in ("stream", "defaults", "unknown_policies") for one in numbers(KINDS[name], (name,))]


def said(path, value):
    """The problems with a file that sets one value, those about its neighbours left out."""
    text = "".join(f"{'  ' * depth}{key}:\n" for depth, key in enumerate(path)).rstrip("\n") + f" {value}\n"
    try:
        resolve([("p.yaml", text.encode())])
    except ConfigError as error:
        return [each.message for each in error.problems if each.message.startswith(f"`{path[-1]}` is '")]
    return []


def spelt(value, duration):
    return f"{value}s" if duration else str(value)


@pytest.mark.parametrize(("path", "kind", "duration"), FIELDS, ids=[".".join(path) for path, _, _ in FIELDS])
def test_bounds_hold_and_what_is_beyond_them_is_refused(path, kind, duration):
    low = kind.ge if kind.gt is None else kind.gt
    step = 1 if isinstance(kind, inspect.IntType) else 0.5

    assert said(path, spelt(kind.le, duration)) == []
    assert (said(path, spelt(low, duration)) == []) is (kind.gt is None)
    for wrong in (spelt(kind.le + step, duration), spelt(low - step, duration), "many", "true", ".inf", "1:30", "NaN"):
        (message,) = said(path, wrong)
        assert message.startswith(f"`{path[-1]}` is '{wrong}', must be a")
        assert (scalars.spell_seconds(kind.le) if duration else f"{kind.le}") in message


@pytest.mark.parametrize("value_s", [0, 1, 59, 60, 90, 900, 3600, 5400, 86_400, 604_800, 0.5, 1.000001])
def test_durations_are_spelt_as_they_are_read(value_s):
    assert scalars.seconds(scalars.spell_seconds(value_s)) == value_s
