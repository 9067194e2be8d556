"""One upstream after the other fails: the person still hears one answer, and the story says why (I1, I2)."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from console.fixture import wrap
from console.follow import EventOutcome, follow
from conversation.notices import RungFailed
from sandbox.faults import FaultKind, ScriptedFault
from tests.acceptance.conftest import PATIENCE_SECONDS, rig
from tests.harness.paths import MEMOS
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sandbox.upstreams.series import Sent
    from storage.ledger import Step
    from tests.acceptance.conftest import Rig

MEMO = MEMOS / "en-call-me.caf"
DOWN = ScriptedFault(FaultKind.STATUS, 503)
NUMBERS = itertools.count(1)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def well(running: Rig) -> AsyncIterator[Rig]:
    """The running worker, with all upstreams healthy again afterwards."""
    yield running
    running.sandbox.faults.clear()


async def _speak(rig: Rig, chat: str | None = None) -> tuple[EventOutcome, list[Sent]]:
    """Say something in a chat, and wait for the end; give what was sent there."""
    number = next(NUMBERS)
    chat = chat or f"chat-{number}"
    value = await asyncio.to_thread(wrap, MEMO, chat_id=chat, message_id=str(number), person="+15550100001")
    where, offset = await rig.put(MEMO, value)
    ended = await follow(rig.store.ledger, value, where, offset, our_numbers=(), patience_seconds=PATIENCE_SECONDS)
    return ended, [sent for sent in rig.sandbox.sent if sent.chat_id == chat]


def _rungs(ended: EventOutcome, stage: str) -> list[tuple[str | None, str | None]]:
    steps: Sequence[Step] = ended.story.steps if ended.story else ()
    return [(step.rung, step.error) for step in steps if step.stage == stage]


async def test_all_is_well(well: Rig) -> None:
    """The preferred rung of each ladder serves, and both turns are remembered."""
    ended, sent = await _speak(well, "well")
    assert (ended.outcome, len(sent)) == ("answered", 1)
    assert [_rungs(ended, stage) for stage in ("hear", "answer", "speak", "deliver")] == [
        [("huggingface", None)],
        [("huggingface", None)],
        [("elevenlabs", None)],
        [("voice", None)],
    ]
    assert [turn.role for turn in await well.store.history.recent("well", limit=9)] == ["user", "assistant"]


async def test_history_is_in_view(well: Rig) -> None:
    """A second memo is answered with the first one's turns before it."""
    for count in (2, 4):
        await _speak(well, "twice")
        assert len(await well.store.history.recent("twice", limit=9)) == count


async def test_whisper_is_down(well: Rig) -> None:
    """Scribe takes over, and the local recognizer where it is down too."""
    well.sandbox.faults.always("whisper", DOWN)
    ended, sent = await _speak(well)
    assert _rungs(ended, "hear") == [("huggingface", "unavailable"), ("scribe", None)]
    assert len(sent) == 1
    well.sandbox.faults.always("scribe", ScriptedFault(FaultKind.STATUS, 401))
    ended, sent = await _speak(well)
    assert _rungs(ended, "hear") == [("huggingface", "unavailable"), ("scribe", "unauthorized"), ("local", None)]
    assert len(sent) == 1


async def test_llama_is_down(well: Rig) -> None:
    """A canned reply is spoken, and is not remembered as if the model had said it."""
    well.sandbox.faults.always("llama", DOWN)
    ended, sent = await _speak(well, "canned")
    assert _rungs(ended, "answer") == [("huggingface", "unavailable"), ("canned", None)]
    assert sent[0].text.startswith("I got your message")
    assert [turn.role for turn in await well.store.history.recent("canned", limit=9)] == ["user"]


async def test_voices_are_down(well: Rig) -> None:
    """One voice after the other is tried, then those with the short line that may be, then the local voice speaks."""
    well.sandbox.faults.always("elevenlabs", ScriptedFault(FaultKind.STATUS, 401))
    well.sandbox.faults.always("cartesia", ScriptedFault(FaultKind.EMPTY))
    ended, sent = await _speak(well)
    assert _rungs(ended, "speak") == [
        ("elevenlabs", "unauthorized"),
        ("cartesia", "bad-answer"),
        ("elevenlabs-short", "open"),
        ("cartesia-short", "bad-answer"),
        ("local", None),
    ]
    assert sent[0].text.startswith("I heard you say")


async def test_audio_is_refused(well: Rig) -> None:
    """Only when the API refuses M4A and WAV does the reply go out as text; the story tells of each refusal."""
    refused = ScriptedFault(FaultKind.STATUS, 422)
    well.sandbox.faults.next("series.send", refused)
    ended, sent = await _speak(well)
    assert [(each.mime_type, each.text[:7]) for each in sent] == [("audio/wav", "I heard")]
    assert _rungs(ended, "deliver") == [("m4a", "rejected-422"), ("voice", None)]
    well.sandbox.faults.next("series.send", refused, refused)
    ended, sent = await _speak(well)
    assert [each.audio for each in sent] == [None]
    assert ended.story
    assert ended.story.facts["form"] == "text"
    assert _rungs(ended, "deliver") == [("m4a", "rejected-422"), ("wav", "rejected-422"), ("text", None)]
    told = [
        (each.rung, each.error) for each in well.notices if isinstance(each, RungFailed) and each.stage == "deliver"
    ]
    assert told[-2:] == [("m4a", "rejected-422"), ("wav", "rejected-422")]


@pytest.mark.parametrize(
    "fault",
    [
        DOWN,
        ScriptedFault(FaultKind.ACCEPTED_THEN_CUT),
        ScriptedFault(FaultKind.CUT),
        ScriptedFault(FaultKind.STATUS, 500),
    ],
)
async def test_series_stumbles(well: Rig, fault: ScriptedFault) -> None:
    """A send that fails, or seems to, ends in one message."""
    well.sandbox.faults.next("series.send", fault)
    ended, sent = await _speak(well)
    assert (ended.outcome, len(sent)) == ("answered", 1)


async def test_series_refuses_us(well: Rig) -> None:
    """When the API refuses us, the memo is failed and buried, with its reason; the next one is answered."""
    well.sandbox.faults.next("series.send", ScriptedFault(FaultKind.STATUS, 401))
    ended, sent = await _speak(well)
    assert (ended.outcome, ended.reason, sent) == ("failed", "deliver-unauthorized", [])
    assert (await well.store.ledger.dead_letters(limit=1))[0].reason == "deliver-unauthorized"
    ended, sent = await _speak(well)
    assert (ended.outcome, len(sent)) == ("answered", 1)


async def test_nobody_knows_the_words(well: Rig) -> None:
    """A recogniser that hears no words is believed: the reply says that nothing was heard."""
    well.sandbox.mind.words = ""  # type: ignore[attr-defined] # a ScriptedMind
    ended, sent = await _speak(well)
    well.sandbox.mind.words = "hello"  # type: ignore[attr-defined] # the same
    assert (ended.outcome, ended.reason) == ("apologised", "no-words")
    assert sent[0].audio


async def test_order_within_a_chat(well: Rig) -> None:
    """Memos of one chat are answered in their order, though the first takes longest (I3)."""
    well.sandbox.faults.latency["llama"] = 0.05
    numbers = [next(NUMBERS) for _ in range(6)]
    for number in numbers:
        value = await asyncio.to_thread(wrap, MEMO, chat_id="order", message_id=str(number), person="")
        await well.put(MEMO, value)
    await well.all_committed()
    sent = [(each.idempotency_key or "").split("-")[2] for each in well.sandbox.sent if each.chat_id == "order"]
    assert sent == [str(number) for number in numbers]


async def test_archive_and_voices_are_away(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without an archive and without any voice the clip is sent, and what could not be kept is owed."""
    folder = tmp_path_factory.mktemp("away")
    (folder / "file").touch()
    environment = {"ARCHIVE_URL": f"file:{folder / 'file' / 'archive'}", "SYNTHESIZERS": "elevenlabs,clip"}
    async with rig(folder, **environment) as made:
        made.sandbox.faults.always("elevenlabs", ScriptedFault(FaultKind.CUT))
        ended, sent = await _speak(made)
        assert _rungs(ended, "speak")[-1] == ("clip", None)
        assert ended.story
        assert ended.story.facts["owed"] == []
        assert len(list((folder / "owed").glob("*.owed"))) == 3
        assert sent[0].text == "Got your voice memo!"


@pytest.mark.parametrize(
    ("fault", "reason", "outcome", "replies"),
    [(None, "not-kept", "answered", 1), (ScriptedFault(FaultKind.STATUS, 401), "deliver-unauthorized", "failed", 0)],
)
async def test_archive_and_spool_are_away(
    tmp_path_factory: pytest.TempPathFactory, fault: ScriptedFault | None, reason: str, outcome: str, replies: int
) -> None:
    """When a recording can neither be kept nor owed, the memo stays unsettled until it is, replied to or refused."""
    folder = tmp_path_factory.mktemp("nowhere")
    (folder / "file").touch()
    nowhere = str(folder / "file" / "archive")
    async with rig(folder, ARCHIVE_URL=f"file:{nowhere}", ARCHIVE_SPOOL=nowhere) as made:
        if fault is not None:
            made.sandbox.faults.always("series.send", fault)
        value = await asyncio.to_thread(wrap, MEMO, chat_id="51", message_id="kept-later", person="")
        await made.put(MEMO, value)
        waiting = await until(lambda: made.store.ledger.waiting(limit=5), pause_seconds=0.05)
        assert (waiting[0].reason, waiting[0].state, len(made.sandbox.sent)) == (reason, "sending", replies)
        (folder / "file").unlink()
        story = await made.until("kept-later", lambda story: story.state.settled)
        assert (story.state, len(made.sandbox.sent)) == (outcome, replies)
        assert list(folder.glob("file/archive/voice_memo_*.caf"))


async def test_a_second_service_everywhere(tmp_path_factory: pytest.TempPathFactory) -> None:
    """When the first service of each ladder is down, one of the OpenAI wire hears, answers and speaks."""
    folder = tmp_path_factory.mktemp("second")
    async with rig(
        folder,
        lambda sandbox: sandbox.environment() | sandbox.openai_environment(),
        SYNTHESIZERS="elevenlabs,openai,clip",
    ) as made:
        for service in ("whisper", "llama", "elevenlabs"):
            made.sandbox.faults.always(service, DOWN)
        ended, sent = await _speak(made)
    assert [_rungs(ended, stage) for stage in ("hear", "answer", "speak")] == [
        [("huggingface", "unavailable"), ("openai", None)],
        [("huggingface", "unavailable"), ("openai", None)],
        [("elevenlabs", "unavailable"), ("openai", None)],
    ]
    assert sent[0].audio
    assert sent[0].text.startswith("I heard you say")


async def test_only_local_parts(tmp_path_factory: pytest.TempPathFactory) -> None:
    """With no key but the Series API's, a local recognizer, a canned reply and a local voice answer."""
    keys = {"HF_TOKEN": "", "ELEVENLABS_API_KEY": "", "CARTESIA_API_KEY": ""}
    async with rig(tmp_path_factory.mktemp("local"), **keys) as made:
        ended, sent = await _speak(made)
    assert [_rungs(ended, stage) for stage in ("hear", "answer", "speak")] == [
        [("local", None)],
        [("canned", None)],
        [("local", None)],
    ]
    assert sent[0].audio
