"""What the engine says: a breaker moved, or a warning, with all that explains it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.breaker import BreakerState, Moment
from detector.engine.policy_state import Key, PolicyState
from detector.events import AlertType, Contributor, Evidence, Impact, State
from detector.policy import Dimension


@dataclass(frozen=True, slots=True)
class Transition:
    """One move of one breaker (or a warning, where `before` and `after` have the same state)."""

    type: AlertType
    policy: PolicyState
    key: Key
    before: State
    after: BreakerState
    now: Moment
    onset_ms: int
    detected_ms: int
    reason: str
    evidence: tuple[Evidence, ...] = ()
    contributors: tuple[Contributor, ...] = ()
    impact: Impact = field(default_factory=Impact)


class Batch(NamedTuple):
    """Rows of log records, at most one record per partition, as columns of equal length.

    `partitions`, `offsets`, `refills`: per record; a refill is known to the loaded state, so it only fills open
    buckets. `slot`: per row, its record. `policy`: per row, code into `policies`; `homes`: per such code, its record.
    `wrong`: what the event says of an action; the ages and `prior` are one more than they say, 0 unknown; `evaluated`
    items were in the `interval_ms` up to then.
    `values`: per dimension, names and for each row a code into them; a dimension without names may be left out.
    """

    partitions: NDArray[np.int64]
    offsets: NDArray[np.int64]
    refills: NDArray[np.bool_]
    policies: list[str]
    homes: NDArray[np.int64]
    values: dict[Dimension, tuple[list[str], NDArray[np.int64]]]
    slot: NDArray[np.int64]
    policy: NDArray[np.int64]
    time_ms: NDArray[np.int64]
    kind: NDArray[np.int64]
    automated: NDArray[np.bool_]
    held: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    subject: NDArray[np.uint64]
    subject_age_h: NDArray[np.int64]
    content_age_h: NDArray[np.int64]
    prior: NDArray[np.int64]
    acted_s: NDArray[np.int64]
    evaluated: NDArray[np.int64]
    interval_ms: NDArray[np.int64]


class Added(NamedTuple):
    """What became of a batch: table rows worth a test now; per record how many actions gave none of volume, and why."""

    rows: NDArray[np.int64]
    late: NDArray[np.int64]
    ahead: NDArray[np.int64]
    refused: NDArray[np.int64]
