"""A real worker over Linq v3 (MESSENGER=linq): the whole way, and one bubble whatever becomes of a send."""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from console.follow import EventOutcome, follow
from sandbox.app import Sandbox
from sandbox.faults import FaultKind, ScriptedFault
from tests.acceptance.conftest import PATIENCE_SECONDS, rig
from tests.harness.paths import FIXTURES
from tests.harness.processes import run_to_end

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from sandbox.upstreams.series import Sent
    from tests.acceptance.conftest import Rig

EVENTS = FIXTURES / "events"
V3 = sorted(path for path in EVENTS.glob("*.json") if b'"api_version": "v3"' in path.read_bytes())
NUMBERS = itertools.count(1)
UNTOLD = ScriptedFault(FaultKind.ACCEPTED_THEN_HANG)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def over_linq(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """A worker that knows Linq v3 and no Series API; a send may take three seconds."""
    async with rig(tmp_path_factory.mktemp("linq"), Sandbox.linq_environment, LEASE_SECONDS="6") as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def well(over_linq: Rig) -> AsyncIterator[Rig]:
    """The same, with all healthy again afterwards."""
    yield over_linq
    over_linq.sandbox.faults.clear()
    over_linq.sandbox.linq.lists_after_seconds = 0.0


async def _speak(rig: Rig, chat: str) -> tuple[EventOutcome, list[Sent]]:
    """Say something in a chat of v3, and wait for the end; give what was sent there."""
    number = next(NUMBERS)
    data = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"message {number}")),
        "chat": {"id": chat, "is_group": False},
        "direction": "inbound",
        "sender_handle": {"handle": "+15550101006", "service": "iMessage", "is_me": False},
        "parts": [{"type": "media", "id": "en-call-me", "filename": "Audio Message.caf", "mime_type": "audio/x-caf"}],
        "sent_at": "2025-11-03T15:08:01Z",
    }
    message_id = str(data["id"])
    rig.sandbox.series.messages[chat][message_id] = {"id": message_id, "chat_id": chat, "parts": data["parts"]}
    event = {"api_version": "v3", "event_type": "message.received", "event_id": f"event {number}", "data": data}
    value = json.dumps(event).encode()
    where, offset = await rig.put(Path(f"{number}.json"), value)
    ended = await follow(rig.store.ledger, value, where, offset, our_numbers=(), patience_seconds=PATIENCE_SECONDS)
    return ended, [sent for sent in rig.sandbox.sent if sent.chat_id == chat]


@pytest.mark.parametrize("path", V3, ids=lambda path: path.stem)
async def test_v3_events_end_as_they_should(path: Path, well: Rig, expected: Mapping[str, Mapping[str, Any]]) -> None:
    """Every fixture of v3 ends over Linq as it does over the Series API."""
    followed = await well.answered(path)
    assert (followed.outcome, followed.reason) == (expected[path.name]["outcome"], expected[path.name]["reason"])


async def test_memo_is_answered_with_a_voice_bubble(well: Rig) -> None:
    """A memo whose event has no link is fetched by its attachment, and answered by a voice memo that was uploaded."""
    ended, (sent,) = await _speak(well, "bubble")
    assert ended.outcome == "answered"
    assert sent.mime_type == "audio/x-m4a"
    assert sent.audio is not None
    assert sent.audio[4:8] == b"ftyp"
    assert well.sandbox.faults.requests["linq.attachment"] >= 1
    assert ("bubble", "start") in well.sandbox.linq.typed
    assert well.sandbox.linq.typed[-1] == ("bubble", "stop")
    assert ended.story
    assert ended.story.facts["sent_id"] == sent.message_id


async def test_accepted_and_timed_out_is_one_bubble(well: Rig) -> None:
    """A memo that Linq took without saying so is found in the chat: one bubble, not two (I1)."""
    well.sandbox.faults.next("linq.voicememo", UNTOLD)
    before = well.sandbox.faults.requests["linq.voicememo"]
    ended, sent = await _speak(well, "untold")
    assert (ended.outcome, len(sent)) == ("answered", 1)
    assert well.sandbox.faults.requests["linq.voicememo"] == before + 1


async def test_accepted_and_listed_late_is_one_bubble(well: Rig) -> None:
    """What is not even listed at first is parked, and found before anything is sent again: one bubble, not two (I1)."""
    well.sandbox.faults.next("linq.voicememo", UNTOLD)
    well.sandbox.linq.lists_after_seconds = 3.0
    ended, sent = await _speak(well, "late")
    assert (ended.outcome, len(sent)) == ("answered", 1)
    assert ended.story
    assert "outcome-unknown" in {step.error for step in ended.story.steps}
    assert ended.story.facts["sent_id"] == sent[0].message_id


async def test_refused_audio_is_sent_as_wav_then_as_words(well: Rig) -> None:
    """Where Linq refuses M4A, WAV goes out, and where it refuses that too, the words."""
    refused = ScriptedFault(FaultKind.STATUS, 422)
    well.sandbox.faults.next("linq.voicememo", refused)
    _, sent = await _speak(well, "wav")
    assert [each.mime_type for each in sent] == ["audio/x-wav"]
    well.sandbox.faults.next("linq.voicememo", refused, refused)
    _, sent = await _speak(well, "words")
    assert [(each.audio, each.text[:7]) for each in sent] == [(None, "I heard")]


async def test_who_opted_out_is_left_alone(well: Rig) -> None:
    """A memo of somebody who opted out fails with that reason, in its letter too; the next one asks for nothing."""
    well.sandbox.linq.opted_out.add("out")
    ended, sent = await _speak(well, "out")
    assert (ended.outcome, ended.reason, sent) == ("failed", "deliver-opted-out", [])
    asked = well.sandbox.faults.requests["linq.voicememo"], well.sandbox.faults.requests["linq.attachments"]
    ended, sent = await _speak(well, "out")
    assert (ended.outcome, ended.reason, sent) == ("failed", "deliver-opted-out", [])
    assert asked == (well.sandbox.faults.requests["linq.voicememo"], well.sandbox.faults.requests["linq.attachments"])
    letters = await well.store.ledger.dead_letters(limit=100)
    assert [(each.reason, each.stage) for each in letters] == [("deliver-opted-out", "deliver")] * 2


async def test_doctor_asks_linq(well: Rig) -> None:
    """`doctor` asks the messenger that is used, and names its variables when the key is wrong."""
    environment = well.sandbox.linq_environment()
    assert await _doctor(environment) == "answers"
    told = await _doctor(environment | {"LINQ_API_KEY": "wrong"})
    assert "LINQ_API_KEY" in told
    assert "wrong or not allowed" in told


async def _doctor(environment: Mapping[str, str]) -> str:
    """Give what `doctor` says of Linq."""
    _, out, _ = await asyncio.wait_for(run_to_end("doctor", "--json", variables=environment), PATIENCE_SECONDS)
    findings = json.loads(out)["findings"]
    assert not any(each["part"].startswith("series") or each["part"].startswith("SERIES") for each in findings)
    return str(next(each["words"] for each in findings if each["part"] == "linq"))
