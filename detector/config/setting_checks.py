"""What is wrong between process settings, or with one of them beyond its type."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from detector.config import words
from detector.config.setting_types import FIELDS, SECRETS, Settings, description, flag, variable
from detector.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

MIN_KEY_BYTES: Final = 16
MAX_KEY_BYTES: Final = 64
"""What BLAKE2b takes."""
MIN_BEATS_PER_SESSION: Final = 3
MAX_PORT: Final = 65_535

_ADDRESS: Final = re.compile(r"(?P<host>\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})")
_LOOPBACK: Final = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|\[::1\]")


def conflicts(
    settings: Settings, given: Collection[str], failed: Collection[str], required: Collection[str]
) -> list[Problem]:
    """All of it, in the order of the fields' concerns. A setting that failed by itself is not blamed again."""
    findings = [(name, _absent(name)) for name in FIELDS if name in required and name not in given]
    if "security_protocol" not in failed:
        findings += [*_addresses(settings), *_security(settings, given)]
    findings += _others(settings)
    return [Problem(variable(name), 0, 0, message) for name, message in findings if name not in failed]


def _absent(name: str) -> str:
    file = f" or {variable(name)}_FILE" if name in SECRETS else ""
    meaning = description(name)
    return f"is required: set {variable(name)}{file} or {flag(name)} ({meaning[0].lower()}{meaning[1:].rstrip('.')})"


def _addresses(settings: Settings) -> Iterator[tuple[str, str]]:
    matches = {each: _ADDRESS.fullmatch(each.strip()) for each in settings.bootstrap.split(",")}
    for address, match in matches.items():
        if match is None or not 0 < int(match["port"]) <= MAX_PORT:
            yield "bootstrap", f"{words.shown(address)} is not host:port with a port from 1 to {MAX_PORT}"
        elif not (
            settings.security_protocol.endswith("SSL") or settings.allow_plaintext or _LOOPBACK.fullmatch(match["host"])
        ):
            yield (
                "bootstrap",
                (
                    f"{words.shown(address)} is another machine and {settings.security_protocol} is not encrypted: "
                    f"set {variable('security_protocol')}=SSL or SASL_SSL, or {variable('allow_plaintext')}=true"
                ),
            )


def _security(settings: Settings, given: Collection[str]) -> Iterator[tuple[str, str]]:
    protocol = settings.security_protocol
    for name in ("sasl_username", "sasl_password"):
        if protocol.startswith("SASL") and name not in given:
            yield name, f"is required with {variable('security_protocol')}={protocol}"
    for name in ("sasl_mechanism", "sasl_username", "sasl_password"):
        if not protocol.startswith("SASL") and name in given:
            yield name, f"has no effect with {variable('security_protocol')}={protocol}; set SASL_SSL, or leave it out"
    if settings.ssl_cafile is not None and not protocol.endswith("SSL"):
        yield "ssl_cafile", f"has no effect with {variable('security_protocol')}={protocol}; set SSL, or leave it out"
    if settings.ssl_cafile is not None and not Path(settings.ssl_cafile).is_file():
        yield "ssl_cafile", f"{words.shown(settings.ssl_cafile)} is not a file; name one with CA certificates in PEM"


def _others(settings: Settings) -> Iterator[tuple[str, str]]:
    length = MIN_KEY_BYTES if settings.subject_key is None else len(settings.subject_key.reveal().encode())
    if not MIN_KEY_BYTES <= length <= MAX_KEY_BYTES:
        allowed = f"must have {MIN_KEY_BYTES} to {MAX_KEY_BYTES}; `openssl rand -hex 32` gives a good one"
        yield "subject_key", f"has {length} bytes, {allowed}"
    if settings.heartbeat_interval_s * MIN_BEATS_PER_SESSION > settings.session_timeout_s:
        yield (
            "heartbeat_interval_s",
            (
                f"{settings.heartbeat_interval_s:g} is more than a third of {variable('session_timeout_s')} "
                f"({settings.session_timeout_s:g}): one lost heartbeat must not end the session"
            ),
        )
    topics: dict[str, str] = {}
    for name in (each for each in FIELDS if each.endswith("_topic")):
        other = topics.setdefault(getattr(settings, name), name)
        if other != name:
            yield name, f"{getattr(settings, name)!r} is also {variable(other)}; give each its own topic"
    for name in ("runbook_base_url", "board_url"):
        url = getattr(settings, name)
        if url is not None and not url.startswith(("https://", "http://")):
            yield name, f"{words.shown(url)} is not a link that starts with https:// or http://"
