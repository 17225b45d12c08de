"""`detector topics`: creates the topics of the contract, and says where a broker's differ from it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click
import msgspec

from detector import admin
from detector.cli.options import settings_options
from detector.config.scalars import spell_seconds
from detector.config.setting_types import CONNECTION
from detector.config.settings import load
from detector.contract.comparison import Found, Mismatch, Wanted, compare, wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from detector.config.setting_types import Settings

NAMES = ("events_topic", "intake_topic", "alerts_topic", "breakers_topic", "deadletters_topic")


@click.group()
def command() -> None:
    """Create and verify topics. Exit codes: 0 as wanted, 1 differs, 2 usage, 3 broker."""


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    json = click.option("--json", "as_json", is_flag=True, help="Print one JSON array for machines.")
    return settings_options(*CONNECTION, "group", "partitions", "replication", *NAMES)(json(function))


@command.command()
@_options
def create(as_json: bool, **flags: object) -> None:
    """Create the topics that are missing. Those that exist are left as they are: see `diff`."""
    settings = load(os.environ, flags)
    with admin.connect(settings) as broker:
        created = broker.create(wanted(settings))
    if as_json:
        _print_json(created)
    else:
        click.echo("\n".join(f"created {name}" for name in created) or "all topics exist already")


@command.command()
@_options
@click.pass_context
def diff(ctx: click.Context, /, as_json: bool, **flags: object) -> None:
    """Show every setting that differs from the contract, why it matters, and what mends it."""
    settings = load(os.environ, flags)
    with admin.connect(settings) as broker:
        mismatches = broker.diff(wanted(settings))
    if as_json:
        _print_json(mismatches)
    else:
        click.echo(_differences(mismatches))
    ctx.exit(1 if mismatches else 0)


@command.command("list")
@_options
def list_(as_json: bool, **flags: object) -> None:
    """List the topics of the contract: what is wanted, and what the broker has."""
    rows = _listing(load(os.environ, flags))
    if as_json:
        _print_json(rows)
    else:
        head = ("topic", "partitions", "replication", "cleanup", "retention", "on broker")
        click.echo(table([head, *(tuple(row.values()) for row in rows)]))


def table(rows: Sequence[Sequence[object]]) -> str:
    """Rows of equal length as aligned columns; the first row is the head."""
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell!s:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _listing(settings: Settings) -> list[dict[str, object]]:
    topics = wanted(settings)
    with admin.connect(settings) as broker:
        found = broker.found([each.name for each in topics])
    return [_row(each, found.get(each.name)) for each in topics]


def _row(each: Wanted, found: Found | None) -> dict[str, object]:
    retention_ms = each.config.get("retention.ms")
    return {
        "topic": each.name,
        "partitions": each.partitions,
        "replication": each.replication,
        "cleanup": each.config["cleanup.policy"],
        "retention": spell_seconds(int(retention_ms) / 1000) if retention_ms else "-",
        "on_broker": _state(compare(each, found)) if found else "missing",
    }


def _state(mismatches: Iterable[Mismatch]) -> str:
    refused = [mismatch.refused for mismatch in mismatches]
    return "refused" if any(refused) else "differs" if refused else "as wanted"


def _differences(mismatches: Sequence[Mismatch]) -> str:
    if not mismatches:
        return "all topics are as wanted"
    head = ("topic", "setting", "found", "needed", "")
    rows = [
        (each.topic, each.setting, each.found, each.needed, "REFUSED" if each.refused else "differs")
        for each in mismatches
    ]
    notes = (f"{each.topic} {each.setting}: {each.why}.\n    {each.fix}" for each in mismatches)
    return "\n".join([table([head, *rows]), "", *notes])


def _print_json(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
