"""Many memos in flight at once, with slow upstreams: wall, CPU a memo, and the worker's peak memory."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path

from console.fixture import wrap
from consumer.login import KafkaLogin
from consumer.publisher import KafkaPublisher
from sandbox.app import Sandbox
from sandbox.broker import EmbeddedBroker
from sandbox.mind import ScriptedMind
from tests.benchmarks.startup import COMMAND, environment

MEMO = Path(__file__).parent.parent.parent / "fixtures" / "memos" / "en-weather.m4a"
LATENCY = {"whisper": 2.0, "llama": 1.0, "elevenlabs": 1.0}
"""Seconds before each upstream answers: together 4 s, so that all memos are in flight at once."""
PATIENCE_SECONDS = 180.0
TICKS = os.sysconf("SC_CLK_TCK")


async def measure(memos: int) -> list[str]:
    """Give the table."""
    async with Sandbox(ScriptedMind()) as sandbox:
        sandbox.faults.latency.update(LATENCY)
        with EmbeddedBroker() as broker, tempfile.TemporaryDirectory() as folder:
            return await _measure(memos, sandbox, broker, folder)


async def _measure(memos: int, sandbox: Sandbox, broker: EmbeddedBroker, folder: str) -> list[str]:
    publisher = KafkaPublisher(KafkaLogin(broker.bootstrap_servers))
    await _put(publisher, "warm", 0)
    variables = environment(sandbox, broker, folder)
    process = await asyncio.create_subprocess_exec(
        str(COMMAND), "run", env={**os.environ, **variables}, stderr=asyncio.subprocess.DEVNULL
    )
    await _sent(sandbox, 1)
    cpu, begun = _cpu(process.pid), time.perf_counter()
    for number in range(memos):
        await _put(publisher, f"chat-{number}", number)
    await _sent(sandbox, memos + 1)
    wall, cpu = time.perf_counter() - begun, _cpu(process.pid) - cpu
    peak = _peak_kib(process.pid)
    await publisher.close()
    process.terminate()
    await process.wait()
    return [
        f"{memos} memos of 5 s at once, upstreams that take {sum(LATENCY.values()):g} s together",
        f"  all answered after                     {wall:6.2f} s",
        f"  CPU, worker and ffmpeg, a memo         {cpu / memos * 1000:6.0f} ms",
        f"  peak RSS of the worker                 {peak / 1024:6.0f} MiB",
        f"  exit status after SIGTERM              {process.returncode:6d}",
    ]


async def _put(publisher: KafkaPublisher, chat: str, number: int) -> None:
    value = await asyncio.to_thread(
        wrap, MEMO, chat_id=chat, message_id=f"bench-{chat}-{number}", person="+15550100001"
    )
    await publisher.publish("message.received", key=chat.encode(), value=value)


async def _sent(sandbox: Sandbox, count: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(sandbox.sent) < count:  # noqa: ASYNC110 (another process sends)
            await asyncio.sleep(0.02)


def _cpu(pid: int) -> float:
    """CPU seconds of a process and of its children that have ended (proc(5), /proc/pid/stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(each) for each in fields[11:15]) / TICKS


def _peak_kib(pid: int) -> int:
    """Peak resident memory of a process (proc(5), VmHWM)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
