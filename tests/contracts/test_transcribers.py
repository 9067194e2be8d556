"""What every transcriber promises besides the contract of all adapters (test_adapters.py); and the local one's part."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiohttp import web

from audio.clip import wav_clip
from audio.engines.sphinx import SphinxRecognizer
from providers.errors import BadAnswer, ProviderError, Rejected, Unavailable
from providers.models.local import LocalTranscriber
from sandbox.app import Sandbox
from sandbox.faults import FaultKind, ScriptedFault
from sandbox.mind import ScriptedMind
from tests.contracts.adapters import SPEECH, TRANSCRIBERS, WORDS, Wired, children, leaked_secrets, recording
from tests.contracts.messengers import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from providers.ports import Transcriber

SILENCE = wav_clip(bytes(16_000), sample_rate=16_000)


class RecordingMind(ScriptedMind):
    """Remembers what it was given to hear."""

    def __init__(self) -> None:
        super().__init__(words=WORDS)
        self.given: list[bytes] = []

    async def hear(self, wav: bytes) -> str:
        """Hear."""
        self.given.append(wav)
        return self.words


@pytest.fixture
def mind() -> RecordingMind:
    """What stands behind all of them."""
    return RecordingMind()


@pytest_asyncio.fixture
async def sandbox(mind: RecordingMind) -> AsyncIterator[Sandbox]:
    """Upstreams that answer at once."""
    async with Sandbox(mind) as made:
        yield made


@pytest.fixture(params=TRANSCRIBERS, ids=lambda wired: wired.name)
def wired(request: pytest.FixtureRequest) -> Wired:
    """Each adapter of a vendor in turn."""
    found: Wired = request.param
    return found


@pytest.mark.parametrize("language", ["en", "hi", "zh"])
async def test_words_come_back(wired: Wired, sandbox: Sandbox, mind: RecordingMind, language: str) -> None:
    """The words come back stripped, with the language's primary subtag where the wire tells one."""
    mind.words, mind.spoken = f" {WORDS}\n", language
    async with wired.adapter(sandbox.url) as transcriber:
        heard = await transcriber.transcribe(SPEECH, language=language)
    assert heard.text == WORDS
    assert heard.language == (None if wired.name == "whisper" else language)  # its wire has none
    assert repr(heard) == f"Transcript(language={heard.language!r})"


@pytest.mark.parametrize("seconds", [0, 1, 30])
async def test_a_recording_arrives_whole(wired: Wired, sandbox: Sandbox, mind: RecordingMind, seconds: int) -> None:
    """What is given to be heard is what is heard, half a minute too, and nothing at all."""
    async with wired.adapter(sandbox.url) as transcriber:
        await transcriber.transcribe(recording(seconds))
    assert mind.given == [recording(seconds).data]


@pytest.mark.parametrize(
    ("words", "heard"),
    [
        ("", ""),
        (" \n\t", ""),
        ("so \ud83d nice\udc00", "so  nice"),
        ("so \ud83d\ude00 nice", "so 😀 nice"),
        ("so\0 nice\0", "so nice"),
        ("Z\u0351\u036b और مرحبا 你好 👩‍👩‍👧‍👦", "Z\u0351\u036b और مرحبا 你好 👩‍👩‍👧‍👦"),
        ("word " * 20_000, ("word " * 20_000).strip()),
    ],
    ids=["nothing", "blank", "half characters", "halves that belong together", "NUL", "scripts", "100 kB"],
)
async def test_odd_words_can_be_written_down(
    wired: Wired, sandbox: Sandbox, mind: RecordingMind, words: str, heard: str
) -> None:
    """Whatever a server says was said comes back whole; but half characters and NUL, which no store takes, do not."""
    mind.words = words
    async with wired.adapter(sandbox.url) as transcriber:
        assert (await transcriber.transcribe(SPEECH)).text == heard


@pytest.mark.parametrize("kind", [FaultKind.SHORT, FaultKind.ENDLESS])
async def test_half_a_transcript_is_none(wired: Wired, sandbox: Sandbox, kind: FaultKind) -> None:
    """An answer that ends too early, though it ends well, or that has no end, is a BadAnswer."""
    sandbox.faults.next(wired.route, ScriptedFault(kind))
    async with wired.adapter(sandbox.url) as transcriber:
        with pytest.raises(ProviderError) as raised:
            await transcriber.transcribe(SPEECH)
    assert type(raised.value) is BadAnswer
    assert leaked_secrets(raised.value) == []


@pytest.mark.parametrize(
    "answer",
    [
        b"[]",
        b'"hi"',
        b"null",
        b"7",
        b"{}",
        b'{"text": 5}',
        b'{"text": null}',
        b'{"text": ["the secret words of a person"]}',
        b"\xff",
        b"[" * 200_000,
        b'{"text": ' + b"7" * 5000 + b"}",
    ],
    ids=lambda answer: repr(answer[:16]),
)
async def test_no_transcript_is_a_bad_answer(wired: Wired, answer: bytes) -> None:
    """What is JSON and no transcript is a BadAnswer, whatever it is, and is not passed on."""

    async def says(_: web.Request) -> web.Response:
        return web.Response(body=answer, content_type="application/json")

    async with serving(says) as url, wired.adapter(url) as transcriber:
        with pytest.raises(ProviderError) as raised:
            await transcriber.transcribe(SPEECH)
    assert type(raised.value) is BadAnswer
    assert leaked_secrets(raised.value) == []


async def test_a_packed_answer_is_bounded(wired: Wired) -> None:
    """A small answer may hide a large one: where a bound cannot be held to what is inside, it is refused."""

    async def says(_: web.Request) -> web.Response:
        response = web.Response(body=json.dumps({"text": " " * 64 * 2**20}).encode(), content_type="application/json")
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with serving(says) as url, wired.adapter(url) as transcriber:
        with pytest.raises(BadAnswer):
            await transcriber.transcribe(SPEECH)


async def test_the_local_one_knows_english_alone() -> None:
    """A recording is heard as the same, asked alone or with another; another language is refused, not guessed at."""
    transcriber: Transcriber = LocalTranscriber(SphinxRecognizer(processes=2))
    alone = await transcriber.transcribe(SILENCE)
    for heard in await asyncio.gather(transcriber.transcribe(SILENCE, language="en"), transcriber.transcribe(SILENCE)):
        assert heard == alone
    assert alone.language == "en"
    with pytest.raises(Rejected):
        await transcriber.transcribe(SILENCE, language="fr")


async def test_the_local_one_has_its_time() -> None:
    """A recording that takes too long is given up, and the engine's process with it."""
    made = LocalTranscriber(SphinxRecognizer(deadline_seconds=0.01))
    with pytest.raises(ProviderError) as raised:
        await made.transcribe(recording(30))
    assert type(raised.value) is Unavailable
    assert children() == set()
    await made.close()
    await made.close()


async def test_the_local_one_is_cancelled() -> None:
    """A call that is cancelled leaves no process, and the next one is served."""
    made = LocalTranscriber(SphinxRecognizer())
    asking = asyncio.ensure_future(made.transcribe(recording(30)))
    while not children():  # noqa: ASYNC110 (the system's state)
        await asyncio.sleep(0.001)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert children() == set()
    assert (await made.transcribe(SILENCE)).language == "en"
