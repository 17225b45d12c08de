"""Each subject counts once an hour in the mix, however often it is met."""

from __future__ import annotations

import numpy as np
import pytest

from detector.engine.channel_state import CHANNEL, CROWDS, FIELDS, FOLLOWED, FOLLOWED_WORDS, UNKNOWN, field
from detector.engine.crowds import FOLLOWS, TELLS, latecomers, people, thin
from detector.stats import surge

HOUR = 60 * 500_000
KNOWN, OLD = 0, 1


def minute(view, at, known, old=(), actions=None):
    """People behind a minute in which these subjects were met, of whom some are old."""
    marks, counts = np.zeros((1, surge.BITS), np.uint8), np.zeros((1, CROWDS))
    for kind, subjects in ((KNOWN, known), (OLD, old)):
        marks[0, surge.place(np.array(subjects, np.uint64))] |= 1 << kind
        counts[0, kind] = len(subjects) if actions is None else actions
    return people(view, counts, marks, at)[0]


@pytest.fixture
def view():
    return np.zeros(1, CHANNEL)


def test_who_is_met_again_in_the_hour_is_not_counted_again(view):
    first = minute(view, HOUR, [1, 2, 3], [3])
    again = minute(view, HOUR + 7, [3, 3, 3, 4], [3, 3, 3])
    assert first[:2] == pytest.approx([3, 1])
    assert again[:2] == pytest.approx([1, 0])


def test_the_next_hour_begins_anew(view):
    minute(view, HOUR + 59, [1, 2, 3], [3])
    assert minute(view, HOUR + 60, [3], [3])[:2] == pytest.approx([1, 1])


def test_a_share_is_that_of_people_up_to_the_bound_and_of_actions_beyond(view):
    chance, shares = np.random.default_rng(1), []
    for at in range(50):
        subjects = chance.integers(0, 2**63, 20, np.uint64).tolist()
        known, old, *_ = minute(view, HOUR + 20 * at, subjects, subjects[:10])
        assert 10 <= known <= 20
        shares.append(old / known)
    assert np.mean(shares) == pytest.approx(0.5, abs=0.02)
    assert surge.marked(view["met"][:, KNOWN])[0] < TELLS
    for at in range(4):
        minute(view, HOUR + 1020 + at, chance.integers(0, 2**63, 25, np.uint64).tolist())
    assert minute(view, HOUR + 1025, [1], [1], actions=50)[:2].tolist() == [50, 50]


def test_a_minute_that_meets_more_people_than_a_bitmap_tells_counts_actions(view):
    subjects = np.random.default_rng(2).integers(0, 2**63, 2000, np.uint64)
    assert minute(view, HOUR, subjects.tolist(), subjects[:100].tolist())[:2].tolist() == [2000, 100]


def test_a_row_without_a_mix_stays_as_it_is_whoever_is_handled_with_it():
    two = np.zeros(2, CHANNEL)
    two["met_hour"], two["met"] = 7, 9
    before = two[1].tobytes()
    marks, counts = np.full((2, surge.BITS), 0b111111, np.uint8), np.ones((2, CROWDS))
    marks[1], counts[1] = 0, 0
    found = people(two, counts, marks, HOUR)
    assert two[1].tobytes() == before
    assert not found[1].any()
    assert found[0].all()


def heard(view, at, case, subjects, age=2):
    """What is left of a minute's follow-ups of one case, one for each of `subjects` (0 unknown)."""
    counts, marks = minute_of({case: subjects}, age)
    thin(view, counts, marks, at)
    return float(counts[0, field(FOLLOWED[case][0])].sum())


def minute_of(cases, age=2):
    """Counts and marks of a minute with these cases."""
    counts, marks = np.zeros((1, len(FIELDS))), np.zeros((1, 64 * FOLLOWED_WORDS), np.uint8)
    for case, subjects in cases.items():
        for name in ("decided", "overturned") if case == "overturned" else FOLLOWED[case][:1]:
            columns = field(name)
            counts[0, columns[age % len(columns)]] += len(subjects)
        for subject in subjects:
            place = surge.place(np.array([subject], np.uint64)).astype(int) * 64 * FOLLOWED_WORDS // surge.BITS
            marks[0, place] |= (1 << list(FOLLOWED).index(case)) | (0 if subject else UNKNOWN)
    return counts, marks


@pytest.mark.parametrize("case", FOLLOWED)
def test_one_persons_many_follow_ups_count_as_one_and_those_of_many_as_they_are(view, case):
    assert heard(view, HOUR, case, [7] * 50) == 1
    assert heard(view, HOUR + 1, case, [7] * 50) == 0
    assert heard(view, HOUR + 2, case, list(range(100, 110))) == 10


def test_one_persons_upheld_appeals_do_not_dilute_those_of_others_that_were_overturned(view):
    counts, marks = minute_of({"upheld": [7] * 90, "overturned": list(range(100, 110))})
    thin(view, counts, marks, HOUR)
    assert (counts[0, field("decided")].sum(), counts[0, field("overturned")].sum()) == (11, 10)


@pytest.mark.parametrize(("case", "expected"), [("reversals", 1), ("rebans", 0)])
def test_who_is_acted_on_again_counts_once_a_day_and_other_cases_once_an_hour(view, case, expected):
    day = HOUR // 1440 * 1440
    heard(view, day, case, [7] * 5)
    assert heard(view, day + 60, case, [7] * 5) == expected
    assert heard(view, day + 1440, case, [7] * 5) == 1


def test_who_is_not_known_may_be_anybody(view):
    assert heard(view, HOUR, "reversals", [0] * 50) == 50


def test_beyond_the_bound_people_are_not_told_apart(view):
    many = np.random.default_rng(3).integers(1, 2**63, 4 * FOLLOWS, np.uint64).tolist()
    assert heard(view, HOUR, "reversals", many) == len(many)
    assert heard(view, HOUR + 1, "reversals", many[:1] * 50) == 50


def test_follow_ups_of_other_rows_change_nothing():
    two = np.zeros(2, CHANNEL)
    two["followed_since"], two["followed"] = 7, 9
    before = two[1].tobytes()
    counts, marks = np.ones((2, len(FIELDS))), np.full((2, 64 * FOLLOWED_WORDS), 0b111111, np.uint8)
    counts[1], marks[1] = 0, 0
    thin(two, counts, marks, HOUR)
    assert two[1].tobytes() == before


def come_late(view, at, cases):
    """What late follow-ups of these cases say, by fields."""
    counts, marks = minute_of(cases)
    found = latecomers(view, counts, (np.zeros((1, surge.BITS), np.uint8), marks), at)
    return {name: float(found[0, field(name)].sum()) for name in ("decided", "overturned", "reinstated", "appeals")}


def test_decisions_that_come_late_keep_the_share_of_those_overturned(view):
    chance, seen = np.random.default_rng(4), []
    for hour in range(300):
        for part in range(4):
            won = int(chance.binomial(7, 0.2))
            one = chance.integers(1, 2**63, 7, np.uint64).tolist()
            thin(view, *minute_of({"upheld": one[won:], "overturned": one[:won]}), HOUR + 60 * hour + part)
            two = chance.integers(1, 2**63, 7, np.uint64).tolist()
            said = come_late(view, HOUR + 60 * hour, {"upheld": two[won:], "overturned": two[:won]})
            seen.append((said["decided"], said["overturned"]))
    decided, overturned = np.sum(seen, axis=0)
    assert overturned / decided == pytest.approx(0.2, abs=0.01)
    assert decided > 0.6 * 7 * len(seen)


def test_beyond_the_bound_late_decisions_of_neither_outcome_are_heard(view):
    many = np.random.default_rng(5).integers(1, 2**63, 2 * FOLLOWS, np.uint64).tolist()
    heard(view, HOUR, "upheld", many)
    assert not any(come_late(view, HOUR, {"overturned": [1, 2]}).values())
    assert come_late(view, HOUR + 60, {"overturned": [1, 2]})["overturned"] == pytest.approx(2, abs=0.1)


def test_late_reinstatements_beyond_the_bound_count_each_since_re_bans_are_due_from_them(view):
    many = np.random.default_rng(6).integers(1, 2**63, 2 * FOLLOWS, np.uint64).tolist()
    heard(view, HOUR, "reinstated", many)
    assert come_late(view, HOUR, {"reinstated": many})["reinstated"] == len(many)
    assert come_late(view, HOUR + 60, {"reinstated": [1, 1, 1]})["reinstated"] == pytest.approx(1, abs=0.1)
    assert come_late(view, HOUR, {"reinstated": [1]})["reinstated"] == 1


def test_appeals_that_come_late_are_not_heard_nor_taken_note_of(view):
    assert come_late(view, HOUR, {"appeals": [1, 2, 3]})["appeals"] == 0
    assert heard(view, HOUR, "appeals", [1, 2, 3]) == 3


def test_a_decision_of_an_earlier_hour_than_that_of_the_other_outcome_is_not_heard(view):
    heard(view, HOUR + 60, "upheld", [5])
    assert not any(come_late(view, HOUR, {"overturned": [1, 2]}).values())


def test_late_people_who_count_for_nothing_leave_no_mark(view):
    crowd = np.random.default_rng(7).integers(1, 2**63, 400, np.uint64).tolist()
    minute(view, HOUR, [1, 2, 3], [3])
    heard(view, HOUR, "upheld", [1, 2, 3])
    before = view["met"].copy(), view["followed"].copy()
    counts, marks = minute_of({"upheld": crowd[:200], "overturned": crowd[200:]})
    met = np.zeros((1, surge.BITS), np.uint8)
    met[0, surge.place(np.array(crowd, np.uint64))], counts[0, KNOWN] = 1 << KNOWN, len(crowd)
    assert not latecomers(view, counts, (met, marks), HOUR).any()
    assert (view["met"] == before[0]).all()
    assert (view["followed"] == before[1]).all()
