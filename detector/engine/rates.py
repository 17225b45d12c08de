"""Rolling counts of whole policies, read off their rings: what people look at first."""

from __future__ import annotations

from typing import Final

from detector.engine.columns import SECONDS_CELL_MS
from detector.engine.policy_state import WHOLE
from detector.engine.scopes import Scopes
from detector.stats import windows
from detector.units import HOUR_MS, MINUTE_MS

WINDOWS: Final = {
    "1m": ("seconds", SECONDS_CELL_MS, 12),
    "10m": ("minutes", MINUTE_MS, 10),
    "1h": ("minutes", MINUTE_MS, 60),
    "24h": ("hours", HOUR_MS, 24),
}
"""Ring, width of its cells in ms, and how many of them make the window."""


def rolling(scopes: Scopes, bucket_ms: int) -> dict[str, dict[str, int]]:
    """Actions per listed policy and window; each window ends with the policy's last final bucket."""
    policies = [policy for policy in scopes.policies.values() if policy.listed and WHOLE in policy.rows]
    if not policies:
        return {}
    view = scopes.table.rows[[policy.rows[WHOLE] for policy in policies]]
    end_ms = view["settled"] * bucket_ms
    found: dict[str, dict[str, int]] = {policy.id: {} for policy in policies}
    for name, (ring, cell_ms, cells) in WINDOWS.items():
        counts = windows.total(view[ring], view[f"{ring}_head"], end_ms // cell_ms, cells)
        for policy, count in zip(policies, counts.tolist(), strict=True):
            found[policy.id][name] = count
    return found
