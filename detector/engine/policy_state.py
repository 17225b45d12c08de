"""One policy on one log partition: its rows, breakers and deploys. Small objects, visited only for decisions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from detector.breaker import BreakerState
from detector.engine.reinstated import Reinstated
from detector.events import Scope, State
from detector.policy import DECIDERS, PolicySettings

MAX_DEPLOYS: Final = 256
"""Origins whose newest deploy is kept, per policy."""

Key = tuple[str, str]
"""Dimension and value; ("", "") is the whole policy."""
WHOLE: Final[Key] = ("", "")


@dataclass(eq=False, slots=True)
class PolicyState:
    """One policy on one log partition."""

    id: str
    partition: int
    settings: PolicySettings
    listed: bool
    rows: dict[Key, int] = field(default_factory=dict)
    breakers: dict[Key, BreakerState] = field(default_factory=dict)
    deploys: dict[str, int] = field(default_factory=dict)
    """Newest deploy per origin, epoch ms; "" is one that named no origin."""
    profile: int = 0
    """Row of its weekly profile."""
    reinstated: Reinstated = field(default_factory=Reinstated)
    """Subjects whose action was undone within the last days."""
    position: int = -1
    """Last log offset that the loaded state already holds; -1 when nothing was loaded."""
    changed: bool = True
    dropped_values: int = 0

    def scope(self, key: Key) -> Scope:
        """The scope of a row of this policy."""
        return Scope(policy_id=self.id) if key == WHOLE else Scope(policy_id=self.id, dimension=key[0], value=key[1])

    def breaker(self, key: Key) -> BreakerState:
        """The breaker of a row; one that never moved is closed."""
        return self.breakers.get(key) or BreakerState()

    def kin(self, key: Key) -> list[Key]:
        """The versions of the same rule that have rows, the scope among them; whatever decides nothing is alone."""
        if key[0] not in DECIDERS:
            return [key]
        rule = key[1].partition("@")[0]
        return [each for each in self.rows if each[0] == key[0] and each[1].partition("@")[0] == rule]

    def watches(self, key: Key) -> bool:
        """Whether a scope is judged at all: the whole, and values of the dimensions that its settings name."""
        return key == WHOLE or key[0] in self.settings.scopes

    @property
    def told(self) -> set[str]:
        """Topics of which a warning of one of its scopes stands."""
        return {topic for each in self.breakers.values() for topic in each.warned}

    @property
    def is_probing(self) -> bool:
        """Whether one of its breakers is being let go again."""
        return any(each.state is State.HALF_OPEN for each in self.breakers.values())

    def is_probed(self, key: Key) -> bool:
        """Whether one of its breakers that is being let go again holds the scope, or some of it."""
        probing = (each for each, state in self.breakers.items() if state.state is State.HALF_OPEN)
        return any(WHOLE in (key, each) or each == key or each[0] != key[0] for each in probing)

    def is_let_go(self, key: Key) -> bool:
        """Whether what last changed a scope was its breaker, which lets it go again: in part, or by closing."""
        state = self.breaker(key)
        closed = state.state is State.CLOSED and state.since_ms > self.changed_ms(key)
        return closed or state.state is State.HALF_OPEN

    def met_by(self, moved: Key) -> list[int]:
        """Rows, ascending, that a move of a scope meets: what other values of its dimension do is another matter."""
        return sorted(row for key, row in self.rows.items() if moved in (WHOLE, key) or key[0] != moved[0])

    def is_unsettled(self, since_ms: int) -> bool:
        """Whether one of its breakers is not closed, or moved after `since_ms`."""
        return any(each.state is not State.CLOSED or each.since_ms > since_ms for each in self.breakers.values())

    def changed_ms(self, key: Key) -> int:
        """When anything that the scope depends on was last changed (0: never known)."""
        return max((at_ms for origin, at_ms in self.deploys.items() if concerns(origin, key)), default=0)

    def recent_deploy_ms(self, key: Key, end_ms: int) -> int:
        """When the scope's origin was changed, if that was within the deploy window; else 0."""
        deployed = self.deployed_ms(key)
        return deployed if 0 <= end_ms - deployed <= self.settings.deploy_window_s * 1000 else 0

    def deployed_ms(self, key: Key) -> int:
        """When the origin behind `key` was last changed (0: never known). A deploy without a version is its rule's."""
        if key[0] not in DECIDERS:
            return self.deploys.get("", 0) if key == WHOLE else 0
        return max(self.deploys.get(key[1], 0), self.deploys.get(key[1].partition("@")[0], 0))


def concerns(origin: str, key: Key) -> bool:
    """Whether a deploy of `origin` ("" unknown) changed the scope: its own, its rule's, or any of the whole policy."""
    return key == WHOLE or (key[0] in DECIDERS and origin in {"", key[1], key[1].partition("@")[0]})


def note_deploy(deploys: dict[str, int], origin: str, time_ms: int) -> None:
    """Keep an origin's newest deploy, and of all origins those deployed last."""
    deploys[origin] = max(deploys.get(origin, 0), time_ms)
    if len(deploys) > MAX_DEPLOYS:
        del deploys[min(deploys, key=lambda one: (deploys[one], one))]
