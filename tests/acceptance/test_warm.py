"""A worker that has just begun: the first memo pays for no handshake, and what could not be opened does no harm."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from conversation.notices import RungFailed
from sandbox.faults import FaultKind, ScriptedFault
from tests.acceptance.conftest import rig
from tests.harness.paths import MEMOS
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sandbox.app import Sandbox
    from tests.acceptance.conftest import Rig

EVENT = MEMOS / "en-call-me.caf"
UNKNOWN = "other"
"""What the sandbox calls requests for what it does not have, such as its root."""
OPENED = 7
"""Whisper, Scribe, Llama, ElevenLabs, Cartesia; the Series API twice: to ask it, and for recordings."""


async def _warm(rig: Rig, connections: int) -> None:
    await until(lambda: len(rig.sandbox.faults.callers[UNKNOWN]) >= connections)


async def test_the_first_memo_finds_all_open(tmp_path: Path) -> None:
    """A worker opens a connection for each rung that the settings name, and the first memo goes over these."""
    async with rig(tmp_path) as made:
        await _warm(made, OPENED)
        assert made.sandbox.faults.requests == {UNKNOWN: OPENED}
        ended = await made.answered(EVENT)
        assert ended.outcome == "answered"
        callers = made.sandbox.faults.callers
        assert len(callers[UNKNOWN]) == OPENED
        for service in ("whisper", "llama", "elevenlabs", "series.send"):
            assert callers[service] & callers[UNKNOWN], service


async def test_what_is_away_at_the_start_is_tried_all_the_same(tmp_path: Path) -> None:
    """No breaker hears of a service that was away when the worker began: the first memo has the preferred rungs."""

    def away(sandbox: Sandbox) -> Mapping[str, str]:
        sandbox.faults.always(UNKNOWN, ScriptedFault(FaultKind.CUT))
        return sandbox.environment()

    async with rig(tmp_path, away) as made:
        await _warm(made, OPENED)
        ended = await made.answered(EVENT)
        assert ended.outcome == "answered"
        assert ended.story is not None
        rungs = {step.stage: step.rung for step in ended.story.steps}
        assert (rungs["hear"], rungs["answer"], rungs["speak"]) == ("huggingface", "huggingface", "elevenlabs")
        assert not [notice for notice in made.notices if isinstance(notice, RungFailed)]


async def test_a_stop_in_the_middle_of_it(tmp_path: Path) -> None:
    """Asked to stop while no service has answered yet, the worker ends well, and nothing goes on behind it."""

    def silent(sandbox: Sandbox) -> Mapping[str, str]:
        sandbox.faults.always(UNKNOWN, ScriptedFault(FaultKind.HANG))
        return sandbox.environment()

    before = asyncio.all_tasks()
    async with rig(tmp_path, silent) as made:
        await _warm(made, OPENED)
    assert made.worker.exception() is None
    assert asyncio.all_tasks() <= before
