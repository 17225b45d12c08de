"""Coop's records: action callbacks, appeals in and out, and rows of its warehouse table ACTION_EXECUTIONS.

Which of the four a record is, its fields tell (roostorg/coop: `docs/api/actions.md`, `docs/api/appeal.md`,
`ActionExecutionLogger.ts`). Feed callbacks or rows, not both: they tell of the same actions, and share no id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Final

from msgspec import Meta, Struct

from detector.errors import BadRecord
from detector.events import Action, AnyEvent, Automated, DeadLetterReason, Id
from detector.wire.adapters import coop_rows, links, options
from detector.wire.adapters.adapter import Adapter, Came
from detector.wire.adapters.identity import digest, joined
from detector.wire.adapters.links import Recent
from detector.wire.adapters.record import MAX_KEY_CHARS, Record

_OUTCOMES: Final = {"ACCEPT": True, "REJECT": False}
"""Accepting an appeal says that the action was wrong."""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`without_policy`: policy of actions that name none. `remembered`: actions kept for appeals to refer to."""

    without_policy: Id = "without-policy"
    remembered: Annotated[int, Meta(ge=0, le=10_000_000)] = 100_000


class Coop(Adapter):
    """Callbacks and warehouse rows as actions, one a policy; appeals and their decisions by item and action type."""

    def __init__(self, max_future_s: float, text: str | None = None) -> None:
        super().__init__(max_future_s)
        self._options = options.parse(Options, text)
        self._acted = Recent[Sequence[Action]](self._options.remembered)
        self._appealed = Recent[Sequence[Action]](self._options.remembered)

    def events(self, record: Record, came: Came) -> Sequence[AnyEvent]:
        """The events of one record of any of the four kinds. Raises BadRecord."""
        if record.has("appealDecision"):
            return self._decided(record, came)
        if record.has("appealId"):
            return self._appeal(record)
        if record.has("action_source"):
            return self._row(record)
        if record.has("action"):
            return self._callback(record, came)
        raise BadRecord(
            DeadLetterReason.INVALID_FIELD,
            "none of `action` (callback), `appealId` (appeal) and `action_source` (warehouse row) is there",
        )

    def _callback(self, record: Record, came: Came) -> Sequence[AnyEvent]:
        item, action_type = _item(record.child("item")), record.child("action").text("id")
        creator, rules = record.optional_child("creator"), record.children("rules")
        own, time_ms = digest(record.content), came.time()
        policies = [each.text("id") for each in record.children("policies")]
        rule_ids = [each.text("id") for each in rules[:1]]
        actions = [
            Action(
                id=joined(own, policy),
                time=time_ms,
                policy_id=policy,
                rule_id=rule_ids[0] if rule_ids else None,
                subject_id=item if creator is None else _item(creator),
                subject_type=None if creator is None else "account",
                action_id=own,
                action_type=action_type,
                automated_decision=Automated.NOT_AUTOMATED
                if record.optional_text("actorEmail", MAX_KEY_CHARS)
                else Automated.FULLY,
            )
            for policy in dict.fromkeys(policies or [self._options.without_policy])
        ]
        return self._remembered(joined(item, action_type), actions)

    def _row(self, record: Record) -> Sequence[AnyEvent]:
        reason = coop_rows.no_enforcement(record)
        if reason is not None:
            return self.skip(reason)
        actions = coop_rows.actions(record, self._options.without_policy)
        return self._remembered(joined(coop_rows.item(record), actions[0].action_type), actions)

    def _remembered(self, key: str, actions: Sequence[Action]) -> Sequence[Action]:
        self._acted.put(key, actions)
        return actions

    def _appeal(self, record: Record) -> Sequence[AnyEvent]:
        appeal_id, time_ms = record.text("appealId", MAX_KEY_CHARS), record.time("appealedAt")
        item = _item(record.child("actionedItem"))
        if not record.has("actionsTaken"):
            raise record.missing("actionsTaken")
        actions = self._known(item, dict.fromkeys(record.texts("actionsTaken")))
        policies = {each.text("id") for each in record.children("violatingPolicies")}
        if policies and actions:
            actions = [each for each in actions if each.policy_id in policies]
            if not actions:
                self.skip("appeal that names none of the action's policies")
        self._appealed.put(appeal_id, actions)
        return [links.appeal(each, _about(appeal_id, "appeal", each), time_ms) for each in actions]

    def _known(self, item: str, action_types: Iterable[str]) -> list[Action]:
        """The actions of these types on the item; those that are not known are counted."""
        known: list[Action] = []
        for action_type in action_types:
            found = self._acted.get(joined(item, action_type))
            if found is None:
                self.skip("appeal of an action that is not known")
            known += found or ()
        return known

    def _decided(self, record: Record, came: Came) -> Sequence[AnyEvent]:
        appeal_id, time_ms = record.text("appealId", MAX_KEY_CHARS), came.time()
        overturned = _OUTCOMES.get(record.text("appealDecision"))
        if overturned is None:
            raise record.refused("appealDecision", f"must be one of {', '.join(_OUTCOMES)}")
        actions = self._appealed.get(appeal_id)
        if not actions:
            return self.skip("decision of an appeal that is not known")
        return [
            links.decision(each, _about(appeal_id, "decision", each), time_ms, overturned=overturned, automated=False)
            for each in actions
        ]


def _about(appeal_id: str, what: str, action: Action) -> str:
    return joined(appeal_id, what, action.action_type, action.policy_id)


def _item(record: Record) -> str:
    return joined(record.key("typeId"), record.key("id"))
