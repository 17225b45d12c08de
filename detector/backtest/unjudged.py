"""What was read and gave no evidence, as a note for a terminal: what it was, how much, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.backtest.spell import MOST_ROWS, count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from detector.backtest.result import Quality


def text(quality: Quality) -> str:
    """A note of all that was read and is no evidence, with reasons and counts; empty where there is none."""
    said = [
        (quality.bad, "bad records", ", ".join(f"{name} {n}" for name, n in quality.bad_reasons.items()), {}),
        (quality.late, "late events gave no evidence of volume", "out of order: sort the history", {}),
        (quality.ahead, "events far ahead of the others gave no evidence", "see `ahead`", {}),
        (quality.refused, "events of policies beyond the cap gave no evidence", "see `unknown_policies: cap`", {}),
        (quality.duplicates, "events came twice and count once", "", {}),
        (quality.outside, "events outside --from and --to", "", {}),
        (sum(quality.ignored.values()), "records are ignored, being no event", "", quality.ignored),
        (len(quality.unmapped), "fields are not mapped", "", quality.unmapped),
    ]
    lines = [
        line
        for number, what, note, parts in said
        if number
        for line in (f"  {count(number)} {what}" + (f" ({note})" if note else ""), *_parts(parts))
    ]
    return "\n".join(["NOTE: not all that was read is evidence", *lines]) if lines else ""


def _parts(counts: Mapping[str, int]) -> list[str]:
    """Names and counts, a line each, the largest first."""
    ranked = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    left = [f"    ({len(ranked) - MOST_ROWS} more: see --json)"] if len(ranked) > MOST_ROWS else []
    return [f"    {name} {count(number)}" for name, number in ranked[:MOST_ROWS]] + left
