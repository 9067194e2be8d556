"""Long memos: heard piece by piece, side by side, and answered once; the story tells how it went."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest

from audio.clip import Clip, pcm_of
from audio.formats import Format
from audio.pieces import LONGEST_SECONDS
from audio.transcode import Transcoder
from console.fixture import wrap
from console.follow import follow
from sandbox.faults import FaultKind, ScriptedFault
from sandbox.mind import ScriptedMind
from tests.acceptance.conftest import PATIENCE_SECONDS
from tests.harness.paths import MEMOS
from tests.unit.audio.recordings import RATE, encoded

if TYPE_CHECKING:
    from pathlib import Path

    from console.follow import EventOutcome
    from tests.acceptance.conftest import Rig

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class CountingWhisper:
    """Keeps each recording that it is given, and hears its number in it."""

    heard: list[bytes] = field(default_factory=list)
    now: int = 0
    most: int = 0

    async def hear(self, mind: ScriptedMind, wav: bytes) -> str:
        """Take a while, so that pieces that are listened to side by side are seen to be."""
        del mind
        self.heard.append(pcm_of(Clip(wav, Format.WAV)))
        number = len(self.heard)
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.2 / number)
        self.now -= 1
        return f"words{number}"


@pytest.fixture
def whisper(monkeypatch: pytest.MonkeyPatch) -> CountingWhisper:
    """Replace the simulated Whisper."""
    listening = CountingWhisper()

    async def hear(self: ScriptedMind, wav: bytes) -> str:
        return await listening.hear(self, wav)

    monkeypatch.setattr(ScriptedMind, "hear", hear)
    return listening


async def _three_minutes(folder: Path) -> Path:
    """Say the long fixture again and again, with pauses between."""
    data = (MEMOS / "en-long.opus").read_bytes()
    once = np.frombuffer(pcm_of(await Transcoder().decode(Clip(data, Format.OGG))), "<i2").astype(float)
    samples = np.resize(np.concatenate([once, np.zeros(2 * RATE)]), 180 * RATE)
    path = folder / "three-minutes.opus"
    path.write_bytes(await asyncio.to_thread(encoded, samples, "memo.ogg", "-c:a", "libopus", "-b:a", "24k"))
    return path


async def _speak(rig: Rig, path: Path, message_id: str) -> EventOutcome:
    value = await asyncio.to_thread(wrap, path, chat_id="long", message_id=message_id, person="")
    where, offset = await rig.put(path, value)
    return await follow(rig.store.ledger, value, where, offset, our_numbers=(), patience_seconds=PATIENCE_SECONDS)


async def test_three_minutes(running: Rig, whisper: CountingWhisper, tmp_path: Path) -> None:
    """Each sample is heard exactly once, four pieces at a time at most; the words are in order, and so is the story."""
    path = await _three_minutes(tmp_path)
    ended = await _speak(running, path, "three-minutes")
    assert (ended.outcome, len(running.sandbox.sent)) == ("answered", 1)
    assert ended.story
    kept = await asyncio.to_thread((running.folder / "archive" / str(ended.story.facts["wav"])).read_bytes)
    whole = pcm_of(Clip(kept, Format.WAV))
    in_order = sorted(whisper.heard, key=whole.index)
    assert b"".join(in_order) == whole
    assert all(len(piece) <= LONGEST_SECONDS * RATE * 2 for piece in in_order)
    words = [f"words{whisper.heard.index(piece) + 1}" for piece in in_order]
    assert ended.story.facts["transcript"] == " ".join(words)
    assert 1 < whisper.most <= 4
    told = {step.stage: (step.rung, step.error) for step in ended.story.steps if step.stage.startswith("hear-")}
    assert told == {f"hear-{number}": ("huggingface", None) for number in range(1, len(words) + 1)}


@pytest.mark.usefixtures("whisper")
async def test_a_piece_falls_back(running: Rig, tmp_path: Path) -> None:
    """When Whisper fails one piece, the next transcriber takes that one and no other, and the story says so."""
    path = await _three_minutes(tmp_path)
    running.sandbox.faults.next("whisper", ScriptedFault(FaultKind.STATUS, 422))
    ended = await _speak(running, path, "falls-back")
    assert ended.outcome == "answered"
    assert ended.story
    fallen = [(step.rung, step.error) for step in ended.story.steps if step.stage == "hear" and step.error]
    assert fallen == [("huggingface", "rejected")]
    served = [step.rung for step in ended.story.steps if step.stage.startswith("hear-")]
    others = [rung for rung in served if rung != "huggingface"]
    assert (len(others), None in others) == (1, False)
    assert len(served) > 4
