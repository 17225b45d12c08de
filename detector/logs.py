"""Log records of this project: every event name and every field in one place, as JSON lines or plain text on stderr.

A record says an event by name and facts in typed fields, never in a sentence. `Fields` has no place for a subject, a
reviewer, a record's content or a credential, and mypy refuses what is not in it. Text is cut to 128 characters, control
characters are escaped, and user information in URLs is masked, third-party messages included.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from traceback import extract_tb
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO, TypedDict, Unpack, get_args

if TYPE_CHECKING:
    from types import TracebackType

Name = Literal[
    "worker_starting",  # versions proved; settings read
    "worker_stopping",  # asked to: checkpoint and commit follow
    "worker_stopped",
    "worker_failed",  # the process exits and a supervisor restarts it
    "group_not_left",  # no farewell to the group, so others wait until the session has run out
    "http_listening",
    "topics_verified",
    "state_recovered",  # the seal proves that the table is complete
    "changelog_records_ignored",  # no values of a held partition: somebody else writes to the changelog
    "state_incomplete",  # it does not: recovery goes on
    "source_stalled",  # a source partition is left out of the stream clock
    "records_refused",  # bad records went to the dead-letter topic
    "field_unmapped",  # the input format does not map a field that records have; said once a field
    "records_ignored",  # records of the input format that are no enforcement; said once a reason
    "log_gap",  # the log misses a range of a source partition
    "checkpoint_failed",
    "policy_file_loaded",
    "policy_file_rejected",
    "breaker_moved",
    "policy_faulted",  # one policy's step failed: it alone is in FAULT
]

Format = Literal["json", "plain"]
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
MAX_TEXT_CHARS: Final = 128
_THIRD_PARTIES: Final = ("faust", "mode", "aiokafka", "kafka", "aiohttp", "asyncio")
_USER_INFO: Final = re.compile(r"(?<=://)[^/@\s]+@")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_logger: Final = logging.getLogger("detector")


class Fields(TypedDict, total=False):
    """What a record may say beside its name. Units stand in names."""

    address: str
    config_version: str
    count: int
    detail: str
    directive: str
    from_state: str
    generation: int
    partition: int
    partitions: list[int]
    position: int
    reason: str
    scope: str
    seal: int | None
    to_state: str
    version: str


def info(name: Name, **fields: Unpack[Fields]) -> None:
    """Say that something expected happened."""
    _logger.info(name, extra={"fields": fields})


def warning(name: Name, **fields: Unpack[Fields]) -> None:
    """Say that something needs attention but was dealt with."""
    _logger.warning(name, extra={"fields": fields})


def error(name: Name, problem: BaseException | None = None, **fields: Unpack[Fields]) -> None:
    """Say that something failed. Of `problem` its type, its cut message and its frames are shown, no values."""
    _logger.error(name, exc_info=problem, extra={"fields": fields})


def configure(*, form: Format = "plain", level: Level = "INFO", stream: TextIO | None = None) -> None:
    """Set up logging of the whole process, once; `stream` is stderr by default.

    Third parties are fixed at WARNING: a quieter *root* makes Faust's worker lower it to DEBUG for its spinner, and
    aiokafka then builds records that nobody reads (5 % of the CPU).
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else PlainFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    _logger.setLevel(level)
    for name in _THIRD_PARTIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time (RFC 3339, UTC), level, logger, event or message, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {"time": _time(record), "level": record.levelname, "logger": record.name, **_content(record)}
        return json.dumps(line, ensure_ascii=True, default=str)


class PlainFormatter(logging.Formatter):
    """One line for people: time, level, event or message, then field=value."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        content = _content(record)
        head = content.pop("event", None) or f"{record.name}: {content.pop('message')}"
        tail = "".join(f" {name}={value!r}" for name, value in content.items())
        return f"{_time(record)} {record.levelname:<7} {head}{tail}"


def clean(text: str, limit: int = MAX_TEXT_CHARS) -> str:
    """`text` fit for a log: no user information in URLs, no control characters, at most `limit` characters."""
    masked = _USER_INFO.sub("***@", text)
    escaped = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", masked)
    return escaped if len(escaped) <= limit else f"{escaped[:limit]}..."


def _content(record: logging.LogRecord) -> dict[str, Any]:
    own = record.name == _logger.name and record.msg in get_args(Name)
    content: dict[str, Any] = {"event": record.msg} if own else {"message": clean(record.getMessage(), 1024)}
    fields: dict[str, object] = getattr(record, "fields", {})
    content |= {name: clean(value) if isinstance(value, str) else value for name, value in fields.items()}
    if record.exc_info and record.exc_info[1] is not None:
        problem = record.exc_info[1]
        content["error"] = clean(f"{type(problem).__name__}: {problem}", 512)
        content["frames"] = _frames(record.exc_info[2])
    return content


def _frames(trace: TracebackType | None) -> list[str]:
    return [f"{frame.filename.rsplit('/', 2)[-1]}:{frame.lineno} {frame.name}" for frame in extract_tb(trace)[-8:]]


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
