"""The report of a backtest: one HTML file that needs no network, the same bytes for the same result.

Jinja2 renders it, with every value escaped unless it is marked otherwise: ids come from producers, and escaping that
has to be remembered is forgotten once. Only the assets beside this module and JSON without `<` are marked. The page
forbids itself everything but its own two scripts and its style, by their hashes (Content Security Policy, level 3).
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

import jinja2
from markupsafe import Markup

from detector.backtest import outline, spell
from detector.backtest.pauses import NEVER_PAUSES

if TYPE_CHECKING:
    from detector.backtest.result import Result

ASSETS: Final = resources.files("detector.backtest") / "assets"
STYLES: Final = "uPlot.min.css", "report.css"
SCRIPTS: Final = "uPlot.iife.min.js", "report.js"


def render(result: Result) -> str:
    """The whole page."""
    style, scripts = "\n".join(map(_asset, STYLES)), tuple(map(_asset, SCRIPTS))
    return _template().render(
        result=result,
        labelled=result.scores.labelled,
        score=result.scores.counted,
        labels=outline.LABELS,
        never_pauses=NEVER_PAUSES,
        groups=outline.groups(result),
        misses=outline.misses(result),
        undrawn=outline.undrawn(result),
        kept=outline.KEPT,
        sweeps=outline.sweeps(result),
        policies=outline.policies(result),
        total=outline.total(result),
        quality=outline.quality(result.quality),
        policy=content_security_policy(scripts, style),
        style=Markup(style),  # noqa: S704 - files of this package
        scripts=[Markup(each) for each in scripts],  # noqa: S704 - files of this package
    )


def content_security_policy(scripts: tuple[str, ...], style: str) -> str:
    """Nothing may load, run or style but what has these very bytes."""
    allowed = " ".join(map(_hash, scripts))
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; img-src data:; base-uri 'none';"
        " form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _embedded(json: str) -> Markup:
    """JSON as the content of a script element. Raises ValueError when it could end the element."""
    if "<" in json:
        raise ValueError("JSON that stands in a script element must not hold '<'")
    return Markup(json)  # noqa: S704 - just checked


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters.update(
        utc=spell.utc,
        count=spell.count,
        figure=spell.figure,
        share=spell.share,
        span=spell.span,
        paused_s=outline.paused_s,
        per_policy_year=outline.trips_per_policy_year,
        embedded=_embedded,
    )
    return environment.from_string(_asset("report.html"))


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
