"""Figures as people read them."""

from __future__ import annotations

import pytest

from detector.backtest import spell


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, spell.UNKNOWN), (0, "0 s"),
        (0.25, "0.25 s"), (41, "41 s"), (59.7, "1 min"), (200, "3 min 20 s"), (3600, "1 h"),
        (18_120, "5 h 2 min"), (1_051_200, "12 d 4 h"), (86_400_000, "1,000 d"),
    ],
)  # fmt: skip
def test_spans_are_told_in_their_two_largest_units(seconds, words):
    assert spell.span(seconds) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [(None, spell.UNKNOWN), (0.0, "0"), (0.012345, "0.0123"), (1.0, "1"), (99.96, "100"), (12345.6, "12,346")],
)
def test_figures_have_three_digits_and_no_exponent(number, words):
    assert spell.figure(number) == words


def test_shares_are_per_cent():
    assert (spell.share(0.9123), spell.share(None)) == ("91.2 %", spell.UNKNOWN)


def test_times_are_utc():
    assert spell.utc(1_341_187_322_999) == "2012-07-02 00:02:02"
