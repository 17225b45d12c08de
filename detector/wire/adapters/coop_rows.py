"""Rows of Coop's warehouse table ACTION_EXECUTIONS: one execution of one action on one item."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from detector.events import Action, Automated
from detector.wire.adapters.identity import joined
from detector.wire.adapters.record import MAX_KEY_CHARS, Record

_HUMAN: Final = ("manual-action-run", "mrt-decision")
_AUTOMATED: Final = (
    "post-content",
    "post-items",
    "user-rule-run",
    "retroaction",
    "submit-report",
    "submit-appeal",
    "user-strike-action-execution",
    "post-actions",
)
"""Sources where nobody decides, unless the row names an actor."""
_LIVE: Final = ("LIVE", "MANUAL", "RETROACTION")
_SHADOW: Final = ("BACKGROUND", "BACKTEST")


def no_enforcement(record: Record) -> str | None:
    """Why a row tells of no action that reached anybody, None when it does. Raises BadRecord."""
    environment = record.optional_text("rule_environment")
    if environment in _SHADOW:
        return f"action of a rule in {environment}"
    if environment is not None and environment not in _LIVE:
        raise record.refused("rule_environment", f"must be one of {', '.join(_LIVE + _SHADOW)}")
    return "action that failed" if record.flag("failed") else None


def item(record: Record) -> str:
    """What an execution is linked to its appeals by, beside the action. Raises BadRecord."""
    return joined(record.key("item_type_id"), record.key("item_id"))


def actions(record: Record, without_policy: str) -> list[Action]:
    """One action for each policy of a row, with the rule that has that policy. Raises BadRecord."""
    record.unpack("rules", "policies", "policy_ids", "rule_tags")
    record.ignore("ds")  # the day of `ts`
    time_ms, action_type = record.time("ts", utc=True), record.text("action_id")
    own = joined(record.text("correlation_id", MAX_KEY_CHARS), item(record), action_type, str(time_ms))
    subject, subject_type = _subject(record)
    policies = [each.text("id") for each in record.children("policies")] or record.texts("policy_ids")
    rule_of = _rules(record, list(dict.fromkeys(policies)) or [without_policy])
    automated = _automated(record)
    return [
        Action(
            id=joined(own, policy),
            time=time_ms,
            policy_id=policy,
            rule_id=rule.id,
            rule_version=rule.version,
            subject_id=subject,
            subject_type=subject_type,
            action_id=own,
            action_type=action_type,
            automated_decision=automated,
        )
        for policy, rule in rule_of.items()
    ]


class _Rule(NamedTuple):
    id: str | None
    version: str | None
    policies: frozenset[str]


_NO_RULE: Final = _Rule(None, None, frozenset())


def _rules(record: Record, policies: list[str]) -> dict[str, _Rule]:
    """For each policy the first rule that has it, else the first rule. Rules left over are unmapped."""
    rules = [
        _Rule(
            each.text("id"),
            each.optional_text("version"),
            frozenset(policy.text("id") for policy in each.children("policies")),
        )
        for each in record.children("rules")
    ]
    first = rules[0] if rules else _NO_RULE
    chosen = {policy: next((each for each in rules if policy in each.policies), first) for policy in policies}
    if len(set(chosen.values())) < len(rules):
        record.partly("rules")
    return chosen


def _automated(record: Record) -> Automated:
    source = record.text("action_source")
    if source not in _HUMAN + _AUTOMATED:
        raise record.refused("action_source", f"must be one of {', '.join(_HUMAN + _AUTOMATED)}")
    actor = record.optional_text("actor_id", MAX_KEY_CHARS)
    return Automated.FULLY if actor is None and source in _AUTOMATED else Automated.NOT_AUTOMATED


def _subject(record: Record) -> tuple[str, Literal["account", "content"] | None]:
    """The account behind the item; the item itself where it has none."""
    kind = record.optional_text("item_type_kind")
    if record.has("item_creator_id"):
        return joined(record.key("item_creator_type_id"), record.key("item_creator_id")), "account"
    return item(record), "account" if kind == "USER" else None if kind is None else "content"
