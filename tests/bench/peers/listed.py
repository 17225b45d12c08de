"""All peers at their tunings, on actions and on plain counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.bench.peers import drift, emergency_disable, focus, seasonal, thresholds
from tests.bench.peers.series import Ints, Peer
from tests.bench.scoring import REFRACTORY_MS


class Listed(NamedTuple):
    """`refractory_ms` is 0 for what stays tripped by itself until the next edit."""

    name: str
    peer: Peer
    refractory_ms: int = REFRACTORY_MS


PEERS = [
    *(Listed(f"EmergencyDisable {share:.1%}", emergency_disable.peer(share), 0) for share in (0.05, 0.02, 0.01, 0.005)),
    *(Listed(f"trailing 7 d mean + z sd, z > {z}", thresholds.trailing_week(z)) for z in (10, 20)),
    *(Listed(f"EARS C2, z > {z:g}", thresholds.ears_c2(z)) for z in (3.09, 10)),
    Listed("Farrington flexible, hourly, alpha 1e-6", seasonal.peer(1e-6)),
    Listed("river ADWIN, defaults", drift.adwin()),
    Listed("river PageHinkley, defaults", drift.page_hinkley()),
    *(Listed(f"Poisson-FOCuS, S > {s}", focus.peer(s)) for s in (15, 100)),
]


class OnCounts(NamedTuple):
    """A peer on counts of five minutes: steps beyond a threshold, and thresholds worth trying."""

    name: str
    thresholds: tuple[float, ...]
    steps: Callable[[Ints, float], Ints]


ON_COUNTS = [
    OnCounts("trailing 7 d mean + z sd, z >", (3, 4, 6, 8, 10, 15, 20, 30), thresholds.trailing_week_steps),
    OnCounts("EARS C2, z >", (3.09, 6, 10, 20, 40, 80), thresholds.ears_c2_steps),
    OnCounts("river ADWIN, delta", (0.002, 1e-4, 1e-6, 1e-10, 1e-20, 1e-50), drift.adwin_steps),
    OnCounts("river PageHinkley, threshold", (50, 500, 2000, 5000, 20_000), drift.page_hinkley_steps),
    OnCounts("Poisson-FOCuS, S >", (15, 100, 300, 1000, 3000, 10_000), focus.steps),
]
ON_REVERSALS = [
    *((f"trailing 7 d mean + z sd, z > {z}", thresholds.trailing_week(z)) for z in (10, 20, 40)),
    ("EARS C2, z > 20", thresholds.ears_c2(20)),
    ("Poisson-FOCuS, S > 30", focus.peer(30)),
]
"""On the reversals of a policy: name and function."""
