"""English Wikipedia's rule engine as enforcement events: filter hits are actions, filter edits are deploys."""

from __future__ import annotations

import csv
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detector.events import Action, Automated, Deploy

if TYPE_CHECKING:
    from collections.abc import Iterator

YEAR = 2012
ABSENT = "no data: put wikipedia/ into ../shared/data, or name the folder above it in DETECTOR_DATA_DIR"


class Incident(NamedTuple):
    """A labelled bad edit of a filter, from the edit that broke it to the one that repaired it (epoch ms)."""

    policy_id: str
    onset_ms: int
    fixed_ms: int
    hits: int


def folder() -> Path | None:
    """Where the data lies, None where there is none."""
    root = Path(os.environ.get("DETECTOR_DATA_DIR", Path(__file__).parents[3] / "shared" / "data"))
    found = root / "wikipedia"
    return found if found.is_dir() else None


def incidents(data: Path, year: int = YEAR) -> list[Incident]:
    """Those with an onset in `year`."""
    with (data / "incidents_2009_2012.csv").open(newline="") as lines:
        rows = [
            Incident(row["policy"], _ms(row["onset_utc"]), _ms(row["fixed_utc"]), int(row["hits"]))
            for row in csv.DictReader(lines)
        ]
    return [row for row in rows if row.onset_ms >= _ms(f"{year}-01-01") and row.onset_ms < _ms(f"{year + 1}-01-01")]


def stream(data: Path, year: int = YEAR) -> Iterator[Action | Deploy]:
    """All of `year` in order of time; of one second first the edits, then the hits.

    A rule's version is the number of its edits so far, those of earlier years included.
    """
    start_s, end_s = _ms(f"{year}-01-01") // 1000, _ms(f"{year + 1}-01-01") // 1000
    hits, edits = np.load(data / "filter_hits_2009_2012.npz"), np.load(data / "rule_edits_2009_2012.npz")
    chosen = np.flatnonzero((hits["time_s"] >= start_s) & (hits["time_s"] < end_s))
    chosen = chosen[np.argsort(hits["time_s"][chosen], kind="stable")]
    columns = zip(*(hits[name][chosen].tolist() for name in ("time_s", "policy", "actor", "disallowed")), strict=True)
    changed = sorted(zip(edits["time_s"].tolist(), edits["policy"].tolist(), strict=True))
    versions: dict[int, int] = {}
    at = 0
    for number, (time_s, rule, actor, disallowed) in enumerate(columns):
        while at < len(changed) and changed[at][0] <= time_s:
            edited_s, edited = changed[at]
            versions[edited] = versions.get(edited, 0) + 1
            if edited_s >= start_s:
                yield _deploy(at, edited_s, edited, versions[edited])
            at += 1
        yield _action(number, time_s, rule, versions.get(rule, 0), actor, disallowed=bool(disallowed))


def _action(number: int, time_s: int, rule: int, version: int, actor: int, *, disallowed: bool) -> Action:
    return Action(
        id=f"hit-{number}",
        time=time_s * 1000,
        policy_id=str(rule),
        rule_id=str(rule),
        rule_version=str(version),
        subject_id=str(actor),
        action_id=f"hit-{number}",
        action_type="disallow" if disallowed else "warn",
        automated_decision=Automated.FULLY,
    )


def _deploy(number: int, time_s: int, rule: int, version: int) -> Deploy:
    return Deploy(
        id=f"edit-{number}",
        time=time_s * 1000,
        policy_id=str(rule),
        rule_id=str(rule),
        rule_version=str(version),
        change=f"filter {rule} was edited",
    )


def _ms(utc: str) -> int:
    return int(datetime.fromisoformat(utc).replace(tzinfo=UTC).timestamp()) * 1000
