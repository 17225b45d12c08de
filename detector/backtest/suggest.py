"""Settings of single policies that a history speaks for, and what each would have done on that history.

Proposals are made from one run and tried in a second one: all hard limits together, all modes together, and so on.
Policies do not touch each other, so what a policy did then is what its own setting did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from detector.backtest import policy_yaml, text
from detector.backtest.outline import paused_s
from detector.backtest.proposals import Proposal, proposals
from detector.backtest.result import PolicyReport, Suggestion
from detector.backtest.spell import count, span
from detector.config import policies

if TYPE_CHECKING:
    from detector.backtest.result import Result
    from detector.policy import Ruleset

MOST: Final = 1000
"""Policies with the most actions that get suggestions: a policy file is one record of the log."""

Run = Callable[[Sequence["Ruleset"]], "list[Result]"]


def suggest(result: Result, ruleset: Ruleset, run: Run) -> tuple[Suggestion, ...]:
    """What `result`, a run with `ruleset`, speaks for, by policy and setting.

    Args:
        result: with `PolicyReport.peaks`, or no hard limit is proposed.
        ruleset: what it was judged by.
        run: reads the history once more and judges it by each ruleset, side by side.
    """
    largest = sorted(result.policies, key=lambda each: (-each.actions, each.policy_id))[:MOST]
    wanted = {each.policy_id for each in largest}
    found = sorted((each for each in proposals(result, ruleset) if each.policy_id in wanted), key=_setting)
    tried = {setting: list(some) for setting, some in groupby(found, key=_setting)}
    if not tried:
        return ()
    before = {each.policy_id: each for each in result.policies}
    rulesets = [
        _loaded(ruleset, [_suggestion(each, before[each.policy_id], result, result) for each in some])
        for some in tried.values()
    ]
    made = [
        _suggestion(each, before[each.policy_id], result, after)
        for some, after in zip(tried.values(), run(rulesets), strict=True)
        for each in some
    ]
    return tuple(sorted(made, key=lambda each: (each.policy_id, each.setting)))


def render(ruleset: Ruleset, suggestions: Sequence[Suggestion]) -> str:
    """A whole policy file with what is suggested, reasons as comments; `detector check` accepts it."""
    return policy_yaml.render(ruleset, suggestions)


def table(suggestions: Sequence[Suggestion], *, labelled: bool) -> str:
    """For a terminal: a line each, before and after."""
    head = ["policy", "setting", "now", "proposed", "trips", "held", "paused", *(["avoided"] if labelled else [])]
    return text.table([head, *(_cells(each, labelled=labelled) for each in suggestions)]) + "\n"


def _cells(each: Suggestion, *, labelled: bool) -> list[str]:
    return [
        each.policy_id,
        each.setting,
        each.current,
        each.proposed,
        f"{each.before.trips} -> {each.after.trips}",
        f"{count(each.before.paused.actions)} -> {count(each.after.paused.actions)}",
        f"{span(paused_s(each.before))} -> {span(paused_s(each.after))}",
        *([f"{count(each.avoided_before)} -> {count(each.avoided_after)}"] if labelled else []),
    ]


def _setting(proposal: Proposal) -> str:
    return proposal.setting


def _loaded(ruleset: Ruleset, suggestions: Sequence[Suggestion]) -> Ruleset:
    """The ruleset that the suggested file loads as."""
    return policies.resolve([("suggested", render(ruleset, suggestions).encode())]).ruleset


def _suggestion(proposal: Proposal, before: PolicyReport, result: Result, after: Result) -> Suggestion:
    reports = {each.policy_id: each for each in after.policies}
    (found_before, avoided_before), (found_after, avoided_after) = (
        _outcome(each, proposal.policy_id) for each in (result, after)
    )
    return Suggestion(
        policy_id=proposal.policy_id,
        setting=proposal.setting,
        current=proposal.current,
        proposed=proposal.proposed,
        reason=proposal.reason,
        before=before,
        after=reports[proposal.policy_id],
        found_before=found_before,
        found_after=found_after,
        avoided_before=avoided_before,
        avoided_after=avoided_after,
    )


def _outcome(result: Result, policy_id: str) -> tuple[int, int]:
    """Incidents of a policy that were found, and wrongful actions avoided in them."""
    mine = [each for each in result.incidents if each.policy_id == policy_id]
    return sum(each.found for each in mine), sum(each.avoided for each in mine)
