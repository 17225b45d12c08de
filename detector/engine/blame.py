"""What the numbers of a scope say, what follows from it, and which scope of its policy is to blame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.engine import judge as rule
from detector.engine import narrow, signals
from detector.engine.buckets import OpenBuckets
from detector.engine.judge import Verdict
from detector.engine.policy_state import WHOLE, Key, PolicyState
from detector.engine.scopes import Scopes
from detector.events import Evidence, State
from detector.policy import DECIDERS

Rows = NDArray[np.void]


class Blame:
    """Reads scopes; moves nothing."""

    def __init__(self, scopes: Scopes, cells: OpenBuckets, bucket_ms: int) -> None:
        self._scopes = scopes
        self._cells = cells
        self._bucket_ms = bucket_ms

    def evidence(
        self, policy: PolicyState, row: int, view: Rows, end_ms: int
    ) -> tuple[tuple[Evidence, ...], Verdict | None]:
        """The evidence of a row beyond its warning lines, as far as its policy heeds it, and what follows."""
        settings, link = policy.settings, self._scopes.links.rows[row : row + 1]
        channel, week = self._scopes.channels_of(row), self._scopes.week_of(row)
        said = signals.loud(view, link, channel, week, self._bucket_ms, end_ms)
        if any(each.signal == "surge" for each in said):
            said += self._share(policy, row)
        found = tuple(each for each in said if each.signal not in settings.ignore_signals)
        weighed = tuple(each for each in found if each.signal not in settings.warn_only_signals)
        weights = rule.proof_weights(channel, _deaf(policy))
        verdict = rule.decide(weighed, weights, informed=self._informed(policy, channel), probing=policy.is_probing)
        return found, verdict or ("warn" if found else None)

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
        return rule.is_informed(channel, self._scopes.channels_of(whole), self._scopes.links.rows[whole : whole + 1])

    def target(
        self, policy: PolicyState, key: Key, view: Rows, found: tuple[Evidence, ...], onset_ms: int, end_ms: int
    ) -> tuple[Key | None, dict[Key, narrow.Part]]:
        """The scope to move where `key` speaks, by `view`; None where that is said elsewhere. And each scope's part."""
        names = {signal.signal for signal in found}
        itself = bool({"hard_limit", "probe"} & names) or names <= rule.OF_A_WINDOW
        if not itself and not names & rule.OF_VOLUME:
            parts = narrow.parts_of(self._scopes, policy, rule.foremost(found))
            return narrow.target_of(policy, key, parts), parts
        parts = narrow.parts(self._scopes, self._cells, policy, onset_ms, end_ms, self._bucket_ms)
        if itself:
            return key, parts
        if "deploy" in names and (changed := self._changed(policy, key, view)):
            return _of_change(policy, key, changed), parts
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


def _of_change(policy: PolicyState, key: Key, changed: Key) -> Key | None:
    """The scope to move where `key` speaks of a change that `changed` explains; None where that is said elsewhere.

    What is held explains nothing new: another version of it, by its own deploy, speaks for itself.
    """
    held = policy.breaker(changed).state is State.OPEN
    return key if held and key[0] == changed[0] else changed if key in (WHOLE, changed) else None


def _deaf(policy: PolicyState) -> frozenset[str]:
    """Signals that may not trip this policy."""
    return frozenset({*policy.settings.ignore_signals, *policy.settings.warn_only_signals})
