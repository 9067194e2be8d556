"""`voicememo demo`: the whole way on embedded parts. Nothing to install, no account, no key."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from console import fixture
from console.exits import FAILED, end, told
from console.following import follow
from console.replay import event_of, put
from console.telling import Account, opening, summary, telling
from consumer import wiring
from consumer.kafka import KafkaPublisher
from consumer.settings import Settings, load
from consumer.telemetry import configure_logs
from sandbox.__main__ import engine_mind
from sandbox.app import Sandbox
from sandbox.broker import EmbeddedBroker
from sandbox.faults import Fault, Kind
from storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Sequence

_FIXTURES = Path(__file__).parent.parent / "fixtures"
_PATIENCE_SECONDS = 180.0


@click.command(name="demo")
@click.option(
    "--folder", default="var/demo", show_default=True, type=click.Path(path_type=Path), help="Where everything is left."
)
def command(folder: Path) -> None:
    """Answer the fixture memos: Kafka in, voice memos out, every step shown.

    The broker is librdkafka's mock cluster, the upstreams are simulated on loopback (their ears and voices are local
    engines), the archive is a folder and the store is a SQLite file. Originals, WAVs and replies are left in var/demo/.
    """
    if not _FIXTURES.is_dir():
        end("The demo needs the fixtures folder: run it in a checkout of the project.", FAILED)
    folder = folder.resolve()
    _emptied(folder)
    with told(), (folder / "worker.log").open("w") as log:
        accounts = asyncio.run(_Demo(folder, Console(highlight=False)).run(log))
    if not all(account.as_expected for account in accounts):
        end("Some events did not end as fixtures/expected.json says they should.", FAILED)
