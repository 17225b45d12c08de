"""The page says everything in words and tables, escapes all that producers wrote, and loads nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tomllib
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import msgspec
import pytest

from detector.backtest import outline, page, plots
from detector.backtest.result import BadLine, Check, Curve, Mark, Paused, Quality, SweepPoint
from tests import results
from tests.results import HOSTILE, MINUTE_MS, T0_MS

VOID = {"meta", "link", "img", "br", "input"}


class Page(HTMLParser):
    """Elements, the text of each table row, and the content of scripts and styles."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.inline, self.rows, self.text, self._open = [], [], [], [], []
        self.feed(html)
        assert self._open == [], "elements that were never closed"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag in {"script", "style"}:
            self.inline.append((tag, dict(attrs).get("type"), ""))
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] in {"script", "style"}:
            tag, kind, before = self.inline[-1]
            self.inline[-1] = (tag, kind, before + data)
            return
        self.text.append(data)
        if {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data

    def payloads(self):
        return [json.loads(text) for tag, kind, text in self.inline if kind == "application/json"]


def parsed(result):
    return Page(page.render(result))


def test_the_same_result_gives_the_same_bytes():
    assert page.render(results.full()) == page.render(results.full())


def test_nothing_is_loaded_from_anywhere():
    elements = parsed(results.full()).elements

    addresses = [value for _, attrs in elements for name, value in attrs.items() if name in {"src", "href", "action"}]
    assert {tag for tag, _ in elements}.isdisjoint({"iframe", "object", "embed", "img", "base", "form"})
    assert all(each.startswith("#") or each == "data:," for each in addresses)


def test_the_policy_of_the_page_allows_its_own_bytes_and_nothing_else():
    read = parsed(results.full())
    (policy,) = [attrs["content"] for tag, attrs in read.elements if "http-equiv" in attrs]
    rules = dict(each.strip().split(" ", 1) for each in policy.split(";"))

    def hashes(tag):
        texts = [text for name, kind, text in read.inline if name == tag and kind is None]
        return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(t.encode()).digest()).decode()}'" for t in texts)

    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == hashes("script")
    assert rules["style-src"] == hashes("style")
    assert "unsafe" not in policy


def test_no_element_carries_a_handler_or_a_style_of_its_own():
    names = {name for _, attrs in parsed(results.full(HOSTILE)).elements for name in attrs}

    assert not [each for each in names if each.startswith("on") or each == "style"]


@pytest.mark.parametrize("hostile", [HOSTILE, "]]><!--<script>", "\u2028\u2029&lt;", "a" * 128])
def test_ids_are_shown_as_they_are_and_never_become_markup(hostile):
    plain, read = parsed(results.full("plain")), parsed(results.full(hostile))

    assert [tag for tag, _ in read.elements] == [tag for tag, _ in plain.elements]
    assert hostile in [row[0] for row in read.rows if row]
    assert read.payloads()[-1]["deploys"][0][2] == f"list of {hostile} changed"


def test_text_of_sources_and_bad_lines_is_escaped():
    bad = Quality(bad=1, bad_lines=(BadLine(place=HOSTILE, reason="not_json", detail=HOSTILE),), unmapped={HOSTILE: 2})
    read = parsed(results.result(quality=bad, sources=(HOSTILE,)))

    assert "img" not in {tag for tag, _ in read.elements}
    assert [HOSTILE, "not_json", HOSTILE] in read.rows


def test_json_that_could_end_its_script_is_refused():
    with pytest.raises(ValueError, match="must not hold '<'"):
        page._embedded('{"a": "</script>"}')


def test_every_trip_is_listed_under_its_label_with_its_evidence():
    labels = ["found", "inside", "other", "again", "other"]
    trips = tuple(results.trip(f"policy-{i}", label=label) for i, label in enumerate(labels))
    html = page.render(results.result(trips=trips))

    sections = {label: html.split(f'<section id="trips-{label}"')[1].split("</section>")[0] for label in set(labels)}
    assert {label: text.count("<li ") for label, text in sections.items()} == {
        "found": 1, "inside": 1, "other": 2, "again": 1
    }  # fmt: skip
    assert "acts 25 times as often" in sections["again"]
    assert "rule_version" in sections["found"]


def test_misses_come_worst_first_and_say_why():
    small, large = results.missed("small", wrongful=10), results.missed("large", wrongful=900, why="no deploy came")
    outside = results.missed("outside", in_span=False)
    html = page.render(results.result(incidents=(small, results.incident(), large, outside)))

    section = html.split('<section id="misses"')[1].split("</section>")[0]
    assert re.findall(r"<strong>(\w+)</strong>", section) == ["large", "small"]
    assert "no deploy came" in section


def test_a_miss_without_a_plot_says_why_and_how_many_there_are():
    plot = results.plot()
    drawn, undrawn = results.missed(plot=0), results.missed("small", wrongful=10)
    idle = results.missed("idle", wrongful=0)
    html = page.render(results.result(incidents=(drawn, undrawn, idle), plots=(plot,)))
    section = html.split('<section id="misses"')[1].split("</section>")[0]

    assert "1 of these misses with actions have none." in section
    assert section.count(outline.KEPT.misses) == 2
    assert section.count(outline.KEPT.nothing) == 1


def test_where_every_miss_is_drawn_nothing_is_said_of_limits():
    html = page.render(results.result(incidents=(results.missed(plot=0),), plots=(results.plot(),)))

    assert outline.KEPT.misses not in html


def test_without_labels_the_page_speaks_of_pauses_and_not_of_incidents():
    trips = (results.trip(label="unlabelled"),)
    held = results.policy(trips=1, paused=results.trip().paused)
    read = parsed(results.result(labelled=False, trips=trips, policies=(held,)))
    text = " ".join(read.text)

    assert "Incidents found" not in text
    assert "Would have been paused" in text
    assert "56 min" in text
    assert "812 actions held" in text


def test_a_policy_that_only_alerts_is_listed_and_not_among_the_paused():
    alone = results.trip(mode="alert_only", paused=Paused())
    alerting = results.policy(mode="alert_only", trips=1)
    text = " ".join(parsed(results.result(trips=(alone,), policies=(alerting,))).text)

    assert "alert only, pauses nothing" in text
    assert "would have been paused at least once" not in text
    assert "Nothing: no breaker that may pause opened." in text
    assert outline.total(results.result(policies=(alerting, results.policy("b", trips=1)))).tripped == 1


def test_records_that_are_no_event_are_counted_by_reason():
    read = parsed(results.result(quality=Quality(read=9, events=4, ignored={"action that failed": 5})))

    assert ["ignored: action that failed", "5", "well-formed, but no event"] in read.rows


def test_policies_come_by_what_was_held():
    held = [results.policy(name, paused=results.trip(name).paused, trips=1) for name in ("b", "a")]
    read = outline.policies(results.result(policies=(results.policy("quiet"), *held)))

    assert [each.policy_id for each in read] == ["a", "b", "quiet"]


def test_a_history_without_events_makes_a_page():
    nothing = results.score(policies=0, policy_years=0.0, found_ratio=None, other_trips_per_policy_year=None)
    empty = results.result(policies=(), from_ms=0, to_ms=0, quality=Quality(), score=nothing)

    assert "none of them usable" in page.render(empty)
    assert "Nothing: no breaker opened." in page.render(msgspec.structs.replace(empty, plots=()))


def test_a_failed_threshold_is_said():
    check = Check(name="other_trips_per_policy_year", kind="over", limit=0.2, value=0.5, failed=True)

    assert ["other_trips_per_policy_year", "over", "0.2", "0.5", "failed"] in parsed(
        results.result(checks=(check,))
    ).rows


def test_a_thousand_trips_make_a_page_of_a_few_megabytes():
    html = page.render(results.full(trips=1000))

    assert html.count('class="plot"') == 1001
    assert len(html) < 8e6


def test_the_vendored_library_is_the_one_that_is_named():
    folder = resources.files("detector.backtest") / "assets"
    named = re.findall(r"^([0-9a-f]{64})  (\S+\.(?:js|css))$", (folder / "uPlot.txt").read_text(), re.MULTILINE)

    assert len(named) == 2
    for digest, name in named:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert "(v1.6.32)" in (folder / "uPlot.iife.min.js").read_text()[:100]
    assert "MIT License" in (folder / "uPlot.LICENSE").read_text()


def test_the_wheel_takes_the_package_with_its_assets():
    tree = Path(__file__).parents[3]
    wheel = tomllib.loads((tree / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]

    assert (wheel["packages"], set(wheel) & {"exclude", "include", "only-include"}) == (["detector"], set())
    assert {each.name for each in page.ASSETS.iterdir()} >= {"report.html", *page.STYLES, *page.SCRIPTS}


def test_assets_can_stand_inside_their_elements():
    assert not [name for name in page.SCRIPTS if "</script" in page._asset(name).lower()]
    assert not [name for name in page.STYLES if "</style" in page._asset(name).lower()]


# --- what plots are drawn from ---


def unrun(runs):
    return [value for value, many in zip(runs[::2], runs[1::2], strict=True) for _ in range(many)]


def test_run_lengths_give_the_columns_back():
    plot = results.plot()
    read = json.loads(plots.drawn(results.result(plots=(plot,)), 0).json)

    assert read["start"] == plot.time_ms[0]
    assert unrun(read["steps"]) == [MINUTE_MS] * 119
    assert unrun(read["high"]) == list(plot.high)
    assert unrun(read["strength"]) == [None if each is None else float(f"{each:.4g}") for each in plot.strength]
    assert unrun(read["hourly"]) == list(plot.hourly)


def test_a_plot_knows_the_trips_and_incidents_of_its_policy_and_window_alone():
    plot = results.plot()
    trips = (results.trip(), results.trip("nudity"), results.trip(start_ms=T0_MS + results.DAY_MS))
    incidents = (results.incident(), results.incident("nudity"), results.incident(start_ms=T0_MS - results.DAY_MS))
    warnings = (results.warning(), results.warning("nudity"))
    drawn = plots.drawn(results.result(plots=(plot,), trips=trips, incidents=incidents, warnings=warnings), 0)

    assert json.loads(drawn.json)["warnings"] == [[warnings[0].detected_ms, warnings[0].scope]]
    assert f"warning of {warnings[0].scope} at" in drawn.label
    assert json.loads(drawn.json)["trips"] == [[trips[0].detected_ms, trips[0].scope]]
    assert json.loads(drawn.json)["incidents"] == [[incidents[0].onset_ms, incidents[0].fixed_ms]]
    assert "at most 3,000 actions per hour, at 2012-07-02 01:00:00; expected then: 120" in drawn.label
    assert "trip of spam|rule_version=42@18 at 2012-07-02 01:04:00" in drawn.label


def test_spans_part_scopes_and_end_with_the_window():
    marks = [
        Mark(at_ms=0, name="CLOSED", detail="a"),
        Mark(at_ms=10, name="OPEN", detail="a"),
        Mark(at_ms=15, name="OPEN", detail="b"),
        Mark(at_ms=20, name="HALF_OPEN", detail="a"),
        Mark(at_ms=30, name="CLOSED", detail="a"),
    ]

    assert plots.spans(marks, 40) == [(10, 20, "OPEN", "a"), (15, 40, "OPEN", "b"), (20, 30, "HALF_OPEN", "a")]


def test_a_curve_goes_from_cheap_to_dear():
    points = tuple(
        SweepPoint(value=value, score=results.score(avoided=avoided, other_trips_per_policy_year=rate))
        for value, avoided, rate in ((1.0, 1200, 0.5), (0.1, 800, 0.0))
    )
    drawn = plots.curve(Curve(setting="false_trips_per_year", points=points), labelled=True)

    read = json.loads(drawn.json)
    assert (read["x"], read["y"], read["names"], read["most"]) == ([0.0, 0.5], [800, 1200], ["0.1", "1"], 2000)
    assert "at 0.1 800 wrongful actions avoided, 0 other trips per policy-year" in drawn.label
