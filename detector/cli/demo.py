"""`detector demo`: a trip, seen from the platform's side, on nothing but this machine."""

from __future__ import annotations

import signal
import sys

import click


@click.command("demo")
@click.option(
    "--json", "as_json", is_flag=True, help="Print each alert and breaker record as one line of JSON, nothing else."
)
@click.option(
    "--seconds",
    type=click.FloatRange(1, 600),
    default=85.0,
    show_default=True,
    help="End after this many at the latest.",
)
def command(as_json: bool, seconds: float) -> None:
    """Show a platform's mistake being caught: broker, worker, traffic and gate, all on this machine.

    Exit 1: the bad rule version was not stopped in time, or something else was.
    """
    from detector.demo.run import Demo  # noqa: PLC0415 - Kafka clients; --help needs none
    from detector.demo.show import pick  # noqa: PLC0415 - the same

    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # the worker must not outlive the demo
    show = pick(as_json=as_json)
    demo = Demo(show, seconds)
    demo.run()
    show.end(demo)
    if failures := demo.failures():
        click.echo(f"error: {'; '.join(failures)}", err=True)
        sys.exit(1)
