"""Every fixture event through the whole worker: how it ends, what was sent, what was kept."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from audio.clip import Clip
from audio.formats import sniff
from audio.transcode import Transcoder
from consumer.notices import EventBuried, EventPassed, MemoSettled
from tests.harness.levels import peak_dbfs
from tests.harness.paths import FIXTURES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.acceptance.conftest import Rig

EVENTS = sorted((FIXTURES / "events").glob("[0-9]*"))

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
async def test_fixture_ends_as_it_should(path: Path, running: Rig, expected: Mapping[str, Mapping[str, Any]]) -> None:
    """The event ends as fixtures/expected.json says, for the reason that it says."""
    followed = await running.answered(path)
    assert (followed.outcome, followed.reason) == (expected[path.name]["outcome"], expected[path.name]["reason"])


async def test_each_memo_has_one_voice_reply(running: Rig, expected: Mapping[str, Mapping[str, Any]]) -> None:
    """Each memo that is answered or apologised for has one message in its chat, and that is sound (I1, I2)."""
    memos = {
        (each["chat_id"], each.get("message_id") or name)
        for name, each in expected.items()
        if each["outcome"] in {"answered", "apologised"}
    }
    assert len(running.sandbox.sent) == len(memos)
    assert all(sent.audio for sent in running.sandbox.sent)
    assert len({sent.idempotency_key for sent in running.sandbox.sent}) == len(memos)
    per_chat = Counter(chat for chat, _ in memos)
    assert Counter(sent.chat_id for sent in running.sandbox.sent) == per_chat


async def test_replies_are_playable(running: Rig) -> None:
    """Each reply is an M4A with its index in front, that decodes and can be heard."""
    transcoder = Transcoder()
    for sent in running.sandbox.sent:
        assert sent.audio is not None
        assert sent.audio.index(b"moov") < sent.audio.index(b"mdat")
        wav = await transcoder.decode(Clip(sent.audio, sniff(sent.audio)))
        assert peak_dbfs(wav) > -20


async def test_everything_was_kept(running: Rig) -> None:
    """Of each memo that was answered the original, the WAV and the reply are in the archive (I5)."""
    kept = {path.name for path in (running.folder / "archive").iterdir()}
    settled = [notice for notice in running.notices if isinstance(notice, MemoSettled) and notice.outcome == "answered"]
    assert settled
    for notice in settled:
        (story,) = await running.store.ledger.find(notice.key.message_id)
        assert {story.facts["original"], story.facts["wav"], story.facts["spoken"]} <= kept
        assert story.facts["owed"] == []


async def test_nothing_is_left_behind(running: Rig) -> None:
    """When all is answered, every event is committed, no chat shows typing, no temp folder is left (I9)."""
    await running.all_committed()
    assert running.sandbox.series.typing == set()
    temporary = await asyncio.to_thread(lambda: list(Path(tempfile.gettempdir()).glob("voicememo-*")))
    assert not temporary


async def test_every_event_was_told_of(running: Rig, expected: Mapping[str, Mapping[str, Any]]) -> None:
    """Each event was logged once as passed, settled or buried, with a reason where it was not answered (I7)."""
    passed = [notice for notice in running.notices if isinstance(notice, EventPassed)]
    settled = [notice for notice in running.notices if isinstance(notice, MemoSettled)]
    buried = [notice for notice in running.notices if isinstance(notice, EventBuried)]
    outcomes = Counter(each["outcome"] for each in expected.values())
    assert len(settled) + len(passed) + outcomes["dead"] == len(EVENTS)
    assert all(notice.reason for notice in settled if notice.outcome != "answered")
    assert len(buried) >= outcomes["dead"]
