"""Output records: alerts as CloudEvents 1.0 in Kafka binary mode, breakers and heartbeats as plain JSON.

The same struct gives the same bytes, so a repeated record can be told by comparison, and an alert by its `ce_id`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from detector.events import Alert, Breaker, Heartbeat

SOURCE: Final = "/detector"
HEARTBEAT_PREFIX: Final = b"heartbeat/"
_JSON: Final = ("content-type", b"application/json")
_encoder: Final = msgspec.json.Encoder()
_alerts: Final = msgspec.json.Decoder(Alert)
_breakers: Final = msgspec.json.Decoder(Breaker)
_heartbeats: Final = msgspec.json.Decoder(Heartbeat)


class OutputMessage(NamedTuple):
    """What a producer sends."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def alert_message(alert: Alert) -> OutputMessage:
    """Of `enforcement.alerts`, keyed by scope."""
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": alert.alert_id,
        "ce_source": SOURCE,
        "ce_type": f"io.detector.{alert.type}.v1",
        "ce_time": msgspec.to_builtins(alert.detected_at),
    }
    headers = [(name, text.encode()) for name, text in attributes.items()]
    return OutputMessage(alert.scope.id.encode(), _encoder.encode(alert), [*headers, _JSON])


def breaker_message(breaker: Breaker) -> OutputMessage:
    """Of `enforcement.breakers`, keyed by scope: compaction keeps the newest."""
    return OutputMessage(breaker.scope.id.encode(), _encoder.encode(breaker), [_JSON])


def heartbeat_message(heartbeat: Heartbeat) -> OutputMessage:
    """Of `enforcement.breakers`, keyed by log partition."""
    return OutputMessage(b"%b%d" % (HEARTBEAT_PREFIX, heartbeat.partition), _encoder.encode(heartbeat), [_JSON])


def parse_alert(value: bytes) -> Alert:
    """The alert in a record's value. Raises `msgspec.DecodeError`."""
    return _alerts.decode(value)


def parse_breaker_record(key: bytes, value: bytes) -> Breaker | Heartbeat:
    """What a record of `enforcement.breakers` says; its key tells which of the two. Raises `msgspec.DecodeError`.

    Strict: words that this version doesn't know are refused.
    """
    return _heartbeats.decode(value) if key.startswith(HEARTBEAT_PREFIX) else _breakers.decode(value)
