"""Topics on a broker: create those that are missing, compare, and refuse to run on settings that break an invariant."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from detector.contract.comparison import Found, Mismatch, Wanted, compare, wanted
from detector.errors import TopicMismatch
from detector.kafka import broker_errors, client_options, opening

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from detector.config.setting_types import Settings


class Admin:
    """Topic administration on a connection that `connect` opened."""

    def __init__(self, client: KafkaAdminClient) -> None:
        self._client = client

    def found(self, names: Sequence[str]) -> dict[str, Found]:
        """Those of the named topics that exist and that this principal may see."""
        described = {topic["name"]: topic for topic in self._client.describe_topics(list(names))}
        existing = [name for name in names if name in described and not described[name]["error_code"]]
        configs = self._configs(existing)
        return {name: _found(name, described[name]["partitions"], configs.get(name, {})) for name in existing}

    def create(self, topics: Sequence[Wanted]) -> list[str]:
        """Create those that don't exist, wait until they can be used, return their names. Others stay as they are."""
        found = self.found([each.name for each in topics])
        missing = {each.name: _creation(each) for each in topics if each.name not in found}
        if missing:
            self._client.create_topics(missing, wait_for_metadata=True)
        return list(missing)

    def diff(self, topics: Sequence[Wanted]) -> list[Mismatch]:
        """Everything that differs, in the order of the topics; empty when all is as wanted."""
        found = self.found([each.name for each in topics])
        return [mismatch for each in topics for mismatch in compare(each, found.get(each.name))]

    def _configs(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        if not names:
            return {}
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        # A topic whose settings this principal may not read answers without any: `compare` says so.
        answer = self._client.describe_configs(resources, config_filter="all")["topic"]
        return {name: {key: entry["value"] for key, entry in entries.items()} for name, entries in answer.items()}


@contextmanager
def connect(settings: Settings) -> Iterator[Admin]:
    """A connection. Raises `BrokenWorld` when the broker can't be reached or refuses, also from inside the block."""
    with broker_errors(settings), ExitStack() as opened:
        client = opening(opened, KafkaAdminClient, **client_options(settings))
        opened.callback(client.close)
        yield Admin(client)


def verify(settings: Settings) -> None:
    """Connects, and raises `TopicMismatch` with every reason why a worker must not run on these topics, one a line."""
    with connect(settings) as admin:
        refused = [mismatch for mismatch in admin.diff(wanted(settings)) if mismatch.refused]
    if refused:
        raise TopicMismatch("\n".join(map(str, refused)))


def _found(name: str, partitions: Sequence[Mapping[str, Sequence[int]]], config: Mapping[str, str]) -> Found:
    replication = min(len(partition["replica_nodes"]) for partition in partitions)
    return Found(name, len(partitions), replication, config)


def _creation(each: Wanted) -> dict[str, object]:
    return {
        "num_partitions": each.partitions,
        "replication_factor": each.replication,
        "configs": dict(each.config),
    }
