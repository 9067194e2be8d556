"""`voicememo run`: the worker."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import click

from console.errors import exit_on_errors
from console.exits import FAILED
from consumer import wiring
from consumer.handling.bug_limit import TooManyBugs
from consumer.notices import MemoSettled
from consumer.settings import Settings, load
from consumer.worker.lanes import Abandoned
from runtime.garbage import freeze
from runtime.listening import ListenError
from runtime.logs import configure_logs
from runtime.settings.environment import warn_of_unknown
from runtime.settings.variables import secrets_of
from runtime.signals import stop_on_signals

if TYPE_CHECKING:
    from consumer.notices import Notice


@click.command(name="run")
def command() -> None:
    """Run the worker until SIGTERM or SIGINT; memos in flight then have DRAIN_SECONDS to end.

    Configured by environment variables alone: see docs/configuration.md. Exit status 70: the watchdog ended a worker
    that was stuck; start it again.
    """
    with exit_on_errors(ListenError, TooManyBugs):
        settings = load(os.environ)
        configure_logs(settings.log.format, settings.log.level, sys.stderr, secrets=secrets_of(settings))
        warn_of_unknown(Settings, os.environ)
        _watch_children()
        asyncio.run(_run(settings))


def _watch_children() -> None:
    """Wait for ffmpeg processes in the loop, and not in a thread each; Python 3.12 and later do so by default."""
    if sys.version_info < (3, 12) and sys.platform == "linux":
        asyncio.get_event_loop_policy().set_child_watcher(asyncio.PidfdChildWatcher())


def _freeze_when_settled(notice: Notice) -> None:
    if isinstance(notice, MemoSettled):
        freeze()


async def _run(settings: Settings) -> None:
    try:
        await wiring.run(settings, stop_on_signals(), _freeze_when_settled)
    except Abandoned as stuck:
        # A memo that did not end might still send: do not wait for anything, not even threads.
        click.echo(f"voicememo: {stuck}; the process ends at once, and another worker goes on", err=True)
        os._exit(FAILED)
