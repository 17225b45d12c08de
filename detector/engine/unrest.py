"""The scopes that something could happen to without a new event: those whose breaker is not closed, or has warned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from detector.engine.policy_state import Key, PolicyState
from detector.events import State

Found = list[tuple[PolicyState, Key]]


class Unrest:
    """By log partition, so that only these are visited."""

    def __init__(self) -> None:
        self._moving: Final = dict[int, dict[tuple[str, Key], PolicyState]]()
        self._warned: Final = dict[int, dict[tuple[str, Key], PolicyState]]()

    def file(self, policy: PolicyState, key: Key) -> None:
        """A scope's breaker stands as it does now."""
        at, state = (policy.id, key), policy.breakers[key]
        for book, belongs in ((self._moving, state.state is not State.CLOSED), (self._warned, bool(state.warned))):
            page = book.setdefault(policy.partition, {})
            if belongs:
                page[at] = policy
            else:
                page.pop(at, None)

    def forget(self, partition: int) -> None:
        """The partition went to another worker."""
        self._moving.pop(partition, None)
        self._warned.pop(partition, None)

    def everywhere(self) -> Iterator[tuple[PolicyState, Key]]:
        """Every scope whose breaker is not closed."""
        for page in self._moving.values():
            for (_, key), policy in page.items():
                yield policy, key

    def moving(self, partition: int) -> Found:
        """Those of a partition, by policy and key."""
        return _in_order(self._moving.get(partition, {}))

    def warned(self, partition: int) -> Found:
        """The scopes of a partition with a standing warning, by policy and key."""
        return _in_order(self._warned.get(partition, {}))


def _in_order(page: dict[tuple[str, Key], PolicyState]) -> Found:
    return [(policy, key) for (_, key), policy in sorted(page.items(), key=lambda item: item[0])]
