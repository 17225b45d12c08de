"""Records that no stream should die of, each with the reason that its dead letter must carry.

The same seed gives the same records. Those of 1 MB are rare, or ten thousand records would take gigabytes.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from detector.events import MAX_RECORD_BYTES, DeadLetterReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SUBJECT = "acct-of-a-person"
"""In every record whose JSON is whole: what no detail of a dead letter may repeat."""
CENTURY_MS = 36_525 * 86_400_000
MEGABYTE_EVERY = 500


class Hostile(NamedTuple):
    """One record, its Kafka headers, what is wrong with it, and the reason to expect."""

    value: bytes | None
    headers: list[tuple[str, bytes]]
    name: str
    reason: DeadLetterReason


def good_action(number: int, now_ms: int) -> dict[str, Any]:
    """A valid event, as the JSON object that a producer sends."""
    return {
        "id": f"hostile-{number}",
        "kind": "action",
        "time": now_ms - number % 1000,
        "policy_id": "spam",
        "rule_id": "42",
        "rule_version": "17",
        "subject_id": SUBJECT,
        "action_id": f"a-{number}",
        "action_type": "suspend",
        "automated_decision": "FULLY",
    }


def hostile_records(now_ms: int, count: int = 10_000, seed: int = 1) -> Iterator[Hostile]:
    """`count` records, none of which can be used at `now_ms` (epoch milliseconds)."""
    rng = random.Random(seed)
    for number in range(count):
        good = good_action(number, now_ms)
        if number % MEGABYTE_EVERY == 0:
            yield Hostile(_json({**good, "x": "x" * 1_000_000}), [], "megabyte", DeadLetterReason.TOO_LARGE)
            continue
        name, reason, make, headers = rng.choice(RECIPES)
        yield Hostile(make(rng, good), headers, name, reason)


def _json(event: Any) -> bytes:
    return json.dumps(event).encode()


def _truncated(rng: random.Random, good: dict[str, Any]) -> bytes:
    value = _json(good)
    return value[: rng.randrange(1, len(value))]


def _deep(rng: random.Random, good: dict[str, Any]) -> bytes:
    depth = rng.randrange(3_000, 6_000)
    opening, closing = rng.choice([(b"[", b"]"), (b'{"a":', b"}")])
    return _json(good)[:-1] + b', "x": ' + opening * depth + b"1" + closing * depth + b"}"


def _not_utf8(rng: random.Random, good: dict[str, Any]) -> bytes:
    bad = rng.choice([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", "Zürich".encode("latin-1")])
    name = rng.choice(["policy_id", "subject_id", "unknown", "region"])
    return _json({**good, name: "@@"}).replace(b"@@", bad)


def _one_of(*values: bytes | None) -> Callable[[random.Random, dict[str, Any]], bytes | None]:
    return lambda rng, _good: rng.choice(values)


def _with(name: str, *values: Any) -> Callable[[random.Random, dict[str, Any]], bytes]:
    return lambda rng, good: _json({**good, name: rng.choice(values)})


def _without(*names: str) -> Callable[[random.Random, dict[str, Any]], bytes]:
    def make(rng: random.Random, good: dict[str, Any]) -> bytes:
        del good[rng.choice(names)]
        return _json(good)

    return make


def _null(rng: random.Random, good: dict[str, Any]) -> bytes:
    return _json({**good, rng.choice(["id", "kind", "time", "policy_id", "subject_id", "automated_decision"]): None})


def _control(rng: random.Random, good: dict[str, Any]) -> bytes:
    name = rng.choice(["id", "policy_id", "rule_id", "subject_id", "action_id", "region", "client"])
    return _json({**good, name: "a" + rng.choice(["\r\n", "\n", "\0", "\x1b[31m", "\x7f", "\t"]) + "b"})


def _century(rng: random.Random, good: dict[str, Any]) -> bytes:
    time_ms = good["time"] + rng.choice([-CENTURY_MS, CENTURY_MS])
    name = rng.choice(["time", "subject_created_at", "content_created_at"])
    text = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat()
    return _json({**good, name: rng.choice([time_ms, text])})


def _enveloped(**attributes: Any) -> Callable[[random.Random, dict[str, Any]], bytes]:
    return lambda _rng, good: _json(
        {name: good if content is ... else content for name, content in attributes.items()}
        | {"id": "1", "source": "/test", "type": "test"}
    )


_STRUCTURED = [("content-type", b"application/cloudevents+json")]
_BINARY_2 = [("ce_specversion", b"2.0"), ("ce_id", b"1"), ("ce_source", b"/test"), ("ce_type", b"test")]
_R = DeadLetterReason
RECIPES: list[tuple[str, _R, Callable[[random.Random, dict[str, Any]], bytes | None], list[tuple[str, bytes]]]] = [
    ("nothing", _R.EMPTY, _one_of(None, b""), []),
    ("too large", _R.TOO_LARGE, lambda _rng, good: _json(good).ljust(MAX_RECORD_BYTES + 1), []),
    ("truncated", _R.NOT_JSON, _truncated, []),
    ("no JSON", _R.NOT_JSON, _one_of(b" ", b"id,kind,time", b"<event/>", b"{}{}", b"{'id': 1}", b"\0\0\0\0\x01{}"), []),
    ("NaN", _R.NOT_JSON, _with("prior_actions", float("nan"), float("inf"), -float("inf")), []),
    ("lone surrogate", _R.NOT_JSON, _with("policy_id", "\ud800"), []),
    ("deep", _R.TOO_DEEP, _deep, []),
    ("invalid UTF-8", _R.NOT_UTF8, _not_utf8, []),
    ("no object", _R.INVALID_FIELD, _one_of(b"null", b"[]", b"1", b'"x"', b"true", b"[" * 5_000), []),
    ("null field", _R.INVALID_FIELD, _null, []),
    ("field missing", _R.INVALID_FIELD, _without("id", "kind", "time", "policy_id", "subject_id", "action_id"), []),
    ("wrong type", _R.INVALID_FIELD, _with("policy_id", 1, 1.5, [], {}, ["spam"]), []),
    ("time of no type", _R.INVALID_FIELD, _with("time", 1.5, "yesterday", "2026-01-01T00:00:00", [], {}), []),
    ("unknown word", _R.INVALID_FIELD, _with("automated_decision", SUBJECT, "fully", "x" * 9_000), []),
    ("huge integer", _R.INVALID_FIELD, _with("prior_actions", 10**30, -(10**30), 2**31, 2**63), []),
    ("huge time", _R.TIME_OUT_OF_RANGE, _with("time", 10**30, -(10**30), 2**63, 2**64, 0, -1), []),
    ("a century off", _R.TIME_OUT_OF_RANGE, _century, []),
    ("time in seconds", _R.TIME_OUT_OF_RANGE, lambda _rng, good: _json({**good, "time": good["time"] // 1000}), []),
    ("control character", _R.CONTROL_CHARACTER, _control, []),
    ("id too long", _R.INVALID_FIELD, _with("policy_id", "x" * 129, "", "x" * 50_000), []),
    ("envelope of another version", _R.BAD_ENVELOPE, _enveloped(specversion="2.0", data=...), []),
    ("envelope without data", _R.BAD_ENVELOPE, _enveloped(specversion="1.0"), []),
    ("envelope without version", _R.BAD_ENVELOPE, _enveloped(data=...), _STRUCTURED),
    ("headers of another version", _R.BAD_ENVELOPE, lambda _rng, good: _json(good), _BINARY_2),
    ("batch", _R.BAD_ENVELOPE, _one_of(b"[]"), [("content-type", b"application/cloudevents-batch+json")]),
]
