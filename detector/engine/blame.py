"""What the numbers of a scope say, what follows from it, and which scope of its policy is to blame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.engine import channels, narrow, quiet, signals, topics
from detector.engine import judge as rule
from detector.engine.buckets import OpenBuckets
from detector.engine.judge import Verdict
from detector.engine.policy_state import WHOLE, Key, PolicyState
from detector.engine.scopes import Scopes
from detector.events import Evidence, State
from detector.policy import DECIDERS
from detector.stats import evidence

Rows = NDArray[np.void]


class Blame:
    """Reads scopes; moves nothing."""

    def __init__(self, scopes: Scopes, cells: OpenBuckets, bucket_ms: int) -> None:
        self._scopes = scopes
        self._cells = cells
        self._bucket_ms = bucket_ms

    def evidence(self, policy: PolicyState, row: int, view: Rows, end_ms: int) -> tuple[Evidence, ...]:
        """The evidence of a row beyond its warning lines, as far as its policy heeds it."""
        link, channel = self._scopes.links.rows[row : row + 1], self._scopes.channels_of(row)
        said = signals.loud(view, link, channel, self._scopes.week_of(row), self._bucket_ms, end_ms)
        if any(each.signal == "surge" for each in said):
            said += self._share(policy, row)
        return tuple(each for each in said if each.signal not in policy.settings.ignore_signals)

    def verdict(self, policy: PolicyState, key: Key, found: tuple[Evidence, ...], *, probing: bool) -> Verdict | None:
        """What follows from the evidence of `key`. `probing`: what is to move is being let go again, or some of it."""
        weighed = tuple(each for each in found if each.signal not in policy.settings.warn_only_signals)
        channel = self._scopes.channels_of(policy.rows[key])
        weights, informed = rule.proof_weights(channel, _deaf(policy)), self._informed(policy, channel)
        verdict = rule.decide(weighed, weights, informed=informed, probing=probing)
        return verdict or ("warn" if found else None)

    def _share(self, policy: PolicyState, row: int) -> tuple[Evidence, ...]:
        """The policy's share of items: it decides whether a scope's surge is a wave, so it is told with it."""
        whole = policy.rows[WHOLE]
        link, channel = self._scopes.links.rows[whole : whole + 1], self._scopes.channels_of(whole)
        return tuple(signals.of_channels(link, channel, ("share",))) if row != whole else ()

    def upholds(self, policy: PolicyState, row: int) -> tuple[Evidence, ...]:
        """What became of a row's actions, as evidence, if that is proof by itself. Nothing else of it is asked."""
        link, channel = self._scopes.links.rows[row : row + 1], self._scopes.channels_of(row)
        proof = tuple(signals.of_channels(link, channel, rule.AFTERMATH - _deaf(policy)))
        return proof if rule.is_proof(proof, rule.proof_weights(channel, _deaf(policy))) else ()

    def _informed(self, policy: PolicyState, channel: Rows) -> bool:
        whole = policy.rows[WHOLE]
        link, ignored = self._scopes.links.rows[whole : whole + 1], policy.settings.ignore_signals
        return rule.is_informed(channel, self._scopes.channels_of(whole), link, ignored)

    def calm(self, policy: PolicyState, key: Key, end_ms: int) -> set[str]:
        """Topics whose evidence has died down, in the scope and in the policy that may have spoken through it."""
        rows = [policy.rows[each] for each in (key, WHOLE) if each in policy.rows]
        heard = [level for row in rows for level in self._levels_h(row)] + self._of_window_h(policy.rows[WHOLE], end_ms)
        line_h = rule.CALM_RATIO * float(self._scopes.links.rows["warn_h"][rows[0]])
        loud = {signal for signal, level_h in heard if not level_h < line_h} - {*policy.settings.ignore_signals}
        return topics.TOPICS.keys() - {topics.OF[signal] for signal in loud}

    def acted_ms(self, policy: PolicyState) -> int:
        """When a policy last acted, as far as that is final."""
        return int(quiet.last(self._scopes.table.rows[[policy.rows[WHOLE]]])[0])

    def _levels_h(self, row: int) -> list[tuple[str, float]]:
        """Evidence, hours, of a row's volume and of its channels."""
        channel = self._scopes.channels_of(row)
        heard = channels.levels(channel) if len(channel) else {}
        volume_h = float(evidence.level_h(self._scopes.table.rows["evidence"][[row]])[0])
        return [("volume", volume_h), *((signal, float(level_h[0])) for signal, level_h in heard.items())]

    def _of_window_h(self, whole: int, end_ms: int) -> list[tuple[str, float]]:
        """The same of what a whole policy does not do, or does more by the day."""
        view, link = (each.rows[whole : whole + 1] for each in (self._scopes.table, self._scopes.links))
        week = self._scopes.week_of(whole)
        silence_h, ramp_h = quiet.levels(view, link, week, end_ms), rule.ramp_h(week)
        return [("silence", float(silence_h[0])), ("ramp", float(ramp_h[0]))]

    def harm(
        self, policy: PolicyState, key: Key, target: Key, view: Rows, found: tuple[Evidence, ...], end_ms: int
    ) -> narrow.Harm:
        """What the scope that moves did since the onset of what `key` says, by `view`."""
        if {each.signal for each in found} <= rule.OF_A_WINDOW:
            return narrow.of_window(found[0], end_ms)
        row, place = policy.rows[target], (self._scopes, self._cells)
        if (began_ms := rule.began_ms(found, end_ms)) is not None:
            return narrow.since(*place, row, began_ms, end_ms, self._bucket_ms)
        if target == key:
            return narrow.own(view, self._onset_ms(view, end_ms))
        return narrow.harm(*place, row, self._onset_ms(view, end_ms), end_ms, self._bucket_ms)

    def _onset_ms(self, view: Rows, end_ms: int) -> int:
        return min(int(view["onset"][0]) * self._bucket_ms, end_ms)

    def target(
        self, policy: PolicyState, key: Key, view: Rows, found: tuple[Evidence, ...], end_ms: int
    ) -> tuple[Key | None, dict[Key, narrow.Part]]:
        """The scope to move where `key` speaks, by `view`; None where that is said elsewhere. And each scope's part."""
        onset_ms = self._onset_ms(view, end_ms)
        names = {signal.signal for signal in found}
        itself = bool({"hard_limit", "probe"} & names) or names <= rule.OF_A_WINDOW
        if not itself and not names & rule.OF_VOLUME:
            parts = narrow.parts_of(self._scopes, policy, rule.foremost(found))
            return narrow.target_of(policy, key, parts), parts
        parts = narrow.parts(self._scopes, self._cells, policy, onset_ms, end_ms, self._bucket_ms)
        if itself:
            return key, parts
        if "deploy" in names and (changed := self._changed(policy, key, view)):
            return _of_change(policy, key, changed, parts), parts
        return narrow.target(policy, key, onset_ms, parts), parts

    def _changed(self, policy: PolicyState, key: Key, view: Rows) -> Key | None:
        """The origin whose own deploy has nearly all of the policy's evidence of a change, in logarithms.

        `key` stands as in `view`; the others as after their last final bucket.
        """
        stand = {each: self._scopes.table.rows[[at]] for each, at in policy.rows.items()} | {key: view}
        level = {each: float(np.log1p(rule.levels(row)[0][0])) for each, row in stand.items()}
        origins = [each for each in level if each[0] in DECIDERS and policy.deployed_ms(each)]
        best = max(origins, key=lambda each: (level[each], each), default=None)
        return best if best and level[best] >= narrow.EXPLAINS * level[WHOLE] else None


def _of_change(policy: PolicyState, key: Key, changed: Key, parts: dict[Key, narrow.Part]) -> Key | None:
    """The scope to move where `key` speaks of a change that `changed` explains; None where that is said elsewhere.

    What is held explains nothing new: another version of it, by its own deploy, speaks for itself, and so does what
    acts without it.
    """
    held = policy.breaker(changed).state is State.OPEN
    apart = key[0] == changed[0] or (key != WHOLE and narrow.is_apart(parts, key, [changed]))
    return key if held and apart else changed if key in (WHOLE, changed) else None


def _deaf(policy: PolicyState) -> frozenset[str]:
    """Signals that may not trip this policy."""
    return frozenset({*policy.settings.ignore_signals, *policy.settings.warn_only_signals})
