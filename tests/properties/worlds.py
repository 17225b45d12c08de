"""Random small worlds for the fold: a few policies, bursts, deploys, disorder between source partitions, ticks."""

from __future__ import annotations

from hypothesis import strategies as st

from detector import events
from detector.policy import HardLimit, Policy, Ruleset, StreamSettings
from tests.logs import MONDAY_MS, LogWriter, action, deploy

RULES = Ruleset(
    version="worlds",
    stream=StreamSettings(lateness_s=60),
    policies=(
        Policy(id="spam", mode="enforce"),
        Policy(id="hate", mode="enforce", hard_limit=HardLimit(max=40, per_s=300)),
        Policy(id="fraud", mode="shadow", scopes=("region",)),
    ),
)
SOURCES = 3


@st.composite
def histories(draw, minutes: int = 12) -> list[events.AnyEvent]:
    """Events in order of time: a trickle per policy, bursts of one rule version, deploys shortly before some."""
    found: list[events.AnyEvent] = []
    for policy in ("spam", "hate", "fraud", "unlisted"):
        trickle = draw(st.lists(st.integers(0, minutes * 60_000 - 1), max_size=8))
        found += [action(policy, MONDAY_MS + at_ms) for at_ms in trickle]
    for _ in range(draw(st.integers(1, 3))):
        policy = draw(st.sampled_from(("spam", "hate", "fraud", "unlisted")))
        start = MONDAY_MS + draw(st.integers(0, minutes * 60_000 - 1))
        version, region = str(draw(st.integers(17, 19))), draw(st.sampled_from(("EU", "US")))
        if draw(st.booleans()):
            found.append(deploy(draw(st.sampled_from((policy, None))), start - 1000, "42", version))
        gap_ms = draw(st.sampled_from((200, 900, 2500)))
        times = range(start, start + gap_ms * draw(st.integers(10, 60)), gap_ms)
        found += [action(policy, at, rule_version=version, region=region) for at in times]
    return sorted(found, key=lambda event: (event.time, event.id))


def written(history: list[events.AnyEvent], delays_ms: list[int], poll_ms: int = 1000) -> LogWriter:
    """The log of a history: event i comes from source i % SOURCES, `delays_ms` of that source after its time."""
    log = LogWriter(ruleset=RULES)
    arrivals = sorted(
        (int(event.time) + delays_ms[i % SOURCES], i % SOURCES, i) for i, event in enumerate(history)
    )  # fmt: skip
    at, end = 0, arrivals[-1][0] + 120_000
    for now in range(MONDAY_MS, end, poll_ms):
        due: dict[int, list[events.AnyEvent]] = {}
        while at < len(arrivals) and arrivals[at][0] < now:
            due.setdefault(arrivals[at][1], []).append(history[arrivals[at][2]])
            at += 1
        for source, found in due.items():
            log.rows(found, now, source)
        if now // poll_ms % 5 == 0:
            log.tick(now)
    return log
