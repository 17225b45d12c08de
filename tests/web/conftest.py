"""A browser without a network, and pages that write down what they do."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.web.chromium import NoBrowser, chromium

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Skips the test where there is none, and fails it under CI=true."""
    try:
        with chromium() as running:
            yield running
    except NoBrowser as why:
        pytest.fail(str(why)) if os.environ.get("CI") == "true" else pytest.skip(str(why))


@dataclass
class Opened:
    """A file in the browser, and everything that it asked for or complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


@pytest.fixture
def opened(browser, tmp_path):
    """Opens HTML from a file; arguments are those of a browser context."""
    contexts = []

    def open_(html: str, *, width: int = 1200, **how: object) -> Opened:
        path: Path = tmp_path / "page.html"
        path.write_text(html, encoding="utf-8")
        context = browser.new_context(offline=True, viewport={"width": width, "height": 900}, **how)
        contexts.append(context)
        seen = Opened(context.new_page())
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.on("console", lambda message: seen.said.append(message.text))
        seen.page.on("pageerror", lambda error: seen.said.append(str(error)))
        seen.page.on("dialog", lambda dialog: (seen.said.append(dialog.message), dialog.dismiss()))
        seen.page.goto(path.as_uri())
        return seen

    yield open_
    for context in contexts:
        context.close()
