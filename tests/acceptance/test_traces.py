"""Traces that a collector gets of memos that go all the way, and what must not be in them."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer

from console.fixture import wrap
from console.follow import EventOutcome, follow
from runtime.trace_context import extract
from sandbox.faults import FaultKind, ScriptedFault
from tests.acceptance.collector import Collector, ExportedSpan, collecting
from tests.acceptance.conftest import PATIENCE_SECONDS, rig
from tests.harness.paths import FIXTURES, MEMOS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.acceptance.conftest import Rig

MEMO = MEMOS / "en-call-me.caf"
BROKEN = FIXTURES / "broken" / "random.caf"
CHAT, PERSON = "chat-of-a-person", "+15550100001"
PARENT_TRACE, PARENT_SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = ("traceparent", f"00-{PARENT_TRACE}-{PARENT_SPAN}-01".encode())
TRACESTATE = ("tracestate", b"vendor=t61rcWkgMzE,other=1")
UNSAMPLED = ("traceparent", f"00-{'b' * 32}-{PARENT_SPAN}-00".encode())

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Traced:
    """What a worker did, and what it sent to the collector."""

    collector: Collector
    ended: Mapping[str, EventOutcome]
    letters: Mapping[str, Mapping[str, bytes]]
    """Reason → headers of the dead letter."""

    def memo(self, message_id: str) -> ExportedSpan:
        """Return the span of a memo."""
        (span,) = [each for each in self.collector.spans if each.about.get("voicememo.message_id") == message_id]
        return span

    def stages(self, message_id: str) -> list[ExportedSpan]:
        """Return the spans of a memo's stages and asides."""
        return [each for each in self.collector.under(self.memo(message_id)) if each.kind == "internal"]

    def stage(self, message_id: str, stage: str) -> ExportedSpan:
        """Return the span of a memo's stage."""
        (span,) = [each for each in self.stages(message_id) if each.name == stage]
        return span


async def speak(
    made: Rig, message_id: str, *headers: tuple[str, bytes], memo: Path = MEMO, value: bytes | None = None
) -> EventOutcome:
    """Put a memo on the topic, with these headers, and wait for its end."""
    if value is None:
        value = await asyncio.to_thread(wrap, memo, chat_id=CHAT, message_id=message_id, person=PERSON)
    where, offset = await made.publisher.publish(
        made.settings.kafka.topic, key=CHAT.encode(), value=value, headers=headers
    )
    return await follow(made.store.ledger, value, where, offset, our_numbers=(), patience_seconds=PATIENCE_SECONDS)


async def letters_of(made: Rig, count: int) -> dict[str, dict[str, bytes]]:
    """Wait for that many dead letters; return their headers by their reasons."""
    looking = AIOKafkaConsumer(
        made.settings.kafka.dead_letter_topic,
        bootstrap_servers=",".join(made.settings.kafka.bootstrap_servers),
        auto_offset_reset="earliest",
    )
    letters: dict[str, dict[str, bytes]] = {}
    await looking.start()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(letters) < count:
                headers = dict((await anext(looking)).headers)
                letters[headers["voicememo-reason"].decode()] = headers
    finally:
        await looking.stop()
    return letters


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def traced() -> AsyncIterator[Traced]:
    """A worker that met all sorts of memos, and has ended."""
    async with collecting() as collector:
        with tempfile.TemporaryDirectory() as folder:
            async with rig(Path(folder), OTEL_EXPORTER_OTLP_ENDPOINT=f"{collector.url}/otlp/") as made:
                ended = {"plain": await speak(made, "plain", TRACEPARENT, TRACESTATE)}
                made.sandbox.faults.next("whisper", ScriptedFault(FaultKind.STATUS, 503))
                ended["fallen"] = await speak(made, "fallen")
                ended["unsampled"] = await speak(made, "unsampled", UNSAMPLED)
                ended["broken"] = await speak(made, "broken", memo=BROKEN)
                ended["unreadable"] = await speak(made, "unreadable", TRACEPARENT, value=b"{")
                letters = await letters_of(made, 2)
        yield Traced(collector, ended, letters)


async def test_a_memo_is_a_span_of_the_trace_that_it_came_with(traced: Traced) -> None:
    """The span of a memo is a consumer's, under the span that its event's headers name, and says how it ended."""
    memo = traced.memo("plain")
    assert traced.ended["plain"].outcome == "answered"
    assert (memo.trace, memo.parent, memo.kind, memo.error) == (PARENT_TRACE, PARENT_SPAN, "consumer", None)
    assert memo.name == "process message.received"
    place = {name: memo.about[name] for name in memo.about if name.startswith("messaging.")}
    assert place == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "message.received",
        "messaging.destination.partition.id": place["messaging.destination.partition.id"],
        "messaging.kafka.offset": 0,
        "messaging.consumer.group.name": "voicememo",
    }
    ours = {name: value for name, value in memo.about.items() if name.startswith("voicememo.")}
    assert ours == {
        "voicememo.message_id": "plain",
        "voicememo.claim": 1,
        "voicememo.state": "answered",
        "voicememo.form": "voice",
    }


async def test_a_memo_is_one_tree(traced: Traced) -> None:
    """Under the memo stand its stages and asides, under a stage with a ladder the rungs, and nothing else is there."""
    stages = traced.stages("plain")
    told = traced.ended["plain"].story
    assert told is not None
    assert Counter(stage.name for stage in stages) == Counter(step.stage for step in told.steps)
    assert {"fetch", "keep", "decode", "hear", "answer", "speak", "deliver", "remember"} <= {
        stage.name for stage in stages
    }
    rungs = {stage.name: traced.collector.under(stage) for stage in stages}
    assert {stage: [rung.name for rung in found] for stage, found in rungs.items() if found} == {
        "hear": ["hear huggingface"],
        "answer": ["answer huggingface"],
        "speak": ["speak elevenlabs"],
    }
    whole = [span for span in traced.collector.spans if span.trace == PARENT_TRACE and span.kind != "producer"]
    assert len(whole) == 1 + len(stages) + 3


async def test_spans_are_as_long_as_what_they_tell_of(traced: Traced) -> None:
    """A span ends after it begins, within its memo, and lasts as long as it says; a voice is begun before its turn."""
    for message_id in ("plain", "fallen", "broken"):
        memo = traced.memo(message_id)
        for stage in traced.stages(message_id):
            for span in (stage, *traced.collector.under(stage)):
                assert memo.start <= span.start <= span.end <= memo.end
                seconds = span.about["voicememo.seconds"]
                assert isinstance(seconds, float)
                assert (span.end - span.start) / 1e9 == pytest.approx(seconds, abs=0.001)
    speak = traced.stage("plain", "speak")
    (voice,) = traced.collector.under(speak)
    assert voice.start < speak.start
    answer = traced.stage("plain", "answer")
    assert answer.end <= speak.end


async def test_a_fallen_rung_is_an_error(traced: Traced) -> None:
    """A rung that fell is in error, by its constant word; that which served after it is not, nor is the stage."""
    hear = traced.stage("fallen", "hear")
    fell, served = traced.collector.under(hear)
    assert (fell.name, fell.error, fell.about["error.type"]) == ("hear huggingface", "unavailable", "unavailable")
    assert (served.error, served.about.get("error.type")) == (None, None)
    assert fell.end <= served.start
    assert (hear.error, hear.about["voicememo.rung"]) == (None, served.about["voicememo.rung"])
    assert traced.memo("fallen").error is None


async def test_a_memo_without_a_parent_begins_a_trace(traced: Traced) -> None:
    """A memo that came without a trace context is the root of a trace of its own."""
    fallen, broken = traced.memo("fallen"), traced.memo("broken")
    assert (fallen.parent, broken.parent) == ("", "")
    assert len({fallen.trace, broken.trace, PARENT_TRACE}) == 3


async def test_what_is_not_recorded_elsewhere_is_not_recorded_here(traced: Traced) -> None:
    """A memo whose trace is not sampled is answered as any other, and no span of it is sent."""
    assert traced.ended["unsampled"].outcome == "answered"
    assert "b" * 32 not in {span.trace for span in traced.collector.spans}


async def test_a_dead_letter_goes_on_with_its_memo(traced: Traced) -> None:
    """The dead letter's headers name the span of its sending, which stands under the span of the memo that died."""
    followed = traced.ended["broken"]
    assert followed.reason is not None
    sending = extract(tuple(traced.letters[followed.reason].items()))
    assert sending is not None
    (span,) = [each for each in traced.collector.spans if each.id == f"{sending.span_id:016x}"]
    memo = traced.memo("broken")
    assert (span.name, span.kind, span.error) == ("send message.received.dead", "producer", None)
    assert (span.trace, span.parent) == (memo.trace, memo.id)
    assert span.about["messaging.destination.name"] == "message.received.dead"
    assert memo.about["voicememo.reason"] == followed.reason


async def test_a_dead_letter_of_no_memo_goes_on_with_its_event(traced: Traced) -> None:
    """An unreadable event is buried under the trace context that it came with."""
    followed = traced.ended["unreadable"]
    assert (followed.outcome, followed.story) == ("dead", None)
    sending = extract(tuple(traced.letters[str(followed.reason)].items()))
    assert sending is not None
    assert f"{sending.trace_id:032x}" == PARENT_TRACE
    (span,) = [each for each in traced.collector.spans if each.id == f"{sending.span_id:016x}"]
    assert span.parent == PARENT_SPAN


async def test_nothing_of_a_person_is_sent(traced: Traced) -> None:
    """No chat, number, word or key is anywhere in what the collector got; the memo's id is (I6)."""
    sent = b"".join(traced.collector.bodies)
    assert b"plain" in sent
    stories = [followed.story for followed in traced.ended.values() if followed.story is not None]
    said = {str(story.facts[name]) for story in stories for name in ("transcript", "reply") if story.facts.get(name)}
    assert len(said) >= 2
    kept = {str(story.facts[name]) for story in stories for name in ("original", "spoken") if story.facts.get(name)}
    words = {word for text in said for word in text.split() if len(word) >= 4} - {"message"}
    private = {*said, *words, *kept, CHAT, PERSON.removeprefix("+"), "5550100001"}
    assert not [text for text in private if text.encode() in sent]
    assert not [key for key in ("sandbox", "Bearer", "hf_") if key.encode() in sent]


async def test_who_tells_and_where(traced: Traced) -> None:
    """Batches go to the path of the signal under the base URL, from a service of our name and version."""
    assert set(traced.collector.paths) == {"/otlp/v1/traces"}
    resource = traced.collector.resource
    assert resource["service.name"] == "voicememo"
    assert {"service.version", "service.instance.id", "telemetry.sdk.version"} <= set(resource)
    assert not [name for name in resource if name.startswith(("process.", "host.", "os."))]
