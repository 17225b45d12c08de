"""Channels tell on whom a scope acts and what becomes of it; they keep still while too little is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detector.engine import channel_moves as moves
from detector.engine import channels, judge
from detector.engine.channel_state import LEARNED, SUMS, field, index
from detector.stats import ages, evidence, shares

HOUR = 470_000
START = HOUR * 60
LINE_H = evidence.line_h(0.1, 0.5)
"""What the whole of a policy may spend at one false trip in ten years."""


def minute_of(**seen: int | list[int]) -> np.ndarray:
    """Counts of one minute of one row; a field with ages takes a list."""
    counts = np.zeros((1, len(channels.FIELDS)), np.int32)
    for name, value in seen.items():
        counts[0, field(name)] = value
    return counts


def fresh(rows: int = 1) -> np.ndarray:
    view = np.zeros(rows, channels.CHANNEL)
    channels.blank(view, START - 1)
    return view


def trained(rows: int = 1, phi: float = 1.0, **learned: float | list[float]) -> np.ndarray:
    """Rows that have learned these sums long ago, and know of all."""
    view = fresh(rows)
    for name, value in learned.items():
        view["sums"][:, LEARNED, SUMS[name]] = value
    view["known"], view["phi"], view["begun"] = True, phi, 1
    return view


def strength(view: np.ndarray, signal: str) -> float:
    return float(channels.evidence_of(view, signal)[0] / LINE_H)


def close(view: np.ndarray, hour: int, *, frozen: bool = False, guard_h: int = 1) -> None:
    channels.close_hour(view, hour, np.full(len(view), frozen), guard_h)


def test_fields_are_counted_by_age_where_age_matters():
    assert len(channels.FIELDS) == len(set(channels.FIELDS)) == 7 + 4 * ages.BINS + 3
    assert field("actions") == [6]
    assert [channels.FIELDS[column] for column in field("overturned")] == [f"overturned_{age}" for age in range(5)]


# --- mix --------------------------------------------------------------------------------------------------------------


def test_the_mix_is_judged_by_the_recursion_of_the_docstring():
    """84 of 100 tenured where a tenth is normal, minute by minute in plain Python, with forgetting and phi."""
    view, level = trained(phi=1.5, trials=[1000, 0, 0], successes=[100, 0, 0]), [0.0] * len(shares.ODDS)
    share = float(shares.judged(np.array(100.0), np.array(1000.0)))
    v, rho = 1.5 * (1 - share), [o / (1 + (o - 1) * share) for o in shares.ODDS.tolist()]
    wider = [(1 + r * (v - 1)) / v for r in rho]
    for at, (known, tenured) in enumerate([(3, 1), (1, 1), (8, 5)]):
        channels.step(view, minute_of(tenure_known=known, tenured=tenured), START + 10 * at)
        elapsed_h = (1 if at == 0 else 10) / 60
        level = [
            (one * math.exp(-elapsed_h / 168) + elapsed_h) * (r / w) ** tenured * w ** (-share * known / (v - 1))
            for one, r, w in zip(level, rho, wider, strict=True)
        ]
    assert channels.evidence_of(view, "tenure")[0] == pytest.approx(sum(level) / len(level), rel=1e-5)


def test_a_shift_of_tenure_speaks_within_thirty_subjects_and_says_by_how_much():
    view, subjects = trained(trials=[5000, 0, 0], successes=[550, 0, 0]), 0
    while strength(view, "tenure") < 1:
        channels.step(view, minute_of(tenure_known=1, tenured=subjects % 6 < 5), START + subjects)
        subjects += 1
    told = channels.told(view, "tenure")
    assert subjects < 30
    assert told.observed == pytest.approx(5 / 6, abs=0.08)
    assert told.expected == pytest.approx(0.11, abs=0.01)
    assert told.ratio == pytest.approx(told.observed / told.expected)
    assert told.window_s == 60 * subjects


def test_other_shares_do_not_move_with_it():
    view = trained(trials=[5000] * 3, successes=[550] * 3)
    channels.step(view, minute_of(content_known=50, content_old=50), START)
    assert strength(view, "content_age") > 1
    for signal in set(channels.SIGNALS) - {"content_age"}:
        assert strength(view, signal) == 0


def test_a_young_share_says_nothing_and_is_not_known():
    view = fresh()
    for minute in range(START, START + 120):
        channels.step(view, minute_of(prior_known=9, first_time=9), minute)
    assert strength(view, "first_time") == 0
    assert not channels.known(view, "first_time").any()


@pytest.mark.parametrize(("hours", "per_hour", "knows"), [(20, 50, False), (30, 50, True), (26, 1, False)])
def test_a_share_is_known_after_a_day_and_two_dozen_trials(hours, per_hour, knows):
    view = fresh()
    for hour in range(HOUR, HOUR + hours):
        channels.step(view, minute_of(prior_known=per_hour, first_time=per_hour // 2), 60 * hour)
        close(view, hour)
    assert channels.known(view, "first_time").tolist() == [knows]


def test_measured_time_between_false_alarms_of_a_share_is_at_least_the_line():
    """100 scopes that learned 500 trials of their own, ten minutes with 4 trials each an hour; line 20 h."""
    rng, rows, line_h = np.random.default_rng(1), 100, 20.0
    view = trained(rows, trials=[500, 0, 0])
    view["sums"][:, LEARNED, SUMS["successes"].start] = rng.binomial(500, 0.2, rows)
    alarm_h = np.full(rows, np.nan)
    for at in range(800):
        counts = np.zeros((rows, len(channels.FIELDS)), np.int32)
        counts[:, 0], counts[:, 1] = 4, rng.binomial(4, 0.2, rows)
        channels.step(view, counts, START + 6 * at)
        alarm_h[(channels.evidence_of(view, "tenure") >= line_h) & np.isnan(alarm_h)] = (at + 1) / 10
        if not np.isnan(alarm_h).any():
            break
    assert np.where(np.isnan(alarm_h), (at + 1) / 10, alarm_h).mean() >= line_h


@pytest.mark.parametrize("per_h", [1, 10])
def test_a_share_learned_from_as_few_trials_as_make_it_known_keeps_the_promise_too(per_h):
    """400 scopes with usual shares of 2 to 50 %, each learned from 25 trials, that go on learning; line 1,000 h."""
    rng, rows, line_h, hours, known = np.random.default_rng(3), 400, 1000.0, 600, int(shares.KNOWN_TRIALS)
    usual = np.resize([0.02, 0.05, 0.1, 0.3, 0.5], rows)
    view = trained(rows, phi=shares.PHI_PRIOR, trials=[known, 0, 0])
    view["sums"][:, LEARNED, SUMS["successes"].start] = rng.binomial(known, usual)
    alarm_h = np.full(rows, np.nan)
    for hour in range(hours):
        counts = np.zeros((rows, len(channels.FIELDS)), np.int32)
        counts[:, 0], counts[:, 1] = per_h, rng.binomial(per_h, usual)
        channels.step(view, counts, START + 60 * hour)
        level = channels.evidence_of(view, "tenure")
        alarm_h[(level >= line_h) & np.isnan(alarm_h)] = hour + 1
        channels.close_hour(view, HOUR + hour, level > math.sqrt(line_h))
    alarms = (~np.isnan(alarm_h)).sum()
    assert alarms > 10
    assert np.where(np.isnan(alarm_h), hours, alarm_h).sum() / alarms >= line_h


# --- reversals and appeals --------------------------------------------------------------------------------------------


def test_counts_are_judged_by_the_recursion_against_what_is_due_at_the_age_of_actions():
    """A burst of 500, then reversals five and eight minutes later, by hand with the gamma-Poisson bets."""
    view = trained(phi=2.0, passages=[5000] * 4, reversals=[50, 20, 20, 10])
    channels.step(view, minute_of(actions=500), START)
    rings, behind, level = view["rings"].copy(), np.zeros((1, 4)), np.zeros(len(evidence.RATIOS))
    gain, loss = (one[0] for one in evidence.bets(np.array([2.0])))
    for minute, reversed_now, elapsed_h in ((START + 5, 9, 6 / 60), (START + 8, 30, 3 / 60)):
        channels.step(view, minute_of(reversals=[reversed_now, 0, 0, 0, 0]), minute)
        rings, left = ages.aged(rings, np.array([START if minute == START + 5 else START + 5]), minute)
        passed = ages.passages(rings, minute) - (behind - left)
        behind = ages.passages(rings, minute)
        due = ages.due(passed, np.array([[50.0, 20, 20, 10]]), np.full((1, 4), 5000.0), shares.CAUTION)[0]
        level = (level * math.exp(-elapsed_h / 168) + elapsed_h) * np.exp(gain * reversed_now - loss * due)
    assert channels.evidence_of(view, "reversals")[0] == pytest.approx(level.mean(), rel=1e-4)


def reversals_until_proven(view: np.ndarray, actions: int, reversals: int, after: int, within: int) -> int:
    """Reversals seen when they are proven: `actions` in half an hour, then `reversals`, over `within` minutes."""
    due, seen = np.linspace(0, reversals, within + 1).astype(int), 0
    for minute in range(30):
        channels.step(view, minute_of(actions=actions // 30), START + minute)
    for minute in range(after + within):
        at, now = START + 30 + minute, int(due[max(0, minute - after) + 1] - due[max(0, minute - after)])
        by_age = [0] * ages.BINS
        by_age[int(ages.bin_of(np.array([60 * (minute + 15)]))[0])] = now if minute >= after else 0
        if sum(by_age):
            seen += now
            channels.step(view, minute_of(reversals=by_age), at)
            if strength(view, "reversals") >= 1:
                break
        if at % 60 == 59:
            close(view, at // 60)
    return seen


NORMAL = {"passages": [3000] * 4, "reversals": [8, 3, 7, 4]}


@pytest.mark.parametrize(
    ("actions", "reversals", "after", "within"),
    [
        (499, 288, 20, 40),
        (111, 111, 600, 5),
        (111, 111, 1, 5),
        (262, 131, 60, 170),
        (81, 79, 5, 80),
        (105, 100, 60, 14),
    ],
)
@pytest.mark.parametrize("history", [NORMAL, {}], ids=["known", "young"])
def test_a_mass_reversal_is_proven_before_half_of_it_is_in(actions, reversals, after, within, history):
    view = trained(phi=2.0, **history)
    if not history:
        view["known"] = False
    assert reversals_until_proven(view, actions, reversals, after, within) < reversals / 2


def test_ordinary_reversals_and_people_who_undo_a_handful_of_their_own_prove_nothing():
    """200 scopes, 4 weeks, 5 actions an hour, 0.7 % reversed by age, and each month somebody undoes eight in a row."""
    rng, rows, hours, tripped = np.random.default_rng(8), 200, 28 * 24, 0
    shares_by_age = np.array([0.0026, 0.0011, 0.0023, 0.0014, 0.0])
    view, column = fresh(rows), field("reversals")
    for hour in range(HOUR, HOUR + hours):
        counts = np.zeros((rows, len(channels.FIELDS)), np.int32)
        counts[:, field("actions")[0]] = rng.poisson(5, rows)
        counts[:, column] = rng.poisson(5 * shares_by_age, (rows, ages.BINS))
        counts[rng.random(rows) < 1 / 730, column[2]] += 8
        channels.step(view, counts, 60 * hour + 30)
        tripped += int((channels.evidence_of(view, "reversals") >= LINE_H).sum())
        close(view, hour)
    assert channels.known(view, "reversals").all()
    assert tripped <= 0.2 * rows * 28 / 365


def appealed(rate_of_actions: list[int], appeal_share: list[float], seed: int = 2) -> tuple[np.ndarray, float]:
    """A scope by hours: actions per hour, and the share of them appealed: half within ten minutes, half within 1 h."""
    rng, view, most = np.random.default_rng(seed), fresh(), 0.0
    for hour, (actions, share) in enumerate(zip(rate_of_actions, appeal_share, strict=True)):
        for minute in range(0, 60, 5):
            fast, slow = rng.poisson(actions / 12 * share / 2, 2).tolist()
            now = minute_of(actions=int(rng.poisson(actions / 12)), appeals=[fast, slow, 0, 0, 0])
            channels.step(view, now, START + 60 * hour + minute)
            most = max(most, strength(view, "appeals"))
        close(view, HOUR + hour)
    return view, most


def test_appeals_at_four_times_their_share_speak_where_actions_stay_the_same():
    _, before = appealed([120] * 100, [0.03] * 100)
    _, after = appealed([120] * 106, [0.03] * 100 + [0.12] * 6)
    assert before < 1 < after


def test_ten_times_the_actions_with_ten_times_the_appeals_say_nothing():
    """The legitimate wave: appeals per action as ever."""
    view, most = appealed([120] * 100 + [1200] * 6, [0.03] * 106)
    assert channels.known(view, "appeals").all()
    assert most < 1


def test_appeals_that_stop_are_missed_within_a_day_and_not_before_they_were_known():
    view, _ = appealed([120] * 100, [0.03] * 100)
    assert strength(view, "appeals_quiet") < 0.1
    view, _ = appealed([120] * 124, [0.03] * 100 + [0.0] * 24)
    assert strength(view, "appeals_quiet") >= 1
    told = channels.told(view, "appeals_quiet")
    assert told.expected > 30
    assert told.ratio < 0.1
    never, _ = appealed([120] * 124, [0.0] * 124)
    assert strength(never, "appeals_quiet") == 0
    assert not channels.known(never, "appeals").any()


# --- decisions --------------------------------------------------------------------------------------------------------


def test_an_overturned_share_is_judged_at_the_age_of_the_actions():
    """Old actions are overturned often, young ones seldom: seven in ten are no news of the old, but of the young."""
    normal = {"decided": [500, 0, 0, 500, 0], "overturned": [25, 0, 0, 350, 0]}
    old, young = trained(**normal), trained(**normal)
    for at in range(20):
        channels.step(old, minute_of(decided=[0, 0, 0, 10, 0], overturned=[0, 0, 0, 7, 0]), START + at)
        channels.step(young, minute_of(decided=[10, 0, 0, 0, 0], overturned=[7, 0, 0, 0, 0]), START + at)
    assert strength(old, "overturns") < 1e-3
    assert strength(young, "overturns") > 1


def test_overturns_at_half_instead_of_a_quarter_are_proven_within_the_bound_and_a_half():
    """Line ln A = 12: the Kullback-Leibler bound from 25 % to 50 % is 83 decisions."""
    rng, needed = np.random.default_rng(6), []
    for _ in range(20):
        view, decided = trained(decided=[2000] * 5, overturned=[500] * 5), 0
        while strength(view, "overturns") < 1:
            counts = minute_of(decided=[1, 0, 0, 0, 0], overturned=[int(rng.random() < 0.5), 0, 0, 0, 0])
            channels.step(view, counts, START + decided)
            decided += 1
        needed.append(decided)
    bound = math.log(LINE_H) / (0.5 * math.log(2) + 0.5 * math.log(0.5 / 0.75))
    assert np.mean(needed) < 1.5 * bound


def test_appeals_rejected_by_automation_all_of_a_sudden_are_a_quiet_channel():
    view = trained(decided=[500] * 5, rejections=10)
    for at in range(12):
        channels.step(view, minute_of(decided=[5, 0, 0, 0, 0], quick_rejections=4), START + at)
    told = channels.told(view, "appeals_quiet")
    assert strength(view, "appeals_quiet") >= 1
    assert told.observed == pytest.approx(0.8)
    assert told.expected < 0.05


def test_acting_again_on_a_fifth_of_the_reinstated_speaks_and_on_a_hundredth_does_not():
    for every, loud in ((5, True), (100, False)):
        view = fresh()
        for at in range(200):
            channels.step(view, minute_of(actions=3, reinstated=1, rebans=int(at % every == 0)), START + 5 * at)
            if at % 12 == 11:
                close(view, (START + 5 * at) // 60)
            if strength(view, "rebans") >= 1:
                break
        assert (strength(view, "rebans") >= 1) is loud


def test_where_one_in_two_hundred_is_usual_ten_of_a_hundred_reinstated_speak():
    view, at = fresh(), START
    for number in range(3000):
        at += 12
        channels.step(view, minute_of(actions=3, reinstated=1, rebans=int(number % 200 == 0)), at)
        if number % 5 == 4:
            close(view, at // 60)
    assert strength(view, "rebans") < 0.01
    for number in range(100):
        at += 12
        channels.step(view, minute_of(actions=3, reinstated=1, rebans=int(number % 10 == 0)), at)
    assert strength(view, "rebans") >= 1


# --- share of items ---------------------------------------------------------------------------------------------------


def shared(view: np.ndarray, minutes: int, acted: float, evaluated: float, at: int = START) -> float:
    """Strength of `share` after minutes that each tell so many actions among so many items."""
    for minute in range(at, at + minutes):
        told = channels.Items(np.array([evaluated]), np.array([acted]))
        channels.step(view, minute_of(actions=int(acted)), minute, told)
        if minute % 60 == 59:
            close(view, minute // 60)
    return strength(view, "share")


@pytest.mark.parametrize("times", [0.5, 2.0])
def test_twice_or_half_the_items_at_the_usual_share_say_nothing(times):
    assert shared(trained(acted=5e4, evaluated=5e6), 600, 10 * times, 1000 * times) < 0.1


def test_more_actions_among_as_many_items_speak_and_tell_how_many_were_due():
    view = trained(acted=5e4, evaluated=5e6)
    assert shared(view, 30, 30, 1000) >= 1
    told = channels.told(view, "share")
    assert told.observed / 3 == pytest.approx(told.expected, rel=0.1)


def test_a_share_is_learned_before_it_speaks():
    view = fresh()
    assert shared(view, 20 * 60, 10, 1000) == 0
    assert shared(view, 10 * 60, 10, 1000, START + 20 * 60) < 0.01
    assert channels.known(view, "share")[0]
    assert shared(view, 60, 60, 1000, START + 30 * 60) >= 1


# --- rows -------------------------------------------------------------------------------------------------------------


def test_a_row_comes_to_the_same_bytes_whichever_others_are_handled_with_it():
    rng, together = np.random.default_rng(4), trained(rows=3, trials=500.0, successes=50.0, decided=100.0, acted=50.0)
    alone = [together[[row]].copy() for row in range(3)]
    for minute in range(START, START + 90):
        counts = rng.poisson(0.02, (3, len(channels.FIELDS))).astype(np.int32)
        told = rng.random(3) < 0.1
        items = channels.Items(told * 100.0, told * 4.0)
        channels.step(together, counts, minute, items)
        for row, view in enumerate(alone):
            own = channels.Items(*(each[[row]] for each in items))
            channels.step(view, counts[[row]], minute, own if own.evaluated.any() else None)
    for row, view in enumerate(alone):
        assert together[[row]].tobytes() == view.tobytes()


# --- learning ---------------------------------------------------------------------------------------------------------


def test_an_hour_is_learned_only_when_its_guard_is_over():
    for guard_h in (1, 3):
        view, learned = fresh(), []
        channels.step(view, minute_of(tenure_known=40, tenured=9), START)
        for hour in range(HOUR, HOUR + 3 * guard_h):
            close(view, hour, guard_h=guard_h)
            learned.append(float(view["sums"][0, LEARNED, SUMS["successes"].start]))
        first = next(hour for hour, one in enumerate(learned) if one)
        assert guard_h <= first <= 2 * guard_h
        assert learned[first] == 9


@pytest.mark.parametrize("begins_at", [0, 1, 12, 23])
@pytest.mark.parametrize("guard_h", [1, 5])
def test_a_grown_scope_learns_a_day_late_so_that_what_goes_wrong_for_hours_is_not_learned(begins_at, guard_h):
    """Whatever the hour of the day at which it begins, and whether or not the guard lag divides a day."""
    view, learned = trained(trials=[500, 0, 0], successes=[25, 0, 0]), []
    first = HOUR + (begins_at - HOUR) % 24
    for hour in range(first, first + 72):
        channels.step(view, minute_of(tenure_known=10, tenured=9), 60 * hour)
        close(view, hour, guard_h=guard_h)
        learned.append(float(view["sums"][0, LEARNED, SUMS["successes"].start]))
    assert max(learned[:24]) <= 25 < learned[24 + 24 + 2 * guard_h]


def test_what_was_not_learned_when_learning_froze_never_is():
    view = fresh()
    channels.step(view, minute_of(tenure_known=40, tenured=9), START)
    close(view, HOUR)
    channels.step(view, minute_of(tenure_known=40, tenured=9), START + 60)
    close(view, HOUR + 1, frozen=True)
    close(view, HOUR + 2)
    close(view, HOUR + 3)
    assert not view["sums"][0, :, SUMS["trials"]].any()


def test_what_is_known_outlasts_a_long_freeze_and_fades_in_a_long_silence():
    for frozen, knows in ((True, True), (False, False)):
        view = trained(trials=[30, 0, 0], successes=[3, 0, 0])
        for hour in range(HOUR, HOUR + 14 * 24):
            close(view, hour, frozen=frozen)
        assert channels.known(view, "tenure").tolist() == [knows]


def test_dispersion_is_learned_around_what_was_expected():
    """Trials in groups of five with one outcome: variance five times the binomial's."""
    rng, view = np.random.default_rng(9), fresh()
    for hour in range(HOUR, HOUR + 600):
        channels.step(view, minute_of(tenure_known=20, tenured=5 * int(rng.binomial(4, 0.3))), 60 * hour)
        close(view, hour)
    assert view["phi"][0, index("tenure")] == pytest.approx(5, rel=0.25)


def test_passages_of_each_action_are_learned_once():
    view, days = fresh(), 10
    channels.step(view, minute_of(actions=100), START)
    for hour in range(HOUR, HOUR + days * 24):
        close(view, hour)
    age_h = np.geomspace(24, 168, 500)
    oracle = 100 * np.exp((age_h - days * 24) / shares.MEMORY_H).mean()
    learned = view["sums"][0, LEARNED, SUMS["passages"]][3]
    assert oracle <= learned <= oracle * math.exp(48 / shares.MEMORY_H)  # what is learned late fades late
    assert not view["sums"][0, LEARNED + 1 :, SUMS["passages"]].any()


# --- rows -------------------------------------------------------------------------------------------------------------


def test_a_row_does_not_depend_on_the_rows_beside_it():
    rng, rows, minutes = np.random.default_rng(3), 7, 90
    counts = rng.poisson(0.3, (minutes, rows, len(channels.FIELDS))).astype(np.int32)
    counts[:, :, field("overturned")] = np.minimum(counts[:, :, field("overturned")], counts[:, :, field("decided")])
    together = trained(rows, trials=100, successes=30, passages=100, reversals=2, decided=50, overturned=9)
    alone = together.copy()
    for at in range(minutes):
        channels.step(together, counts[at], START + at)
        for row in np.flatnonzero(counts[at].any(axis=1)):
            one = alone[row : row + 1].copy()
            channels.step(one, counts[at, row : row + 1], START + at)
            alone[row] = one[0]
    for signal in channels.SIGNALS:
        np.testing.assert_allclose(
            channels.evidence_of(together, signal), channels.evidence_of(alone, signal), rtol=1e-5
        )


def test_a_minute_without_follow_ups_leaves_evidence_as_it_was_until_the_hour_ends():
    view = trained(phi=2.0, passages=[3000] * 4, reversals=[8] * 4)
    channels.step(view, minute_of(actions=300, reversals=[9, 0, 0, 0, 0]), START)
    spoken = strength(view, "reversals")
    channels.step(view, minute_of(actions=300), START + 20)
    assert strength(view, "reversals") == spoken
    close(view, HOUR)
    assert strength(view, "reversals") < spoken


def test_forgetting_starts_evidence_anew_and_keeps_what_was_learned():
    view = trained(trials=[5000] * 3, successes=[550] * 3)
    channels.step(view, minute_of(tenure_known=50, tenured=50), START)
    channels.forget(view)
    assert strength(view, "tenure") == 0
    assert channels.known(view, "tenure").all()
    assert view["sums"][0, LEARNED, SUMS["trials"]].tolist() == [5000] * 3


def test_evidence_is_capped_and_finite_whatever_comes():
    view = trained(trials=[5000] * 3, successes=[550] * 3, passages=[100] * 4, appeals=[50] * 4, decided=[9] * 5)
    everything = np.full((1, len(channels.FIELDS)), 10**6, np.int32)
    for at in range(5):
        channels.step(view, everything, START + at, cap_h=1e7)
    for hour in range(HOUR, HOUR + 100):
        close(view, hour, frozen=True)
    for signal in channels.SIGNALS:
        assert 0 <= channels.evidence_of(view, signal)[0] <= moves.CAP_H


# --- the budget of proof ----------------------------------------------------------------------------------------------


def test_signals_that_can_speak_share_the_budget_and_nothing_is_kept_for_those_that_may_not():
    view = trained()
    assert judge.proof_weights(view, ()) == dict.fromkeys(judge.PROOF, 0.2)
    assert judge.proof_weights(view, {"tenure", "rebans", "content_age"}) == {"overturns": 0.5, "reversals": 0.5}
    view["known"] = False  # those of reversals and re-bans are made from the first
    assert judge.proof_weights(view, ()) == {"reversals": 0.5, "rebans": 0.5}
    assert judge.proof_weights(view[:0], ()) == {}
