"""The page of a backtest in a real browser: offline, without a complaint, drawn, and usable without a mouse."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from detector.backtest import page
from tests import results
from tests.results import HOSTILE

INK = """host => [...host.querySelectorAll("canvas")].map(canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] === 255) colours.add(`${data[i]},${data[i + 1]},${data[i + 2]}`);
  }
  return [...colours];
})"""
NAMED = """() => [...document.querySelectorAll(".plot, .curve, .scroll")].every(
  each => each.tabIndex === 0 && each.hasAttribute("aria-label"))"""
RATE = {"light": "7,87,186", "dark": "108,182,255"}
EVIDENCE = {"light": "138,42,143", "dark": "221,139,224"}
MISS, CURVE = ".plot >> nth=0", ".curve"


def drawn(seen, selector):
    """The host of a plot, scrolled to and drawn."""
    host = seen.page.locator(selector)
    host.scroll_into_view_if_needed()
    expect(host).to_have_attribute("data-drawn", "true")
    return host


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_draws_its_plots_without_a_network_or_a_complaint(opened, scheme):
    seen = opened(page.render(results.full()), color_scheme=scheme)
    miss, curve = drawn(seen, MISS), drawn(seen, CURVE)
    assert seen.said == []  # reading pixels back makes Chromium give advice

    (line,) = curve.evaluate(INK)
    above, below = drawn(seen, MISS).evaluate(INK)
    assert miss.locator("canvas").count() == 2
    assert RATE[scheme] in line
    assert RATE[scheme] in above
    assert EVIDENCE[scheme] in below
    assert [url for url in seen.requests if not url.startswith("file:")] == []


def test_dark_and_light_are_the_readers_choice_at_any_time(opened):
    seen = opened(page.render(results.full()), color_scheme="light")
    light = drawn(seen, MISS).locator("canvas").first.element_handle()
    seen.page.emulate_media(color_scheme="dark")
    light.wait_for_element_state("hidden")  # it is drawn anew a moment after the change

    assert seen.page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(13, 17, 23)"
    assert RATE["dark"] in drawn(seen, MISS).evaluate(INK)[0]


def test_hostile_ids_are_text(opened):
    seen = opened(page.render(results.full(HOSTILE)))
    drawn(seen, MISS)
    seen.page.locator(".figures summary").first.click()

    assert seen.page.title() == "Backtest ab12cd34ef56"
    assert seen.page.locator("img").count() == 0
    assert seen.page.locator("#paused tbody th").first.inner_text() == HOSTILE
    assert f"list of {HOSTILE} changed" in seen.page.locator(".figures table").first.inner_text()
    assert seen.said == []


def test_a_script_that_is_none_of_the_pages_own_does_not_run(opened):
    html = page.render(results.full()).replace("</main>", "</main><script>document.title = 'owned'</script>")
    seen = opened(html)

    assert seen.page.title() == "Backtest ab12cd34ef56"
    assert any("Content Security Policy" in each for each in seen.said)


def test_the_arrow_keys_read_a_plot_aloud(opened):
    seen = opened(page.render(results.full()))
    host = drawn(seen, MISS)
    host.focus()
    for key in ("Home", "ArrowRight", "Shift+ArrowRight", "End", "ArrowLeft"):
        seen.page.keyboard.press(key)

    said = seen.page.locator(".live").first
    assert said.get_attribute("aria-live") == "polite"
    expect(said).to_have_text("2013-08-06 01:58:00: 120 actions per hour, 120 expected, evidence 200 of the trip line")


def test_everything_can_be_reached_and_opened_with_the_keyboard(opened):
    seen = opened(page.render(results.full()))
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.className") == "skip"

    summary = seen.page.locator("#trips-other summary").first
    summary.focus()
    seen.page.keyboard.press("Enter")
    drawn(seen, "#trips-other .plot")

    assert seen.page.evaluate(NAMED)


def test_the_figures_of_a_plot_are_a_table_when_asked_for(opened):
    seen = opened(page.render(results.full()))
    assert seen.page.locator(".figures table").count() == 0
    seen.page.locator(".figures summary").first.click()

    tables = seen.page.locator(".figures").first.locator("table")
    expect(tables).to_have_count(2)  # a browser says that something was opened a moment after the click
    happened, steps = tables.all()
    assert "2013-08-06 01:04:00\tOPEN\tspam|rule_version=42@18" in happened.inner_text()
    assert "2013-08-06 00:30:00\twarning\tspam" in happened.inner_text()
    rows = steps.locator("tbody tr")
    assert rows.count() == 120
    assert rows.nth(59).inner_text() == "2013-08-06 00:59:00\t2\t120\t120\t0\t480\t–\t0.002"  # noqa: RUF001 - as shown
    assert rows.nth(60).inner_text() == "2013-08-06 01:00:00\t50\t3,000\t120\t0\t480\t0\t–"  # noqa: RUF001 - as shown


def test_a_table_is_sorted_by_the_column_that_is_asked_for(opened):
    policies = tuple(results.policy(name, actions=n) for name, n in (("a", 30), ("b", 200), ("c", 1000)))
    seen = opened(page.render(results.result(policies=policies)))
    heads, names = seen.page.locator("#paused thead th"), seen.page.locator("#paused tbody th")

    heads.nth(3).locator("button").click()
    assert names.all_inner_texts() == ["c", "b", "a"]
    assert heads.nth(3).get_attribute("aria-sort") == "descending"
    heads.nth(3).locator("button").press("Enter")
    assert names.all_inner_texts() == ["a", "b", "c"]


def test_scopes_are_filtered_by_what_they_contain(opened):
    trips = tuple(results.trip(name) for name in ("spam", "Nudity", "nudity-2"))
    seen = opened(page.render(results.result(trips=trips)))
    seen.page.locator("#trips-other input").fill("nudity")

    assert seen.page.locator("#trips-other li:visible").count() == 2
    expect(seen.page.locator("#trips-other [role=status]")).to_have_text("2 of 3 shown")


def test_the_link_of_an_incident_opens_the_trip_that_found_it(opened):
    seen = opened(page.render(results.full()))
    seen.page.get_by_role("link", name="found", exact=True).click()

    drawn(seen, "#plot-trip-0")
    assert seen.page.locator("#trips-found details").first.get_attribute("open") is not None


def test_of_hundreds_of_trips_only_what_is_in_view_is_drawn(opened):
    seen = opened(page.render(results.full(trips=300)))
    seen.page.get_by_role("button", name="Open all").last.click()
    drawn(seen, "#trips-other .plot >> nth=150")

    hosts = seen.page.locator("#trips-other .plot")
    assert hosts.count() == 299
    assert 1 <= seen.page.locator(".plot[data-drawn]").count() <= 8
    assert seen.said == []


def test_without_scripts_words_and_tables_are_all_there(opened):
    seen = opened(page.render(results.full()), java_script_enabled=False)

    seen.page.locator("#trips-other summary").first.click()
    said = seen.page.locator("#trips-other").inner_text()
    assert "Evidence at the trip" in said
    assert "acts 25 times as often" in said


def test_a_narrow_screen_scrolls_tables_and_not_the_page(opened):
    seen = opened(page.render(results.full(HOSTILE)), width=400)

    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 400
