"""`voicememo webhook`: the HTTP server for Linq's webhooks."""

from __future__ import annotations

import asyncio
import os
import sys

import click

from console.errors import exit_on_errors
from consumer.settings import Settings, load
from consumer.webhook import wiring
from runtime.listening import ListenError
from runtime.logs import configure_logs
from runtime.settings.environment import warn_of_unknown
from runtime.settings.variables import secrets_of
from runtime.signals import stop_on_signals


@click.command(name="webhook")
def command() -> None:
    """Receive Linq's webhooks at WEBHOOK_PATH of WEBHOOK_HOST:WEBHOOK_PORT, and put them on KAFKA_TOPIC.

    Takes only those that are signed with one of WEBHOOK_SECRETS, within WEBHOOK_TOLERANCE_SECONDS; each is answered
    once Kafka has it. Runs until SIGTERM or SIGINT, alongside `voicememo run`. Configured by environment variables
    alone: see docs/webhook.md.
    """
    with exit_on_errors(ListenError):
        settings = load(os.environ, complete=False)
        configure_logs(settings.log.format, settings.log.level, sys.stderr, secrets=secrets_of(settings))
        warn_of_unknown(Settings, os.environ)
        asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    await wiring.run(settings, stop_on_signals())
