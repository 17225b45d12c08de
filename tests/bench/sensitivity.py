"""Each default of the detector halved and doubled: what changes on Wikipedia's labelled rules, deploys told and not.

A number that only suits the incidents it was chosen on shows here: its neighbours are much worse. One default is moved
at a time; the filters with incidents and some others at random (`--policies`), all under the one policy file.

`python -m tests.bench.sensitivity [--years 2009-2010] [--policies 15] [--only WORD]`
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from detector.engine import hours, judge, links
from detector.stats import baseline, surge
from tests.bench import wikipedia_data as data
from tests.bench.harness import table, with_settings
from tests.bench.wikipedia_all import POLICY_FILE, Bench, Run, bench

TIMES = {"halved": 0.5, "doubled": 2.0}


class Default(NamedTuple):
    """A setting of the policy file (no module), or a number in a module; `then`: what follows from it there."""

    what: str
    name: str
    module: ModuleType | None = None
    then: Callable[[float], dict[str, Any]] = lambda _: {}


def fade(name: str, hours_: float = 1.0) -> Callable[[float], dict[str, Any]]:
    """What an hour leaves of a memory, which a module works out once."""
    return lambda memory: {name: float(np.exp(-hours_ / memory))}


TRIPS = Default("budget of false trips", "false_trips_per_year")
WARNINGS = Default("budget of false warnings", "false_warnings_per_year")
WHOLE_WEIGHT = Default("share of the budget for the whole policy", "POLICY_WEIGHT", links)
LEARNING = (
    Default("learning stops for high evidence", "FREEZE_H", hours),
    Default("learning stops after a trip", "AFTERMATH_MS", hours),
    Default("evidence that stops learning", "HOT_RATIO", judge),
)
DEFAULTS = (
    TRIPS,
    WARNINGS,
    Default("least material rate", "min_rate_per_h"),
    Default("window of a deploy", "deploy_window"),
    Default("hours of the budget that a deploy may spend", "DEPLOY_H", links),
    WHOLE_WEIGHT,
    Default("busiest first hours, mean", "NEWBORN_MEAN_PER_H", surge),
    Default("busiest first hours, how long", "NEWBORN_H", surge),
    Default("busiest hours, learned so late", "GROWN_GUARD_H", surge),
    Default("mass of a deploy at once", "AT_ONCE", surge),
    Default("mass of a deploy, the rest in", "ARRIVES_H", surge),
    Default("busiest hours, memory", "BUSIEST_MEMORY_H", surge, fade("_FADE")),
    Default("level, memory", "MEMORY_H", baseline, fade("_FADE")),
    Default("hour of the week, pseudo-counts", "PROFILE_PRIOR", baseline),
    Default("hour of the day, pseudo-counts", "DAY_PRIOR", baseline),
    *LEARNING,
)


@contextlib.contextmanager
def moved(default: Default, value: float) -> Iterator[None]:
    """The number of a module, and what follows from it, for a while."""
    if default.module is None:
        yield
        return
    new = {default.name: value, **default.then(value)}
    old = {name: getattr(default.module, name) for name in new}
    try:
        for name, each in new.items():
            setattr(default.module, name, each)
        yield
    finally:
        for name, each in old.items():
            setattr(default.module, name, each)


def present(default: Default) -> float:
    """What it is now; durations in seconds."""
    if default.module is not None:
        return getattr(default.module, default.name)
    settings = with_settings(POLICY_FILE.read_text(), {}).unknown
    return getattr(settings, default.name, None) or getattr(settings, f"{default.name}_s")


def compared(
    defaults: Iterable[Default], only: str, row: Callable[[str, Default, float], list[str]]
) -> list[list[str]]:
    """A row for things as they are, then two for each default whose name has `only` in it; printed as they come."""
    asked = list(defaults)
    cases = [("as it is", asked[0], 1.0)]
    cases += [
        (f"{each.what} {word}", each, times) for each in asked if only in each.what for word, times in TIMES.items()
    ]
    rows = []
    for what, default, times in cases:
        rows.append(row(what, default, type(present(default))(present(default) * times)))
        print(" | ".join(rows[-1]), flush=True)
    return rows


def run(what: Bench, default: Default, value: float) -> Run:
    """One history with one number moved."""
    unit = "s" if default.name == "deploy_window" else ""
    changes = {} if default.module else {default.name: f"{value:g}{unit}"}
    if default in (TRIPS, WARNINGS):  # a trip may not need less evidence than a warning
        other, nearer = (WARNINGS, max) if default is TRIPS else (TRIPS, min)
        changes[other.name] = f"{nearer(value, present(other)):g}"
    with moved(default, value):
        return what.engine(with_settings(POLICY_FILE.read_text(), changes), default.what)


def _figures(found: Run) -> list[str]:
    """Found, avoided, other trips and warnings a policy-year."""
    cells = found.cells()
    return [cells[1], cells[5], cells[6], cells[7]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--years", default="2009-2010", help="first and last: these two have eleven of the incidents")
    parser.add_argument("--policies", default="15", help="filters at random beside those with incidents")
    parser.add_argument("--only", default="", help="a word of the default's name")
    asked, folder = parser.parse_args(), data.folder()
    if folder is None:
        raise SystemExit(data.ABSENT)
    from tests.bench.bed import conditions  # noqa: PLC0415 - brings what only a run needs

    print(conditions(), flush=True)
    first, _, last = asked.years.partition("-")
    years = int(first), int(last or first)
    histories = [bench(folder, years, asked.policies, hidden=hidden) for hidden in (False, True)]

    def row(what: str, default: Default, value: float) -> list[str]:
        return [what, *(cell for each in histories for cell in _figures(run(each, default, value)))]

    rows = compared(DEFAULTS, asked.only, row)
    told = ["found", "avoided", "others/y", "warnings/y"]
    print("\n" + table([["", *told, *(f"{each} withheld" for each in told)], *rows]))


if __name__ == "__main__":
    main()
