"""The outage matrix: every pair of troubles at two upstreams; each memo is answered once, aloud, in its language.

A case is one memo under one row of troubles, handled by a handler of its own, whose breakers know of nothing yet. All
parts are real but the upstreams, which are the sandbox's. The rows in which something is heard take minutes, and are
for `make proof`.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any, Final, cast

import pytest
import pytest_asyncio

from audio import clips
from audio.clip import Clip
from audio.clips import Line
from audio.formats import sniff
from audio.transcode import Transcoder
from consumer import pipeline_wiring, wiring
from consumer.events.parse import VoiceMemo, parse
from consumer.handling.work import Done
from consumer.notices import Notices
from consumer.settings import load
from providers.models.local import canned_reply
from sandbox.app import Sandbox
from sandbox.mind import ScriptedMind
from storage.ledger import Event, Place
from storage.sqlite.store import SqliteStore
from storage.states import State
from tests.acceptance.troubles import LANGUAGE, TOLD, TROUBLES, WELL, any_rows, heard_rows, history, s3, suffer
from tests.harness.levels import rms_dbfs
from tests.harness.paths import MEMOS
from tests.harness.processes import environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from sandbox.faults import Faults
    from sandbox.upstreams.series import Sent
    from storage.ledger import Story

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow, pytest.mark.timeout(900)]

AUDIBLE_DBFS: Final = -40.0
AT_ONCE: Final = 16
DEADLINE_SECONDS: Final = 12.0
WORDS: Final = "hola, llámame cuando puedas, por favor, que tengo que contarte una cosa"
ANSWER: Final = "Claro que sí, te llamo en cuanto salga del trabajo. ¿Te parece bien si quedamos más tarde?"
RUNGS: Final = {
    "whisper": ("hear", "huggingface"),
    "second ears": ("hear", "openai"),
    "llama": ("answer", "huggingface"),
    "second model": ("answer", "openai"),
    "elevenlabs": ("speak", "elevenlabs"),
    "cartesia": ("speak", "cartesia"),
}
"""Upstream → the ladder and the rung."""
NOT_TRIED: Final = {"no-time", "open"}
LATE: Final = {"timed-out", "stalled"}
"""What a busy machine makes of any trouble."""


@dataclass
class Case:
    """One memo under one row of troubles, and what became of it."""

    number: int
    row: Mapping[str, str]
    sent: list[Sent] = field(default_factory=list)
    story: Story | None = None
    seconds: float = 0.0
    """From the event to the reply, in seconds."""

    def rungs(self, stage: str) -> dict[str, str | None]:
        """Give the rungs that the story names for a stage, each with its error."""
        steps = self.story.steps if self.story else ()
        return {step.rung: step.error for step in steps if step.stage == stage and step.rung}

    @property
    def hurried(self) -> bool:
        """Whether a healthy service was not given, or did not take, its time."""
        well = [RUNGS[each] for each in RUNGS if self.row[each] == WELL]
        told = (self.rungs(stage).get(rung) for stage, rung in (*well, ("speak", "local")))
        return any(error in {"no-time", "timed-out", "stalled"} for error in told)

    def __str__(self) -> str:
        """For people: its troubles."""
        return f"row {self.number}: " + ", ".join(f"{each}={it}" for each, it in self.row.items() if it != WELL)


async def handled(case: Case, folder: Path, buckets: Faults) -> None:
    """Have the memo handled, and keep what became of it."""
    async with AsyncExitStack() as closing:
        mind = ScriptedMind(words=WORDS, spoken=LANGUAGE, answer=ANSWER)
        sandbox = await closing.enter_async_context(Sandbox(mind, media=(MEMOS,)))
        chat = f"chat-{case.number}"
        event = announced(sandbox, chat)
        past = await closing.enter_async_context(history(case.row["history"], folder / "history.db", chat))
        store = SqliteStore(folder / "voicememo.db")
        await store.open()
        closing.push_async_callback(store.close)
        suffer(sandbox.faults, case.row)
        if case.row["archive"] != WELL:
            buckets.always(f"row{case.number}", TROUBLES[case.row["archive"]])
        upstreams = {
            **sandbox.environment(),
            **sandbox.openai_environment(),
            "TRANSCRIBERS": "huggingface,openai,local",
            "SYNTHESIZERS": "elevenlabs,cartesia,local,clip",
            "DEFAULT_LANGUAGE": LANGUAGE,
            "REPLY_DEADLINE_SECONDS": str(DEADLINE_SECONDS),
        }  # fmt: skip
        settings = load(environment(folder, sandbox=upstreams, ARCHIVE_URL=f"s3://row-{case.number}"))
        made = pipeline_wiring.make_parts(settings)
        closing.push_async_callback(made.close)
        pipeline = pipeline_wiring.make_pipeline(settings, made, past.history)
        handler = wiring.make_handler(settings, pipeline, store.ledger, cast("Any", Letters()), Notices())
        parsed = parse(event.value, received_at=datetime.now(UTC), our_numbers=())
        assert isinstance(parsed, VoiceMemo)
        begun = datetime.now(UTC)
        assert await handler.take(event, parsed, lambda: True) == Done()
        case.sent = sandbox.sent
        case.seconds = (case.sent[0].at - begun).total_seconds() if case.sent else float("inf")
        case.story = (await store.ledger.find(parsed.memo.message_id))[0]


class Letters:
    """A dead-letter topic: the letters are in the ledger anyway."""

    def post(self, letter: object) -> None:
        """Do without a copy."""


def announced(sandbox: Sandbox, chat: str) -> Event:
    """Make the event of a memo whose recording is to be fetched, and may be asked for again."""
    attachment = {"id": "att-1", "download_url": f"{sandbox.url}/media/en-call-me.caf", "mime_type": "audio/x-caf"}
    message = {"id": "memo-1", "chat_id": chat, "text": "", "from_phone": "+15550100001", "attachments": [attachment]}
    sandbox.series.add_message(chat, "memo-1", message)
    envelope = {"api_version": "v2", "event_type": "message.received", "event_id": f"e-{chat}", "data": message}
    place = Place("message.received", 0, 0)
    return Event(place, datetime.now(UTC).timestamp(), chat.encode(), json.dumps(envelope).encode())


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=[pytest.param(any_rows, id="any"), pytest.param(heard_rows, id="heard", marks=pytest.mark.proof)],
)
async def cases(request: pytest.FixtureRequest) -> AsyncIterator[list[Case]]:
    """All rows, some at once."""
    made = [Case(number, row) for number, row in enumerate(request.param())]
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case, folder: Path, buckets: Faults) -> None:
        async with slots:
            await asyncio.to_thread(folder.mkdir)
            await handled(case, folder, buckets)

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as environment:
        async with s3(len(made)) as (buckets, url):
            for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "x"}.items():
                environment.setenv(f"AWS_{name}", value)
            environment.setenv("AWS_ENDPOINT_URL_S3", url)
            environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
            await asyncio.gather(*(one(case, Path(folder) / str(case.number), buckets) for case in made))
            yield made


async def test_one_audible_reply_each(cases: list[Case]) -> None:
    """Whatever fails together, the memo is settled with exactly one audio message in which something is heard."""
    transcoder = Transcoder()
    for case in cases:
        assert [bool(sent.audio) for sent in case.sent] == [True], case
        assert case.story, case
        assert case.story.state in {State.ANSWERED, State.APOLOGISED}, case
        audio = case.sent[0].audio or b""
        wav = await transcoder.decode(Clip(audio, sniff(audio)))
        assert rms_dbfs(wav) > AUDIBLE_DBFS, case


async def test_right_language(cases: list[Case]) -> None:
    """What is said is in the person's language: the reply, the canned one, or one of the lines."""
    canned = canned_reply(LANGUAGE)
    known = {ANSWER, canned, *(clips.text_of(line, LANGUAGE)[0] for line in Line)}
    for case in cases:
        assert case.sent[0].text in known, (str(case), case.sent[0].text)


async def test_nothing_less_than_could_be_had(cases: list[Case]) -> None:
    """The model's own reply is spoken whenever there is a way to it; a line only where there is none.

    Rows in which a busy machine kept a healthy service from answering in time tell nothing; they are few.
    """
    hurried = [case for case in cases if case.hurried]
    assert len(hurried) < len(cases) / 4
    for case in cases:
        row = case.row
        heard = row["media"] == WELL and WELL in {row["whisper"], row["second ears"]}
        written = WELL in {row["llama"], row["second model"]}
        if heard and written and case not in hurried:
            assert case.sent[0].text == ANSWER, str(case)


async def test_story_says_why(cases: list[Case]) -> None:
    """The story names each rung that was tried and the constant word for why it fell; or that there was no time."""
    named = 0
    for case in cases:
        assert case.story, case
        if case.row["media"] != WELL:
            assert (case.story.reason or "").startswith(("media-", "un")), (str(case), case.story.reason)
        for upstream, (stage, rung) in RUNGS.items():
            told, trouble = case.rungs(stage), case.row[upstream]
            if rung in told and trouble != WELL:
                named += told[rung] in TOLD[trouble]
                assert told[rung] in TOLD[trouble] | NOT_TRIED | LATE, (str(case), upstream, told)
    assert named > len(cases) / 8  # or hardly any of them was tried


async def test_within_the_deadline(cases: list[Case]) -> None:
    """Nobody waits for one trouble after the other: the deadline holds for them all together.

    The machine may be slow, so twice the deadline is let pass; the figures are printed.
    """
    took = sorted(case.seconds for case in cases)
    cuts = quantiles(took, n=20)
    told = f"p50 {cuts[9]:.1f} s, p95 {cuts[18]:.1f} s, longest {took[-1]:.1f} s"
    over = sum(seconds > DEADLINE_SECONDS for seconds in took)
    print(f"\n{len(took)} memos, deadline {DEADLINE_SECONDS:g} s: {told}; {over} over it")  # noqa: T201 (a figure for docs/quality.md, by -s)
    assert took[-1] <= 2 * DEADLINE_SECONDS
