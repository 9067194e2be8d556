"""One seed of the simulation: a few memos, two workers, a storm of faults, and what must hold afterwards.

Worker, lanes, offsets, handler, pipeline, lease and ledger are the real ones. Kafka's group, the stores' networks and
the Series API are models. Everything is drawn from one seed, and time is virtual, so a seed always plays alike.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from consumer.handling.bug_limit import BugLimit
from consumer.handling.outbox import Outbox
from consumer.kafka.ports import Partition
from consumer.notices import MemoFenced, Notices
from consumer.pipeline import Pipeline
from consumer.stages.deliver import Deliver
from consumer.stages.hear import Read
from consumer.stages.keep import Keep
from consumer.stages.remember import Remember
from consumer.wiring import make_handler, make_worker
from consumer.worker.lanes import Abandoned, Lanes
from consumer.worker.worker import Supervision
from conversation.budget import DEADLINE_SECONDS
from storage.ledger import MemoKey
from storage.memory.store import MemoryStore
from storage.states import State
from tests.simulation.cluster import TOPIC, Cluster, SimulatedSource
from tests.simulation.outside import (
    Hands,
    SeriesApi,
    SimulatedArchive,
    SimulatedDeadLetters,
    SimulatedMessenger,
    SimulatedStore,
    Weather,
    at_once,
    facts_of,
)
from tests.simulation.process import Process
from tests.simulation.stages import Decoding, Speaking, Stages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.handling.handler import Handler
    from consumer.memo.states import Memo
    from consumer.notices import Notice
    from storage.ledger import DeadLetter

LEASE_SECONDS = 6.0
SEND_SECONDS = 2.5
DRAIN_SECONDS = 3.0
CANCEL_SECONDS = 4.0
RETRY_SECONDS = 120.0
"""Longer than a storm, its stops and its leases together; each further second would only be polled away."""
STORM_SECONDS = 25.0
PATIENCE_SECONDS = 3000.0
"""Virtual time after the storm by which every memo must have ended."""


# Shorter than any settings allow.
SETTINGS: Any = SimpleNamespace(
    worker=SimpleNamespace(
        lease_seconds=LEASE_SECONDS,
        drain_seconds=DRAIN_SECONDS,
        cancel_seconds=CANCEL_SECONDS,
        reply_deadline_seconds=DEADLINE_SECONDS,
        retry_for_seconds=RETRY_SECONDS - DEADLINE_SECONDS,
        answer_text_messages=False,
    ),
    messaging=SimpleNamespace(our_numbers=()),
    person_key=None,
)


class Violation(AssertionError):
    """A rule does not hold."""


@dataclass
class World:
    """All that happens under one seed."""

    seed: int
    honours_keys: bool = True
    random: Random = field(init=False)
    weather: Weather = field(default_factory=Weather)
    api: SeriesApi = field(init=False)
    archive: dict[str, bytes] = field(default_factory=dict)
    topic: list[DeadLetter] = field(default_factory=list)
    processes: list[tuple[Process, asyncio.Task[None], asyncio.Event]] = field(default_factory=list)
    memos: list[tuple[MemoKey, Partition, int]] = field(default_factory=list)
    """In the order of their offsets, chat by chat."""
    hopeless: set[str] = field(default_factory=set)
    """Memos that cannot be understood: they end with an apology and a dead letter."""
    buggy: set[str] = field(default_factory=set)
    """Memos that meet a bug: the same."""
    violations: list[str] = field(default_factory=list)
    quiet: bool = False
    """Nothing happens to the processes."""
    slow: bool = False
    """The upstreams take longer than a lease."""
    resend_unknown: bool = True
    clock_jumps: bool = False
    clock_ahead_seconds: float = 0.0
    """How far the store's clock is ahead."""

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311 (a simulation)
        self.honours_keys = self.random.random() < 0.5
        self.api = SeriesApi(self.honours_keys)
        self.quiet = self.random.random() < 0.15
        self.slow = self.random.random() < 0.2
        self.resend_unknown = self.honours_keys or self.random.random() < 0.8
        self.weather.swift = Random(f"swift {self.seed}").random() < 0.3  # noqa: S311 (a simulation)
        self.clock_jumps = self.honours_keys and self.random.random() < 0.2

    async def play(self) -> None:
        """Play the storm, wait for the end, and check what must hold. Raises Violation."""
        loop = asyncio.get_running_loop()
        self.store = MemoryStore(clock=lambda: 1e9 + loop.time() + self.clock_ahead_seconds)
        self.cluster = Cluster(self.random.choice([1, 2]), self._committed)
        for _ in range(2):
            self._start()
        putting = asyncio.ensure_future(self._put_memos())
        await self._storm()
        await putting
        await self._calm()
        self._check_the_end()
        await self._end()
        self._judge()

    def _start(self) -> None:
        process = Process(f"p{len(self.processes)}", Random(self.random.random()))  # noqa: S311
        stop = asyncio.Event()
        self.processes.append((process, asyncio.ensure_future(self._work(process, self._handler(process), stop)), stop))

    async def _work(self, process: Process, handler: Handler, stop: asyncio.Event) -> None:
        worker = make_worker(
            SETTINGS,
            lambda: SimulatedSource(self.cluster, process),
            Lanes(concurrency=4, max_jobs=6, max_bytes=100_000),
            Notices(),
            Supervision(),
        )
        async with worker.membership():
            await worker.run(handler, stop)

    def _handler(self, process: Process) -> Handler:
        loop = asyncio.get_running_loop()
        hands = Hands(process, process.random, self.weather)
        ledger: Any = SimulatedStore(hands, self.store.ledger)
        history: Any = SimulatedStore(hands, self.store.history)
        messenger: Any = SimulatedMessenger(hands, self.api)
        stages: Any = Stages(self, process)
        pipeline = Pipeline(
            messenger=messenger,
            fetch=stages.fetch,
            keep=Keep(SimulatedArchive(hands, self.archive), None),
            decode=cast("Any", Decoding()),
            hear=stages.hear,
            read=Read("en"),
            answer=stages.answer,
            speak=cast("Any", Speaking(stages)),
            deliver=Deliver(messenger, stages, SEND_SECONDS, self.resend_unknown, record_seconds=1.0),
            remember=Remember(history),
            default_language="en",
        )
        outbox = Outbox(ledger, SimulatedDeadLetters(hands, self.topic))
        process.outbox = asyncio.ensure_future(outbox.run())  # type: ignore[attr-defined]
        handler = make_handler(SETTINGS, pipeline, ledger, outbox, Notices(self._heard_of))
        return replace(
            handler,
            bugs=BugLimit(1000, clock=loop.time),
            retries=replace(handler.retries, longest_seconds=8.0, jitter=lambda: 1 - process.random.random()),
            owner=process.name,
            clock=loop.time,
            lease_clock=loop.time,
        )

    async def _put_memos(self) -> None:
        chats = [f"c{number}" for number in range(self.random.randint(1, 3))]
        partition_of = {chat: Partition(TOPIC, self.random.randrange(len(self.cluster.logs))) for chat in chats}
        for number in range(self.random.randint(3, 6)):
            chat, message_id = self.random.choice(chats), f"m{number}"
            value = event(chat, message_id)
            if self.random.random() < 0.1:
                self.hopeless.add(message_id)
            elif self.random.random() < 0.08:
                self.buggy.add(message_id)
            offset = self.cluster.put(partition_of[chat], value, gap=self.random.choice([0, 0, 1]))
            self.memos.append((MemoKey(chat, message_id), partition_of[chat], offset))
            if self.random.random() < 0.1:
                self.cluster.put(partition_of[chat], value)
            await asyncio.sleep(self.random.random() * 4)

    async def _storm(self) -> None:
        random, weather = self.random, self.weather
        if random.random() < 0.5 and not self.quiet:
            weather.store = 0.05
            weather.renewal = random.choice([0.0, 0.0, 0.8])
        if random.random() < 0.4:
            weather.refused, weather.lost = 0.15, 0.1
        if random.random() < 0.5:
            weather.answer_lost = 0.25
        if random.random() < 0.3:
            weather.archive = 0.2
        if random.random() < 0.1:
            weather.audio_refused = 0.3
        end = asyncio.get_running_loop().time() + STORM_SECONDS
        while (left := end - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(min(left, random.random() * 8))
            if not self.quiet:
                self._strike()

    def _strike(self) -> None:
        """Do something to one of the processes."""
        living = [each for each in self.processes if not each[0].dead and not each[1].done()]
        if not living:
            self._start()
            return
        process, _, stop = self.random.choice(living)
        match self.random.randrange(6):
            case 0:
                process.fuse = self.random.randint(1, 40)
                asyncio.get_running_loop().call_later(4.0, self._start)
            case 1:
                process.stop()
                asyncio.get_running_loop().call_later(self.random.choice([2.0, 5.5, 7.0, 16.0]), process.go_on)
            case 2:
                self.cluster.rebalance()
            case 3:
                stop.set()
                self._start()
            case 4 if self.clock_jumps:
                self.clock_ahead_seconds += self.random.choice([-3.0, 4.0, 10.0])
            case _:
                pass

    async def _calm(self) -> None:
        """End the faults, and wait until every memo has come to its end."""
        self.weather.clear()
        for process, _, _ in self.processes:
            process.fuse = None
            process.go_on()
        if all(process.dead or task.done() for process, task, _ in self.processes):
            self._start()
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE_SECONDS
        while not self._is_over():
            self._raise_of_workers()
            if loop.time() > end:
                self.violations.append(f"no end: {self._unfinished()}")
                self._judge()
            await asyncio.sleep(1.0)

    def _is_over(self) -> bool:
        letters = self.store.ledger._letters
        return (
            all(log.committed >= log.end for log in self.cluster.logs.values())
            and not self._unfinished()
            and len({letter.event.place for letter in self.topic}) >= len(letters)
        )

    def _unfinished(self) -> list[MemoKey]:
        return [key for key, _, _ in self.memos if not self._state(key).settled]

    def _raise_of_workers(self) -> None:
        """Check that workers end only when stopped; after a long SIGSTOP one may be Abandoned."""
        for process, task, _ in self.processes:
            if process.dead or not task.done() or task.cancelled() or (error := task.exception()) is None:
                continue
            if not (isinstance(error, Abandoned) and process.was_stopped):
                raise Violation(f"a worker ended: {error!r}") from error
            process.die()
            self._start()

    def _state(self, key: MemoKey) -> State:
        stories = [story for story in at_once(self.store.ledger.find(key.message_id)) if story.key == key]
        return stories[0].state if stories else State.RECEIVED

    def _committed(self, partition: Partition, offset: int) -> None:
        """I4: whatever lies before a committed offset is settled, or parked."""
        for key, where, at in self.memos:
            if where == partition and at < offset and not self._safe(key):
                self.violations.append(f"I4: {key} lies before the committed offset {offset} and is not safe")

    def _safe(self, key: MemoKey) -> bool:
        stories = [story for story in at_once(self.store.ledger.find(key.message_id)) if story.key == key]
        return bool(stories) and (stories[0].state.settled or stories[0].due_at is not None)

    def _check_the_end(self) -> None:
        replies = [f"{sent.chat_id}/{sent.filename or sent.text}" for sent in self.api.sent]
        for key, _, _ in self.memos:
            mine = [sent for sent in self.api.sent if sent.chat_id == key.chat_id and key.message_id in sent.key]
            # Rather never than twice: then a person may have to look.
            given_up = not self.resend_unknown and not mine and self._state(key) is State.FAILED
            if len(mine) != 1 and not given_up:
                self.violations.append(f"I1: {key} has {len(mine)} replies; all: {replies}")
            story = next(each for each in at_once(self.store.ledger.find(key.message_id)) if each.key == key)
            if story.lease_until is not None or story.due_at is not None:
                self.violations.append(f"I9: {key} is settled and still held or parked")
            if not any(key.message_id in name and name.startswith("voice_memo") for name in self.archive):
                self.violations.append(f"I5: the original of {key} is not kept")
            if key.message_id in self.hopeless | self.buggy and key not in {each.key for each in self.topic}:
                self.violations.append(f"I7: {key} has no dead letter")
        self._check_order()

    def _check_order(self) -> None:
        for chat in {key.chat_id for key, _, _ in self.memos}:
            wanted = [key.message_id for key, _, _ in self.memos if key.chat_id == chat]
            wanted = [each for each in wanted if self._state(MemoKey(chat, each)) is not State.FAILED]
            said = [sent.key.split("-")[2] for sent in self.api.sent if sent.chat_id == chat]
            if list(dict.fromkeys(said)) != wanted:
                self.violations.append(f"I3: in {chat} the replies are {said}, the memos {wanted}")

    def check_paid(self, memo: Memo, fact: str) -> None:
        """I10: what is in the ledger is not paid for again, unless the archive that has the sound cannot be had."""
        if (self.weather.archive and fact == "spoken") or self.clock_jumps:
            return
        if facts_of(self.store, memo.chat_id, memo.message_id).get(fact) is not None:
            self.violations.append(f"I10: {fact} of {memo.message_id} is paid for though the ledger has it")

    def _heard_of(self, notice: Notice) -> None:
        """A lease is lost only where something has happened."""
        if isinstance(notice, MemoFenced) and self.quiet and not self.clock_jumps:
            self.violations.append(f"I9: {notice.key} was lost on a quiet day")

    async def _end(self) -> None:
        """Stop everything in order; workers end without an error."""
        for process, task, stop in self.processes:
            if process.dead:
                continue
            stop.set()
            process.go_on()
            async with asyncio.timeout(60):
                await asyncio.wait({task})
        self._raise_of_workers()

    def _judge(self) -> None:
        if self.violations:
            raise Violation("; ".join(dict.fromkeys(self.violations)))


def event(chat_id: str, message_id: str) -> bytes:
    """Write an event as the Series API does."""
    data: Mapping[str, object] = {
        "id": message_id,
        "chat_id": chat_id,
        "from_phone": "+15550100001",
        "sent_at": "2026-01-01T00:00:00Z",
        "attachments": [{"url": "https://example.com/a.caf", "mime_type": "audio/x-caf"}],
    }
    return json.dumps({"api_version": "v2", "event_type": "message.received", "data": data}).encode()
