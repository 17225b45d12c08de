"""What a scope's row needs to know of its policy: lines, limits, rates; renewed when settings or breakers change."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.engine.columns import LIMIT_CELLS
from detector.engine.policy_state import WHOLE, Key, PolicyState
from detector.events import State
from detector.policy import DIMENSIONS, PolicySettings
from detector.stats import baseline, evidence, surge

POLICY_WEIGHT: Final = 0.5
VALUE_WEIGHT: Final = 0.5 / (8 * len(DIMENSIONS))
"""Shares of a policy's budget of false trips: half for the whole, half for up to eight active values a dimension."""
SATURATION: Final = 100.0
"""Evidence is kept up to this multiple of the trip line."""
DEPLOY_H: Final = 1000.0
"""Hours of a year that one deploy counts as in a policy's budget: nine deploys spend what a year without one does."""

Row = NDArray[np.void]

LINK: Final = np.dtype(
    [
        ("partition", "<i4"),
        ("profile", "<i4"),  # row of the policy's weekly profile
        ("channel", "<i4"),  # row of its channels; -1 while no event told anything for them
        ("corroborated", "?"),  # one of its channels would warn
        ("whole", "?"),  # the policy itself, not a value of a dimension
        ("position", "<i8"),  # last log offset that the loaded state already holds
        ("trip_h", "<f8"),  # evidence lines, hours; infinite: not judged
        ("warn_h", "<f8"),
        ("next_h", "<f8"),  # the line from which a decision could change anything
        ("cap_h", "<f8"),  # evidence saturates here: what is far beyond the trip line must also end some day
        ("change_h", "<f8"),  # lines of stats.surge that the settings give,
        ("surge_h", "<f8"),
        ("change_line", "<f8"),  # and those at which it trips now; infinite: it can't
        ("surge_line", "<f8"),
        ("let_go", "?"),  # what last changed it is that its breaker lets it go again
        ("window_h", "<f8"),  # so long after a deploy its evidence counts
        ("newborn", "<f8"),  # rate per hour that a scope without history may have
        ("least", "<f8"),  # least material rate per hour
        ("floor", "<f8"),  # and the least that warnings expect
        ("limit_ms", "<i8"),  # width of a hard-limit cell
        ("limit_cells", "<i8"),
        ("limit_max", "<i8"),  # 0: no hard limit
    ]
)


def weight(key: Key) -> float:
    """Share of its policy's budget that a scope has."""
    return POLICY_WEIGHT if key == WHOLE else VALUE_WEIGHT


def tell_settings(link: Row, policy: PolicyState, key: Key, bucket_ms: int) -> None:
    """Write into a scope's link (array of length 1) what follows from its policy's settings."""
    settings = policy.settings
    judged = settings.mode != "disabled" and policy.watches(key)
    own_weight, line_h = weight(key), evidence.line_h(settings.false_trips_per_year, 1.0)
    link["partition"], link["profile"], link["position"] = policy.partition, policy.profile, policy.position
    link["whole"] = key == WHOLE
    link["window_h"] = settings.deploy_window_s / 3600
    link["least"], link["floor"] = settings.min_rate_per_h, max(settings.min_rate_per_h, baseline.WARNED_PER_H)
    link["newborn"] = surge.newborn_per_h(line_h / DEPLOY_H)
    trip_h = evidence.line_h(settings.false_trips_per_year, own_weight)
    warn_h = evidence.line_h(settings.false_warnings_per_year, own_weight)
    link["trip_h"], link["warn_h"] = (trip_h, warn_h) if judged else (np.inf, np.inf)
    link["cap_h"] = SATURATION * trip_h
    link["change_h"], link["surge_h"] = line_h / DEPLOY_H, line_h * POLICY_WEIGHT / own_weight
    _tell_limit(link, settings if judged and key == WHOLE else None, bucket_ms)
    tell_lines(link, policy, key)


def tell_lines(link: Row, policy: PolicyState, key: Key) -> None:
    """Write into it from which lines on a decision could change anything, as its policy's breakers stand."""
    state, disabled = policy.breaker(key), policy.settings.mode == "disabled" or not policy.watches(key)
    held = state.state in (State.OPEN, State.FAULT) or policy.breaker(WHOLE).state is State.OPEN
    link["let_go"] = policy.is_let_go(key)
    link["change_line"] = np.inf if held or disabled else link["change_h"]
    # Where deploys are told, a surge without one is a wave: it warns.
    link["surge_line"] = np.inf if held or disabled or policy.deploys else link["surge_h"]
    if held:
        link["next_h"] = np.inf
    elif link["corroborated"][0] or "volume" not in policy.told:
        link["next_h"] = link["warn_h"]
    else:
        link["next_h"] = link["trip_h"] if policy.is_probing else np.inf


def _tell_limit(link: Row, settings: PolicySettings | None, bucket_ms: int) -> None:
    limit = settings.hard_limit if settings else None
    link["limit_max"] = limit.max if limit else 0
    if limit:
        cell_ms = -(-int(limit.per_s * 1000 / LIMIT_CELLS) // bucket_ms) * bucket_ms
        link["limit_ms"] = cell_ms
        link["limit_cells"] = min(LIMIT_CELLS, max(1, int(limit.per_s * 1000) // cell_ms))
