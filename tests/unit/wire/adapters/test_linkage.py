"""Appeals and reversals find their action by what the format has, for as long as it is remembered."""

from __future__ import annotations

import json

import pytest

from detector.events import Action, Appeal, AppealDecision, Automated, Reversal
from detector.wire.adapters import build

NOW_MS = 1_772_900_000_000
DAY_MS = 86_400_000


class Stream:
    """Records of one format, one after the other."""

    def __init__(self, name, **options) -> None:
        self.form = build(name, options=json.dumps(options))

    def __call__(self, record, received_ms=NOW_MS):
        return list(self.form.decode(json.dumps(record).encode(), (), NOW_MS, received_ms))


def ozone(number, kind, subject="x", at_ms=NOW_MS, **event):
    return {
        "id": number,
        "event": {"$type": f"tools.ozone.moderation.defs#{kind}"} | event,
        "subject": {"did": f"did:plc:{subject}"},
        "createdBy": "did:plc:m",
        "createdAt": at_ms,
    }


def takedown(number, subject="x", at_ms=NOW_MS - DAY_MS, **event):
    return ozone(number, "modEventTakedown", subject, at_ms, policies=["p"], **event)


def ozone_appeal(number, subject="x"):
    return ozone(number, "modEventReport", subject, reportType="tools.ozone.report.defs#reasonAppeal")


def callback(item, policies=("p",), **rest):
    target = {"item": {"id": item, "typeId": "t"}, "action": {"id": "ban"}}
    return target | {"policies": [{"id": policy} for policy in policies]} | rest


def coop_appeal(item, number="1", **rest):
    target = {"actionedItem": {"id": item, "typeId": "t"}, "actionsTaken": ["ban"]}
    return {"appealId": number, "appealedAt": NOW_MS} | target | rest


def test_of_so_many_remembered_takedowns_the_oldest_is_forgotten():
    stream = Stream("ozone", remembered=2)
    for number, subject in enumerate("abc"):
        stream(takedown(number, subject))
    assert stream(ozone_appeal(10, "a")) == []
    assert [event.action_id for subject in "bc" for event in stream(ozone_appeal(11, subject))] == ["1", "2"]
    assert stream.form.ignored == {"appeal of a takedown that is not known": 1}


def test_a_takedown_of_a_known_subject_makes_it_the_newest_again():
    stream = Stream("ozone", remembered=2)
    for number, subject in enumerate("abac"):
        stream(takedown(number, subject))
    assert [event.action_id for event in stream(ozone_appeal(10, "a"))] == ["2"]
    assert stream(ozone_appeal(11, "b")) == []


def test_an_appeal_is_about_the_last_takedown_of_its_subject():
    stream = Stream("ozone")
    stream(takedown(1, at_ms=NOW_MS - 9 * DAY_MS))
    stream(takedown(2, at_ms=NOW_MS - DAY_MS))
    (appeal,) = stream(ozone_appeal(3))
    assert isinstance(appeal, Appeal)
    assert (appeal.action_id, appeal.acted_at) == ("2", NOW_MS - DAY_MS)


def test_a_takedown_read_twice_does_not_close_the_appeal_between():
    stream = Stream("ozone")
    stream(takedown(1))
    stream(ozone_appeal(2))
    assert [event.id for event in stream(takedown(1))] == ["1/p"]
    (decision,) = stream(ozone(3, "modEventResolveAppeal"))
    assert isinstance(decision, AppealDecision)
    assert decision.outcome == "upheld"


def test_a_takedown_after_a_reversal_can_be_reversed_again():
    stream = Stream("ozone")
    for number in (1, 3):
        stream(takedown(number))
        (reversal,) = stream(ozone(number + 1, "modEventReverseTakedown"))
        assert isinstance(reversal, Reversal)
        assert (reversal.action_id, reversal.reason) == (str(number), "bulk_correction")


@pytest.mark.parametrize(("hours", "reason"), [(24, "expiry"), (25, "bulk_correction"), (0, "bulk_correction")])
def test_a_suspension_that_ends_on_its_date_is_no_evidence_of_error(hours, reason):
    stream = Stream("ozone")
    stream(takedown(1, durationInHours=hours))
    assert stream(ozone(2, "modEventReverseTakedown"))[0].reason == reason


def test_ozones_own_mark_on_a_reversal_says_that_its_time_had_come():
    stream = Stream("ozone")
    stream(takedown(1))
    assert stream(ozone(2, "modEventReverseTakedown", comment="[SCHEDULED_REVERSAL] as planned"))[0].reason == "expiry"


def test_an_open_appeal_does_not_turn_the_end_of_a_suspension_into_an_overturn():
    stream = Stream("ozone")
    stream(takedown(1, durationInHours=24))
    stream(ozone_appeal(2))
    (reversal,) = stream(ozone(3, "modEventReverseTakedown"))
    assert reversal.reason == "expiry"


def test_a_refused_record_changes_nothing_that_is_remembered():
    stream = Stream("ozone")
    stream(takedown(1))
    stream(ozone_appeal(2))
    with pytest.raises(Exception, match="createdBy"):
        stream(ozone(3, "modEventReverseTakedown") | {"createdBy": None})
    assert stream(ozone(4, "modEventReverseTakedown"))[0].outcome == "overturned"


def test_a_resolution_of_what_is_not_known_is_counted():
    stream = Stream("ozone")
    assert stream(ozone(1, "modEventResolveAppeal")) == []
    assert stream.form.ignored == {"resolution of an appeal of a takedown that is not known": 1}


@pytest.mark.parametrize(
    ("options", "changes", "expected"),
    [({}, {}, Automated.NOT_AUTOMATED),
     ({}, {"modTool": {"name": "automod"}}, Automated.FULLY),
     ({}, {"modTool": {"name": "ozone/workspace"}}, Automated.NOT_AUTOMATED),
     ({"automated_dids": ["did:plc:m"]}, {}, Automated.FULLY),
     ({"automated_dids": ["did:plc:m"]}, {"modTool": {"name": "ozone/workspace"}}, Automated.FULLY),
     ({"automated_tools": ["hepa"]}, {"modTool": {"name": "automod"}}, Automated.NOT_AUTOMATED)],
)  # fmt: skip
def test_a_takedown_is_automated_when_its_tool_or_its_account_is_known_to_be(options, changes, expected):
    (action,) = Stream("ozone", **options)(takedown(1) | changes)
    assert isinstance(action, Action)
    assert action.automated_decision is expected


def test_a_callback_that_is_retried_keeps_its_id_and_two_actions_differ():
    stream = Stream("coop")
    (first,), (retried,) = stream(callback("i"), NOW_MS), stream(callback("i"), NOW_MS + 9000)
    (other,) = stream(callback("j"), NOW_MS)
    assert first.id == retried.id != other.id
    assert retried.time - first.time == 9000


def test_an_appeal_names_those_of_the_actions_policies_that_it_contests():
    stream = Stream("coop")
    stream(callback("i", ["p", "q", "r"]))
    assert [event.policy_id for event in stream(coop_appeal("i"))] == ["p", "q", "r"]
    chosen = coop_appeal("i", "2", violatingPolicies=[{"id": "r"}, {"id": "p"}, {"id": "other"}])
    assert [event.policy_id for event in stream(chosen)] == ["p", "r"]
    assert stream(coop_appeal("i", "3", violatingPolicies=[{"id": "other"}])) == []
    assert stream.form.ignored == {"appeal that names none of the action's policies": 1}


def test_a_decision_is_about_what_its_appeal_was_about():
    stream = Stream("coop")
    stream(callback("i", ["p", "q"]))
    stream(coop_appeal("i", violatingPolicies=[{"id": "q"}]))
    (decision,) = stream({"appealId": "1", "appealDecision": "REJECT", "item": {"id": "i", "typeId": "t"}})
    assert isinstance(decision, AppealDecision)
    assert (decision.policy_id, decision.outcome, decision.decided_by) == ("q", "upheld", "human")


def test_items_of_two_types_with_one_id_are_two_items():
    stream = Stream("coop")
    stream(callback("i"))
    assert stream(coop_appeal("i") | {"actionedItem": {"id": "i", "typeId": "u"}}) == []


ROW = {
    "ts": "2026-03-01 12:00:00.000",
    "action_id": "ban",
    "action_source": "post-items",
    "correlation_id": "c",
    "item_id": "i",
    "item_type_id": "t",
    "policies": [{"id": "p"}, {"id": "q"}],
}


def rule(name, *policies):
    return {"id": name, "version": "1", "policies": [{"id": policy} for policy in policies]}


def test_an_appeal_finds_a_warehouse_row_too():
    stream = Stream("coop")
    stream(ROW)
    assert [event.policy_id for event in stream(coop_appeal("i"))] == ["p", "q"]


@pytest.mark.parametrize(
    ("rules", "of_policy", "left_over"),
    [([rule("a", "p"), rule("b", "q")], {"p": "a", "q": "b"}, False),
     ([rule("a", "p", "q"), rule("b", "q")], {"p": "a", "q": "a"}, True),
     ([rule("a"), rule("b", "q")], {"p": "a", "q": "b"}, False),
     ([], {"p": None, "q": None}, False)],
)  # fmt: skip
def test_each_policy_of_a_row_has_the_first_rule_that_enforces_it(rules, of_policy, left_over):
    stream = Stream("coop")
    actions = stream(ROW | {"rules": rules})
    assert {action.policy_id: action.rule_id for action in actions} == of_policy
    assert ("$.rules" in stream.form.unmapped) is left_over


@pytest.mark.parametrize(
    ("source", "actor", "expected"),
    [("post-items", None, Automated.FULLY), ("retroaction", None, Automated.FULLY),
     ("post-actions", None, Automated.FULLY),
     ("post-actions", "staff", Automated.NOT_AUTOMATED), ("mrt-decision", None, Automated.NOT_AUTOMATED),
     ("manual-action-run", "staff", Automated.NOT_AUTOMATED), ("user-strike-action-execution", None, Automated.FULLY)],
)  # fmt: skip
def test_a_row_is_automated_when_its_source_decides_alone_and_nobody_is_named(source, actor, expected):
    (action, _) = Stream("coop")(ROW | {"action_source": source, "actor_id": actor})
    assert action.automated_decision is expected
