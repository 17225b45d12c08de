"""All peers at their tunings, for incidents on actions."""

from __future__ import annotations

from typing import NamedTuple

from tests.bench.peers import drift, emergency_disable, focus, seasonal, thresholds
from tests.bench.peers.series import Peer
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
