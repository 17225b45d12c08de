"""JSON Schemas (2020-12) of everything that enters or leaves and of policy files, generated from their Structs."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from detector import events
from detector.contract.policy_schema import policy_schema

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

TYPES: Final[dict[str, Any]] = {
    "event": events.AnyEvent,
    **{str(kind.__struct_config__.tag): kind for kind in events.KINDS},
    "alert": events.Alert,
    "breaker": events.Breaker,
    "heartbeat": events.Heartbeat,
    "deadletter": events.DeadLetter,
}
"""Records by name: `event` is any of its kinds, which follow it."""

NAMES: Final = (*TYPES, "policies")


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a record, or of policy files (`policies`), with its dialect and a stable id."""
    content = policy_schema() if name == "policies" else msgspec.json.schema(TYPES[name])
    return {"$schema": DIALECT, "$id": f"urn:detector:{name}:v1", **content}


def files() -> dict[str, bytes]:
    """The files that stand under `topics/schemas`, by name."""
    return {f"{name}.schema.json": printed(schema(name)) for name in NAMES}


def printed(document: dict[str, Any]) -> bytes:
    """A JSON document for people: indented, in the order of the fields, with a final newline."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
