"""The `detector` command. Each subcommand is one module of this package and is imported only when it runs.

Exit codes: 0 done, 1 findings or a threshold missed, 2 usage or configuration, 3 broker or I/O, 70 a defect of the
detector's, 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
from typing import Final

import click

from detector import __version__
from detector.errors import BrokenWorld, ConfigError

INTERRUPTED: Final = 128 + signal.SIGINT
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
    """Run the command line and exit, see above."""
    sys.exit(_code(args))


def _code(args: list[str] | None) -> int:
    try:
        return int(cli.main(args, standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except ConfigError as error:
        click.echo(str(error), err=True)
        return 2
    except (BrokenWorld, OSError) as error:
        click.echo(f"error: {error}", err=True)
        return 3
    except Exception:  # noqa: BLE001 - a gate must not take a defect for a threshold that failed
        traceback.print_exc()
        return os.EX_SOFTWARE
