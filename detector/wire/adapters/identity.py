"""Ids of events and subjects, made of what a format has: the same record gives the same ids everywhere, for ever."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from detector.events import MAX_ID_CHARS


def joined(*parts: str) -> str:
    """The parts with slashes between them (of several, a slash in a part is `%2F`); a digest where that is too long."""
    text = parts[0] if len(parts) == 1 else "/".join(part.replace("%", "%25").replace("/", "%2F") for part in parts)
    return text if len(text) <= MAX_ID_CHARS else digest(text)


def digest(content: Any) -> str:  # noqa: ANN401 - JSON
    """32 hex digits of what JSON says, whatever the order of its keys: BLAKE2b of 128 bits."""
    return hashlib.blake2b(msgspec.json.encode(content, order="sorted"), digest_size=16).hexdigest()
