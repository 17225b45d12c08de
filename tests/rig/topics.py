"""Topics that no other test has: made quickly, under a prefix of their own."""

from __future__ import annotations

import contextlib
import uuid

from kafka import KafkaAdminClient
from kafka.admin import NewTopic


class Topics:
    """Creates topics named `<prefix>.<name>` on a broker, one replica each.

    `enforcement.intake` gets the broker's clock, as the log needs it. Topics are never deleted: a broker of the rig
    ends with its tests, and on another one the prefix keeps runs apart.
    """

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.prefix = f"t{uuid.uuid4().hex[:8]}"

    def name(self, name: str) -> str:
        """The full name of a topic."""
        return f"{self.prefix}.{name}"

    def create(self, name: str, partitions: int = 1, **configs: str) -> str:
        """Create `<prefix>.<name>` and return that. `configs`: Kafka's, with `_` for `.`."""
        self.create_all({name: (partitions, configs)})
        return self.name(name)

    def create_all(self, topics: dict[str, tuple[int, dict[str, str]]]) -> None:
        """Create several at once: name -> (partitions, configs)."""
        made = [
            NewTopic(self.name(name), partitions, 1, topic_configs=_configs(name, configs))
            for name, (partitions, configs) in topics.items()
        ]
        with contextlib.closing(KafkaAdminClient(bootstrap_servers=self.bootstrap)) as admin:
            admin.create_topics(made)


def _configs(name: str, configs: dict[str, str]) -> dict[str, str]:
    clock = {"message.timestamp.type": "LogAppendTime"} if name == "enforcement.intake" else {}
    return clock | {key.replace("_", "."): value for key, value in configs.items()}
