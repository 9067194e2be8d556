"""ANSWER_TEXT_MESSAGES=true: text in, text out; voice in, voice out; one history, one lane, one reply."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from rich.console import Console

from console.fixture import wrap
from console.follow import EventOutcome, follow
from console.memo_story import print_story
from consumer.notices import EventPassed, MemoParked, MemoSettled
from sandbox.faults import FaultKind, ScriptedFault
from sandbox.mind import ScriptedMind
from tests.acceptance.conftest import PATIENCE_SECONDS, rig
from tests.harness.paths import MEMOS
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.upstreams.series import Sent
    from tests.acceptance.conftest import Rig

MEMO = MEMOS / "en-call-me.caf"
EVENT = Path("event.json")
PERSON, US = "+15550100001", "+15550109999"
DOWN = ScriptedFault(FaultKind.STATUS, 503)
NUMBERS = itertools.count(1)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def texting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """A worker that answers text messages too."""
    async with rig(tmp_path_factory.mktemp("texting"), ANSWER_TEXT_MESSAGES="true") as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def well(texting: Rig) -> AsyncIterator[Rig]:
    """The same, with all upstreams healthy again afterwards."""
    yield texting
    texting.sandbox.faults.clear()
    assert isinstance(texting.sandbox.mind, ScriptedMind)
    texting.sandbox.mind.answer = None


def _event(text: str, chat: str, message_id: str, *, sender: str = PERSON, people: tuple[str, ...] = ()) -> bytes:
    handles = [{"identifier": each, "is_me": each == US} for each in (PERSON, *people, US)]
    data = {"id": message_id, "chat_id": chat, "text": text, "from_phone": sender, "chat_handles": handles}
    event = {"api_version": "v2", "event_type": "message.received", "data": {**data, "attachments": []}}
    return json.dumps(event).encode()


async def _followed(rig: Rig, value: bytes) -> EventOutcome:
    where, offset = await rig.put(EVENT, value)
    return await follow(
        rig.store.ledger, value, where, offset, our_numbers=(), patience_seconds=PATIENCE_SECONDS, texts=True
    )


async def _write(rig: Rig, text: str, chat: str | None = None) -> tuple[EventOutcome, list[Sent]]:
    """Write something in a chat, and wait for the end; give what was sent there."""
    number = next(NUMBERS)
    chat = chat or f"text-{number}"
    ended = await _followed(rig, _event(text, chat, f"t{number}"))
    return ended, _sent(rig, chat)


async def _speak(rig: Rig, chat: str) -> EventOutcome:
    value = await asyncio.to_thread(wrap, MEMO, chat_id=chat, message_id=f"v{next(NUMBERS)}", person=PERSON)
    return await _followed(rig, value)


def _sent(rig: Rig, chat: str) -> list[Sent]:
    return [sent for sent in rig.sandbox.sent if sent.chat_id == chat]


def _main_line(ended: EventOutcome) -> list[tuple[str, str | None]]:
    assert ended.story
    return [(step.stage, step.rung) for step in ended.story.steps if step.stage not in {"recall", "remember"}]


async def test_a_text_is_answered_by_a_text(well: Rig) -> None:
    """The model's answer goes out as a text: nothing is fetched, heard, spoken or kept; both turns are remembered."""
    before = {name: well.sandbox.faults.requests[name] for name in ("whisper", "elevenlabs", "cartesia")}
    ended, sent = await _write(well, "Where is the station?", "once")
    assert (ended.outcome, ended.reason) == ("answered", None)
    assert [(each.text, each.audio) for each in sent] == [
        ("I heard you say: Where is the station. Thank you for telling me!", None)  # the words of the sandbox
    ]
    assert _main_line(ended) == [("read", None), ("answer", "huggingface"), ("deliver", "text")]
    assert before == {name: well.sandbox.faults.requests[name] for name in before}
    turns = await well.store.history.recent("once", limit=9)
    assert [(turn.role, turn.language) for turn in turns] == [("user", "en"), ("assistant", "en")]
    assert not list(well.folder.glob("archive/**/*once*"))


async def test_it_is_settled_as_written(well: Rig) -> None:
    """Metrics and logs say that it was a text message: no voice was owed, so none counts as missing."""
    ended, _ = await _write(well, "Are you there?")
    assert ended.story
    settled = [each for each in well.notices if isinstance(each, MemoSettled) and each.key == ended.story.key]
    assert [(each.outcome, each.form, each.written) for each in settled] == [("answered", "text", True)]


async def test_voice_and_text_share_a_history(well: Rig) -> None:
    """In one chat voice is answered by voice and text by text, and each sees what was said before."""
    await _speak(well, "both")
    await _write(well, "And what did I just say?", "both")
    await _speak(well, "both")
    assert [bool(each.audio) for each in _sent(well, "both")] == [True, False, True]
    assert [turn.role for turn in await well.store.history.recent("both", limit=9)] == ["user", "assistant"] * 3


async def test_order_within_a_chat(well: Rig) -> None:
    """A text that follows a voice memo at once is answered after it, though it takes less time (I3)."""
    value = await asyncio.to_thread(wrap, MEMO, chat_id="order", message_id="first", person=PERSON)
    await well.put(EVENT, value)
    await _followed(well, _event("And this?", "order", "second"))
    assert [bool(each.audio) for each in _sent(well, "order")] == [True, False]


async def test_the_language_of_the_text(well: Rig) -> None:
    """The answer is in the language that was written; where all models fall, the canned one is too."""
    ended, sent = await _write(well, "Tu peux me dire à quelle heure part le train demain matin ?")
    assert sent[0].text.startswith("Tu m'as dit")
    well.sandbox.faults.always("llama", DOWN)
    ended, sent = await _write(well, "Kannst du mir bitte sagen, wann der Zug morgen früh fährt?", "canned")
    assert ended.outcome == "answered"
    assert sent[0].text.startswith("Ich habe deine Nachricht bekommen")
    assert [turn.role for turn in await well.store.history.recent("canned", limit=9)] == ["user"]


async def test_what_is_written_is_not_spelt_out(well: Rig) -> None:
    """A text keeps its figures, its lines and its emoji, and loses its markup."""
    well.sandbox.mind.answer = "**Sure!** It costs 20% of $35 🙂\n\n# Then\nSee `x` at [the page](https://a.example/b)."  # type: ignore[attr-defined] # a ScriptedMind
    _, sent = await _write(well, "How much is it?")
    assert sent[0].text == "Sure! It costs 20% of $35 🙂\n\nThen\nSee x at the page (https://a.example/b)."


async def test_a_group_is_answered_in_its_chat(well: Rig) -> None:
    """In a group the answer goes to the chat that the text came from."""
    ended = await _followed(well, _event("Who is coming?", "group", "g1", people=("+15550100002", "+15550100003")))
    assert (ended.outcome, len(_sent(well, "group"))) == ("answered", 1)


async def test_echoes_are_never_answered(well: Rig) -> None:
    """Our own texts, and events of texts that were sent, are passed over."""
    passed = len([each for each in well.notices if each == EventPassed("echo")])
    await well.put(EVENT, _event("I said this", "echo", "e1", sender=US))
    sent = json.loads(_event("I said this", "echo", "e2"))
    await well.put(EVENT, json.dumps({**sent, "event_type": "message.sent"}).encode())
    await well.all_committed()
    assert len([each for each in well.notices if each == EventPassed("echo")]) == passed + 2
    assert _sent(well, "echo") == []


async def test_the_same_text_again(well: Rig) -> None:
    """The same event again costs nothing and sends nothing (I1)."""
    value = _event("Only once, please.", "again", "a1")
    await _followed(well, value)
    asked = well.sandbox.faults.requests["llama"]
    await well.put(EVENT, value)
    await well.all_committed()
    assert len(_sent(well, "again")) == 1
    assert well.sandbox.faults.requests["llama"] == asked


async def test_a_refusal_is_a_dead_letter(well: Rig) -> None:
    """A text that the API refuses is failed and buried with its reason, as a memo is."""
    well.sandbox.faults.next("series.send", ScriptedFault(FaultKind.STATUS, 401))
    ended, sent = await _write(well, "Hello?")
    assert (ended.outcome, ended.reason, sent) == ("failed", "deliver-unauthorized", [])
    letter = (await well.store.ledger.dead_letters(limit=1))[0]
    assert (letter.reason, letter.stage) == ("deliver-unauthorized", "deliver")


async def test_resumed_without_asking_the_model_again(well: Rig) -> None:
    """What the model answered before the send could not be done is sent by the next attempt, unpaid (I10)."""
    well.sandbox.faults.always("series.send", DOWN)
    asked = well.sandbox.faults.requests["llama"]
    value = _event("What did you say?", "later", "l1")
    await well.put(EVENT, value)
    await until(lambda: any(isinstance(each, MemoParked) and each.key.chat_id == "later" for each in well.notices))
    well.sandbox.faults.clear()
    ended = await _followed(well, value)
    assert ended.outcome == "answered"
    assert well.sandbox.faults.requests["llama"] == asked + 1
    assert len(_sent(well, "later")) == 1


async def test_a_send_that_may_have_gone_out_is_looked_for(well: Rig) -> None:
    """A text whose acceptance was lost on the way is found in the chat, and not sent again (I1)."""
    well.sandbox.faults.next("series.send", ScriptedFault(FaultKind.ACCEPTED_THEN_CUT))
    ended, sent = await _write(well, "Did this arrive?")
    assert (ended.outcome, len(sent)) == ("answered", 1)


async def test_show_tells_its_story(well: Rig) -> None:
    """The story tells what was read, what was answered, and in which form."""
    ended, _ = await _write(well, "Tell me a story.")
    assert ended.story
    told = io.StringIO()
    print_story(ended.story, Console(file=told, width=200))
    for words in ("read", "Tell me a story.", "replied", "I heard you say", "text", "deliver"):
        assert words in told.getvalue()


async def test_resumed_by_another_worker(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A worker that stops between the answer and the send leaves all to the next: no second question, one reply."""
    folder = tmp_path_factory.mktemp("resumed")
    async with rig(folder, ANSWER_TEXT_MESSAGES="true") as first:
        first.sandbox.faults.always("series.send", DOWN)
        await first.put(EVENT, _event("Who answers this?", "handed-over", "h1"))
        await until(lambda: any(isinstance(each, MemoParked) for each in first.notices))
        assert first.sandbox.faults.requests["llama"] == 1
    async with rig(folder, ANSWER_TEXT_MESSAGES="true") as second:
        await until(lambda: second.sandbox.sent)
        assert second.sandbox.faults.requests["llama"] == 0
        assert [each.text[:15] for each in second.sandbox.sent] == ["I heard you say"]


async def test_passed_over_unless_asked_for(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without the setting a text message is ignored."""
    async with rig(tmp_path_factory.mktemp("silent")) as made:
        await made.put(EVENT, _event("Hello?", "silent", "s1"))
        await made.all_committed()
        assert EventPassed("text-message") in made.notices
        assert made.sandbox.sent == []
