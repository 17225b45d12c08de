"""The policy file as a record of the log, so that what is in force changes at one position for everybody."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import msgspec

from detector import logs
from detector.config import policies
from detector.errors import ConfigError
from detector.wire import log

if TYPE_CHECKING:
    from detector.config.setting_types import Settings
    from detector.metrics import Metrics
    from detector.policy import Ruleset
    from detector.stream.outbox import Outbox


class Announcer:
    """Sends the policies at start, before any row of this worker, and again after `reload`."""

    def __init__(self, settings: Settings, outbox: Outbox, metrics: Metrics) -> None:
        self._settings = settings
        self._outbox = outbox
        self._metrics = metrics
        self._lock = asyncio.Lock()
        self.ruleset = self._load()
        self._announced = ""

    def _load(self) -> Ruleset:
        ruleset = policies.load(self._settings.policies).ruleset
        self._metrics.policy_file.loaded(ruleset.version, time.time())
        self._metrics.policy_file.unlisted_cap.set(ruleset.unknown.cap)
        self._metrics.list_policies(each.id for each in ruleset.policies)
        logs.info("policy_file_loaded", config_version=ruleset.version, count=len(ruleset.policies))
        return ruleset

    def reload(self) -> None:
        """Read the file again; a wrong one is logged and leaves the old in force. The next `announce` sends it."""
        try:
            self.ruleset = self._load()
        except (ConfigError, OSError) as error:
            self._metrics.policy_file.rejected()
            logs.error("policy_file_rejected", detail=str(error))

    async def announce(self) -> None:
        """Have the policies in every log partition, unless they are."""
        async with self._lock:
            ruleset = self.ruleset
            if ruleset.version == self._announced:
                return
            value = log.encode(log.Settings(version=ruleset.version, ruleset=msgspec.json.encode(ruleset)))
            await self._outbox.spread(value)
            self._announced = ruleset.version
