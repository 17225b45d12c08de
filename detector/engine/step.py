"""Empty buckets, hard limits and ends of hours, for rows of scopes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.engine.columns import FROZEN, LEARNED, NEVER, NOT_SEEN
from detector.stats import baseline, evidence, onset, slow, surge, windows
from detector.stats.baseline import Counted

Rows = NDArray[np.void]
Ints = NDArray[np.int64]


def rest(view: Rows, link: Rows, through: int, bucket_ms: int) -> None:
    """Evidence and onset of `view` after empty buckets up to `through`."""
    width_h = bucket_ms / 3_600_000
    gap = np.maximum(through - view["at"], 0).astype(np.float64)
    view["evidence"] = evidence.idle(view["evidence"], gap, view["rate"], view["phi"], width_h)
    fall = onset.change(np.zeros_like(gap), view["rate"] * width_h * gap, view["phi"])
    view["cusum"] = onset.step(view["cusum"], fall)
    end = np.maximum(view["at"], through) + 1
    kept, change, more = surge.idle(view["at"], end, view["deployed"], view["bar"], width_h)
    anew = (view["at"] < view["deployed"]) & (view["deployed"] <= through)
    over = surge.forgiven(through, view["deployed"], link["window_h"], width_h) | (view["met_hour"] == NEVER)
    view["change"] = np.where(over[:, None], 0.0, view["change"] * kept + change)
    view["surge"] = np.where((view["met_hour"] == NEVER)[:, None], 0.0, view["surge"] * kept + more)
    view["changed"][anew] = 0
    view["at"] = np.maximum(view["at"], through)


def limit_count(view: Rows, link: Rows, end_ms: int) -> Ints:
    """Actions in the hard limit's window that ends at `end_ms`, or with a row's newest bucket; 0 without a limit."""
    now = np.maximum(view["limit_head"], (end_ms - 1) // np.maximum(link["limit_ms"], 1))
    total = windows.total(view["limit"], view["limit_head"], now, link["limit_cells"])
    return np.where(link["limit_max"] > 0, total, 0)


def close_hour(view: Rows, link: Rows, frozen: NDArray[np.bool_], hour: int, learn: int, profiles: Rows) -> None:
    """End hour number `hour`: learn hour `learn`, a guard lag before it, and fix the rate of the hour after next.

    `frozen`: rows whose hour `hour` must never be learned. `profiles`: the weekly profiles, updated in place.
    """
    hours = view["unlearned"].shape[1]
    view["unlearned"][:, hour % hours] = np.where(frozen, FROZEN, LEARNED)
    known = view["unlearned"][:, learn % hours] == LEARNED
    count = windows.total(view["hours"], view["hours_head"], np.full(len(view), learn, np.int64), 1).astype(np.float64)
    young = view["level_b"] < baseline.KNOWN_H
    for name in ("evidence", "cusum", "since"):  # gathered against a level that was not known yet
        view[name][young] = 0
    _meet(view, link, hour, learn, profiles)
    _learn(view, link, np.flatnonzero(known), count, learn, profiles)
    view["peak"] = 0.0
    view["rate"], view["bar"] = view["next_rate"], view["next_bar"]
    view["next_rate"], view["next_bar"] = expect(view, link, hour + 2, profiles), bar(view, link, hour + 2, profiles)


def _meet(view: Rows, link: Rows, hour: int, learn: int, profiles: Rows) -> None:
    """Note the distinct subjects of hour `hour`, and learn the busiest hour from hour `learn`."""
    here, cells = view["met_hour"] == hour, view["peoples"].shape[1]
    view["peoples"][:, hour % cells] = np.where(here, surge.people(view["met"]) + view["more"], 0.0)
    view["begun"] = np.where(here, np.minimum(view["begun"], hour), view["begun"])
    grown = hour - view["begun"] >= surge.NEWBORN_H
    late = np.where(grown, min(learn, hour - surge.GROWN_GUARD_H), learn)
    row, hours = np.arange(len(view)), view["unlearned"].shape[1]
    heard = np.where(view["unlearned"][row, late % hours] == LEARNED, view["peoples"][row, late % cells], 0.0)
    view["busiest"] = surge.busier(view["busiest"], heard.astype(np.float64), _season(view, link, learn, profiles))


def bar(view: Rows, link: Rows, hour: int, profiles: Rows) -> NDArray[np.float64]:
    """Rate per hour below which nothing is a surge for each row in hour number `hour`."""
    season = _season(view, link, hour, profiles)
    rate = view["level_a"] / (view["level_b"] + 1.0) * season
    age_h = np.where(view["begun"] < hour, hour - view["begun"], 0).astype(np.float64)
    found = surge.bar_per_h(rate, season, view["busiest"], link["newborn"], age_h, link["least"])
    unknown = (view["stranger"] != 0) & (view["level_b"] < baseline.KNOWN_H)
    return np.where(unknown, view["next_bar"], found)


def resume(view: Rows, link: Rows, hour: int, profiles: Rows) -> None:
    """Go on after hour number `hour`, the end of a silence from which nothing is learned."""
    view["unlearned"] = NOT_SEEN
    view["rate"], view["next_rate"] = (expect(view, link, next_hour, profiles) for next_hour in (hour + 1, hour + 2))
    view["bar"], view["next_bar"] = (bar(view, link, next_hour, profiles) for next_hour in (hour + 1, hour + 2))


def expect(view: Rows, link: Rows, hour: int, profiles: Rows) -> NDArray[np.float64]:
    """Rate per hour that each row expects in hour number `hour`."""
    season = _season(view, link, hour, profiles)
    return baseline.rate_per_h(view["level_a"], view["level_b"], season, link["floor"])


def _season(view: Rows, link: Rows, hour: int, profiles: Rows) -> NDArray[np.float64]:
    mine, at = link["profile"], baseline.hour_of_week(hour)
    parts = baseline.counted(profiles["counts"], profiles["expected"], profiles["scale"], hour)
    week, day = (Counted(part.counts[mine], part.expected[mine]) for part in parts)
    return baseline.seasonal(week, day, profiles["pooled"][mine, at].astype(np.float64), view["phi"])


def _learn(view: Rows, link: Rows, known: Ints, count: NDArray[np.float64], hour: int, profiles: Rows) -> None:
    old, count = view[known], count[known]
    season = _season(old, link[known], hour, profiles)
    due = baseline.due_per_h(old["level_a"], old["level_b"], season, link["floor"][known])
    settled = old["level_b"] >= baseline.KNOWN_H
    total, hours = baseline.learn_phi(old["phi_total"], old["phi_hours"], count, due)
    view["phi_total"][known] = np.where(settled, total, old["phi_total"])
    view["phi_hours"][known] = np.where(settled, hours, old["phi_hours"])
    view["level_a"][known], view["level_b"][known] = baseline.learn_level(old["level_a"], old["level_b"], count, season)
    view["phi"][known] = baseline.phi(view["phi_total"][known], view["phi_hours"][known])
    # Before a whole day its level has the rhythm in it that the profile is to learn.
    whole = link["whole"][known] & (old["level_b"] >= baseline.TRAINED_H)
    at, week = link["profile"][known][whole], baseline.hour_of_week(hour)
    level = (old["level_a"] / np.maximum(old["level_b"], 1.0))[whole]
    profiles["counts"][at, week], profiles["expected"][at, week] = baseline.learn_profile(
        profiles["counts"][at, week], profiles["expected"][at, week], count[whole], level
    )


def close_day(view: Rows, link: Rows, hour: int, profiles: Rows) -> None:
    """End the day that ends with hour number `hour` for whole policies: slow twins hear it and learn an older one.

    A day with an hour that was not seen is no evidence; one with a frozen hour is never learned.
    """
    at, floor, day = link["profile"], link["floor"] * baseline.DAY_H, hour // baseline.DAY_H
    count = day_count(view, hour)
    why = view["unlearned"][:, np.arange(hour - baseline.DAY_H + 1, hour + 1) % view["unlearned"].shape[1]]
    seen = np.where((why == NOT_SEEN).any(axis=1), np.nan, count)
    twins = slow.step(profiles["twin"][at], day, seen, floor)
    profiles["twin"][at] = slow.learn(twins, day, np.where((why == FROZEN).any(axis=1), np.nan, seen), floor)


def day_count(view: Rows, hour: int) -> NDArray[np.float64]:
    """Final actions of each row in the day that ends with hour number `hour`."""
    return observed(view, "hours", hour, baseline.DAY_H).astype(np.float64)


def observed(view: Rows, ring: str, at: int, cells: int) -> Ints:
    """Final actions of each row in the `cells` of a ring of `windows` that end with cell number `at`."""
    return windows.total(view[ring], view[f"{ring}_head"], np.full(len(view), at, np.int64), cells)
