"""The eighteen shapes that incidents and legitimate waves take, as events; magnitudes are drawn from stated ranges.

Each scene begins in ordinary traffic. `onset_ms` is when it departs from it; what must be said must be said by
`until_ms`, and what must not be said not before `end_ms`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

import numpy as np

from tests.bench import shape_events as made
from tests.bench.shape_events import ANYBODY, BOTS, DAY_MS, HOUR_MS, MINUTE_MS, START_MS, USUAL, Floats, Habits, Rows

LIVE_MS: Final = START_MS + 5 * MINUTE_MS
Must = Literal["trip", "trip rule", "trip scope", "trip or warn", "warn", "not"]


class Scene(NamedTuple):
    """Events in any order, without the ordinary traffic's tail from before.

    `wrong`: event ids of wrongful actions. `excess`: of each minute from the onset on the extra rate over the usual
    one, nothing where volume is not the point; `share`: of the usual rate that of the scope which goes wrong.
    `phi`: dispersion of what is counted, where it is not the world's.
    `narrow`: the values of dimensions to which a trip may narrow.
    """

    events: Rows
    onset_ms: int
    until_ms: int
    end_ms: int
    wrong: Rows
    usual_per_h: Floats
    excess: Floats
    narrow: tuple[str, ...] = ()
    share: float = 1.0
    phi: float | None = None


class Shape(NamedTuple):
    """A shape: what must happen, in which world, and how it is drawn."""

    name: str
    must: Must
    world: made.World
    draw: Callable[[np.random.Generator, made.World, int], Scene]
    live: bool = False
    """By the log's clock, in which silence can be heard."""


BUSY: Final = made.World(3600.0)
MIDDLE: Final = made.World(200.0)
NIGHTLY: Final = made.World(300.0, swing=0.85)
FIVE: Final = made.World(5.0, phi=1.2)
THREE_A_DAY: Final = made.World(0.125, phi=1.2)
COUNTED: Final = made.World(200.0, evaluated=True)


def step(chance: np.random.Generator, world: made.World, _: int) -> Scene:
    """1: times 3 to 10 within five minutes, all of it by a rule version deployed two minutes before."""
    onset_ms, factor = _onset(chance), chance.uniform(3, 10)
    ramp = np.minimum(1.0, (np.arange(60) + 1) / 5)
    return _added(chance, world, onset_ms, 10 * MINUTE_MS, (factor - 1) * ramp, ANYBODY, new_rule=0)


def slow_ramp(chance: np.random.Generator, world: made.World, number: int) -> Scene:
    """2: 1 to 2 % an hour, or 10 to 25 % at once and for good."""
    minutes = np.arange(30 * 60)
    rise = (
        chance.uniform(0.01, 0.02) * minutes / 60 if number % 2 else np.full(len(minutes), chance.uniform(0.10, 0.25))
    )
    return _added(chance, world, _onset(chance), 24 * HOUR_MS, rise, ANYBODY, new_rule=1)


def one_version(chance: np.random.Generator, world: made.World, _: int) -> Scene:
    """3: one rule version at eight times its own norm, the policy as a whole at plus 15 to 40 %."""
    rise = chance.uniform(0.15, 0.40)
    scene = _added(chance, world, _onset(chance), HOUR_MS, np.full(180, rise), ANYBODY, new_rule=5)
    return scene._replace(share=rise / 7 if world.versions else 1.0)


def one_region(chance: np.random.Generator, world: made.World, number: int) -> Scene:
    """4: one region, or one client, at ten times its norm; the policy as a whole at plus 5 %."""
    onset_ms = _onset(chance)
    scene = _added(chance, world, onset_ms, HOUR_MS, np.full(180, 9 * 0.0055), ANYBODY)
    ours = np.isin(scene.events["event"], scene.wrong["event"])
    name, code, value = ("region", 7, "KR") if number % 2 else ("client", 4, "android-beta")
    scene.events[name][ours] = code
    later = np.isin(scene.events["subject"], scene.wrong["subject"])
    scene.events[name][later] = code
    return scene._replace(narrow=(value,), share=0.0055)


def low_volume(chance: np.random.Generator, world: made.World, _: int) -> Scene:
    """5: from three a day to 15 to 40 an hour, or from 5 an hour to 15."""
    per_h = 15.0 if world.per_h > 1 else chance.uniform(15, 40)
    return _added(
        chance, world, _onset(chance), 2 * HOUR_MS, np.full(12 * 60, per_h / world.per_h - 1), ANYBODY, new_rule=0
    )


def night(chance: np.random.Generator, world: made.World, _: int) -> Scene:
    """6: five times the usual rate of the hour at three in the night, below that of the day."""
    onset_ms = START_MS + 27 * HOUR_MS + int(chance.integers(-30, 30)) * MINUTE_MS
    return _added(chance, world, onset_ms, 30 * MINUTE_MS, np.full(60, 4.0), ANYBODY, new_rule=0)


def approved_batch(chance: np.random.Generator, world: made.World, _: int) -> Scene:
    """7: fifty thousand actions in twenty minutes upon the usual people."""
    rise = np.zeros(3 * 60)
    onset_ms = _onset(chance)
    rise[:20] = 50_000 * 3 / world.rate_per_h(onset_ms + np.arange(20) * MINUTE_MS)
    return _added(chance, world, onset_ms, 0, rise, USUAL)


def wrong_batch(chance: np.random.Generator, world: made.World, _: int) -> Scene:
    """8: 1,600 to 10,000 actions in ten minutes, between 9.4 % of them wrong and all."""
    onset_ms, size, minutes = _onset(chance), chance.uniform(1_600, 10_000), 10
    rise = size / minutes * 60 / world.rate_per_h(onset_ms + np.arange(minutes) * MINUTE_MS)
    wrong = np.exp(chance.uniform(np.log(0.094), 0))
    wrongful = _added(chance, world, onset_ms, minutes * MINUTE_MS, wrong * rise, ANYBODY, new_rule=6)
    right = _wave(chance, world, onset_ms, (1 - wrong) * rise, USUAL)
    return wrongful._replace(events=np.concatenate([wrongful.events, *right]), excess=rise)


def replays(chance: np.random.Generator, world: made.World, _: int) -> Scene:
    """9: everything two to five times for hours, and once the last 48 hours again."""
    onset_ms = START_MS + 49 * HOUR_MS + int(chance.integers(0, 300)) * MINUTE_MS
    scene = _quiet(chance, world, onset_ms, 12 * HOUR_MS)
    old = scene.events[(scene.events["time"] < onset_ms) & (scene.events["time"] >= onset_ms - 48 * HOUR_MS)]
    again = [old.copy()]
    again[0]["arrives"] = onset_ms + 6 * HOUR_MS + np.arange(len(old)) * 10 * MINUTE_MS // max(len(old), 1)
    live = scene.events[(scene.events["time"] >= onset_ms) & (scene.events["time"] < onset_ms + 6 * HOUR_MS)]
    for _copy in range(int(chance.integers(1, 5))):
        again.append(live.copy())
        again[-1]["arrives"] += chance.integers(0, 120_000, len(live))
    return scene._replace(events=np.concatenate([scene.events, *again]))


def overturns(chance: np.random.Generator, world: made.World, _: int) -> Scene:
    """10: the volume as it was, appeals 2.7 to 2.9 %, overturned 25 to 50 % over one to seven days."""
    onset_ms, days = _onset(chance), chance.uniform(1, 7)
    end_ms = onset_ms + int((days + 2) * DAY_MS)
    acts = made.ordinary(chance, world, LIVE_MS, end_ms, _level(chance, LIVE_MS, end_ms, onset_ms, 0.95, 1.05))
    share = np.clip((acts["time"] - onset_ms) / (days * DAY_MS), 0, 1)
    parts = [acts, made.routine_deploys(chance, world, LIVE_MS, end_ms)]
    for least in np.arange(0, 1, 0.1):
        some = acts[(share >= least) & (share < least + 0.1 + (least > 0.85))]
        habits = USUAL._replace(appealed=0.027 + 0.002 * (least + 0.05), overturned=0.25 + 0.25 * (least + 0.05))
        parts.append(made.aftermath(chance, some, habits))
    wrong = acts[chance.random(len(acts)) < 0.25 * share]
    return Scene(np.concatenate(parts), onset_ms, end_ms, end_ms, wrong, np.empty(0), np.empty(0))


def old_content(chance: np.random.Generator, world: made.World, _: int) -> Scene:
    """11: plus 16 to 24 %; content months instead of days old, 40 % of the accounts older than a year."""
    onset_ms, rise = _onset(chance), chance.uniform(0.16, 0.24)
    scene = _added(chance, world, onset_ms, 24 * HOUR_MS, np.full(24 * 60, rise), ANYBODY)
    after = (scene.events["time"] >= onset_ms) & (scene.events["kind"] == made.KIND["action"])
    shifted = scene.events[after]
    made.describe(chance, shifted, Habits((0.3, 0.3, 0.4), 90.0, 0.7))
    if world.versions:
        shifted["signal"][np.isin(shifted["event"], scene.wrong["event"])] = 21
    scene.events[after] = shifted
    return scene


def spam_wave(chance: np.random.Generator, world: made.World, _: int) -> Scene:
    """12: times 5 to 20 for hours, nearly all of it accounts younger than ten days; few appeal."""
    hours, factor = chance.uniform(3, 20), np.exp(chance.uniform(np.log(5), np.log(20)))
    minutes = np.arange(int((hours + 6) * 60))
    rise = (factor - 1) * np.clip(np.minimum(minutes / 10, (hours * 60 - minutes) / 60), 0, 1)
    return _added(chance, world, _onset(chance), 0, rise, BOTS)


def season(chance: np.random.Generator, world: made.World, _: int) -> Scene:
    """13: times 1.5 to 3 for a day or more, rising over hours; nothing else changes."""
    hours, factor, rising_h = chance.uniform(24, 36), chance.uniform(1.5, 3), chance.uniform(2, 8)
    minutes = np.arange(int((hours + 6) * 60))
    rise = (factor - 1) * np.clip(np.minimum(minutes, hours * 60 - minutes) / (rising_h * 60), 0, 1)
    return _added(chance, world, _onset(chance), 0, rise, USUAL)


def stall(chance: np.random.Generator, world: made.World, _: int) -> Scene:
    """14: nothing arrives for fifteen minutes, then the backlog within one."""
    onset_ms = START_MS + 14 * HOUR_MS + int(chance.integers(0, 180)) * MINUTE_MS
    scene = _quiet(chance, world, onset_ms, 3 * HOUR_MS)
    back_ms = onset_ms + 15 * MINUTE_MS
    held = (scene.events["time"] >= onset_ms) & (scene.events["time"] < back_ms)
    scene.events["arrives"][held] = back_ms + chance.integers(0, MINUTE_MS, held.sum())
    return scene._replace(until_ms=back_ms + 5 * MINUTE_MS)


def rebans(chance: np.random.Generator, world: made.World, _: int) -> Scene:
    """15: of the reinstated, 5 to 30 % are acted on again within 72 hours (normally 0.5 %)."""
    onset_ms, hours, usually = START_MS + 24 * HOUR_MS, 7 * 24, 0.005
    scene, odds = _quiet(chance, world, onset_ms, hours * HOUR_MS), chance.uniform(0.05, 0.30)
    events = scene.events
    free = events[(events["kind"] == made.KIND["appeal_decision"]) & (events["outcome"] == 2)]
    free = free[chance.random(len(free)) < np.where(free["time"] < onset_ms, usually, odds)]
    again = made.actions(
        chance, world, free["time"] + (chance.uniform(0.5, 72, len(free)) * HOUR_MS).astype(np.int64), ANYBODY
    )
    again["subject"] = free["subject"]
    again = again[again["time"] < scene.end_ms]
    passed = np.minimum(np.arange(hours * 60) / (72 * 60), 1.0)
    return scene._replace(
        events=np.concatenate([events, again]),
        wrong=again[again["time"] >= onset_ms],
        until_ms=onset_ms + 96 * HOUR_MS,
        usual_per_h=np.full(len(passed), usually * world.per_h * USUAL.appealed * USUAL.overturned),
        excess=(odds / usually - 1) * passed,
        phi=1.0,
    )


def cascade(chance: np.random.Generator, world: made.World, _: int) -> Scene:
    """15b: ten decisions that each take three to six linked accounts with them, within five minutes."""
    onset_ms = _onset(chance)
    scene = _quiet(chance, world, onset_ms, 6 * HOUR_MS)
    linked = int(chance.integers(3, 7, 10).sum())
    time_ms = np.sort(onset_ms + chance.integers(0, 5 * MINUTE_MS, linked))
    return scene._replace(events=np.concatenate([scene.events, made.actions(chance, world, time_ms, USUAL)]))


def broken_appeals(chance: np.random.Generator, world: made.World, number: int) -> Scene:
    """16: no appeal arrives any more, or each is rejected by a machine within fifteen minutes."""
    onset_ms = START_MS + 24 * HOUR_MS + int(chance.integers(0, 600)) * MINUTE_MS
    scene = _quiet(chance, world, onset_ms, 30 * HOUR_MS)
    events = scene.events
    appeals, decided = (events["kind"] == made.KIND[name] for name in ("appeal", "appeal_decision"))
    if number % 2:
        return scene._replace(events=events[~(appeals & (events["time"] >= onset_ms))], until_ms=onset_ms + DAY_MS)
    new = events[appeals & (events["time"] >= onset_ms)]
    answers = made.answer(chance, new, "appeal_decision", chance.lognormal(np.log(0.1), 0.5, len(new)))
    answers["acted_at"], answers["outcome"], answers["decided_by"] = new["acted_at"], 1, 2
    kept = events[~(decided & np.isin(events["action"], new["action"]))]
    return scene._replace(events=np.concatenate([kept, answers]), until_ms=onset_ms + DAY_MS)


def weapon(chance: np.random.Generator, world: made.World, _: int) -> Scene:
    """17: one rule's victims double every hour, from 5 % of the policy's actions."""
    rise = np.minimum(0.05 * 2 ** (np.arange(10 * 60) / 60), 40)
    return _added(chance, world, _onset(chance), 6 * HOUR_MS, rise, ANYBODY, old_rule=3)


def denominator(chance: np.random.Generator, world: made.World, number: int) -> Scene:
    """18: half or twice as many items are posted within minutes, with the usual share of violations."""
    onset_ms, factor = _onset(chance), 2.0 if number % 2 else 0.5
    end_ms = onset_ms + 12 * HOUR_MS
    first = np.arange(LIVE_MS, end_ms, MINUTE_MS)
    level = np.where((first >= onset_ms) & (first < onset_ms + 6 * HOUR_MS), factor, 1.0)
    acts = made.ordinary(chance, world, LIVE_MS, end_ms, level)
    posted = made.evaluations(chance, chance.poisson(world.rate_per_h(first) / 60 * 50 * level), LIVE_MS)
    parts = [acts, posted, made.aftermath(chance, acts, USUAL), made.routine_deploys(chance, world, LIVE_MS, end_ms)]
    return Scene(np.concatenate(parts), onset_ms, end_ms, end_ms, acts[:0], np.empty(0), np.empty(0))


SHAPES: Final = (
    Shape("1 step", "trip", BUSY, step),
    Shape("2 slow ramp", "trip", MIDDLE._replace(per_h=400.0), slow_ramp),
    Shape("3 one version", "trip rule", MIDDLE, one_version),
    Shape("4 one region", "trip scope", BUSY, one_region),
    Shape("5a three a day", "trip", THREE_A_DAY, low_volume),
    Shape("5b five an hour", "trip", FIVE, low_volume),
    Shape("6 night", "trip", NIGHTLY, night),
    Shape("7 approved batch", "not", MIDDLE, approved_batch),
    Shape("8 wrong batch", "trip", MIDDLE, wrong_batch),
    Shape("9 replays", "not", MIDDLE, replays),
    Shape("10 overturns", "trip or warn", MIDDLE, overturns),
    Shape("11 old content", "trip", MIDDLE, old_content),
    Shape("12 spam wave", "not", MIDDLE, spam_wave),
    Shape("13 season", "not", MIDDLE, season),
    Shape("14 stall", "warn", MIDDLE, stall, live=True),
    Shape("15 re-bans", "trip", MIDDLE, rebans),
    Shape("15b cascade", "not", MIDDLE, cascade),
    Shape("16 broken appeals", "warn", MIDDLE, broken_appeals),
    Shape("17 weapon", "trip", MIDDLE, weapon),
    Shape("18 denominator", "not", COUNTED, denominator),
)


# --- parts of scenes --------------------------------------------------------------------------------------------------


def _onset(chance: np.random.Generator) -> int:
    """On the first day, between three and eleven in the morning: before, while and after the rate rises most."""
    return START_MS + int(chance.integers(3 * 60, 11 * 60)) * MINUTE_MS


def _quiet(chance: np.random.Generator, world: made.World, onset_ms: int, span_ms: int) -> Scene:
    """Ordinary traffic until `span_ms` after the onset."""
    end_ms = onset_ms + span_ms
    acts = made.ordinary(chance, world, LIVE_MS, end_ms)
    parts = [acts, made.aftermath(chance, acts, USUAL), made.routine_deploys(chance, world, LIVE_MS, end_ms)]
    return Scene(np.concatenate(parts), onset_ms, end_ms, end_ms, acts[:0], np.empty(0), np.empty(0))


def _added(
    chance: np.random.Generator,
    world: made.World,
    onset_ms: int,
    limit_ms: int,
    rise: Floats,
    habits: Habits,
    *,
    new_rule: int | None = None,
    old_rule: int | None = None,
) -> Scene:
    """Ordinary traffic, and from the onset on `rise` times its rate on top of it, minute by minute."""
    scene = _quiet(chance, world, onset_ms, len(rise) * MINUTE_MS)
    extra, later = _wave(chance, world, onset_ms, rise, habits)
    parts = [scene.events, extra, later]
    narrow: tuple[str, ...] = ()
    if world.versions and (new_rule is not None or old_rule is not None):
        rule = new_rule if new_rule is not None else old_rule or 0
        code = made.rule_codes(np.array([rule]), np.array([onset_ms]))[0] + (50 if new_rule is not None else 0)
        extra["rule"] = later["rule"] = code
        extra["signal"] = 0
        narrow = (made.names("").rules[code],)
        if new_rule is not None:
            parts.append(made.deploy(chance, onset_ms - 2 * MINUTE_MS, code))
    usual = world.rate_per_h(onset_ms + np.arange(len(rise)) * MINUTE_MS)
    until_ms = onset_ms + limit_ms
    return scene._replace(
        events=np.concatenate(parts), until_ms=until_ms, wrong=extra, usual_per_h=usual, excess=rise, narrow=narrow
    )


def _wave(
    chance: np.random.Generator, world: made.World, onset_ms: int, rise: Floats, habits: Habits
) -> tuple[Rows, Rows]:
    """Actions on top of the ordinary ones, and their aftermath."""
    first = onset_ms + np.arange(len(rise)) * MINUTE_MS
    extra = made.actions(
        chance, world, made.moments(chance, world.rate_per_h(first) * rise, onset_ms, world.phi), habits
    )
    return extra, made.aftermath(chance, extra, habits)


def _level(chance: np.random.Generator, start_ms: int, end_ms: int, onset_ms: int, low: float, high: float) -> Floats:
    """1 before the onset, then a level between the two, for each minute."""
    first = np.arange(start_ms, end_ms, MINUTE_MS)
    level: Floats = np.where(first >= onset_ms, chance.uniform(low, high), 1.0)
    return level
