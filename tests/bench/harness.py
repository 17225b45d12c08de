"""What the harnesses over real data share: settings from the command line, and tables."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime

import yaml

from detector.config import policies
from detector.policy import Ruleset


def add_settings(parser: argparse.ArgumentParser) -> None:
    """`--set` and `--sweep`."""
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the policy file")
    parser.add_argument("--sweep", metavar="KEY=VALUE,...", help="one run for each value of a setting")


def rulesets(text: str, asked: argparse.Namespace) -> Iterator[tuple[str, Ruleset]]:
    """The policy file with what was asked for, once for each value of a sweep; each with a name."""
    changes = dict(each.split("=", 1) for each in asked.set)
    if not asked.sweep:
        yield "detector", with_settings(text, changes)
        return
    key, _, values = asked.sweep.partition("=")
    for value in values.split(","):
        yield f"{key}={value}", with_settings(text, {**changes, key: value})


def with_settings(text: str, changes: dict[str, str]) -> Ruleset:
    """The policy file with values set by path (`a.b`; without a section: in `unknown_policies`), spelled as there."""
    tree = yaml.safe_load(text)
    for path, value in changes.items():
        *sections, key = path.split(".") if "." in path else ("unknown_policies", path)
        node = tree
        for section in sections:
            node = node.setdefault(section, {})
        node[key] = yaml.safe_load(value)
    return policies.resolve([("settings", yaml.safe_dump(tree).encode())]).ruleset


def table(rows: list[list[str]]) -> str:
    """Markdown, columns aligned; the first row is the head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [" | ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "-|-".join("-" * width for width in widths))
    return "\n".join(f"| {line} |" for line in lines)


def utc(time_ms: int) -> str:
    """To the second."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
