"""What the engine says: a breaker moved, or a warning, with all that explains it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.breaker import BreakerState, Moment
from detector.engine.scopes import Key, PolicyState
from detector.events import AlertType, Contributor, Evidence, Impact, State


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
    """Rows of one log record, as columns of equal length; codes point into the three dictionaries."""

    partition: int
    offset: int
    policies: list[str]
    origins: list[str]
    regions: list[str]
    policy: NDArray[np.int64]
    origin: NDArray[np.int64]
    region: NDArray[np.int64]
    time_ms: NDArray[np.int64]
    kind: NDArray[np.int64]
    automated: NDArray[np.bool_]
    held: NDArray[np.bool_]
    is_refill: bool = False
    """The loaded state already knows it: it only fills open buckets, and brings nothing new."""


class Added(NamedTuple):
    """What became of a batch: rows worth a test now, and how many actions gave no evidence, and why."""

    rows: NDArray[np.int64]
    late: int
    ahead: int
    refused: int
