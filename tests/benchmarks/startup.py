"""How long `voicememo --help` takes, and `voicememo run` until its first poll."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from sandbox.app import Sandbox
from sandbox.broker import EmbeddedBroker
from sandbox.mind import ScriptedMind
from tests.benchmarks.report import Section
from tests.harness.processes import COMMAND, environment, start

if TYPE_CHECKING:
    from collections.abc import Mapping


async def measure(rounds: int) -> Section:
    """Start them a few times."""
    helps, pythons = [], []
    for _ in range(rounds):
        helps.append(await _seconds(COMMAND, "--help"))
        pythons.append(await _seconds(sys.executable, "-c", "pass"))
    polls = await _worker_starts(max(3, rounds // 3))
    section = Section("startup", "start-up (s)", ("", "median"))
    section.rows = [
        ("a bare Python", median(pythons)),
        ("voicememo --help", median(helps)),
        ("voicememo run, until its first poll", median(polls)),
    ]
    section.notes.append(
        "the group is joined during the polls; a new one takes 3 s here, as on a real broker by default"
    )
    return section


async def _seconds(*command: str) -> float:
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    await process.wait()
    return time.perf_counter() - begun


async def _worker_starts(rounds: int) -> list[float]:
    polls = []
    async with Sandbox(ScriptedMind()) as sandbox:
        for _ in range(rounds):
            with EmbeddedBroker() as broker, tempfile.TemporaryDirectory() as folder:
                here = environment(Path(folder), sandbox=sandbox.environment(), broker=broker.bootstrap_servers)
                polls.append(await _one({**here, "LOG_FORMAT": "json"}))
    return polls


async def _one(variables: Mapping[str, str]) -> float:
    begun = time.perf_counter()
    process = await start("run", variables=variables)
    polled = None
    if process.stderr is None:
        raise RuntimeError("the worker's log is not piped")
    async for line in process.stderr:
        told = json.loads(line)
        if told["event"] == "worker.changed" and told["phase"] == "polling":
            polled = time.perf_counter() - begun
            break
    process.terminate()
    await process.communicate()
    if polled is None:
        raise RuntimeError("the worker ended before it polled")
    return polled
