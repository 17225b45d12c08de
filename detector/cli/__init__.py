"""The `detector` command. Each subcommand is one module of this package and is imported only when it runs.

Exit codes: 0 done, 1 findings or a threshold missed, 2 usage or configuration, 3 broker or I/O.
"""

from __future__ import annotations

import importlib
import sys
from typing import Final

import click

from detector import __version__
from detector.errors import BrokenWorld, ConfigError

COMMANDS: Final = ("run", "demo", "check", "backtest", "tail", "topics", "schema")


class _Lazy(click.Group):
    """Subcommand `x` is the click command named `command` in `detector.cli.x`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"detector.cli.{cmd_name}").command
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="detector")
def cli() -> None:
    """The circuit breaker between moderation automation and the people it acts on."""


def main(args: list[str] | None = None) -> None:
    """Run the command line; configuration errors exit with 2, a broken broker or file with 3."""
    try:
        cli(args)
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except (BrokenWorld, OSError) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(3)
