"""The embedded broker: librdkafka's mock cluster, a real Kafka endpoint on 127.0.0.1 that lives in this process.

For the demo, stream tests and laptops; never for data that matters. What it can't do: more than one worker per consumer
group, CreateTopics (topics appear on first use, with `PARTITIONS` partitions), LogAppendTime, compaction, and it keeps
only the newest 5 MB of each partition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from detector.errors import BrokenWorld

if TYPE_CHECKING:
    from types import TracebackType

    from confluent_kafka import Producer

PARTITIONS: Final = 4
START_TIMEOUT_S: Final = 10.0


class EmbeddedBroker:
    """Context manager around one broker; `bootstrap` is its `host:port`, valid until exit.

    Clients need: aiokafka nothing; kafka-python `api_version=(2, 1)` and, for producers, `enable_idempotence=False`;
    Faust `topic_allow_declare=False` and `topic_disable_leader=True`.
    """

    bootstrap: str
    _cluster: Producer

    def __enter__(self) -> Self:
        """Start it (milliseconds). Raises `BrokenWorld` when confluent-kafka isn't installed or nothing answers."""
        try:
            from confluent_kafka import KafkaException, Producer  # noqa: PLC0415 - only the extra `demo` ships it
        except ImportError as error:
            raise BrokenWorld(
                "the embedded broker needs confluent-kafka: pip install 'detector[demo]', or name a broker of your own"
            ) from error
        self._cluster = Producer({"test.mock.num.brokers": 1, "log_level": 0})
        try:
            brokers = self._cluster.list_topics(timeout=START_TIMEOUT_S).brokers
        except KafkaException as error:
            raise BrokenWorld(f"the embedded broker did not answer within {START_TIMEOUT_S:g} s: {error}") from error
        (broker,) = brokers.values()
        self.bootstrap = f"{broker.host}:{broker.port}"
        return self

    def touch(self, *topics: str) -> None:
        """Make `topics` exist: the mock creates what it is asked about. Idempotent."""
        for topic in topics:
            self._cluster.list_topics(topic, timeout=START_TIMEOUT_S)

    def producer(self) -> Producer:
        """A fast producer on it, for who generates load."""
        return type(self._cluster)(
            {"bootstrap.servers": self.bootstrap, "compression.type": "zstd", "linger.ms": 5, "log_level": 0}
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it; every connection to it breaks."""
        del self._cluster
