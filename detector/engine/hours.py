"""Ends of hours: what every row learns then, and which must not learn."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.engine import judge, quiet, step
from detector.engine.columns import picked, put, taken
from detector.engine.minutes import Minutes
from detector.engine.scopes import Scopes
from detector.stats import baseline
from detector.units import HOUR_MS

Ints = NDArray[np.int64]
Rows = NDArray[np.void]

FREEZE_H: Final = 12
"""High evidence stops learning for at most this long; after that the new level is learned."""
AFTERMATH_MS: Final = 6 * HOUR_MS
"""So long after a breaker last moved nothing is learned: what it stopped may still be going on."""
CALM_H: Final = 24
"""Calm hours in a row after which it may be stopped for as long again."""


class Hours:
    """Closes hours, and passes over those that nothing can be learned from."""

    def __init__(self, scopes: Scopes, minutes: Minutes, bucket_ms: int, *, guard_h: int) -> None:
        self._scopes = scopes
        self._minutes = minutes
        self._bucket_ms = bucket_ms
        self._guard_h = guard_h

    def close(self, rows: Ints, through: int) -> list[int]:
        """End the hour that ends with bucket `through`: learn the one a guard lag before it.

        Returns the rows of `rows` whose slow twins have something to say after a whole day.
        """
        table = self._scopes.table.rows
        view, link = taken(table, rows), taken(self._scopes.links.rows, rows)
        step.rest(view, link, through, self._bucket_ms)
        hour = self._hour(through)
        frozen = self._frozen(view, link, through)
        self._pool(link, hour + 2)
        whole, profiles = link["whole"], self._scopes.profiles.rows
        at = link["profile"][whole]
        profiles["scale"][at] = baseline.scale(profiles["counts"][at], profiles["expected"][at])
        mine = picked(view, np.flatnonzero(whole), *quiet.VIEW), picked(link, np.flatnonzero(whole), *quiet.LINK)
        profiles["silence"][at] = quiet.levels(*mine, picked(profiles, at, *quiet.PROFILE), (hour + 1) * HOUR_MS)
        step.close_hour(view, link, frozen, hour, hour - self._guard_h, profiles)
        put(table, rows, view)
        self._minutes.close_hour(rows, hour, frozen, max(1, self._guard_h))
        return self._close_day(rows, hour) if (hour + 1) % baseline.DAY_H == 0 else []

    def silent(self, rows: Ints, through: int) -> list[int]:
        """Rows of whole policies that have long been silent as bucket `through` ends, and are not said to be yet."""
        scopes, end_ms = self._scopes, (through + 1) * self._bucket_ms
        links = scopes.links.rows
        wholes = rows[
            links["whole"][rows] & np.isfinite(links["warn_h"][rows]) & np.isfinite(links["change_line"][rows])
        ]
        view, link = picked(scopes.table.rows, wholes, *quiet.VIEW), picked(links, wholes, *quiet.LINK)
        at, profiles = links["profile"][wholes], scopes.profiles.rows
        level_h = quiet.levels(view, link, picked(profiles, at, *quiet.PROFILE), end_ms)
        long = wholes[~(level_h < links["warn_h"][wholes])]
        return [row for row in long.tolist() if "silence" not in scopes.owner[row][0].told]

    def _close_day(self, rows: Ints, hour: int) -> list[int]:
        links, profiles = self._scopes.links.rows, self._scopes.profiles.rows
        wholes = rows[links["whole"][rows]]
        link = links[wholes]
        step.close_day(self._scopes.table.rows[wholes], link, hour, profiles)
        speaks = ~(judge.ramp_h(profiles[link["profile"]]) < link["warn_h"]) & np.isfinite(link["warn_h"])
        return [int(row) for row in wholes[speaks]]

    def skip(self, rows: Ints, through: int) -> None:
        """Go on after an hour that ends with bucket `through`, all before it being unknown."""
        table = self._scopes.table.rows
        view, link = taken(table, rows), taken(self._scopes.links.rows, rows)
        step.rest(view, link, through, self._bucket_ms)
        hour = self._hour(through)
        self._pool(link, hour + 1)
        self._pool(link, hour + 2)
        step.resume(view, link, hour, self._scopes.profiles.rows)
        self._scopes.profiles.rows["silence"][link["profile"]] = 0.0
        view["settled"] = np.maximum(view["settled"], through)
        put(table, rows, view)

    def _pool(self, link: Rows, hour: int) -> None:
        """Note for the policies of `link` what all policies of their partition did at that hour of earlier weeks.

        Every policy's share is a week old, so it matters little whether some are a checkpoint ahead after a restart.
        """
        profiles, at = self._scopes.profiles.rows, baseline.hour_of_week(hour)
        for partition in np.unique(link["partition"]).tolist():
            everyone = self._scopes.links.rows["profile"][self._scopes.wholes(partition)]
            mine = link["profile"][link["partition"] == partition]
            pool = baseline.pool(profiles["counts"][everyone, at], profiles["expected"][everyone, at])
            profiles["pooled"][mine, at] = pool

    def _hour(self, bucket: int) -> int:
        return bucket * self._bucket_ms // HOUR_MS

    def _frozen(self, view: Rows, link: Rows, through: int) -> NDArray[np.bool_]:
        """Rows of policies whose running hour must not be learned: a breaker has moved, or evidence was high.

        High evidence stops learning for at most `FREEZE_H` hours; only a calm day renews that.
        """
        hot = (view["peak"] > np.sqrt(link["trip_h"])) & (view["level_b"] >= baseline.TRAINED_H)
        hot |= judge.hot(view, link)
        heard = np.flatnonzero(link["channel"] >= 0)
        hot[heard] |= judge.heard(self._scopes.channels.rows[link["channel"][heard]], link[heard])
        hot |= self._moved(through)[link["profile"]]
        view["calm_h"] = np.where(hot, 0, view["calm_h"] + 1)
        view["hot_h"] = np.where(view["calm_h"] >= CALM_H, 0, view["hot_h"] + hot)
        hot &= view["hot_h"] <= FREEZE_H
        policies = np.zeros(len(self._scopes.profiles.rows), bool)
        policies[link["profile"][hot]] = True
        frozen: NDArray[np.bool_] = policies[link["profile"]]
        return frozen

    def _moved(self, through: int) -> NDArray[np.bool_]:
        """By profile: policies with a breaker that is not closed, or that moved within the aftermath."""
        found, since_ms = np.zeros(len(self._scopes.profiles.rows), bool), through * self._bucket_ms - AFTERMATH_MS
        some = (each for each in self._scopes.policies.values() if each.breakers)
        found[[each.profile for each in some if each.is_unsettled(since_ms)]] = True
        return found
