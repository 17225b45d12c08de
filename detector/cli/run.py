"""`detector run`: one worker in the foreground."""

from __future__ import annotations

import asyncio
import os

import click

from detector import admin, logs
from detector.cli.options import settings_options
from detector.config.settings import load
from detector.wire import adapters


@click.command("run")
@settings_options()
def command(**flags: object) -> None:
    """Run one worker until SIGTERM; more workers of the same group share the partitions.

    SIGHUP reads the policy files again. Exit 70: something failed that a restart mends, so run it under a supervisor.
    """
    settings = load(os.environ, flags, required=("subject_key",))
    adapters.build(settings.format, settings.max_future_s, settings.format_options)  # refuses wrong options at once
    logs.configure(form=settings.log_format, level=settings.log_level)
    if not settings.skip_topic_checks:
        admin.verify(settings)
        logs.info("topics_verified")
    from detector.stream.worker import Worker  # noqa: PLC0415 - Faust takes a second to import; --help must not

    async def work() -> None:
        await Worker(settings).run()

    logs.info("worker_starting")
    asyncio.run(work())
