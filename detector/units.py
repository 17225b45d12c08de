"""Units of time."""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000

Buckets = TypeVar("Buckets", int, NDArray[np.int64])


def hour_end(bucket: Buckets, bucket_ms: int, hours: int = 0) -> Buckets:
    """Last bucket that starts in the hour in which `bucket` starts, or in one that is `hours` later."""
    return ((bucket * bucket_ms // HOUR_MS + 1 + hours) * HOUR_MS - 1) // bucket_ms
