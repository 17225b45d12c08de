"""Why an incident was missed, in words, from what was seen."""

from __future__ import annotations

from detector.backtest.census import Census
from detector.backtest.score import GRACE_MS, REFRACTORY_MS, Found, Incident
from detector.backtest.transitions import rfc3339
from detector.backtest.watch import NOTICEABLE, Said, Watch
from detector.config.words import suggestion


def missed(incident: Incident, found: Found, watch: Watch, census: Census) -> str:
    """What kept the incident from being found, the plainest cause first."""
    policy_id = incident.policy_id
    known = census.exposure()
    if policy_id not in known:
        return f"the history has no action of policy {policy_id}{suggestion(policy_id, known)}"
    if incident.fixed_ms < census.first_ms or incident.onset_ms > census.last_ms:
        return "it is outside the history"
    if not found.wrongful:
        return "the policy acted at no time between onset and fix"
    if watch.settings(policy_id)[0].mode == "disabled":
        return "the policy is disabled"
    return _by_evidence(incident, found, watch)


def _by_evidence(incident: Incident, found: Found, watch: Watch) -> str:
    trips = [said for said in watch.trips if said.alert.scope.policy_id == incident.policy_id]
    inside = _first(trips, incident.onset_ms, incident.fixed_ms + GRACE_MS)
    if inside is not None:
        before = _last(trips, inside.at_ms - 1)
        earlier = f", after that of {rfc3339(before.at_ms)}" if before else ""
        hours = REFRACTORY_MS // 3_600_000
        return (
            f"the trip of {rfc3339(inside.at_ms)} came within {hours} h of a counted one{earlier}, so it counts for it"
        )
    said = [f"{found.wrongful} actions from onset to fix"]
    after = _first(trips, incident.fixed_ms + GRACE_MS + 1, incident.fixed_ms + REFRACTORY_MS)
    if after is not None:
        said.append(f"it tripped too late, {rfc3339(after.at_ms)}")
    warnings = [each for each in watch.warnings if each.alert.scope.policy_id == incident.policy_id]
    warned = _first(warnings, incident.onset_ms, incident.fixed_ms)
    if warned is not None:
        said.append(f"only a warning, {rfc3339(warned.at_ms)}: {warned.alert.reason}")
    index = watch.incidents.index(incident)
    said += _level(watch.levels.incident_peaks[index], watch.levels.before_incidents[index])
    return "; ".join(said)


def _level(peak: float, before: float) -> list[str]:
    """How high evidence was in the incident, and whether it was before."""
    said = [f"evidence was {before:.3g} times its trip line before it"] if before >= 1 else []
    if peak >= 1:
        return [*said, f"evidence reached {peak:.3g} times its trip line, but nothing else spoke for a trip"]
    if peak < NOTICEABLE:
        return [*said, f"evidence stayed below {NOTICEABLE:g} of its trip line"]
    return [*said, f"evidence reached {peak:.3g} of its trip line"]


def _first(found: list[Said], from_ms: int, to_ms: int) -> Said | None:
    inside = [each for each in found if from_ms <= each.at_ms <= to_ms]
    return min(inside, key=lambda each: each.at_ms, default=None)


def _last(found: list[Said], before_ms: int) -> Said | None:
    return max((each for each in found if each.at_ms <= before_ms), key=lambda each: each.at_ms, default=None)
