"""What a test spares changes nothing: dense traffic, with waves in it, with and without patience."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from detector.fold import Fold, LogRecord
from detector.policy import Ruleset, StreamSettings, UnknownPolicies
from detector.wire import log
from tests.bench import shape_events as made

POLICIES, SECONDS, PER_S = 12, 240, 60


def records(seed: int) -> list[LogRecord]:
    """Ten minutes of ordinary traffic in which policies surge in turn, a record and a tick a second."""
    chance = np.random.default_rng(seed)
    per_s = np.full(SECONDS, PER_S)
    per_s[chance.integers(30, SECONDS, 6)] *= 8
    time_ms = made.START_MS + np.repeat(np.arange(SECONDS) * 1000, per_s)
    time_ms += chance.integers(0, 1000, len(time_ms)) - np.where(chance.random(len(time_ms)) < 0.1, 20_000, 0)
    found = made.actions(chance, made.World(1.0), time_ms, made.USUAL)
    found["policy"] = made.pick(chance, 1 / np.arange(1, POLICIES + 1), len(found)) - 1
    names = made.names("")._replace(policies=[f"policy-{number}" for number in range(POLICIES)])
    rules = Ruleset(
        version="dense", stream=StreamSettings(clock="events"), unknown=UnknownPolicies(mode="enforce", cap=POLICIES)
    )
    said = [LogRecord(0, 0, 0, log.Settings(version="dense", ruleset=msgspec.json.encode(rules)))]
    begin = 0
    for second, end in enumerate(np.cumsum(per_s).tolist()):
        now_ms = made.START_MS + (second + 1) * 1000
        said.append(LogRecord(0, 2 * second + 1, now_ms, made.rows(found[begin:end], names, begin)))
        tick = log.Tick(worker="w", sources=[log.SourceReport(0, end - 1, end, now_ms)])
        said.append(LogRecord(0, 2 * second + 2, now_ms, tick))
        begin = end
    return said


def known_for_weeks(fold: Fold) -> None:
    """Let what was met so far count as known, so that volume and surges are judged."""
    table = fold.engine.scopes.table.rows
    for row in fold.engine.scopes.owner:
        for name in ("rate", "next_rate", "bar", "next_bar", "busiest"):
            table[name][row] = 200.0
        table["level_a"][row], table["level_b"][row], table["stranger"][row] = 60_000.0, 300.0, 0
        fold.engine.scopes.standings.forget(row)


@pytest.mark.parametrize("seed", range(3))
def test_patience_changes_no_byte_of_what_is_said_and_stored(seed):
    history, ends = records(seed), []
    for anxious in (False, True):
        fold = Fold(StreamSettings(clock="events"))
        fold.assign(0, {})
        walked = []
        lost = fold.engine.scopes.standings.patience.lost

        def asked(rows, *heard, lost=lost, walked=walked, anxious=anxious):
            found = lost(rows, *heard) | anxious
            walked.append(found.mean())
            return found

        fold.engine.scopes.standings.patience.lost = asked
        said = list(fold.apply(history[:21]).alerts)
        known_for_weeks(fold)
        for record in history[21:]:
            said += fold.apply([record]).alerts
        ends.append(([msgspec.json.encode(each) for each in said], [value for *_, value in fold.snapshot().policies()]))
        assert anxious or np.mean(walked) < 0.6, "or there is nothing to compare"
    assert ends[0][0]
    assert ends[0] == ends[1]
