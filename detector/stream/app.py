"""The Faust app: what is asked of Faust, and nothing that it would do by default."""

from __future__ import annotations

import ssl
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast

import faust
from faust.types import ProcessingGuarantee

from detector.stream import table
from detector.stream.batch import Batch, RawSchema
from detector.stream.exits import die
from detector.stream.outbox import REQUEST_TIMEOUT_S
from detector.stream.table import PolicyTable
from detector.stream.transport import FoldTransport
from detector.wire.deadletters import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from faust.types import TransportT
    from faust.types.auth import CredentialsT
    from faust.types.streams import StreamT

    from detector.config.setting_types import Settings
    from detector.stream.consumer import FoldConsumer
    from detector.stream.vitals import Vitals

FOLD_EVENTS: Final = 20_000
"""Most events of one step of intake: about a quarter of a second."""
FOLD_LOG_RECORDS: Final = 256
"""Most log records of one step of watch; when catching up, each holds hundreds of rows."""
MAX_FETCH_BYTES: Final = 4 * 1024 * 1024
MAX_BATCH_BYTES: Final = 1024 * 1024
"""aiokafka's 16 KiB would make a checkpoint wait for the broker after every few values of a partition."""
BROKER_TIMEOUT_S: Final = 90.0
REBALANCE_TIMEOUT_S: Final = 60.0


class App(faust.App):
    """A Faust app over the fold transport. `folded`: most records of one poll, by topic."""

    def __init__(self, settings: Settings, vitals: Vitals, release: Callable[[], Awaitable[None]]) -> None:
        self.folded = {settings.events_topic: FOLD_EVENTS, settings.intake_topic: FOLD_LOG_RECORDS}
        self.vitals = vitals
        self.release = release
        super().__init__(settings.group, **_configuration(settings))
        self.policies = PolicyTable(self, name=table.NAME, partitions=settings.partitions)
        self.tables.add(self.policies)

    @property
    def folding(self) -> FoldConsumer:
        """The consumer, by its own name."""
        return cast("FoldConsumer", self.consumer)

    def _new_transport(self) -> TransportT:
        return FoldTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """None: nothing is kept on disk."""

    def run_stage(
        self, topic: str, step: Callable[[Batch], Awaitable[None]], finished: Callable[[Batch, float], None]
    ) -> None:
        """Give `step` each poll of `topic`, then tell `finished` how many seconds it took.

        What a step raises ends the process: Faust would drop the batch and go on.
        """

        async def work(stream: StreamT[Batch]) -> None:
            async for batch in stream:
                began_s = monotonic()
                with batch:
                    try:
                        await step(batch)
                    except Exception as error:  # noqa: BLE001 - whatever it is, the batch is not done
                        die(f"a step over {topic} failed", error)
                self.vitals.progress()
                finished(batch, monotonic() - began_s)

        channel = self.topic(topic, schema=RawSchema(), acks=False)
        self.agent(channel, name=topic, concurrency=1)(work)


def _configuration(settings: Settings) -> dict[str, Any]:
    credentials = _credentials(settings)
    return {
        "broker": [f"kafka://{each}" for each in settings.bootstrap.split(",")],
        **({"broker_credentials": credentials} if credentials else {}),
        "processing_guarantee": ProcessingGuarantee.AT_LEAST_ONCE,
        "store": "memory://",
        "table_standby_replicas": 0,
        "web_enabled": False,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "topic_partitions": settings.partitions,
        "broker_session_timeout": settings.session_timeout_s,
        "broker_heartbeat_interval": settings.heartbeat_interval_s,
        "broker_rebalance_timeout": REBALANCE_TIMEOUT_S,
        "broker_request_timeout": max(BROKER_TIMEOUT_S, settings.session_timeout_s),
        "broker_commit_interval": settings.commit_interval_s,
        "consumer_auto_offset_reset": "earliest",
        "consumer_max_fetch_size": MAX_FETCH_BYTES,
        "producer_acks": -1,
        "producer_linger": 0.0,
        "producer_max_batch_size": MAX_BATCH_BYTES,
        "producer_max_request_size": MAX_MESSAGE_BYTES,
        "producer_request_timeout": REQUEST_TIMEOUT_S,
        "stream_publish_on_commit": False,
        "stream_recovery_delay": 0.0,
        "stream_wait_empty": True,
    }


def _credentials(settings: Settings) -> CredentialsT | None:
    """Encryption and login. Faust needs an explicit context: without one SASL would silently run in the clear."""
    context = ssl.create_default_context(cafile=settings.ssl_cafile) if "SSL" in settings.security_protocol else None
    if settings.security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=settings.sasl_username,
            password=settings.sasl_password.reveal() if settings.sasl_password else None,
            mechanism=settings.sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context=context) if context else None
