"""That a benchmark measures what it says: both workers answer, and what they take is what the services were set to."""

from __future__ import annotations

import asyncio

import pytest

from sandbox.pace import Speed
from tests.benchmarks.processes import cpu_seconds, footprint
from tests.benchmarks.world import world


@pytest.mark.slow
async def test_both_workers_answer_at_the_pace_that_is_scripted() -> None:
    """Each answers its own topic's memo, once, in voice, and no sooner than the model lets it."""
    async with world(reply="Yes, please do that.", memo_seconds=2.0) as place:
        await place.pace({"llama": Speed(first_seconds=0.3)})
        workers = await place.worker(), await place.sequential()
        messages = [await place.put(worker) for worker in workers]
        await place.answered(messages)
        for worker, message in zip(workers, messages, strict=True):
            sent = place.sent[message]
            assert sent.at - worker.taken[message] >= 0.3
            assert sent.text == "Yes, please do that."
            assert (await place.audio(sent))[4:8] == b"ftyp"
            assert not worker.troubles
            assert cpu_seconds(worker.pid) > 0
            assert footprint(worker.pid).sockets > 0
        assert await asyncio.gather(*(worker.stop() for worker in workers)) == [0, -15]
