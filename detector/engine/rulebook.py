"""Which settings are in force for which policy: the policy file of each log partition, as its log gave it."""

from __future__ import annotations

from detector.policy import Policy, PolicySettings, Ruleset


class Rulebook:
    """Policy files by partition; the built-in one where none was sent yet."""

    def __init__(self) -> None:
        self._rules: dict[int, Ruleset] = {}
        self._listed: dict[int, dict[str, Policy]] = {}
        self._shortest: dict[int, int] = {}

    def adopt(self, partition: int, ruleset: Ruleset) -> None:
        """From now on this file is in force on a partition."""
        self._rules[partition] = ruleset
        self._listed[partition] = {policy.id: policy for policy in ruleset.policies}
        self._shortest.pop(partition, None)

    def forget(self, partition: int) -> None:
        """The partition went to another worker."""
        for book in (self._rules, self._listed, self._shortest):
            book.pop(partition, None)

    def of(self, partition: int) -> Ruleset:
        """The policy file in force on a partition."""
        return self._rules.get(partition) or Ruleset()

    def settings(self, policy_id: str, partition: int) -> tuple[PolicySettings, bool]:
        """Those of a policy, and whether the file lists it."""
        listed = self._listed.get(partition, {}).get(policy_id)
        return (listed, True) if listed is not None else (self.of(partition).unknown, False)

    def shortest_ms(self, partition: int) -> int:
        """The least time, ms, after which any breaker of a partition may move by itself."""
        if partition not in self._shortest:
            rules = self.of(partition)
            found = [each.breaker for each in (*rules.policies, rules.unknown)]
            self._shortest[partition] = int(1000 * min(min(each.cooldown_s, each.probe_s) for each in found))
        return self._shortest[partition]
