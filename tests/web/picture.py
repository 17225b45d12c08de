"""A picture of a trip from the page of a backtest.

`detector backtest EVENTS --policies FILE --incidents CSV --html page.html`, and then
`python -m tests.web.picture page.html trip.png --of '#trips-found li >> nth=0' --dark`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.web.chromium import chromium

WIDTH, HEIGHT, SCALE = 1100, 900, 2


def take(page: Path, picture: Path, entry: str, *, dark: bool) -> None:
    """Opens an entry of the page and photographs its summary and its plot."""
    with chromium() as browser:
        scheme = "dark" if dark else "light"
        screen = browser.new_context(
            offline=True, viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=SCALE, color_scheme=scheme
        ).new_page()
        screen.goto(page.resolve().as_uri())
        trip = screen.locator(entry)
        if trip.locator("details").first.get_attribute("open") is None:
            trip.locator("summary").first.click()
        trip.scroll_into_view_if_needed()
        trip.locator(".plot[data-drawn]").wait_for()
        top, plot = trip.bounding_box(), trip.locator(".plot").bounding_box()
        clip = {"x": top["x"], "y": top["y"], "width": top["width"], "height": plot["y"] + plot["height"] - top["y"]}
        screen.screenshot(path=picture, clip=clip, full_page=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--of", default="#trips-found li >> nth=0", metavar="SELECTOR", help="the trip's entry")
    parser.add_argument("--dark", action="store_true")
    asked = parser.parse_args()
    take(asked.page, asked.picture, asked.of, dark=asked.dark)


if __name__ == "__main__":
    main()
