"""What the history itself holds, whatever any policy file says of it: counts, spans, and the actions of incidents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.backtest.part import Book, Part
from detector.backtest.score import NO_HITS, Exposure, Hits, Incident

FAR: Final = 2**62


class Census:
    """Counts parts as they come. `bucket_ms`: how finely times of wrongful actions are kept; alerts are no finer."""

    def __init__(self, book: Book, incidents: Sequence[Incident], bucket_ms: int) -> None:
        self._book = book
        self._incidents = incidents
        self._bucket_ms = bucket_ms
        self._hits: list[list[tuple[NDArray[np.int64], NDArray[np.int64]]]] = [[] for _ in incidents]
        self._counts = np.zeros((0, 3), np.int64)
        self._span = np.zeros((0, 2), np.int64)
        self.first_ms, self.last_ms = FAR, -FAR

    def add(self, part: Part) -> None:
        """Count a part."""
        self._grow(len(self._book.policies))
        size = len(self._counts)
        everything = np.ones(len(part.action), bool)
        for i, mask in enumerate((everything, part.action, part.action & part.automated)):
            self._counts[:, i] += np.bincount(part.policy[mask], minlength=size)
        np.minimum.at(self._span[:, 0], part.policy[part.action], part.time_ms[part.action])
        np.maximum.at(self._span[:, 1], part.policy[part.action], part.time_ms[part.action])
        low_ms, high_ms = int(part.time_ms.min()), int(part.time_ms.max())
        self.first_ms, self.last_ms = min(self.first_ms, low_ms), max(self.last_ms, high_ms)
        for each, hits in zip(self._incidents, self._hits, strict=True):
            if each.onset_ms <= high_ms and low_ms <= each.fixed_ms:
                self._note(part, each, hits)

    def tallies(self) -> dict[str, tuple[int, int, int]]:
        """Events, actions and fully automated actions, by policy."""
        names = self._book.policies.names[: len(self._counts)]
        return {name: (one, two, three) for name, (one, two, three) in zip(names, self._counts.tolist(), strict=True)}

    def exposure(self) -> dict[str, Exposure]:
        """Of every policy that acted."""
        names = self._book.policies.names[: len(self._counts)]
        rows = zip(names, self._counts[:, 1].tolist(), self._span.tolist(), strict=True)
        return {name: Exposure(actions, first, last) for name, actions, (first, last) in rows if actions}

    def hits(self) -> list[Hits]:
        """Fully automated actions of each incident: what people decide is nothing that a breaker could stop."""
        return [_merged(each) for each in self._hits]

    def _note(self, part: Part, incident: Incident, hits: list[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> None:
        code = self._book.policies.codes.get(incident.policy_id, -1)
        inside = (part.time_ms >= incident.onset_ms) & (part.time_ms <= incident.fixed_ms)
        times_ms = part.time_ms[part.action & part.automated & inside & (part.policy == code)]
        if len(times_ms):
            hits.append(np.unique(times_ms // self._bucket_ms * self._bucket_ms, return_counts=True))

    def _grow(self, size: int) -> None:
        more = size - len(self._counts)
        if more > 0:
            self._counts = np.vstack([self._counts, np.zeros((more, 3), np.int64)])
            self._span = np.vstack([self._span, np.tile(np.array([FAR, -FAR]), (more, 1))])


def _merged(pieces: list[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> Hits:
    if not pieces:
        return NO_HITS
    times_ms, places = np.unique(np.concatenate([times for times, _ in pieces]), return_inverse=True)
    number = np.bincount(places, weights=np.concatenate([number for _, number in pieces])).astype(np.int64)
    return Hits(times_ms, number)
