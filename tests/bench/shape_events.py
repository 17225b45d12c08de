"""Made-up enforcement events in columns: a platform's ordinary traffic, and how it enters a fold.

Counts follow a gamma-Poisson process with independent increments (negative binomial in every interval, variance `phi`
times the mean), moved by a daily and a weekly rhythm. Those acted on have a tenure, an age of content and a history;
2.7 % of them appeal, after hours or days; a quarter of the decided appeals is overturned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector import events
from detector.fold import Fold, LogRecord
from detector.policy import Ruleset
from detector.wire import log

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Rows = NDArray[np.void]

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
WEEK_MS: Final = 7 * DAY_MS
START_MS: Final = 1_772_409_600_000
"""Monday 2026-03-02 00:00 UTC: when the incidents' week begins; the history lies before it."""
APPEALED: Final = 0.027
OVERTURNED: Final = 0.25

KIND: Final = {kind.__struct_config__.tag: code for code, kind in enumerate(events.KINDS)}
EVENT: Final = np.dtype(
    [
        ("time", "<i8"),  # epoch ms
        ("arrives", "<i8"),  # when intake sees it, epoch ms
        ("kind", "u1"),  # index into events.KINDS
        ("automated", "?"),
        ("held", "?"),
        ("policy", "<u2"),  # codes into Names, 0: none
        ("rule", "<u2"),
        ("region", "<u2"),
        ("client", "<u2"),
        ("action_type", "<u2"),
        ("model", "<u2"),
        ("signal", "<u2"),
        ("subject", "<u8"),
        ("event", "<u8"),
        ("action", "<u8"),
        ("subject_created", "<i8"),  # epoch ms, 0: unknown
        ("content_created", "<i8"),
        ("prior", "<i4"),  # -1: unknown
        ("acted_at", "<i8"),
        ("outcome", "u1"),  # 0 none, 1 upheld, 2 overturned
        ("decided_by", "u1"),  # 0 none, 1 human, 2 automated
        ("verdict", "u1"),  # 0 none, 1 agree, 2 disagree
        ("reason", "u1"),  # 0 none, 1 appeal, 2 bulk_correction, 3 expiry, 4 legal
        ("count", "<i8"),
        ("interval_s", "<f8"),
    ]
)


class Names(NamedTuple):
    """Dictionaries of the codes; the first entry of each is the empty name."""

    policies: list[str]
    rules: list[str]
    regions: list[str]
    clients: list[str]
    action_types: list[str]
    models: list[str]
    signals: list[str]


REGIONS: Final = {"US": 0.4, "EU": 0.3, "BR": 0.12, "IN": 0.1, "JP": 0.05, "ID": 0.0245, "KR": 0.0055}
CLIENTS: Final = {"web": 0.3, "ios": 0.3, "android": 0.3945, "android-beta": 0.0055}
RULES: Final = 8
VERSIONS: Final = 100


def names(policy: str) -> Names:
    """Names of one policy's traffic; a rule's code is `1 + rule * VERSIONS + version`."""
    rules = ["", *(f"r{rule}@{version}" for rule in range(RULES) for version in range(VERSIONS))]
    types, signals = ["", "suspend", "remove"], ["", *(f"list-{number}" for number in range(20)), "bank-77"]
    return Names([policy, ""], rules, ["", *REGIONS], ["", *CLIENTS], types, ["", "m1@4"], signals)


class Habits(NamedTuple):
    """Of whom a policy acts on: shares of tenures, median age of content, share without any prior action."""

    tenures: tuple[float, float, float]  # younger than 10 days, than a year, older
    content_days: float
    first_timers: float
    appealed: float = APPEALED
    appeal_h: float = 12.0  # median
    overturned: float = OVERTURNED


USUAL: Final = Habits((0.45, 0.50, 0.05), 2.0, 0.5)
ANYBODY: Final = Habits((0.05, 0.35, 0.60), 120.0, 0.9, 3 * APPEALED, 4.0, 0.7)
"""The platform's people at large: whom an error hits."""
BOTS: Final = Habits((0.90, 0.09, 0.01), 0.1, 0.7, APPEALED / 2, 12.0, OVERTURNED / 2)


class World(NamedTuple):
    """Ordinary traffic of one policy. `swing`: amplitude of the daily rhythm, 0..1."""

    per_h: float
    phi: float = 1.5
    swing: float = 0.5
    versions: bool = True
    evaluated: bool = False
    fields: bool = True

    def rate_per_h(self, time_ms: Ints) -> Floats:
        """Expected actions per hour at these times; highest at 15:00, weekends at four fifths."""
        day = np.cos((time_ms / DAY_MS - 15 / 24) * 2 * np.pi)
        weekend = (time_ms // DAY_MS + 3) % 7 >= 5  # the epoch began on a Thursday
        rate: Floats = self.per_h * (1 + self.swing * day) * np.where(weekend, 0.8, 1.0)
        return rate


# --- drawing ----------------------------------------------------------------------------------------------------------


def moments(
    chance: np.random.Generator, rate_per_h: Floats, start_ms: int, phi: float, step_ms: int = MINUTE_MS
) -> Ints:
    """Event times, ascending: negative binomial counts in each step from `start_ms`, even within it."""
    mean = np.maximum(rate_per_h, 0) * (step_ms / HOUR_MS)
    lively = chance.gamma(np.maximum(mean, 1e-12) / (phi - 1), phi - 1) if phi > 1 else mean
    counts = chance.poisson(lively)
    first = start_ms + np.arange(len(mean)) * step_ms
    found: Ints = np.sort(np.repeat(first, counts) + chance.integers(0, step_ms, counts.sum()))
    return found


def ordinary(
    chance: np.random.Generator, world: World, start_ms: int, end_ms: int, factor: Floats | None = None
) -> Rows:
    """The world's actions between two times; `factor`: for each minute, times its usual rate."""
    first = np.arange(start_ms, end_ms, MINUTE_MS)
    rate = world.rate_per_h(first) * (1 if factor is None else factor)
    return actions(chance, world, moments(chance, rate, start_ms, world.phi), USUAL)


def actions(chance: np.random.Generator, world: World, time_ms: Ints, habits: Habits) -> Rows:
    """Actions at these times upon people as `habits` says, of the rules, regions and clients that are usual."""
    size = len(time_ms)
    made = blank(chance, time_ms, "action")
    made["automated"] = chance.random(size) < 0.9
    made["action_type"] = chance.integers(1, 3, size)
    made["region"] = pick(chance, REGIONS.values(), size)
    made["client"] = pick(chance, CLIENTS.values(), size)
    made["subject"] = identity(chance, size)
    if world.versions:
        made["rule"] = rule_codes(pick(chance, 1 / np.arange(1, RULES + 1), size) - 1, time_ms)
        made["signal"] = chance.integers(1, 21, size)
    if world.fields:
        describe(chance, made, habits)
    return made


def rule_codes(rule: Ints, time_ms: Ints) -> Ints:
    """Codes of rules in their version of that time: a routine edit of one rule after the other, one each three days."""
    edits = time_ms // (3 * DAY_MS) - (START_MS - 84 * DAY_MS) // (3 * DAY_MS)
    codes: Ints = 1 + rule * VERSIONS + np.maximum((edits - rule) // RULES + 1, 0)
    return codes


def routine_deploys(chance: np.random.Generator, world: World, start_ms: int, end_ms: int) -> Rows:
    """Deploy events of the routine edits, each right before its version's first action."""
    if not world.versions:
        return blank(chance, np.empty(0, np.int64), "deploy")
    edits = np.arange(-(-start_ms // (3 * DAY_MS)), -(-end_ms // (3 * DAY_MS)))
    rule = (edits - (START_MS - 84 * DAY_MS) // (3 * DAY_MS)) % RULES
    made = blank(chance, edits * 3 * DAY_MS, "deploy")
    made["rule"] = rule_codes(rule, made["time"])
    return made


def describe(chance: np.random.Generator, made: Rows, habits: Habits) -> None:
    """Fill in tenure, age of content and prior actions."""
    size = len(made)
    least, most = np.array([0.05, 10.0, 365.0]), np.array([10.0, 365.0, 3000.0])
    group = pick(chance, habits.tenures, size) - 1
    tenure = least[group] + chance.random(size) ** 1.5 * (most - least)[group]
    content = np.minimum(chance.lognormal(np.log(habits.content_days), 1.2, size), tenure)
    made["subject_created"] = made["time"] - (tenure * DAY_MS).astype(np.int64)
    made["content_created"] = made["time"] - (content * DAY_MS).astype(np.int64)
    made["prior"] = np.where(chance.random(size) < habits.first_timers, 0, chance.geometric(0.5, size))


def aftermath(chance: np.random.Generator, acts: Rows, habits: Habits) -> Rows:
    """Appeals against actions, and their decisions, each after a delay."""
    contested = acts[chance.random(len(acts)) < habits.appealed]
    filed = answer(chance, contested, "appeal", chance.lognormal(np.log(habits.appeal_h), 1.2, len(contested)))
    decided = answer(chance, filed, "appeal_decision", chance.lognormal(np.log(18.0), 0.8, len(filed)))
    decided["acted_at"] = filed["acted_at"]
    decided["outcome"] = 1 + (chance.random(len(decided)) < habits.overturned)
    decided["decided_by"] = 1
    return np.concatenate([filed, decided])


def answer(chance: np.random.Generator, to: Rows, kind: str, delay_h: Floats) -> Rows:
    """Events about earlier ones: same subject and origin, `delay_h` later."""
    made = blank(chance, to["time"] + (delay_h * HOUR_MS).astype(np.int64), kind)
    for name in ("policy", "rule", "region", "client", "model", "signal", "subject", "action"):
        made[name] = to[name]
    made["acted_at"] = to["time"]
    return made


def evaluations(chance: np.random.Generator, count: Ints, start_ms: int) -> Rows:
    """One report a minute of the items evaluated in it."""
    made = blank(chance, start_ms + (np.arange(len(count)) + 1) * MINUTE_MS, "evaluated")
    made["count"], made["interval_s"] = count, 60.0
    return made


def deploy(chance: np.random.Generator, time_ms: int, rule: int = 0) -> Rows:
    """A change going live; `rule` 0: it names no rule."""
    made = blank(chance, np.array([time_ms]), "deploy")
    made["rule"] = rule
    return made


def blank(chance: np.random.Generator, time_ms: Ints, kind: str) -> Rows:
    """Events of a kind with an identity and nothing else."""
    made = np.zeros(len(time_ms), EVENT)
    made["time"] = made["arrives"] = time_ms
    made["kind"], made["prior"] = KIND[kind], -1
    made["event"] = identity(chance, len(made))
    made["action"] = made["event"]
    return made


def identity(chance: np.random.Generator, size: int) -> NDArray[np.uint64]:
    """Ids that don't meet by chance."""
    found: NDArray[np.uint64] = chance.integers(1, 2**63, size).astype(np.uint64)
    return found


def pick(chance: np.random.Generator, shares: Any, size: int) -> Ints:
    """Codes from 1 on, drawn by shares of any sum."""
    upper = np.cumsum(np.fromiter(shares, float))
    return np.searchsorted(upper / upper[-1], chance.random(size), side="right") + 1


def history(chance: np.random.Generator, world: World, weeks: int) -> Iterator[Rows]:
    """All that happens in the ordinary weeks before `START_MS`, week by week, and last what they leave for later."""
    later = np.empty(0, EVENT)
    for week in range(-weeks, 0):
        start_ms, end_ms = START_MS + week * WEEK_MS, START_MS + (week + 1) * WEEK_MS
        acts = ordinary(chance, world, start_ms, end_ms)
        parts = [later, acts, aftermath(chance, acts, USUAL), routine_deploys(chance, world, start_ms, end_ms)]
        if world.evaluated:
            first = np.arange(start_ms, end_ms, MINUTE_MS)
            parts.append(evaluations(chance, chance.poisson(world.rate_per_h(first) / 60 * 50), start_ms))
        found = np.concatenate(parts)
        later = found[found["time"] >= end_ms]
        yield arranged(found[found["time"] < end_ms])
    yield arranged(later)


def arranged(found: Rows) -> Rows:
    """Events in order of arrival."""
    return found[np.argsort(found["arrives"], kind="stable")]


# --- into the fold ----------------------------------------------------------------------------------------------------


class Heard(NamedTuple):
    """An alert, and the end of the stretch of arrivals in which it was said, epoch ms."""

    alert: events.Alert
    at_ms: int


class Feed:
    """A fold of one log partition that gets events as intake would write them."""

    def __init__(self, ruleset: Ruleset, known: Names) -> None:
        self.fold = Fold(ruleset.stream)
        self._known = known
        self._offset = 0
        self._through = -1
        self.fold.assign(0, {})
        self._apply(0, log.Settings(version=ruleset.version, ruleset=msgspec.json.encode(ruleset)))

    @classmethod
    def resumed(cls, ruleset: Ruleset, known: Names, table: Mapping[bytes, bytes], position: tuple[int, int]) -> Feed:
        """A feed that goes on where another stopped, with its table and position."""
        feed = cls(ruleset, known)
        feed.fold = Fold(ruleset.stream)
        feed.fold.assign(0, table)
        feed._offset, feed._through = position
        return feed

    @property
    def position(self) -> tuple[int, int]:
        """Next offset of the log, and last offset of the source."""
        return self._offset, self._through

    def run(self, due: Rows, ends_ms: Sequence[int]) -> list[Heard]:
        """Feed events (in order of arrival) in stretches that end at `ends_ms`, each followed by a tick."""
        heard: list[Heard] = []
        cuts = np.searchsorted(due["arrives"], ends_ms).tolist()
        first = 0
        for end_ms, cut in zip(ends_ms, cuts, strict=True):
            said: list[events.Alert] = []
            if cut > first:
                record = rows(due[first:cut], self._known, self._through)
                self._through = record.ranges[0][2]
                said += self._apply(end_ms, record)
            first = cut
            report = log.SourceReport(source=0, through=self._through, end=self._through + 1, newest_ms=end_ms)
            said += self._apply(end_ms, log.Tick(worker="bench", sources=[report]))
            heard += [Heard(alert, end_ms) for alert in said]
        return heard

    def _apply(self, time_ms: int, record: log.Record) -> list[events.Alert]:
        said = self.fold.apply([LogRecord(0, self._offset, time_ms, record)]).alerts
        self._offset += 1
        return said


def rows(due: Rows, known: Names, through: int) -> log.Rows:
    """One log record of events; every one is a source record of its own."""
    offset = np.arange(through + 1, through + 1 + len(due))
    found = columns(due) | {"offset": offset}
    words = {
        "policy": known.policies, "origin": known.rules, "model": known.models, "signal": known.signals,
        "region": known.regions, "client": known.clients, "type": known.action_types,
    }  # fmt: skip
    used = {}
    for name, every in words.items():  # a message's dictionaries hold what its rows use
        codes, found[name] = np.unique(found[name], return_inverse=True)
        used["policies" if name == "policy" else log.DIMENSIONS[name]] = [every[code] for code in codes.tolist()]
    return log.Rows(
        ranges=[(0, through, int(offset[-1]))],
        columns={name: column.astype(log.COLUMNS[name]).tobytes() for name, column in found.items()},
        **used,
    )


def columns(due: Rows) -> dict[str, NDArray[Any]]:
    """Columns of a log record, by name; absent ones are zeros."""
    wrong = (due["outcome"] == 2) | (due["verdict"] == 2) | ((due["reason"] > 0) & (due["reason"] < 3))
    flags = (due["automated"] | (due["decided_by"] == 2)) * log.AUTOMATED + due["held"] * log.HELD
    flags += wrong * log.WRONG + (due["reason"] > 2) * log.NO_ERROR
    acted_s = np.where(due["acted_at"] > 0, np.maximum(due["time"] - due["acted_at"], 0) // 1000, 0)
    same = ("policy", "time", "kind", "model", "signal", "region", "client", "subject", "event", "count")
    return {name: due[name] for name in same} | {
        "flags": flags,
        "origin": due["rule"],
        "type": due["action_type"],
        "subject_age_h": _age_h(due, "subject_created"),
        "content_age_h": _age_h(due, "content_created"),
        "prior": due["prior"] + 1,
        "acted_s": acted_s,
        "interval_ms": due["interval_s"] * 1000,
    }


def _age_h(due: Rows, born: str) -> NDArray[Any]:
    return np.where(due[born] > 0, np.maximum(due["time"] - due[born], 0) // HOUR_MS + 1, 0)


# --- as producers write them ------------------------------------------------------------------------------------------


def natives(due: Rows, known: Names) -> Iterator[events.AnyEvent]:
    """The same events by the input contract."""
    for row in due:
        yield _NATIVE[int(row["kind"])](row, known, _common(row, known))


def _common(row: Any, known: Names) -> dict[str, Any]:
    rule, _, version = known.rules[row["rule"]].partition("@")
    model, _, model_version = known.models[row["model"]].partition("@")
    found = {
        "id": f"{row['event']:x}", "time": int(row["time"]), "policy_id": known.policies[row["policy"]] or None,
        "rule_id": rule, "rule_version": version, "model_id": model, "model_version": model_version,
        "region": known.regions[row["region"]], "client": known.clients[row["client"]],
        "signal_id": known.signals[row["signal"]],
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def _about(row: Any) -> dict[str, Any]:
    return {"action_id": f"{row['action']:x}", "acted_at": int(row["acted_at"]), "subject_id": f"{row['subject']:x}"}


def _action(row: Any, known: Names, common: dict[str, Any]) -> events.Action:
    optional = {
        "subject_created_at": int(row["subject_created"]) or None,
        "content_created_at": int(row["content_created"]) or None,
        "prior_actions": int(row["prior"]) if row["prior"] >= 0 else None,
    }
    automated = events.Automated.FULLY if row["automated"] else events.Automated.NOT_AUTOMATED
    return events.Action(
        **common, **optional, subject_id=f"{row['subject']:x}", action_id=f"{row['action']:x}",
        action_type=known.action_types[row["action_type"]], automated_decision=automated,
        status="held" if row["held"] else "executed",
    )  # fmt: skip


def _appeal_decision(row: Any, _: Names, common: dict[str, Any]) -> events.AppealDecision:
    outcome = ("upheld", "overturned")[row["outcome"] - 1]
    decided_by = ("human", "automated")[row["decided_by"] - 1]
    return events.AppealDecision(**common, **_about(row), outcome=outcome, decided_by=decided_by)


def _reversal(row: Any, _: Names, common: dict[str, Any]) -> events.Reversal:
    reason = ("appeal", "bulk_correction", "expiry", "legal")[row["reason"] - 1]
    return events.Reversal(**common, **_about(row), reason=reason)


def _review(row: Any, _: Names, common: dict[str, Any]) -> events.Review:
    verdict = ("agree", "disagree")[row["verdict"] - 1]
    return events.Review(**common, **_about(row), verdict=verdict, reviewer_id="reviewer")


def _evaluated(row: Any, _: Names, common: dict[str, Any]) -> events.Evaluated:
    return events.Evaluated(**common, count=int(row["count"]), interval_s=float(row["interval_s"]))


_NATIVE: Final = {
    KIND["action"]: _action,
    KIND["appeal"]: lambda row, _, common: events.Appeal(**common, **_about(row)),
    KIND["appeal_decision"]: _appeal_decision,
    KIND["reversal"]: _reversal,
    KIND["review"]: _review,
    KIND["deploy"]: lambda _row, _, common: events.Deploy(**common, change="changed"),
    KIND["evaluated"]: _evaluated,
}
