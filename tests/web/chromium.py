"""The Chromium of the system, driven by Playwright: nothing is downloaded, and it asks the network for nothing."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

NAMES = "chromium", "chromium-browser", "google-chrome"
MISSING = f"no browser ({', '.join(NAMES)}): apt-get install chromium"
ARGUMENTS = [
    # Tests run as root on build machines, where Chromium's sandbox can't start.
    "--no-sandbox",
    # What it would ask the network for by itself.
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip


class NoBrowser(Exception):  # noqa: N818 - a state of this machine, that skips tests
    """No browser is installed; the message says how that is mended."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser. Raises NoBrowser."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise NoBrowser(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
