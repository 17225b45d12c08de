"""What is wrong in policy files beyond the type of one value: between keys, between policies, in tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args

from msgspec import structs

from detector.config import scalars, words
from detector.config.policy_tests import MAX_ACTIONS, MAX_MINUTES, actions, minutes, span
from detector.config.typed import sound
from detector.policy import Dimension, PolicySettings, StreamSettings

if TYPE_CHECKING:
    from detector.config.policy_file import Entry

YEARS: Final = range(2000, 2100)

_DEFAULTS: Final[dict[str, Any]] = {
    each.encode_name: each.default for shape in (StreamSettings, PolicySettings) for each in structs.fields(shape)
}
_SCOPES: Final = ("policy", *(f"{each}=..." for each in get_args(Dimension)))


def check(stream: Entry | None, blocks: list[Entry], policies: list[Entry], tests: list[Entry]) -> None:
    """Blames whatever is found on the walkers of the entries. Values of the wrong type were blamed before."""
    if stream:
        _stream(_sound(stream))
    listed, examined = [*map(_sound, policies)], [*map(_sound, tests)]
    for entry in (*map(_sound, blocks), *listed):
        _settings(entry)
    _unique(listed, "id")
    _unique(examined, "name")
    known = {entry.data["id"] for entry in listed if "id" in entry.data}
    for entry in examined:
        _test(entry, known)


def _sound(entry: Entry) -> Entry:
    return entry._replace(data=sound(entry.data))


def _stream(entry: Entry) -> None:
    lateness_s, bucket_s = _get(entry, "lateness"), _get(entry, "bucket")
    if lateness_s < bucket_s:
        _blame(
            entry,
            ("lateness", "bucket"),
            f"`lateness` ({scalars.spell_seconds(lateness_s)}) is shorter than `bucket` "
            f"({scalars.spell_seconds(bucket_s)}), must be as long at least",
        )


def _settings(entry: Entry) -> None:
    trips, warnings = _get(entry, "false_trips_per_year"), _get(entry, "false_warnings_per_year")
    if trips > warnings:
        _blame(
            entry,
            ("false_trips_per_year", "false_warnings_per_year"),
            f"`false_trips_per_year` ({trips:g}) is above `false_warnings_per_year` ({warnings:g}), must not be: "
            "a trip would need less evidence than a warning",
        )
    scopes = _get(entry, "scopes")
    if len(set(scopes)) < len(scopes):
        _blame(entry, ("scopes",), "`scopes` has a dimension twice; keep one of them")
    url = _get(entry, "runbook_url")
    if url is not None and not url.startswith(("https://", "http://")):
        message = f"`runbook_url` is {words.shown(url)}, must be a link that starts with https:// or http://"
        _blame(entry, ("runbook_url",), message)


def _blame(entry: Entry, keys: tuple[str, ...], message: str) -> None:
    """Blames the first of the keys that the entry has itself; what it only inherits is blamed where it stands."""
    for key in keys:
        if entry.walker.wrote((*entry.path, key)):
            return entry.walker.blame((*entry.path, key), message)
    return None


def _unique(entries: list[Entry], key: str) -> None:
    first: dict[str, Entry] = {}
    for entry in entries:
        value = entry.data.get(key)
        if value is not None and first.setdefault(value, entry) is not entry:
            there = first[value].walker.place((*first[value].path, key))
            message = f"`{key}` {words.shown(value)} stands in {there} too; give each its own"
            entry.walker.blame((*entry.path, key), message)


def _test(entry: Entry, known: set[str]) -> None:
    policy = entry.data.get("policy")
    if policy is not None and policy not in known:
        hint = words.suggestion(policy, known) or "; leave it out to test what happens to unlisted policies"
        entry.walker.blame((*entry.path, "policy"), f"`policy` {words.shown(policy)} is not listed{hint}")
    for key in ("counts_per_minute", "expect"):
        for index, item in enumerate(entry.data.get(key, [])):
            text, scope = item.get("minutes"), item.get("scope")
            if text and not span(text):
                message = f"`minutes` is {text!r}, must run from the lower to the higher"
                entry.walker.blame((*entry.path, key, index, "minutes"), message)
            if scope and scope != "policy" and scope.partition("=")[0] not in get_args(Dimension):
                message = f"`scope` is {words.shown(scope)}, must be one of {', '.join(_SCOPES)}"
                entry.walker.blame((*entry.path, key, index, "scope"), message)
    _size(entry)


def _size(entry: Entry) -> None:
    start = entry.data.get("start")
    if start is not None and start.year not in YEARS:
        message = f"`start` is {start.isoformat()}, must lie in the years {YEARS[0]} to {YEARS[-1]}"
        entry.walker.blame((*entry.path, "start"), message)
    if minutes(entry.data) > MAX_MINUTES:
        entry.walker.blame(entry.path, f"the test has {minutes(entry.data)} minutes, must have {MAX_MINUTES} at most")
    if actions(entry.data) > MAX_ACTIONS:
        entry.walker.blame(entry.path, f"the test has {actions(entry.data)} actions, must have {MAX_ACTIONS} at most")


def _get(entry: Entry, name: str) -> Any:  # noqa: ANN401 - a number or text, as its type says
    return entry.data.get(name, _DEFAULTS[name])
