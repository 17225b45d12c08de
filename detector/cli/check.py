"""`detector check`: every problem of policy files with its line and column, then the tests in them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click
import msgspec

from detector.config import example, policies
from detector.errors import ConfigError
from detector.simulate import Simulator

if TYPE_CHECKING:
    from detector.config.policies import PlacedTest, Policies

FINDINGS, UNUSABLE = 1, 2


@click.command()
@click.argument("files", nargs=-1, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.option("--example", "as_example", is_flag=True, help="Print an annotated policy file with all defaults.")
@click.pass_context
def command(ctx: click.Context, files: tuple[str, ...], *, as_json: bool, as_example: bool) -> None:
    """Check policy files (`-`: standard input), read as one, and run their tests.

    Problems go to standard error as file:line:column: message. Exit codes: 0 all is well, 1 a test failed, 2 a file
    is wrong.
    """
    if as_example:
        click.echo(example.render(), nl=False)
        return
    if not files:
        raise click.UsageError("name a policy file, or ask for one with --example")
    try:
        loaded = policies.load(files)
    except ConfigError as error:
        if as_json:
            _print_json({"problems": [asdict(each) for each in error.problems], "tests": [], "version": None})
            ctx.exit(UNUSABLE)
        raise
    simulator = Simulator(loaded.ruleset)
    outcomes = [(placed, simulator.failures(placed.test)) for placed in loaded.tests]
    if as_json:
        tests = [{"place": each.place, "name": each.test.name, "failures": failures} for each, failures in outcomes]
        _print_json({"problems": [], "tests": tests, "version": loaded.ruleset.version})
    else:
        _print_plain(loaded, outcomes)
    ctx.exit(FINDINGS if any(failures for _, failures in outcomes) else 0)


def _print_json(document: dict[str, object]) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(document)).decode())


def _print_plain(loaded: Policies, outcomes: list[tuple[PlacedTest, list[str]]]) -> None:
    for placed, failures in outcomes:
        for failure in failures:
            click.echo(f"{placed.place}: test {placed.test.name!r} failed: {failure}", err=True)
    failed = sum(bool(failures) for _, failures in outcomes)
    counts = f"{len(loaded.ruleset.policies)} policies, {len(outcomes)} tests, {failed} failed"
    click.echo(f"{'failed' if failed else 'ok'}: {counts}, version {loaded.ruleset.version}")
