"""A service that is down, on the wire: it is spared our requests, and serves again soon after it recovers (breaker)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from audio.transcode import Transcoder
from conversation.draft import StreamedReply
from conversation.speaking.rehearsal import recorded_line, synthesizer_rung
from providers.fallback.breaker import COOL_DOWN_SECONDS, FAILURES, LONGEST_SECONDS
from providers.fallback.ladder import Ladder, Rung
from providers.models.elevenlabs import ElevenLabsSynthesizer
from sandbox.app import ELEVENLABS_KEY, Sandbox
from sandbox.faults import FaultKind, ScriptedFault
from sandbox.mind import ScriptedMind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conversation.speaking.rehearsal import Voiced

VOICE = "elevenlabs"


@dataclass
class Clock:
    """Seconds that pass on command."""

    now: float = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@dataclass
class Down:
    """A ladder of a voice and the clip, its sandbox and its clock."""

    sandbox: Sandbox
    ladder: Ladder[[StreamedReply], Voiced]
    clock: Clock

    async def served(self) -> str:
        """Have a reply spoken; tell who did."""
        return (await self.ladder(StreamedReply.whole("Hello there, how are you?", "en"))).rung

    def suffer(self, fault: ScriptedFault) -> None:
        """Script a fault of the voice, until it is cleared; reset the count of its requests."""
        self.sandbox.faults.requests.clear()
        self.sandbox.faults.always(VOICE, fault)

    @property
    def requests(self) -> int:
        """How many requests came to the voice."""
        return self.sandbox.faults.requests[VOICE]


@pytest.fixture
async def down() -> AsyncIterator[Down]:
    """The voice, still well."""
    async with Sandbox(ScriptedMind()) as sandbox:
        voice = ElevenLabsSynthesizer(
            ELEVENLABS_KEY, model="eleven_flash_v2_5", voices={"default": "voice-en"}, base_url=sandbox.url
        )
        clock = Clock()
        rung = Rung(VOICE, synthesizer_rung(VOICE, voice, Transcoder()), 20)
        yield Down(
            sandbox, Ladder("speak", rung, Rung("clip", recorded_line, 5), budget_seconds=30, clock=clock), clock
        )
        await voice.close()


@pytest.mark.parametrize(
    "fault",
    [
        ScriptedFault(FaultKind.STATUS, 503),
        ScriptedFault(FaultKind.RESET),
        ScriptedFault(FaultKind.EMPTY),
        ScriptedFault(FaultKind.CUT_MIDWAY),
    ],
)
async def test_one_request_a_cool_down(down: Down, fault: ScriptedFault) -> None:
    """While it is down it gets one real request a cool-down; after it recovers it serves within one cool-down."""
    assert await down.served() == VOICE
    down.suffer(fault)
    for _ in range(FAILURES):
        assert await down.served() == "clip"
    assert down.requests == FAILURES
    for cool_downs in range(1, 4):
        down.clock.now += COOL_DOWN_SECONDS * 2 ** (cool_downs - 1)
        for _ in range(5):
            assert await down.served() == "clip"
        assert down.requests == FAILURES + cool_downs
    down.sandbox.faults.clear()
    assert await down.served() == "clip"
    down.clock.now += COOL_DOWN_SECONDS * 2**3
    assert [await down.served() for _ in range(3)] == [VOICE] * 3


@pytest.mark.parametrize("status", [401, 402, 403])
async def test_what_an_operator_has_to_mend(down: Down, status: int, caplog: pytest.LogCaptureFixture) -> None:
    """A wrong key, or an unpaid bill, is found out by one request, shouted once, and asked again only after minutes."""
    down.suffer(ScriptedFault(FaultKind.STATUS, status))
    for _ in range(9):
        assert await down.served() == "clip"
    down.clock.now += LONGEST_SECONDS * 0.7
    assert await down.served() == "clip"
    assert down.requests == 1
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["rung.shut"]
    down.sandbox.faults.clear()
    down.clock.now += LONGEST_SECONDS * 0.3
    assert await down.served() == VOICE


@pytest.mark.parametrize(("asked", "seconds"), [("20", 20.0), ("86400", LONGEST_SECONDS)])
async def test_retry_after(down: Down, asked: str, seconds: float) -> None:
    """A service that says how long to stay away is left alone for so long, within reason, and the next rung serves."""
    down.suffer(ScriptedFault(FaultKind.STATUS, 429, retry_after=asked))
    for _ in range(5):
        assert await down.served() == "clip"
    down.clock.now += seconds - 1
    assert await down.served() == "clip"
    assert down.requests == 1
    down.sandbox.faults.clear()
    down.clock.now += 2
    assert await down.served() == VOICE
