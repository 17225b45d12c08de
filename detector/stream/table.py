"""The table `policies`: Faust recovers its changelog, the checkpoint writes it, nobody sets keys one by one.

Values begin with the 8-byte big-endian log position that they include. Per key the highest one wins, so a worker that
was thought dead and writes late changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from faust.tables.table import Table

from detector.fold.state import POSITION_BYTES, position_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from faust.tables.manager import TableManager
    from faust.types import TP, EventT

    from detector.stream.app import App

NAME: Final = "policies"


class PolicyTable(Table[bytes, bytes]):
    """Keys and values by partition, raw, for the partitions that this worker holds."""

    key_serializer = value_serializer = "raw"

    app: App

    def __init__(self, app: App, **kwargs: Any) -> None:  # noqa: ANN401 - handed on to Faust
        super().__init__(app, key_type=bytes, value_type=bytes, **kwargs)
        self._values: dict[int, dict[bytes, bytes]] = {}
        self._offsets: dict[int, int] = {}
        self.ignored = 0

    @property
    def held(self) -> set[int]:
        """Partitions of the changelog that this worker owns."""
        return {tp.partition for tp in self._active}

    @property
    def _active(self) -> set[TP]:
        tables = cast("TableManager", self.app.tables)
        return tables.recovery.active_tps

    @property
    def is_assigned(self) -> bool:
        """Whether it owns any; callable from other threads."""
        return bool(self._active)

    def values_of(self, partition: int) -> Mapping[bytes, bytes]:
        """All that the table holds of a partition."""
        return self._values.get(partition, {})

    def stored(self, partition: int, key: bytes, value: bytes, offset: int) -> None:
        """The changelog has acknowledged `value` at `offset`."""
        self._values.setdefault(partition, {})[key] = value
        self._offsets[partition] = max(offset, self._offsets.get(partition, -1))

    def apply_changelog_batch(self, batch: Iterable[EventT[Any]]) -> None:
        """Take what recovery has read."""
        for event in batch:
            self._apply(event.message.partition, event.message.key, event.message.value, event.message.offset)
        self.app.vitals.progress()

    def _apply(self, partition: int, key: bytes | None, value: bytes | None, offset: int) -> None:
        if partition not in self.held or key is None or value is None or len(value) < POSITION_BYTES:
            self.ignored += 1
            return
        old = self.values_of(partition).get(key, value)
        self.stored(partition, key, max(old, value, key=position_of), offset)

    def persisted_offset(self, tp: TP) -> int | None:
        """How far this worker has the partition, so that a rebalance that leaves it here reads nothing again."""
        return self._offsets.get(tp.partition)

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Forget what went to others."""
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)
        mine = {tp.partition for tp in assigned if tp.topic == self.changelog_topic_name}
        for partition in set(self._values) | set(self._offsets):
            if partition not in mine:
                self._values.pop(partition, None)
                self._offsets.pop(partition, None)
