"""Actions that appeals and reversals may still refer to, where a format's appeals don't say when the action was.

In memory, bounded, newest kept: what is forgotten, or went to another worker, is not known, and its appeals yield
nothing but a count. A time or a policy is never made up for them.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final, Generic, Literal, TypeVar

from msgspec import Struct

from detector.events import Action, Appeal, AppealDecision, Event, Reversal

Reason = Literal["expiry", "appeal", "bulk_correction"]
_Value = TypeVar("_Value")
_COMMON: Final = tuple(name for name in Event.__struct_fields__ if name not in {"id", "time"})


class Recent(Generic[_Value]):
    """The `most` newest values by key."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[str, _Value] = OrderedDict()

    def get(self, key: str) -> _Value | None:
        """The value, None when it is not known or was forgotten."""
        return self._values.get(key)

    def put(self, key: str, value: _Value) -> None:
        """Keep a value; the oldest goes when there are too many."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._most:
            self._values.popitem(last=False)


class Acted(Struct):
    """Actions of one record, and what became of them."""

    actions: tuple[Action, ...]
    ends_ms: float | None = None
    appealed: bool = False
    appeal_open: bool = False
    reversed: bool = False


def appeal(action: Action, event_id: str, time_ms: int) -> Appeal:
    """An appeal against `action`, with all that is known of it."""
    return Appeal(id=event_id, time=time_ms, subject_id=action.subject_id, **_reference(action))


def decision(action: Action, event_id: str, time_ms: int, *, overturned: bool, automated: bool) -> AppealDecision:
    """What became of an appeal against `action`."""
    return AppealDecision(
        id=event_id,
        time=time_ms,
        subject_id=action.subject_id,
        outcome="overturned" if overturned else "upheld",
        decided_by="automated" if automated else "human",
        **_reference(action),
    )


def reversal(action: Action, event_id: str, time_ms: int, reason: Reason) -> Reversal:
    """`action` was undone."""
    return Reversal(id=event_id, time=time_ms, subject_id=action.subject_id, reason=reason, **_reference(action))


def _reference(action: Action) -> dict[str, Any]:
    return {name: getattr(action, name) for name in _COMMON} | {
        "policy_id": action.policy_id,
        "action_id": action.action_id,
        "acted_at": action.time,
        "subject_type": action.subject_type,
    }
