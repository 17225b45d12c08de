"""English Wikipedia's filter hits and filter edits of 2009 to 2012 as columns: see `wikipedia_data.py` for one year."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from detector.wire import log
from tests.bench.history import ACTION, DEPLOY, History, identities, scattered
from tests.bench.scoring import Incident

TYPES = ["warn", "disallow"]


def history(folder: Path) -> History:
    """All hits and edits; of one second first the edits. A rule's version is the number of its edits so far."""
    hits, edits = np.load(folder / "filter_hits_2009_2012.npz"), np.load(folder / "rule_edits_2009_2012.npz")
    order = np.argsort(edits["time_s"], kind="stable")
    edit_s, edited = edits["time_s"][order], edits["policy"][order]
    time_s = np.concatenate([edit_s, hits["time_s"]])
    rule = np.concatenate([edited, hits["policy"]]).astype(np.int64)
    is_edit = np.arange(len(time_s)) < len(edit_s)
    order = np.lexsort((~is_edit, time_s))
    time_s, rule, is_edit = time_s[order], rule[order], is_edit[order]
    pad = np.zeros(len(edit_s), np.int64)
    actor = np.concatenate([pad, hits["actor"].astype(np.int64) + 1])[order]
    disallowed = np.concatenate([pad, hits["disallowed"]])[order]
    rules, policy = np.unique(rule, return_inverse=True)
    version = _versions(policy, is_edit)
    pairs, origin = np.unique(policy.astype(np.int64) << 32 | version, return_inverse=True)
    columns = {
        "time": time_s.astype(np.int64) * 1000,
        "policy": policy,
        "kind": np.where(is_edit, DEPLOY, ACTION),
        "flags": np.where(is_edit, 0, log.AUTOMATED),
        "origin": origin,
        "type": np.where(is_edit, 0, disallowed + 1),
        "subject": scattered(actor.astype(np.uint64)),
        "event": identities(len(time_s)),
    }
    names = {
        "policy": [str(each) for each in rules.tolist()],
        "origin": [f"{rules[pair >> 32]}@{pair & 0xFFFFFFFF}" for pair in pairs.tolist()],
        "type": ["", *TYPES],
    }
    return History(columns, names)


def blind(known: History) -> History:
    """The same without edits and without rule versions."""
    kept = known.only(known.columns["kind"] == ACTION)
    names = {**kept.names, "origin": [""]}
    return History({**kept.columns, "origin": np.zeros(len(kept), np.int64)}, names)


def incidents(folder: Path) -> list[Incident]:
    """All labelled ones, by onset."""
    with (folder / "incidents_2009_2012.csv").open(newline="") as lines:
        found = [
            Incident(row["policy"], ms(row["onset_utc"]), ms(row["fixed_utc"]), int(row["hits"]))
            for row in csv.DictReader(lines)
        ]
    return sorted(found, key=lambda each: each.onset_ms)


def ms(utc: str) -> int:
    """Epoch milliseconds of a date or time without zone."""
    return int(datetime.fromisoformat(utc).replace(tzinfo=UTC).timestamp()) * 1000


def _versions(policy: np.ndarray, is_edit: np.ndarray) -> np.ndarray:
    """For each row the number of edits of its policy up to and with it."""
    order = np.argsort(policy, kind="stable")
    so_far = np.cumsum(is_edit[order])
    first = np.flatnonzero(np.diff(policy[order], prepend=-1))
    before = np.where(first > 0, so_far[first - 1], 0)
    lengths = np.diff([*first.tolist(), len(order)])
    version = np.empty(len(order), np.int64)
    version[order] = so_far - np.repeat(before, lengths)
    return version
