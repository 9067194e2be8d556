from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

from console.exits import MEANINGS
from tests.harness.processes import COMMAND
from tests.unit.console.calling import called

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from pathlib import Path


async def test_who_cuts_a_command_off(tmp_path: Path) -> None:
    """Ctrl-C ends a command with the status that shells expect of it, and without a word."""
    asked = asyncio.Event()

    async def never_answer(reader: StreamReader, writer: StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(never_answer, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            *(COMMAND, "doctor"),
            env={"PATH": os.environ["PATH"], "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}"},
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await asked.wait()
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
    assert (process.returncode, out, err.strip()) == (130, b"", b"")


def test_help_tells_every_exit_status() -> None:
    """What a command may end with stands in the help."""
    said = " ".join(called("--help").stdout.split())
    assert "3 no such memo, 4 already answered, 130 interrupted." in said
    assert all(f"{status} {meaning}" in said for status, meaning in MEANINGS.items())
