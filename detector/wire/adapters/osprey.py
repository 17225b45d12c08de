"""Results of Osprey's rule engine, as its Kafka output sink writes them: one flat object of features per input event.

A result is an enforcement when it holds a verdict or an effect; what Osprey calls an action is the event that it
looked at. Verdicts stand in `__verdicts`, custom effects in features of their own (`__ban_user: ["entity|comment"]`),
labels in `__entity_label_mutations` (`type/label/status`) (roostorg/osprey: `custom_extracted_features.py`,
`kafka_output_sink.py`, `labels.py`, `ban_user.py`). The output names neither the rules behind an effect nor a version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from detector.events import Action, AnyEvent, Automated, Id
from detector.wire.adapters import options
from detector.wire.adapters.adapter import Adapter, Came
from detector.wire.adapters.identity import joined
from detector.wire.adapters.record import MAX_KEY_CHARS, Record

_VERDICTS: Final = "__verdicts"
_LABELS: Final = "__entity_label_mutations"


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a result is an enforcement, and which of its features say whom and why.

    `verdicts`: verdict -> action type; without it every verdict is an enforcement, its name the type.
    `effects`: custom effect feature -> action type; its entries name the subject before the first `|`.
    `labels`: label mutation (`User/spammer/added`) -> action type.
    `subject`: feature that holds the subject of verdicts and labels. `subject_type`: what such subjects are.
    `policy`: feature that holds the policy; without it the policy is the verdict, the effect or the label.
    `rules`: boolean features that are rules, most important first: the first true one is the action's rule.
    `rule_version`: feature that holds the version of the rules, if yours exports one.
    """

    verdicts: dict[str, Id] | None = None
    effects: dict[str, Id] = msgspec.field(default_factory=lambda: {"__ban_user": "ban"})
    labels: dict[str, Id] = msgspec.field(default_factory=dict)
    subject: Annotated[str, Meta(min_length=1)] = "UserId"
    subject_type: Literal["account", "content"] | None = None
    policy: str | None = None
    rules: tuple[str, ...] = ()
    rule_version: str | None = None


class _Enforced(NamedTuple):
    """One verdict, effect or label. `subject`: only an effect names its own."""

    name: str
    action_type: str
    subject: str | None


class Osprey(Adapter):
    """Verdicts, effects and labels as actions, all of them fully automated."""

    def __init__(self, max_future_s: float, text: str | None = None) -> None:
        super().__init__(max_future_s)
        self._options = options.parse(Options, text)

    def events(self, record: Record, came: Came) -> Sequence[AnyEvent]:  # noqa: ARG002 - results carry their time
        """An action for each verdict, effect and label that counts. Raises BadRecord."""
        result, time_ms = record.key("__action_id"), record.time("__timestamp")
        enforced = dict.fromkeys([*self._verdicts(record), *self._effects(record), *self._labels(record)])
        if not enforced:
            return self.skip("no enforcement in the result")
        policy = None if self._options.policy is None else record.text(self._options.policy)
        rule, version = self._rule(record), None
        if self._options.rule_version is not None:
            version = record.optional_text(self._options.rule_version)
        return [self._action(record, each, (result, time_ms, policy, rule, version)) for each in enforced]

    def _action(
        self, record: Record, each: _Enforced, common: tuple[str, int, str | None, str | None, str | None]
    ) -> Action:
        result, time_ms, policy, rule, version = common
        subject = record.key(self._options.subject) if each.subject is None else each.subject
        own = joined(result, each.name, *([] if each.subject is None else [subject]))
        return Action(
            id=own,
            time=time_ms,
            policy_id=policy or each.name,
            rule_id=rule,
            rule_version=version,
            subject_id=joined(subject),
            subject_type=self._options.subject_type,
            action_id=own,
            action_type=each.action_type,
            automated_decision=Automated.FULLY,
        )

    def _verdicts(self, record: Record) -> Iterator[_Enforced]:
        types = self._options.verdicts
        for name in record.texts(_VERDICTS):
            yield from self._listed(name, {name: name} if types is None else types, "verdict")

    def _labels(self, record: Record) -> Iterator[_Enforced]:
        if self._options.labels:
            for name in record.texts(_LABELS):
                yield from self._listed(name, self._options.labels, "label")

    def _listed(self, name: str, types: Mapping[str, str], kind: str) -> Iterator[_Enforced]:
        if name in types:
            yield _Enforced(name, types[name], None)
        else:
            self.skip(f"{kind} that is no enforcement: {name}")

    def _effects(self, record: Record) -> Iterator[_Enforced]:
        for feature, action_type in self._options.effects.items():
            for at, entry in record.entries(feature):
                subject = record.checked(entry.partition("|")[0], at, MAX_KEY_CHARS)
                yield _Enforced(feature.removeprefix("__"), action_type, subject)

    def _rule(self, record: Record) -> str | None:
        fired = [name for name in self._options.rules if record.flag(name)]
        return fired[0] if fired else None
