"""Which part of a policy explains what the whole does: contributors, and the narrowest scope to hold."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.engine import channels
from detector.engine.buckets import OpenBuckets
from detector.engine.columns import HOURS_CELLS, MINUTES_CELLS, SECONDS_CELL_MS, SECONDS_CELLS
from detector.engine.policy_state import WHOLE, Key, PolicyState
from detector.engine.scopes import Scopes
from detector.engine.step import observed
from detector.events import Evidence, State
from detector.policy import DECIDERS, DIMENSIONS
from detector.units import HOUR_MS, MINUTE_MS

EXPLAINS: Final = 0.8
"""Share of a policy's excess from which one value is held to be its cause."""
MOST: Final = 0.5
OUTSTANDING: Final = 4.0
"""Who decided (a version, a model, a signal) is the cause, too, with most of the excess and so much more of a rise than
the policy: the rest is the ups and downs of the others."""
OUT_OF_LINE: Final = 3.0
"""A place (region, client, action type) must also have risen this many times as much as the policy."""
PRESENT: Final = 1.2
"""Lift, over at most the last hour, below which evidence of volume speaks of what is over."""


class Part(NamedTuple):
    """A scope's share of the policy's excess (0..1), and its lift over its expected rate."""

    share: float
    lift: float


def parts(
    scopes: Scopes, cells: OpenBuckets, policy: PolicyState, onset_ms: int, end_ms: int, bucket_ms: int
) -> dict[Key, Part]:
    """Every scope of a policy with more actions than due since an onset, over at most the last hour; and the whole."""
    keys = sorted(policy.rows)
    rows = np.array([policy.rows[key] for key in keys])
    span = _span(onset_ms, end_ms)
    order = np.argsort(rows)
    count = np.zeros(len(rows))
    count[order] = _counts(scopes, cells, rows[order], end_ms, span, bucket_ms)
    due = scopes.table.rows["rate"][rows] * span.cells * span.cell_ms / HOUR_MS
    excess = np.maximum(count - due, 0.0)
    everything = max(float(excess[keys.index(WHOLE)]), 1.0)
    return {
        key: Part(min(1.0, float(excess[i]) / everything), float(count[i] / due[i]))
        for i, key in enumerate(keys)
        if key == WHOLE or excess[i] > 0
    }


class Harm(NamedTuple):
    """What a scope did since an onset: actions, those of them that were automated, and held."""

    onset_ms: int
    actions: int
    automated: int
    held: int


def own(view: NDArray[np.void], onset_ms: int) -> Harm:
    """That of a row (array of length 1) which speaks for itself."""
    return Harm(onset_ms, *(int(n) for n in view["since"][0]))


def of_window(evidence: Evidence, end_ms: int) -> Harm:
    """That of evidence which tells a whole window: who did it, and how, is not known."""
    return Harm(end_ms - round(1000 * evidence.window_s), int(evidence.observed), 0, 0)


def harm(scopes: Scopes, cells: OpenBuckets, row: int, onset_ms: int, end_ms: int, bucket_ms: int) -> Harm:
    """That of a row for which another one speaks: since its own onset, where it had one by its last final bucket."""
    view = scopes.table.rows[row]
    rose = bool(view["cusum"] > 0)
    onset = int(view["onset"]) if rose else onset_ms // bucket_ms
    seen = view["since"].astype(np.int64) if rose else np.zeros(3, np.int64)
    for bucket in cells.between(max(int(view["settled"]), onset - 1), end_ms // bucket_ms - 1):
        seen += cells.counts(bucket, np.array([row]))[0]
    return Harm(onset * bucket_ms, *seen.tolist())


def since(scopes: Scopes, cells: OpenBuckets, row: int, onset_ms: int, end_ms: int, bucket_ms: int) -> Harm:
    """That of a row since a moment, by its rolling windows: to the hour where that is longer ago than an hour.

    Of automated and held ones only those since volume rose are known, at least so many.
    """
    count = int(_counts(scopes, cells, np.array([row]), end_ms, _span(onset_ms, end_ms, _RINGS), bucket_ms)[0])
    _, automated, held = scopes.table.rows["since"][row].tolist()
    return Harm(onset_ms, count, min(automated, count), min(held, count))


def narrowest(found: dict[Key, Part]) -> Key:
    """The one value that explains the excess, who decided before where; the whole where none does.

    A place goes before who decided where it stands out by as much again: the only version there is explains nothing.
    """
    best = WHOLE
    for dimension in DIMENSIONS:
        mine = [key for key in found if key[0] == dimension and _explains(found[key], found[WHOLE], dimension)]
        first = max(mine, key=lambda key: (found[key].share, found[key].lift, key), default=WHOLE)
        if first != WHOLE and (best == WHOLE or found[first].lift >= OUT_OF_LINE * found[best].lift):
            best = first
    return best


def _explains(part: Part, whole: Part, dimension: str) -> bool:
    """Whether a part is held to be the cause of what the whole does."""
    if dimension in DECIDERS:
        return part.share >= EXPLAINS or (part.share > MOST and part.lift >= OUTSTANDING * whole.lift)
    return part.share >= EXPLAINS and part.lift >= OUT_OF_LINE * whole.lift


def target(policy: PolicyState, key: Key, onset_ms: int, found: dict[Key, Part]) -> Key | None:
    """The scope that is to move where the evidence of `key` speaks; None where it is held, or told, elsewhere.

    `onset_ms`: since when it speaks. A value that rose by itself speaks for itself; what an open breaker accounts for
    says nothing new.
    """
    held = [each for each, breaker in policy.breakers.items() if breaker.state is State.OPEN]
    accounted = max((policy.breakers[each].since_ms for each in held), default=-1) >= onset_ms
    elsewhere = WHOLE in held or key[0] not in {each[0] for each in held}
    if held and elsewhere and (accounted or _share(found, held) >= EXPLAINS):
        return None
    if key not in found or found[key].lift < PRESENT:
        return None
    cause = narrowest(found)
    if key in (WHOLE, cause):
        return cause
    return key if found[WHOLE].share < EXPLAINS else None


def parts_of(scopes: Scopes, policy: PolicyState, signal: str) -> dict[Key, Part]:
    """The same for a signal of channels: its excess since each scope's own onset, and its lift over its usual share.

    So the lift of a value is how much more of the excess it has than of the policy's actions; the whole's is 1.
    """
    rate = {key: float(scopes.table.rows["rate"][row]) for key, row in policy.rows.items()}
    excess = {key: channels.excess(scopes.channels_of(row), signal) for key, row in sorted(policy.rows.items())}
    share = {key: min(1.0, each / max(excess[WHOLE], 1.0)) for key, each in excess.items()}
    found = {key: Part(share[key], share[key] * rate[WHOLE] / rate[key]) for key in share if excess[key] > 0}
    return found | {WHOLE: Part(share[WHOLE], 1.0)}


def target_of(policy: PolicyState, key: Key, found: dict[Key, Part]) -> Key | None:
    """`target` for evidence that is not of volume.

    While a breaker is open, what it holds counts everywhere, but for other values of its own dimension, and for what
    acts without it.
    """
    held = [each for each, breaker in policy.breakers.items() if breaker.state is State.OPEN]
    if held:
        other = {each[0] for each in held} == {key[0]} or is_apart(found, key, held)
        return key if other and WHOLE not in (key, *held) and key in found else None
    cause = narrowest(found)
    return cause if key in (WHOLE, cause) else None


def is_apart(found: dict[Key, Part], key: Key, held: list[Key]) -> bool:
    """Whether what is held leaves room for most of a scope's excess: they are not the same actions."""
    return key in found and EXPLAINS * found[key].share <= 1.0 - _share(found, held)


def _share(found: dict[Key, Part], keys: list[Key]) -> float:
    """Largest share of the excess that some scopes, all of one dimension, explain together."""
    return max(sum(found[key].share for key in keys if key[0] == each and key in found) for each in DIMENSIONS)


class _Span(NamedTuple):
    """A stretch of time in cells of one of the rolling windows."""

    ring: str
    cell_ms: int
    cells: int


_RINGS: Final = (
    ("seconds", SECONDS_CELL_MS, SECONDS_CELLS - 1),
    ("minutes", MINUTE_MS, MINUTES_CELLS),
    ("hours", HOUR_MS, HOURS_CELLS),
)  # fmt: skip


def _span(onset_ms: int, end_ms: int, rings: tuple[tuple[str, int, int], ...] = _RINGS[:2]) -> _Span:
    """The time since an onset: to five seconds within the last minute, to the minute within the last hour."""
    for ring, cell_ms, most in rings:
        cells = max(1, -(-(end_ms - onset_ms) // cell_ms))
        if cells <= most:
            return _Span(ring, cell_ms, cells)
    return _Span(ring, cell_ms, most)


def _counts(
    scopes: Scopes, cells: OpenBuckets, rows: NDArray[np.int64], end_ms: int, span: _Span, bucket_ms: int
) -> NDArray[np.float64]:
    """Actions of rows (ascending) in the time before `end_ms`, final and open buckets together."""
    at, settled = (end_ms - 1) // span.cell_ms, scopes.table.rows["settled"][rows]
    count = observed(scopes.table.rows[rows], span.ring, at, span.cells).astype(np.float64)
    first = (at - span.cells + 1) * span.cell_ms // bucket_ms
    for bucket in cells.between(first - 1, end_ms // bucket_ms - 1):
        count += np.where(bucket > settled, cells.counts(bucket, rows)[:, 0], 0)
    return count
