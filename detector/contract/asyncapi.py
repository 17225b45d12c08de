"""The AsyncAPI 3.1 document of the public topics, generated from their specs, the Structs and the good examples."""

from __future__ import annotations

from typing import Any

import msgspec

from detector import __version__
from detector.contract import schemas, topics
from detector.contract.topics import Topic

VERSION = "3.1.0"
_BINDING = {"bindingVersion": "0.5.0"}
_ATTRIBUTES = {
    "ce_specversion": {"const": "1.0"},
    "ce_id": {"type": "string", "description": "The alert's id: the same for the same alert."},
    "ce_source": {"type": "string", "format": "uri-reference"},
    "ce_type": {"type": "string"},
    "ce_time": {"type": "string", "format": "date-time"},
    "content-type": {"const": "application/json"},
}


def document() -> dict[str, Any]:
    """The document, complete in itself."""
    public = [topic for topic in topics.load() if not topic.internal]
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "detector",
            "version": __version__,
            "description": "A circuit breaker between moderation automation and the people it acts on.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": {"host": "localhost:9092", "protocol": "kafka"}},
        "channels": {topic.name: _channel(topic) for topic in public},
        "operations": dict(_operation(topic) for topic in public),
        "components": {
            "messages": {name: _message(topic, name) for topic in public for name in topic.messages},
            "schemas": _components([name for topic in public for name in topic.messages]),
        },
    }


def printed() -> bytes:
    """The document as YAML."""
    return msgspec.yaml.encode(document())


def _channel(topic: Topic) -> dict[str, Any]:
    settings = {key: value for key, value in topic.config.items() if key in {"retention.ms", "max.message.bytes"}}
    policy = {"cleanup.policy": [topic.config["cleanup.policy"]]}
    size = {"partitions": topic.partitions, "replicas": topic.replication}
    return {
        "address": topic.name,
        "description": topic.description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in topic.messages},
        "bindings": {"kafka": size | {"topicConfiguration": policy | settings} | _BINDING},
    }


def _operation(topic: Topic) -> tuple[str, dict[str, Any]]:
    """What the detector itself does with a public topic: it reads its input and writes all others."""
    (own,) = (access for access in topic.access if access.principal == "detector")
    action = "receive" if "READ" in own.operations else "send"
    channel = topic.name.replace("~", "~0").replace("/", "~1")
    return f"{action}-{topic.name.rpartition('.')[2]}", {
        "action": action,
        "summary": own.does,
        "channel": {"$ref": f"#/channels/{channel}"},
    }


def _message(topic: Topic, name: str) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{schemas.TYPES[name].__name__}"}
    message: dict[str, Any] = {
        "name": name,
        "contentType": topic.content_type,
        "bindings": {"kafka": {"key": {"type": "string", "description": topic.key}} | _BINDING},
    }
    if topic.envelope == "headers":
        return message | {"headers": reference, "payload": {}}
    if topic.envelope == "cloudevents":
        message["headers"] = {"type": "object", "required": list(_ATTRIBUTES), "properties": _ATTRIBUTES}
    return message | {"payload": reference, "examples": [{"payload": _example(topic, name)}]}


def _example(topic: Topic, name: str) -> dict[str, Any]:
    path = topics.directory() / "examples" / topic.name / "good" / f"{name}.json"
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])


def _components(names: list[str]) -> dict[str, Any]:
    kinds = [schemas.TYPES[name] for name in names]
    return msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")[1]
