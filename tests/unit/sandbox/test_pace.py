"""The script of how long services take: to schedule, and instant without one."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from sandbox.app import Sandbox
from sandbox.mind import ScriptedMind
from sandbox.pace import Speed, Speeds, speed_of
from tests.benchmarks.published import PUBLISHED
from tests.harness.virtual_time import in_virtual_time


class Connection(asyncio.Transport):
    """One that is distinct from others."""


def asking(service: str, transport: asyncio.BaseTransport | None = None) -> Any:  # noqa: ANN401 (what aiohttp would make)
    """Make as much of a request as a pace looks at."""
    return SimpleNamespace(match_info=SimpleNamespace(route=SimpleNamespace(name=service)), transport=transport)


def now() -> float:
    """Tell the virtual time, in seconds."""
    return asyncio.get_running_loop().time()


@in_virtual_time
async def test_without_a_script_all_is_instant() -> None:
    """Nothing is waited for."""
    pace = Speeds()
    await pace.wait_to_answer(asking("llama", Connection()))
    await pace.wait_to_hear(asking("whisper"), 60)
    assert [token async for token in pace.pace_tokens(asking("llama"), ["a", "b"])] == ["a", "b"]
    assert now() == 0


@in_virtual_time
async def test_a_reply_is_written_to_schedule() -> None:
    """The first token comes at once, and each further one at its own time, though the reader was busy meanwhile."""
    pace = Speeds()
    pace.script({"llama": Speed(tokens_per_second=10)})
    came = []
    async for _ in pace.pace_tokens(asking("llama"), ["a", "b", "c", "d"]):
        came.append(now())
        await asyncio.sleep(0.15 if len(came) == 1 else 0)
    assert came == pytest.approx([0, 0.15, 0.2, 0.3])


@in_virtual_time
async def test_speech_comes_so_many_times_faster_than_real_time() -> None:
    """A piece comes when it has been spoken, and the last one is shorter."""
    pace = Speeds()
    pace.script({"elevenlabs": Speed(spoken_factor=4)})
    came, size = [], 0
    second_and_a_half = bytes(3 * 16_000)
    async for piece in pace.pace_audio(
        asking("elevenlabs"), second_and_a_half, sample_rate=16_000, piece_bytes=2 * 16_000
    ):
        came.append(now())
        size += len(piece)
    assert came == pytest.approx([1 / 4, 1.5 / 4])
    assert size == len(second_and_a_half)


@in_virtual_time
async def test_a_connection_is_made_once() -> None:
    """Only the first request of a connection pays for the handshakes."""
    pace = Speeds()
    pace.script({"whisper": Speed(first_seconds=1, heard_factor=0.5)}, connect_seconds=0.25)
    connection = Connection()
    await pace.wait_to_answer(asking("whisper", connection))
    assert now() == 1.25
    await pace.wait_to_answer(asking("whisper", connection))
    assert now() == 2.25
    await pace.wait_to_hear(asking("whisper"), 4)
    assert now() == 4.25
    await pace.wait_to_answer(asking("llama", Connection()))
    assert now() == 4.5


def test_a_pace_is_put_as_json() -> None:
    """The fields of a speed are read, and no others."""
    assert speed_of({"first_seconds": 1, "spoken_factor": "2"}) == Speed(first_seconds=1, spoken_factor=2)
    with pytest.raises(TypeError):
        speed_of({"last_seconds": 1})
    assert set(PUBLISHED) >= {"series.media", "series.send", "archive.put", "whisper", "llama", "elevenlabs"}


async def test_a_pace_is_put_from_another_process() -> None:
    """What is put takes the place of what was before."""
    async with Sandbox(ScriptedMind()) as sandbox, aiohttp.ClientSession() as session:
        paced: dict[str, object] = {"speeds": {"llama": {"first_seconds": 1}}, "connect_seconds": 9}
        instant: dict[str, object] = {"speeds": {}}
        for body in (paced, instant):
            async with session.put(f"{sandbox.url}/sandbox/pace", json=body) as response:
                assert response.status == 204
        assert (sandbox.pace.connect_seconds, sandbox.pace.speed(asking("llama"))) == (0, Speed())
