"""The one way to stop at once: nothing is committed that was not made durable, and a supervisor starts again."""

from __future__ import annotations

import logging
import os
from typing import Final, NoReturn

from detector import logs

EX_SOFTWARE: Final = 70


def die(reason: str, problem: BaseException | None = None) -> NoReturn:
    """Log `reason` and end the process without running anything else. Safe in any thread."""
    logs.error("worker_failed", problem, reason=reason)
    logging.shutdown()
    os._exit(EX_SOFTWARE)
