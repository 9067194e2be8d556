"""Calling a command in this process, with an environment of its own, and what it finds in a ledger."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from click.testing import CliRunner

from console.cli import main
from storage.sqlite.store import SqliteStore
from tests.contracts.ledgers import opened
from tests.harness.processes import environment

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from click.testing import Result


def called(*command: str, given: str = "", **variables: str) -> Result:
    """Call a command with these variables alone; what no command may raise comes out."""
    environment = dict.fromkeys(os.environ, None) | {"PATH": os.environ["PATH"]} | variables
    return CliRunner().invoke(main, command, input=given, env=environment, catch_exceptions=False)


def kept(folder: Path) -> dict[str, str]:
    """Name store and archive in a folder, and a messenger that is never reached."""
    return environment(folder, sandbox={"SERIES_API_URL": "http://127.0.0.1:1", "SERIES_API_KEY": "key"})


def in_store(folder: Path, work: Callable[[SqliteStore], Awaitable[None]]) -> None:
    """Do something with a folder's store, which is made where it is not there."""

    async def done() -> None:
        store = SqliteStore(folder / "voicememo.db")
        async with opened(store):
            await work(store)

    asyncio.run(done())
