"""`voicememo run`: the worker."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import click

from console.exits import FAILED, end, told
from consumer import wiring
from consumer.bugs import TooManyBugs
from consumer.lanes import Abandoned
from consumer.settings import load
from consumer.stopping import stop_on_signals
from consumer.telemetry import configure_logs
from consumer.vitals import VitalsError

if TYPE_CHECKING:
    from consumer.settings import Settings


@click.command(name="run")
def command() -> None:
    """Run the worker until SIGTERM or SIGINT; memos in flight then have DRAIN_SECONDS to end.

    Configured by environment variables alone: see docs/configuration.md.
    """
    with told():
        settings = load(os.environ)
        configure_logs(settings.log_format, settings.log_level, sys.stderr, secrets=settings.secrets())
        try:
            asyncio.run(_run(settings))
        except (VitalsError, TooManyBugs) as error:
            end(f"voicememo: {error}", FAILED)


async def _run(settings: Settings) -> None:
    try:
        await wiring.run(settings, stop_on_signals())
    except Abandoned as stuck:
        # A memo that would not end might still send: nothing may be waited for, threads neither.
        click.echo(f"voicememo: {stuck}; the process ends at once, and another worker goes on", err=True)
        os._exit(FAILED)
