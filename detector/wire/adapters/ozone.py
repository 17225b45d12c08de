"""Moderation events of Bluesky's Ozone: the views that it lists and returns, and the input of `emitEvent`.

Schema: bluesky-social/atproto, `lexicons/tools/ozone/moderation/defs.json` and `emitEvent.json`. Takedowns are actions.
Appeals, their resolution and reversals name the subject alone, so they are read as being about its last takedown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from detector.events import Action, AnyEvent, Automated, Id
from detector.wire.adapters import links, options
from detector.wire.adapters.adapter import Adapter, Came
from detector.wire.adapters.identity import joined
from detector.wire.adapters.links import Acted, Reason, Recent
from detector.wire.adapters.record import MAX_KEY_CHARS, Record

_HOUR_MS: Final = 3_600_000
_SCHEDULED: Final = "[SCHEDULED_REVERSAL]"
"""How Ozone's daemon begins its comment when a takedown ends on its date."""
_AUTO_RESOLVED: Final = "[AUTO_RESOLVE_ON_ACCOUNT_ACTION]"
"""How Ozone begins its comment when an action on the account closes an appeal that nobody looked at."""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`automated_tools`: names of `modTool` that decide by themselves. `automated_dids`: accounts that do.

    `without_policy`: policy of takedowns that name none. `remembered`: takedowns kept for appeals to refer to.
    """

    automated_tools: frozenset[str] = frozenset({"automod"})
    automated_dids: frozenset[str] = frozenset()
    without_policy: Id = "without-policy"
    remembered: Annotated[int, Meta(ge=0, le=10_000_000)] = 100_000


class Ozone(Adapter):
    """Takedowns as actions, one a policy; appeals, resolutions and reversals by subject."""

    def __init__(self, max_future_s: float, text: str | None = None) -> None:
        super().__init__(max_future_s)
        self._options = options.parse(Options, text)
        self._acted = Recent[Acted](self._options.remembered)
        self._readers: dict[str, Callable[[_Envelope], Sequence[AnyEvent]]] = {
            "modEventTakedown": self._takedown,
            "modEventReverseTakedown": self._reverse,
            "modEventReport": self._report,
            "modEventResolveAppeal": self._resolve,
        }

    def events(self, record: Record, came: Came) -> Sequence[AnyEvent]:
        """The events of one moderation event. Raises BadRecord."""
        event = record.child("event")
        kind = event.text("$type", MAX_KEY_CHARS).rpartition("#")[2]
        reader = self._readers.get(kind)
        if reader is None:
            return self.skip(f"event that is no enforcement: {kind}")
        return reader(_Envelope(record, event, kind, came))

    def _takedown(self, envelope: _Envelope) -> Sequence[AnyEvent]:
        event, time_ms, own = envelope.event, envelope.time_ms(), envelope.own_id()
        hours = event.number("durationInHours") or 0
        automated = self._is_automated(envelope.record)
        actions = [
            Action(
                id=joined(own, policy),
                time=time_ms,
                policy_id=policy,
                signal_id=envelope.tool(),
                subject_id=envelope.subject,
                subject_type=envelope.subject_type,
                action_id=own,
                action_type="suspend" if hours > 0 else "takedown",
                automated_decision=Automated.FULLY if automated else Automated.NOT_AUTOMATED,
            )
            for policy in dict.fromkeys(event.texts("policies") or [self._options.without_policy])
        ]
        known = self._acted.get(envelope.subject)
        if known is None or known.actions[0].action_id != own:
            ends_ms = time_ms + hours * _HOUR_MS if hours > 0 else None
            self._acted.put(envelope.subject, Acted(tuple(actions), ends_ms))
        return actions

    def _report(self, envelope: _Envelope) -> Sequence[AnyEvent]:
        if envelope.event.text("reportType", MAX_KEY_CHARS).rpartition("#")[2] != "reasonAppeal":
            return self.skip("report that is no appeal")
        acted = self._known(envelope, "appeal")
        if acted is None:
            return ()
        acted.appealed = acted.appeal_open = True
        return [links.appeal(each, envelope.id_for(each), envelope.time_ms()) for each in acted.actions]

    def _resolve(self, envelope: _Envelope) -> Sequence[AnyEvent]:
        if envelope.comment().startswith(_AUTO_RESOLVED):
            return self.skip("appeal closed by an action on the account")
        acted = self._known(envelope, "resolution of an appeal")
        if acted is None:
            return ()
        if not acted.appeal_open:
            return self.skip("resolution without an open appeal")
        acted.appeal_open = False
        return self._decisions(envelope, acted, overturned=False)

    def _reverse(self, envelope: _Envelope) -> Sequence[AnyEvent]:
        acted = self._known(envelope, "reversal")
        if acted is None:
            return ()
        if acted.reversed:
            return self.skip("reversal of what was reversed before")
        expired = envelope.comment().startswith(_SCHEDULED) or (
            acted.ends_ms is not None and envelope.time_ms() >= acted.ends_ms
        )
        acted.reversed = True
        if acted.appeal_open and not expired:
            acted.appeal_open = False
            return self._decisions(envelope, acted, overturned=True)
        reason: Reason = "expiry" if expired else "appeal" if acted.appealed else "bulk_correction"
        return [links.reversal(each, envelope.id_for(each), envelope.time_ms(), reason) for each in acted.actions]

    def _decisions(self, envelope: _Envelope, acted: Acted, *, overturned: bool) -> Sequence[AnyEvent]:
        automated = self._is_automated(envelope.record)
        return [
            links.decision(each, envelope.id_for(each), envelope.time_ms(), overturned=overturned, automated=automated)
            for each in acted.actions
        ]

    def _known(self, envelope: _Envelope, what: str) -> Acted | None:
        """The last takedown of the subject, counted when it is not known. Nothing that is read after it raises."""
        envelope.own_id(), envelope.time_ms(), self._is_automated(envelope.record)
        acted = self._acted.get(envelope.subject)
        if acted is None:
            self.skip(f"{what} of a takedown that is not known")
        return acted

    def _is_automated(self, record: Record) -> bool:
        tool = record.optional_child("modTool")
        by_tool = tool is not None and tool.text("name") in self._options.automated_tools
        return record.text("createdBy", MAX_KEY_CHARS) in self._options.automated_dids or by_tool


class _Envelope:
    """What stands around a moderation event."""

    def __init__(self, record: Record, event: Record, kind: str, came: Came) -> None:
        self.record = record
        self.event = event
        self._kind = kind
        self._came = came
        self.subject, self.subject_type = _subject(record.child("subject"))

    def time_ms(self) -> int:
        """Of the view; the input of `emitEvent` has none."""
        return self.record.time("createdAt") if self.record.has("createdAt") else self._came.time()

    def own_id(self) -> str:
        """`externalId` is unique for an event type and a subject, `id` everywhere."""
        if self.record.has("externalId"):
            return joined(self.record.text("externalId", MAX_KEY_CHARS), self._kind, self.subject)
        return joined(self.record.key("id"))

    def id_for(self, action: Action) -> str:
        """Id of what this event says about one of the subject's actions."""
        return joined(self.own_id(), action.policy_id)

    def tool(self) -> str | None:
        """Name of the tool that the event came through."""
        tool = self.record.optional_child("modTool")
        return None if tool is None else tool.text("name")

    def comment(self) -> str:
        """Free text; only Ozone's own marks at its start mean something."""
        return self.event.free_text("comment")


def _subject(subject: Record) -> tuple[str, Literal["account", "content"]]:
    """An account by its DID, a record by its URI, a message of a chat by its ids."""
    subject.ignore("$type")
    if subject.has("uri"):
        return joined(subject.text("uri", MAX_KEY_CHARS)), "content"
    did = subject.text("did", MAX_KEY_CHARS)
    if subject.has("messageId"):
        return joined(did, subject.text("convoId", MAX_KEY_CHARS), subject.text("messageId", MAX_KEY_CHARS)), "content"
    return joined(did), "account"
