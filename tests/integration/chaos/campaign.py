"""A campaign: worker processes on a real Kafka, killed, stopped and starved, while people go on speaking.

`python -m tests.integration.chaos.campaign --memos 3000 --strikes 300` is the long variant.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sqlite3
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from audio.scratch_dir import remove_abandoned_dirs
from console.fixture import wrap
from consumer.kafka.ports import KafkaLogin, SourceError
from consumer.kafka.publisher import KafkaPublisher
from sandbox.app import Sandbox
from sandbox.faults import FaultKind, ScriptedFault
from sandbox.mind import ScriptedMind
from storage.ledger import MemoKey
from storage.sqlite.store import SqliteStore
from tests.harness.paths import MEMOS
from tests.harness.processes import LoggedProcess, environment, start
from tests.harness.until import until
from tests.integration.kafka.broker import VERSIONS, real_kafka

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.integration.kafka.broker import RealKafka

MEMO = MEMOS / "en-yes.wav"
TOPIC, DEAD, GROUP = "message.received", "message.received.dead", "voicememo"
PARTITIONS = 6
SESSION_SECONDS = 6.0
LEASE_SECONDS = 6.0
LATENCY = {"whisper": 0.4, "llama": 0.2, "elevenlabs": 0.2}
PATIENCE_SECONDS = 240.0
STANDSTILL_SECONDS = 20.0
"""After so long the workers are struck though nothing was answered: two of them, say, were stopped."""
TWICE = 0.5
"""How often a second worker is struck within a second."""


@dataclass
class Figures:
    """What a campaign came to."""

    memos: int
    kills: int = 0
    pauses: int = 0
    broker_restarts: int = 0
    rebalances: int = 0
    duplicates: int = 0
    lost: int = 0
    out_of_order: int = 0
    taken_over: int = 0
    """Memos that more than one claim worked on."""
    recovery_p50_seconds: float | None = None
    """From the death of the process that held a memo to its reply."""
    recovery_p95_seconds: float | None = None
    left: list[str] = field(default_factory=list)
    """Whatever should not be there at the end."""
    seconds: float = 0.0


class Campaign:
    """Runs one.

    Args:
        kafka: the broker.
        folder: for everything that is kept.
        memos: how many.
        strikes: how often a worker is struck.
        seed: of everything that is drawn.
        pause_seconds: how long a stopped worker stands still: longer than its session and its leases.
    """

    def __init__(
        self, kafka: RealKafka, folder: Path, *, memos: int, strikes: int, seed: int, pause_seconds: float = 8.0
    ) -> None:
        self.kafka = kafka
        self.folder = folder
        self.strikes = strikes
        self.pause_seconds = pause_seconds
        self.random = Random(seed)  # noqa: S311 (it draws faults)
        self.figures = Figures(memos)
        self.workers: list[LoggedProcess] = []
        self.keys: list[MemoKey] = []
        self.orphans: dict[MemoKey, float] = {}
        """Memos whose holder was killed or stopped, and when."""
        self.over = False

    async def run(self) -> Figures:
        """Run it, and count."""
        begun = time.monotonic()
        # A Series API that ignores idempotency keys: what keeps replies single is our own rule alone.
        async with Sandbox(ScriptedMind(), honours_keys=False) as self.sandbox:
            self.sandbox.faults.latency.update(LATENCY)
            await self._topics()
            store = SqliteStore(self._database)
            await store.open()
            try:
                for _ in range(3):
                    await self._start()
                await self._storm()
                await self._calm()
                await self._count(store)
            finally:
                await self._end()
                await store.close()
        self.figures.left += await asyncio.to_thread(self._left_behind)
        self.figures.seconds = time.monotonic() - begun
        return self.figures

    @property
    def _database(self) -> Path:
        return self.folder / "voicememo.db"

    def _environment(self) -> dict[str, str]:
        return {
            **environment(self.folder, sandbox=self.sandbox.environment(), broker=self.kafka.bootstrap_servers),
            "KAFKA_SESSION_SECONDS": str(SESSION_SECONDS),
            "LEASE_SECONDS": str(LEASE_SECONDS),
            "DRAIN_SECONDS": "4",
            "LOG_FORMAT": "json",
            "TMPDIR": str(self.folder / "tmp"),
        }

    async def _topics(self) -> None:
        (self.folder / "tmp").mkdir()
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap_servers)
        await admin.start()
        await admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1), NewTopic(DEAD, 1, 1)])
        await admin.close()

    async def _start(self) -> None:
        log = self.folder / f"worker-{self.figures.kills + len(self.workers)}-{time.monotonic_ns()}.log"
        process = await start("run", variables=self._environment(), log=log)
        self.workers.append(LoggedProcess(process, log))

    async def _storm(self) -> None:
        async with asyncio.TaskGroup() as group:
            speaking = group.create_task(self._speak())
            group.create_task(self._strike_often())
            group.create_task(self._restart_broker(speaking))
            group.create_task(self._trouble_sends(speaking))

    async def _speak(self) -> None:
        """Put the memos on the topic, over about as long as the strikes take."""
        publisher = KafkaPublisher(KafkaLogin(self.kafka.bootstrap_servers))
        pause = self.strikes * 4.0 / self.figures.memos
        chats = [f"chat-{number}" for number in range(20)]
        try:
            for number in range(self.figures.memos):
                key = MemoKey(self.random.choice(chats), f"m{number}")
                value = await asyncio.to_thread(
                    wrap, MEMO, chat_id=key.chat_id, message_id=key.message_id, person="+15550100001"
                )
                await self._put(publisher, key, value)
                self.keys.append(key)
                await asyncio.sleep(pause)
        finally:
            await publisher.close()

    async def _put(self, publisher: KafkaPublisher, key: MemoKey, value: bytes) -> None:
        """Put one memo on the topic; the feeder tries again, so that an event may come twice."""
        while True:
            try:
                await publisher.publish(TOPIC, key=key.chat_id.encode(), value=value)
            except SourceError:
                await asyncio.sleep(0.2)
            else:
                return

    async def _strike_often(self) -> None:
        """Strike once or twice, and again when they are at work: most of them, not those that are just starting."""
        while self._struck < self.strikes:
            await self._at_work()
            await self._strike()
            if self._struck < self.strikes and self.random.random() < TWICE:
                await asyncio.sleep(self.random.random())
                await self._strike()

    @property
    def _struck(self) -> int:
        return self.figures.kills + self.figures.pauses

    async def _at_work(self) -> None:
        """Wait until some memos more have been answered, however fast this machine is; not for ever."""
        enough = len(self.sandbox.sent) + self.random.randint(1, 12)
        with contextlib.suppress(AssertionError):
            await until(lambda: len(self.sandbox.sent) >= enough, seconds=STANDSTILL_SECONDS, pause_seconds=0.05)

    async def _strike(self) -> None:
        up = [each for each in self.workers if each.alive and not each.paused]
        if not up:
            await self._start()
            return
        worker = self.random.choice(up)
        self._note_orphans(worker)
        if self.random.random() < 0.6:
            self.figures.kills += 1
            await worker.kill()
            await self._start()
        else:
            self.figures.pauses += 1
            worker.pause()
            asyncio.get_running_loop().call_later(self.pause_seconds, worker.resume)
            if len(up) == 1:
                await self._start()

    def _note_orphans(self, worker: LoggedProcess) -> None:
        """See what the worker holds just now."""
        with contextlib.closing(sqlite3.connect(self._database, timeout=5)) as connection:
            rows = connection.execute(
                "SELECT chat_id, message_id FROM memos WHERE owner LIKE ? AND lease_until > ?",
                (f"%-{worker.pid}-%", time.time()),
            ).fetchall()
        for row in rows:
            self.orphans[MemoKey(*row)] = time.time()

    async def _restart_broker(self, speaking: asyncio.Task[None]) -> None:
        for _ in range(2):
            await asyncio.sleep(self.strikes * 0.8)
            if speaking.done():
                return
            await asyncio.to_thread(self.kafka.kill)
            await asyncio.sleep(1.5)
            await asyncio.to_thread(self.kafka.start)
            self.figures.broker_restarts += 1

    async def _trouble_sends(self, speaking: asyncio.Task[None]) -> None:
        faults = self.sandbox.faults
        while not speaking.done():
            await asyncio.sleep(2)
            match self.random.randrange(5):
                case 0:
                    faults.next("series.send", ScriptedFault(FaultKind.ACCEPTED_THEN_CUT))
                case 1:
                    faults.next("series.send", ScriptedFault(FaultKind.ACCEPTED_THEN_HANG))
                case 2:
                    faults.next(
                        "series.send", ScriptedFault(FaultKind.STATUS, 500), ScriptedFault(FaultKind.STATUS, 429, "1")
                    )
                case 3:
                    faults.always("series.send", ScriptedFault(FaultKind.STATUS, 503))
                    await asyncio.sleep(3)
                    faults.clear()
                    faults.latency.update(LATENCY)
                case _:
                    pass

    async def _calm(self) -> None:
        """Let the workers finish."""
        self.sandbox.faults.clear()
        if not any(each.alive and not each.paused for each in self.workers):
            await self._start()
        await until(self._is_over, "all is settled and committed", seconds=PATIENCE_SECONDS, pause_seconds=0.5)

    async def _is_over(self) -> bool:
        with contextlib.closing(sqlite3.connect(self._database, timeout=5)) as connection:
            (settled,) = connection.execute("SELECT count(*) FROM memos WHERE settled_at IS NOT NULL").fetchone()
        return bool(settled >= len(self.keys)) and await self._all_committed()

    async def _all_committed(self) -> bool:
        looking = AIOKafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap_servers, group_id=GROUP, enable_auto_commit=False
        )
        try:
            await looking.start()
            partitions = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]
            looking.assign(partitions)
            ends = await looking.end_offsets(partitions)
            return all([(await looking.committed(each) or 0) >= ends[each] for each in partitions])
        except KafkaError:
            return False
        finally:
            await looking.stop()

    async def _count(self, store: SqliteStore) -> None:
        """Count what the Series API got, and what the ledger says."""
        replies = Counter((sent.chat_id, _memo_of(sent.filename or "")) for sent in self.sandbox.sent)
        wanted = [(key.chat_id, key.message_id) for key in self.keys]
        self.figures.lost = sum(key not in replies for key in wanted)
        self.figures.duplicates = sum(count - 1 for count in replies.values())
        self.figures.out_of_order = self._out_of_order(wanted)
        stories = [story for key in self.keys for story in await store.ledger.find(key.message_id)]
        self.figures.taken_over = sum(story.fence > 1 for story in stories)
        held = [story.key for story in stories if story.lease_until is not None or story.due_at is not None]
        self.figures.left += [f"held or parked: {key}" for key in held]
        self._recovery()
        for worker in self.workers:
            log = await asyncio.to_thread(worker.log.read_text)
            self.figures.rebalances += log.count('"partitions.changed"')

    def _out_of_order(self, wanted: Sequence[tuple[str, str]]) -> int:
        by_chat: defaultdict[str, list[str]] = defaultdict(list)
        for sent in self.sandbox.sent:
            by_chat[sent.chat_id].append(_memo_of(sent.filename or ""))
        count = 0
        for chat, said in by_chat.items():
            asked = [message for each, message in wanted if each == chat]
            places = [asked.index(message) for message in dict.fromkeys(said) if message in asked]
            count += sum(one > other for one, other in pairwise(places))
        return count

    def _recovery(self) -> None:
        at = {(sent.chat_id, _memo_of(sent.filename or "")): sent.at.timestamp() for sent in self.sandbox.sent}
        seconds = [
            at[key.chat_id, key.message_id] - died
            for key, died in self.orphans.items()
            if at.get((key.chat_id, key.message_id), 0) > died
        ]
        if len(seconds) > 1:
            self.figures.recovery_p50_seconds = round(median(seconds), 1)
            self.figures.recovery_p95_seconds = round(quantiles(seconds, n=20)[-1], 1)

    async def _end(self) -> None:
        """Stop the workers: each exits with 0."""
        running = [worker for worker in self.workers if worker.alive]
        for worker, status in zip(running, await asyncio.gather(*(each.stop() for each in running)), strict=True):
            if status != 0:
                self.figures.left.append(f"a worker ended with {status}: {worker.log}")

    def _left_behind(self) -> list[str]:
        """See what is left of temporary files, once a next worker has cleared up."""
        tempfile.tempdir = str(self.folder / "tmp")
        try:
            remove_abandoned_dirs(older_than_seconds=-1)
        finally:
            tempfile.tempdir = None
        return [f"left: {path.name}" for path in (self.folder / "tmp").iterdir()]


def _memo_of(filename: str) -> str:
    """Read the memo's id off a reply's name."""
    return filename.rpartition(".")[0].split("_")[-1]


def campaign(*, memos: int, strikes: int, seed: int, version: str = VERSIONS[0]) -> Figures:
    """Run a campaign on a broker of its own. Raises NoKafka."""
    with real_kafka(version) as kafka, tempfile.TemporaryDirectory() as folder:
        return asyncio.run(Campaign(kafka, Path(folder), memos=memos, strikes=strikes, seed=seed).run())


def main() -> None:
    """Run one, and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.integration.chaos.campaign", description=__doc__)
    parser.add_argument("--memos", type=int, default=300)
    parser.add_argument("--strikes", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    figures = campaign(memos=chosen.memos, strikes=chosen.strikes, seed=chosen.seed)
    sys.stdout.write(json.dumps(asdict(figures), indent=1) + "\n")


if __name__ == "__main__":
    main()
