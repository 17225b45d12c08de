"""The transport that Faust is given: folding consumer, idempotent producer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faust.transport.drivers import aiokafka

from detector.stream.consumer import FoldConsumer

if TYPE_CHECKING:
    from collections.abc import Mapping


class IdempotentProducer(aiokafka.Producer):
    """Retries neither repeat nor reorder records; every replica in sync has them."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"enable_idempotence": True, "acks": "all"}


class FoldTransport(aiokafka.Transport):
    """aiokafka's transport with both."""

    Consumer = FoldConsumer
    Producer = IdempotentProducer
