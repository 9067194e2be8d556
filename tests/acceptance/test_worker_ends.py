"""How a worker ends when it is hurried, when memo after memo meets a bug, and when a part of it is missing (I7, I8)."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

import pytest

from console.fixture import wrap
from consumer import wiring
from consumer.handling.bug_limit import TooManyBugs
from consumer.kafka.publisher import KafkaPublisher
from consumer.notices import MemoReleased, PartitionsChanged
from consumer.settings import load
from consumer.stages.decode import Decode
from consumer.stages.remember import Remember
from consumer.worker.worker import Supervision, Worker
from sandbox.app import Sandbox
from sandbox.broker import EmbeddedBroker
from sandbox.mind import ScriptedMind
from storage.sqlite.store import SqliteStore
from tests.acceptance.conftest import PATIENCE_SECONDS, rig
from tests.harness.paths import MEMOS
from tests.harness.processes import ended, environment, lines_of, start
from tests.harness.until import until

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.upstreams.series import Sent
    from storage.ledger import DeadLetter
    from tests.acceptance.conftest import Rig

MEMO = MEMOS / "en-yes.wav"


def _variables(sandbox: Sandbox, broker: EmbeddedBroker, folder: Path, **more: str) -> dict[str, str]:
    """Return a worker's variables; this broker lets the next member wait for a session after one has left."""
    here = environment(folder, sandbox=sandbox.environment(), broker=broker.bootstrap_servers)
    return {**here, "LOG_FORMAT": "json", "KAFKA_SESSION_SECONDS": "6", **more}


async def test_a_second_signal_hurries(tmp_path: Path) -> None:
    """Asked twice, a worker waits for no memo any more: it lets go of them, commits, exits 0, and another answers."""
    async with Sandbox(ScriptedMind()) as sandbox:
        with EmbeddedBroker() as broker:
            variables = _variables(sandbox, broker, tmp_path, DRAIN_SECONDS="300")
            publisher = KafkaPublisher(load(variables).kafka.login())
            value = await asyncio.to_thread(wrap, MEMO, chat_id="c", message_id="1", person="")
            await publisher.publish("message.received", key=b"c", value=value)
            await publisher.close()
            sandbox.faults.latency["whisper"] = 300.0
            first = await start("run", variables=variables)
            await until(lambda: sandbox.faults.requests["whisper"])
            first.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.5)
            first.send_signal(signal.SIGTERM)
            status, _, log = await ended(first)
            assert status == 0
            assert "drain.cut_short" in [line["event"] for line in lines_of(log)]
            store = SqliteStore(tmp_path / "voicememo.db")
            await store.open()
            (story,) = await store.ledger.find("1")
            await store.close()
            assert (story.state.settled, story.lease_until) == (False, None)
            sandbox.faults.clear()
            second = await start("run", variables=variables)
            await until(lambda: sandbox.sent)
            second.send_signal(signal.SIGTERM)
            assert (await ended(second)).status == 0
    assert len(sandbox.sent) == 1


async def test_many_bugs_stop_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each memo that meets a bug is apologised for and dead-lettered; past the limit the worker stops (I8)."""
    letters, sent = await _stopped_by_bugs(tmp_path, monkeypatch, Decode)
    assert {(letter.reason, letter.stage) for letter in letters} == {("bug-ZeroDivisionError", "decode")}
    assert len({letter.digest for letter in letters}) == 1
    assert 21 <= len(letters) <= 30
    assert len(sent) >= len(letters)
    assert all(each.audio for each in sent)


async def test_many_background_bugs_stop_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in a background task costs no reply, and counts like any other (I8)."""
    letters, sent = await _stopped_by_bugs(tmp_path, monkeypatch, Remember)
    assert (letters, len(sent) >= 21) == ([], True)


async def _stopped_by_bugs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, stage: type
) -> tuple[list[DeadLetter], list[Sent]]:
    """Break a stage, and have memos come until the worker ends of it; give the letters that it wrote, what it sent."""

    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(stage, "__call__", broken)
    letters: list[DeadLetter] = []
    sent: list[Sent] = []
    with pytest.raises(TooManyBugs, match="21 memos met a bug within 60 s"):
        await _answered_until_it_stops(folder, letters, sent)
    return letters, sent


async def _answered_until_it_stops(folder: Path, letters: list[DeadLetter], sent: list[Sent]) -> None:
    """Have memos come until the worker ends; add the letters that it wrote, and what it sent."""
    async with rig(folder) as made:
        for number in range(30):
            value = await asyncio.to_thread(wrap, MEMO, chat_id=f"c{number}", message_id=str(number), person="")
            await made.put(MEMO, value)
        await asyncio.wait([made.worker], timeout=PATIENCE_SECONDS)
        letters += await made.store.ledger.dead_letters(limit=100)
        sent += made.sandbox.sent


async def test_a_member_is_rebuilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose member of the group is replaced ends what is under way, and goes on: one reply each, in order."""
    rebuilds: list[asyncio.Event] = []

    def seen(*, supervision: Supervision, **parts: Any) -> Worker:  # noqa: ANN401 (as the worker takes them)
        rebuilds.append(supervision.rebuild)
        return Worker(supervision=supervision, **parts)

    monkeypatch.setattr(wiring, "Worker", seen)
    async with rig(tmp_path, KAFKA_SESSION_SECONDS="6") as made:
        made.sandbox.faults.latency["whisper"] = 1.0
        await _put(made, "before")
        await until(lambda: made.sandbox.faults.requests["whisper"])
        rebuilds[0].set()
        await _put(made, "after")
        await until(lambda: len(made.sandbox.sent) >= 2)
        await made.all_committed()
    given = [each.partitions for each in made.notices if isinstance(each, PartitionsChanged)]
    assert given[:3] == [given[0], 0, given[0]]
    assert [(each.filename or "").rpartition("_")[2] for each in made.sandbox.sent] == ["before.m4a", "after.m4a"]
    assert not [each for each in made.notices if isinstance(each, MemoReleased)]


async def _put(made: Rig, message_id: str) -> None:
    value = await asyncio.to_thread(wrap, MEMO, chat_id="c", message_id=message_id, person="")
    await made.put(MEMO, value)


async def test_a_store_that_cannot_be_opened(tmp_path: Path) -> None:
    """An idle worker whose store cannot be had does not look well: it ends with status 1, and says why."""
    (tmp_path / "file").touch()
    async with Sandbox(ScriptedMind()) as sandbox:
        with EmbeddedBroker() as broker:
            variables = {**_variables(sandbox, broker, tmp_path), "STORE_URL": f"sqlite:{tmp_path / 'file' / 'x.db'}"}
            worker = await start("run", variables=variables)
            _, log = await worker.communicate()
    assert worker.returncode == 1
    assert "voicememo: " in log.decode().splitlines()[-1]
    assert "STORE_URL" in log.decode().splitlines()[-1]
