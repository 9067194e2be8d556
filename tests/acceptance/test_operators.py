"""What an operator sees and does when replies cannot be delivered: a real worker, and the commands as processes."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import pytest
import pytest_asyncio
from aiohttp import web
from aiokafka import AIOKafkaConsumer

from console.fixture import wrap
from sandbox.app import Sandbox
from sandbox.faults import FaultKind, ScriptedFault
from sandbox.mind import ScriptedMind
from tests.acceptance.conftest import rig
from tests.harness.paths import MEMOS
from tests.harness.processes import ended, lines_of, run_to_end, start
from tests.harness.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from sandbox.upstreams.series import Sent
    from storage.ledger import Story
    from tests.acceptance.conftest import Rig

MEMO = MEMOS / "en-call-me.caf"
AWAY = ScriptedFault(FaultKind.STATUS, 503, retry_after="0")
"""Nothing was accepted, and a new try need not wait: it is over at once."""
NOT_LET_IN = ScriptedFault(FaultKind.STATUS, 401)
"""No later try would help: the memo fails at once."""
HASTY = {"RETRY_FOR_SECONDS": "0", "REPLY_DEADLINE_SECONDS": "3"}
PAID_FOR = ("whisper", "llama", "elevenlabs")
NUMBERS = itertools.count(1)
pytestmark = pytest.mark.asyncio(loop_scope="module")

ONE_PIECE = "I heard you, and this is one sentence"
"""A reply that is spoken in one go, so that each request for speech is a whole reply's."""


@pytest_asyncio.fixture(loop_scope="module")
async def patient(running: Rig) -> AsyncIterator[Rig]:
    """A worker that tries for a quarter of an hour; all upstreams are healthy again afterwards."""
    yield running
    running.sandbox.faults.clear()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def giving_up(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """A worker that gives a memo up after three seconds."""
    async with rig(tmp_path_factory.mktemp("hasty"), **HASTY) as made:
        cast("ScriptedMind", made.sandbox.mind).answer = ONE_PIECE
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def hasty(giving_up: Rig) -> AsyncIterator[Rig]:
    """The same, with all upstreams healthy again afterwards."""
    yield giving_up
    giving_up.sandbox.faults.clear()


async def _failed(made: Rig) -> dict[str, dict[str, Any]]:
    """Give what `failed --json` lists, by message id."""
    status, out, _ = await run_to_end("failed", "--json", variables=made.environment())
    assert status == 0
    return {each["message_id"]: each for each in lines_of(out)}


async def _speak(made: Rig, chat: str | None = None) -> str:
    """Put a memo on the topic; give its message id, which is its chat's too where none is given."""
    message_id = f"memo-{next(NUMBERS)}"
    value = await asyncio.to_thread(
        wrap, MEMO, chat_id=chat or message_id, message_id=message_id, person="+15550100001"
    )
    await made.put(MEMO, value)
    return message_id


def _parked(story: Story) -> bool:
    return story.due_at is not None


def _settled(story: Story) -> bool:
    return story.state.settled


async def _refused(made: Rig, count: int = 1) -> list[str]:
    """Let so many memos fail for good, and the Series API be healthy again."""
    made.sandbox.faults.always("series.send", NOT_LET_IN)
    ids = [await _speak(made) for _ in range(count)]
    for message_id in ids:
        assert (await made.until(message_id, _settled)).state == "failed"
    made.sandbox.faults.clear()
    return ids


def _sent(made: Rig, *chats: str) -> list[Sent]:
    return [each for each in made.sandbox.sent if each.chat_id in chats]


def _endings(made: Rig, chat: str) -> list[str]:
    """Give how the names of the replies in a chat end: with their memo's id."""
    return [(each.filename or "").rpartition("_")[2] for each in _sent(made, chat)]


def _paid(made: Rig, before: Mapping[str, int]) -> tuple[int, ...]:
    """Say how often Whisper, Llama and the voice were asked since."""
    return tuple(made.sandbox.faults.requests[service] - before[service] for service in PAID_FOR)


async def test_an_outage_is_waited_for(patient: Rig) -> None:
    """While the Series API refuses sends, memos are parked and commits go on; later each is answered once, in order."""
    patient.sandbox.faults.always("series.send", AWAY)
    first = await _speak(patient, "outage")
    await patient.until(first, _parked)
    second = await _speak(patient, "outage")
    other = await _speak(patient, "elsewhere")
    assert (await patient.until(other, _parked)).facts["spoken"]  # worked on, though the first one waits
    await patient.all_committed()
    listed = await _failed(patient)
    assert [listed[each]["state"] for each in (first, second, other)] == ["parked"] * 3
    assert listed[first]["reason"] == "deliver-unavailable"
    assert (listed[second]["reason"], listed[second]["tries"]) == (None, 0)
    assert listed[first]["tries"] >= 1
    assert listed[first]["due_at"] > listed[first]["received_at"]
    patient.sandbox.faults.clear()
    for message_id in (first, second, other):
        assert (await patient.until(message_id, _settled)).state == "answered"
    assert _endings(patient, "outage") == [f"{first}.m4a", f"{second}.m4a"]
    assert len(_sent(patient, "elsewhere")) == 1


async def test_one_chat_is_refused(patient: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chat that cannot be sent to holds up no other, and `show` says that its memo is parked, and until when."""
    accept = patient.sandbox.series.send

    def pick(chat_id: str, message: Mapping[str, Any]) -> tuple[Sent, bool]:
        if chat_id == "refused":
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "0"})
        return accept(chat_id, message)

    monkeypatch.setattr(patient.sandbox.series, "send", pick)
    waiting = await _speak(patient, "refused")
    await patient.until(waiting, _parked)
    other = await _speak(patient)
    assert (await patient.until(other, _settled)).state == "answered"
    story = await patient.until(waiting, lambda story: story.tries > 1)
    status, out, _ = await run_to_end("show", waiting, variables=patient.environment())
    lines = [line.split() for line in out.splitlines()]
    told = {line[0]: " ".join(line[1:]) for line in lines}
    assert (status, told["state"]) == (0, "parked (deliver-unavailable)")
    assert told["reached"] == "sending"
    assert int(told["tries"]) >= story.tries
    assert told["due"] > told["received"]
    assert ["claim", "stage", "rung", "ms", "error"] in lines
    assert ["2", "deliver"] in [line[:2] for line in lines]
    monkeypatch.undo()
    assert (await patient.until(waiting, _settled)).state == "answered"
    assert len(_sent(patient, "refused")) == 1


async def test_a_failed_memo_and_its_reply(hasty: Rig) -> None:
    """A memo that was given up is listed and buried; reprocess answers it once at no cost; --again, once more."""
    hasty.sandbox.faults.always("series.send", AWAY)
    message_id = await _speak(hasty)
    story = await hasty.until(message_id, _settled)
    assert (story.state, story.reason) == ("failed", "deliver-unavailable")
    listed = (await _failed(hasty))[message_id]
    assert (listed["state"], listed["reason"], listed["due_at"]) == ("failed", "deliver-unavailable", None)
    headers = await _dead_letter(hasty, message_id)
    assert headers["voicememo-reason"] == b"deliver-unavailable"
    assert int(headers["voicememo-attempts"]) == listed["tries"]
    here, before = hasty.environment(**HASTY), Counter(hasty.sandbox.faults.requests)
    status, out, _ = await run_to_end("reprocess", message_id, variables=here)
    assert (status, out) == (
        1,
        f"{message_id}  failed (deliver-unavailable); `voicememo show {message_id}` tells more\n",
    )
    hasty.sandbox.faults.clear()
    status, out, _ = await run_to_end("reprocess", message_id, variables=here)
    assert (status, out) == (0, f"{message_id}  answered\n")
    assert len(_sent(hasty, message_id)) == 1
    refused = [("reprocess", message_id), ("reprocess", "nobody"), ("reprocess",), ("reprocess", "--all", message_id)]
    told = await asyncio.gather(*(run_to_end(*each, variables=here) for each in refused))
    assert [each.status for each in told] == [4, 3, 2, 2]
    assert (await run_to_end("reprocess", "--again", message_id, variables=here)).status == 0
    assert _endings(hasty, message_id) == [f"{message_id}.m4a", f"{message_id}-2.m4a"]
    assert len({each.idempotency_key for each in _sent(hasty, message_id)}) == 2
    assert _paid(hasty, before) == (0, 0, 0)
    assert message_id not in await _failed(hasty)
    _, out, _ = await run_to_end("show", message_id, variables=here)
    assert "replies   2: one more was asked for with --again" in out


async def _dead_letter(made: Rig, message_id: str) -> dict[str, bytes]:
    """Give the headers of a memo's dead letter on the topic."""
    looking = AIOKafkaConsumer(
        made.settings.kafka.dead_letter_topic,
        bootstrap_servers=",".join(made.settings.kafka.bootstrap_servers),
        auto_offset_reset="earliest",
    )
    await looking.start()
    try:
        return await anext(
            dict(letter.headers) async for letter in looking if json.loads(letter.value)["data"]["id"] == message_id
        )
    finally:
        await looking.stop()


async def test_two_operators_at_once(hasty: Rig) -> None:
    """Of two who reprocess the same memo at once one sends the reply, and the other is refused."""
    (message_id,) = await _refused(hasty)
    hasty.sandbox.faults.latency["series.send"] = 0.5
    here = hasty.environment()
    told = await asyncio.gather(*(run_to_end("reprocess", "--json", message_id, variables=here) for _ in range(2)))
    (status, winner, _), (refusal, loser, _) = sorted(told, key=lambda each: each.status)
    assert (status, json.loads(winner)["outcome"]) == (0, "answered")
    assert (refusal, json.loads(loser)["outcome"]) in {(1, "held"), (4, "already-answered")}
    assert len(_sent(hasty, message_id)) == 1


@pytest.mark.parametrize(("stage", "paid"), [("hear", (1, 1, 1)), ("speak", (0, 0, 1))])
async def test_beginning_again_at_a_stage(hasty: Rig, stage: str, paid: tuple[int, ...]) -> None:
    """What lies before the stage that --from names is not paid for again; what follows is."""
    (message_id,) = await _refused(hasty)
    before = Counter(hasty.sandbox.faults.requests)
    assert (await run_to_end("reprocess", "--from", stage, message_id, variables=hasty.environment())).status == 0
    assert _paid(hasty, before) == paid
    assert len(_sent(hasty, message_id)) == 1


async def test_all_that_failed(hasty: Rig) -> None:
    """Reprocess --all answers every failed memo, the oldest first, and --json tells of each in a line of its own."""
    ids = await _refused(hasty, 3)
    status, out, _ = await run_to_end("reprocess", "--all", "--rate", "50", "--json", variables=hasty.environment())
    told = lines_of(out)
    assert (status, {each["outcome"] for each in told}) == (0, {"answered"})
    assert {each["message_id"] for each in told} == set(ids)
    assert Counter(each.chat_id for each in _sent(hasty, *ids)) == Counter(ids)
    assert not await _failed(hasty)


async def test_an_operator_is_cut_off(hasty: Rig) -> None:
    """When reprocess is killed with the reply just out, a worker finds it in the chat, and settles the memo."""
    (message_id,) = await _refused(hasty)
    hasty.sandbox.faults.always("series.send", ScriptedFault(FaultKind.ACCEPTED_THEN_HANG))
    here = hasty.environment(LEASE_SECONDS="3")
    process = await start("reprocess", message_id, variables=here)
    await until(lambda: _sent(hasty, message_id))
    process.kill()
    await ended(process)
    assert (await hasty.until(message_id, _settled)).state == "answered"
    assert len(_sent(hasty, message_id)) == 1
    _, out, _ = await run_to_end("show", message_id, variables=here)
    assert "claims    3; no. 2 left no step: its worker died, or lost the memo\n" in out


async def test_what_an_operator_cannot_keep(patient: Rig) -> None:
    """A reply whose recording reprocess can neither keep nor owe is out, and a worker settles it once it is kept."""
    (message_id,) = await _refused(patient)
    nowhere = str(patient.folder / "voicememo.db" / "archive")  # no folder is to be made within a file
    here = patient.environment(ARCHIVE_URL=f"file:{nowhere}", ARCHIVE_SPOOL=nowhere)
    status, out, _ = await run_to_end("reprocess", "--from", "fetch", message_id, variables=here)
    assert (status, out.split()[:2]) == (1, [message_id, "sending"])
    story = await patient.until(message_id, _settled)
    assert (story.state, story.reason, len(_sent(patient, message_id))) == ("answered", None, 1)
    assert (patient.folder / "archive" / str(story.facts["original"])).exists()


async def test_worker_and_kafka_are_gone(tmp_path: Path) -> None:
    """Store, archive and upstreams are enough to answer a failed memo, whatever has become of Kafka."""
    async with rig(tmp_path) as made:
        whole, partly = await _refused(made, 2)
    async with Sandbox(ScriptedMind(answer=ONE_PIECE)) as made.sandbox:  # the upstreams, at another address
        here = made.environment()
        commands = [("reprocess", whole), ("reprocess", "--from", "hear", partly)]
        told = await asyncio.gather(*(run_to_end(*each, variables=here) for each in commands))
        assert [(each.status, each.out) for each in told] == [(0, f"{whole}  answered\n"), (0, f"{partly}  answered\n")]
        assert [made.sandbox.faults.requests[each] for each in PAID_FOR] == [1, 1, 1]
        assert {each.chat_id for each in made.sandbox.sent} == {whole, partly}
