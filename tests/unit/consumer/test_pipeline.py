"""Pipeline: which stages run, and in which order, by what earlier attempts gained."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from audio.clip import Clip, wav_clip
from audio.clips import Line
from audio.formats import Format
from consumer.memo.endings import Apology, NotKept
from consumer.memo.lease import Lease
from consumer.memo.progress import Progress
from consumer.memo.states import LinkedAudio, Memo
from consumer.notices import Notices
from consumer.pipeline import Pipeline
from consumer.stages.answer import Answer
from consumer.stages.decode import Decode
from consumer.stages.deliver import Deliver
from consumer.stages.fetch import Fetch
from consumer.stages.hear import Hear, Read
from consumer.stages.keep import Keep
from consumer.stages.remember import Remember
from consumer.stages.speak import Speak
from conversation.replying.reply import replier_rung
from conversation.speaking.rehearsal import synthesizer_rung
from providers.errors import Forbidden, OutcomeUnknown
from providers.fallback.ladder import Ladder, Rung
from providers.ports import Transcript
from storage.errors import ArchiveUnavailable
from storage.ledger import Claim, MemoKey
from storage.memory.store import MemoryArchive, MemoryStore
from tests.harness.virtual_time import in_virtual_time
from tests.unit.audio.recordings import RATE, loud, pcm, voice

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from consumer.memo.states import Delivered
    from providers.ports import VoiceReply
    from storage.ledger import JsonValue

    Facts = dict[str, JsonValue]

KEY, AT = MemoKey("51", "1"), datetime(2026, 1, 1, tzinfo=UTC)
MEMO = Memo("51", "1", "+15550100001", AT, (LinkedAudio("https://example.com/a.ogg"),))
TEXT = Memo("51", "1", "+15550100001", AT, (), text="How are you today?")
REPLY = "I am fine, thank you. And how are you?"
ORIGINAL, SPOKEN = "original.ogg", "reply.m4a"


@cache
def recording(*, silent: bool) -> Clip:
    """Speech, or silence, as it is decoded."""
    return wav_clip(pcm(np.zeros(RATE) if silent else loud(voice(3.0), -20.0)), sample_rate=RATE)


class _World:
    """Every port that the stages use: messenger, transcoder, recogniser, model and voice."""

    service, listed_by_seconds, sample_rate = "series", 0.0, RATE

    def __init__(self, *, silent: bool = False, gone: bool = False, in_chat: str | None = None) -> None:
        self.silent, self.gone, self.in_chat = silent, gone, in_chat
        self.sent: list[tuple[str, str]] = []

    @asynccontextmanager
    async def typing(self, _: str) -> AsyncIterator[None]:
        yield

    async def download(self, *_: object, **__: object) -> bytes:
        if self.gone:
            raise Forbidden("media")
        return b"OggSsound"

    async def find_sent(self, *_: object, **__: object) -> str | None:
        return self.in_chat

    async def send_voice(self, reply: VoiceReply, **_: object) -> str:
        self.sent.append(("voice", reply.text))
        return "sent"

    async def send_text(self, _: str, text: str, **__: object) -> str:
        self.sent.append(("text", text))
        return "sent"

    @asynccontextmanager
    async def ahead(self) -> AsyncIterator[None]:
        yield

    async def decode(self, *_: object) -> Clip:
        return recording(silent=self.silent)

    async def encode(self, speech: AsyncIterator[bytes], **_: object) -> Clip:
        return Clip(b"".join([piece async for piece in speech]), Format.M4A)

    async def transcribe(self, *_: object) -> Transcript:
        return Transcript("How are you today?", "en")

    async def reply(self, *_: object, **__: object) -> AsyncGenerator[str]:
        yield REPLY

    async def speak(self, text: str, **_: object) -> AsyncGenerator[bytes]:
        yield np.full(100 * len(text), 9000, "<i2").tobytes()


class _FullArchive(MemoryArchive):
    """An archive that takes nothing more."""

    async def put(self, *_: object, **__: object) -> str:
        raise ArchiveUnavailable("full")


def pipeline(world: _World, store: MemoryStore, archive: MemoryArchive, *, resend_unknown: bool = True) -> Pipeline:
    """Make the pipeline of the real stages, with one rung in each ladder."""
    ports: Any = world
    return Pipeline(
        messenger=ports,
        fetch=Fetch(ports, 1_000_000),
        keep=Keep(archive, b"key"),
        decode=Decode(ports),
        hear=Hear(Ladder("hear", Rung("whisper", ports.transcribe, 9), budget_seconds=9), "en"),
        read=Read("en"),
        answer=Answer(Ladder("answer", Rung("llama", replier_rung("llama", ports), 9), budget_seconds=9)),
        speak=Speak(Ladder("speak", Rung("voice", synthesizer_rung("voice", ports, ports), 9), budget_seconds=9)),
        deliver=Deliver(ports, ports, send_seconds=9.0, resend_unknown=resend_unknown),
        remember=Remember(store.history),
        default_language="en",
    )


async def run(
    world: _World,
    memo: Memo,
    facts: Facts,
    apology: Apology | None = None,
    archive: MemoryArchive | None = None,
    *,
    resend_unknown: bool = True,
) -> tuple[Delivered, list[str]]:
    """Run a memo with these facts; return its end, and the steps of its story: stage, rung, error."""
    clock = asyncio.get_running_loop().time
    store, kept = MemoryStore(clock=clock), archive or MemoryArchive()
    for key in () if archive else (ORIGINAL, SPOKEN):
        await kept.put(key, b"OggSsound", content_type="audio/ogg")
    claim = await store.ledger.claim(KEY, owner="one", lease_seconds=600, facts=facts)
    assert isinstance(claim, Claim)
    lease = Lease(store.ledger, claim, seconds=600, asked_at=clock(), clock=clock)
    progress = Progress(lease, Notices(), clock)
    delivered = await pipeline(world, store, kept, resend_unknown=resend_unknown)(memo, progress, apology)
    return delivered, [" ".join(filter(None, (step.stage, step.rung, step.error))) for step in progress.steps]


FETCHED: Facts = {"fetched": True, "original": ORIGINAL}
HEARD: Facts = {**FETCHED, "transcript": "How are you today?", "language": "en", "ears": "whisper"}
ANSWERED: Facts = {**HEARD, "reply": REPLY, "replier": "llama"}
VOICED: Facts = {**ANSWERED, "spoken": SPOKEN, "said": REPLY, "voice": "voice"}
SENDING: Facts = {**VOICED, "idempotency_key": "k", "filename": "f.m4a", "unsure": True}
READ: Facts = {"language": "en", "ears": "read"}
WELL = (Line.NOT_PROCESSED, "bug-KeyError")
WHOLE = ["fetch", "decode", "hear whisper", "answer llama", "speak voice", "deliver voice"]
ASIDES = {"recall", "keep", "keep-wav", "keep-reply", "remember"}
VOICE = [
    ({}, WHOLE, ASIDES),
    (FETCHED, ["fetch archive", *WHOLE[1:]], ASIDES - {"keep"}),
    ({"fetched": True, "original": "lost.ogg"}, WHOLE, ASIDES),
    (HEARD, WHOLE[3:], {"recall", "keep-reply", "remember"}),
    ({**HEARD, "original": None}, WHOLE[3:], {"recall", "keep", "keep-reply", "remember"}),
    (ANSWERED, WHOLE[4:], {"recall", "keep-reply", "remember"}),
    (VOICED, ["speak archive", "deliver voice"], {"recall", "remember"}),
    (
        {**VOICED, "spoken": "lost.m4a"},
        ["speak archive ArchiveMissing", *WHOLE[4:]],
        {"recall", "keep-reply", "remember"},
    ),
    (SENDING, ["look", "speak archive", "deliver voice"], {"recall", "remember"}),
    ({**SENDING, "sent_id": "sent", "form": "voice"}, ["look"], {"remember"}),
    ({**SENDING, "sent_id": "sent", "form": "voice", "original": None}, ["look"], {"keep", "remember"}),
]


def split(steps: list[str]) -> tuple[list[str], set[str]]:
    """Return the main line and the asides."""
    return [step for step in steps if step not in ASIDES], {step for step in steps if step in ASIDES}


@pytest.mark.parametrize(("facts", "main", "asides"), VOICE)
@in_virtual_time
async def test_a_voice_memo_goes_on_where_it_was(facts: Facts, main: list[str], asides: set[str]) -> None:
    """Stages run in order, none whose gain is known (I10); what an earlier attempt did not keep is kept (I5)."""
    world = _World()
    delivered, steps = await run(world, MEMO, facts)
    assert split(steps) == (main, asides)
    assert (delivered.said, delivered.form) == (REPLY, "voice")
    assert world.sent == ([] if "sent_id" in facts else [("voice", REPLY)])


@in_virtual_time
async def test_a_reply_that_is_in_the_chat() -> None:
    """What may be out is looked for before anything else, and what is found is the reply (I1)."""
    world = _World(in_chat="earlier")
    delivered, steps = await run(world, MEMO, SENDING)
    assert (delivered.sent_id, split(steps), world.sent) == ("earlier", (["look"], {"remember"}), [])


@pytest.mark.parametrize(
    ("facts", "main"),
    [
        ({}, ["read", "answer llama", "deliver text"]),
        (READ, ["answer llama", "deliver text"]),
        ({**READ, "reply": REPLY, "replier": "llama"}, ["deliver text"]),
    ],
)
@in_virtual_time
async def test_a_text_message_goes_the_same_way(facts: Facts, main: list[str]) -> None:
    """It is read instead of heard, and answered in writing; nothing is fetched, spoken or kept."""
    world = _World()
    delivered, steps = await run(world, TEXT, facts)
    assert split(steps) == (main, {"recall", "remember"})
    assert (delivered.form, world.sent) == ("text", [("text", REPLY)])


@pytest.mark.parametrize(
    ("world", "memo", "facts", "given", "main", "reason"),
    [
        (_World(silent=True), MEMO, {}, None, ["fetch", "decode", "hear silence"], "silence"),
        (_World(gone=True), MEMO, {}, None, ["fetch media-forbidden"], "media-forbidden"),
        (_World(), MEMO, HEARD, WELL, [], WELL[1]),
        (_World(), TEXT, {}, WELL, [], WELL[1]),
    ],
)
@in_virtual_time
async def test_an_apology_instead(  # noqa: PLR0917 (a table)
    world: _World,
    memo: Memo,
    facts: Facts,
    given: tuple[Line, str] | None,
    main: list[str],
    reason: str,
) -> None:
    """An apology that is given, or that a stage raises, is delivered in the form of the message, and not remembered."""
    delivered, steps = await run(world, memo, facts, Apology(*given) if given else None)
    voiced = ["speak clip", "deliver voice"] if memo is MEMO else ["deliver text"]
    assert split(steps)[0] == [*main, *voiced]
    assert "remember" not in steps
    assert (delivered.answering.reason, [form for form, _ in world.sent]) == (reason, [voiced[-1].split()[1]])


@in_virtual_time
async def test_nothing_is_settled_before_the_original_is_kept() -> None:
    """A memo whose original cannot be kept is delivered, and then not done (I5)."""
    world = _World()
    with pytest.raises(NotKept) as owing:
        await run(world, MEMO, {}, archive=_FullArchive())
    assert (owing.value.delivered.said, world.sent) == (REPLY, [("voice", REPLY)])


@in_virtual_time
async def test_the_original_is_kept_though_nothing_may_be_sent() -> None:
    """A memo that may have been answered, and is not answered again, is kept all the same (I5)."""
    world, archive = _World(), MemoryArchive()
    with pytest.raises(OutcomeUnknown):
        await run(world, MEMO, {**SENDING, "original": None}, archive=archive, resend_unknown=False)
    assert len(await archive.keys()) == 1
    assert world.sent == []
