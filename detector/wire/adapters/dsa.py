"""Statements of reasons of the EU's DSA Transparency Database: API JSON, and rows of its CSV export as JSON.

One statement is one action. The schema is the database's request validator and export (digital-services-act/
transparency-database: `StatementStoreRequest.php`, `StatementExportTrait.php`). It has no rule, no model, no account,
no appeal and no reversal. Categories, keywords and decisions change between its versions: they pass as they come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from msgspec import Meta, Struct

from detector.errors import BadRecord
from detector.events import Action, AnyEvent, Automated, DeadLetterReason
from detector.wire.adapters import options
from detector.wire.adapters.adapter import Adapter, Came
from detector.wire.adapters.identity import joined
from detector.wire.adapters.record import MAX_KEY_CHARS, Record

_DECISIONS: Final = ("decision_account", "decision_provision", "decision_visibility", "decision_monetary")
"""From what weighs most on a person to what weighs least: the first one present names the action."""
_ARRAYS: Final = (
    "decision_visibility", "content_type", "category_addition", "category_specification", "territorial_scope",
)  # fmt: skip
_KEYS: Final = ("puid", "platform_uid", "uuid", "id")
_AUTOMATED: Final = {f"AUTOMATED_DECISION_{each.value}": each for each in Automated}


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`policy_fields`: fields whose values, joined with `/`, are the policy (`platform_name`, too, for many)."""

    policy_fields: Annotated[tuple[str, ...], Meta(min_length=1, max_length=4)] = ("category",)


class Dsa(Adapter):
    """Statements of reasons as actions."""

    def __init__(self, max_future_s: float, text: str | None = None) -> None:
        super().__init__(max_future_s)
        self._options = options.parse(Options, text)

    def events(self, record: Record, came: Came) -> Sequence[AnyEvent]:  # noqa: ARG002 - statements carry their date
        """The statement's one action. Raises BadRecord."""
        record.unpack(*_ARRAYS)
        statement = _statement_id(record)
        own = record.has("created_at")
        account = record.has("decision_account") and not record.has("decision_visibility")
        content_ms = record.time("content_date", utc=True) if record.has("content_date") else None
        action = Action(
            id=statement,
            time=record.time("created_at" if own else "application_date", utc=True),
            policy_id=record.checked("/".join(map(record.text, self._options.policy_fields)), "the policy"),
            subject_id=statement,
            subject_type="account" if account else "content",
            action_id=statement,
            action_type=_action_type(record),
            automated_decision=_automated(record),
            region=_region(record),
            language=record.optional_text("content_language"),
            subject_created_at=content_ms if account else None,
            content_created_at=None if account else content_ms,
        )
        return (action,)


def _statement_id(record: Record) -> str:
    """The platform's own unique id, under the platform's name where the record has it, else the database's id."""
    name = next((each for each in _KEYS if record.has(each)), _KEYS[0])
    key = record.key(name)
    if name in {"puid", "platform_uid"} and record.has("platform_name"):
        return joined(record.text("platform_name", MAX_KEY_CHARS), key)
    return joined(key)


def _action_type(record: Record) -> str:
    for name in _DECISIONS:
        if record.has(name):
            texts = record.texts(name)
            if len(texts) > 1:
                record.partly(name)
            return min(texts)
    raise BadRecord(DeadLetterReason.INVALID_FIELD, f"one of {', '.join(_DECISIONS)} must be there")


def _automated(record: Record) -> Automated:
    found = _AUTOMATED.get(record.text("automated_decision"))
    if found is None:
        raise record.refused("automated_decision", f"must be one of {', '.join(_AUTOMATED)}")
    return found


def _region(record: Record) -> str | None:
    """The one country that it applies in; of several none can be named."""
    countries = record.texts("territorial_scope")
    if len(countries) > 1:
        record.partly("territorial_scope")
    return countries[0] if len(countries) == 1 else None
