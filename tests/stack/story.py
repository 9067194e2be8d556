"""What the stack goes through: it starts, answers the fixtures, loses a worker in the middle of a memo, and stops."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
import boto3
from prometheus_client.parser import text_string_to_metric_families

from console import fixture
from console.commands.replay import event_of, put
from console.follow import follow
from consumer.kafka.publisher import KafkaPublisher
from consumer.settings import load
from consumer.telemetry.catalogue import CATALOGUE
from sandbox.app import Sandbox
from sandbox.mind import ScriptedMind
from storage.factory import make_store
from tests.deploy import compose
from tests.deploy.compose import WORKER, services
from tests.deploy.migrating import DATABASE
from tests.harness.free_ports import free_ports
from tests.harness.paths import FIXTURES, MEMOS
from tests.harness.until import until
from tests.postgres.database import connected
from tests.postgres.server import SUPERUSER
from tests.stack.environment import Addresses, in_compose, of_worker
from tests.stack.signed import SignedPostgRest
from tests.stack.team import StackWorker, started

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from console.follow import EventOutcome
    from consumer.settings import Settings
    from storage.factory import Store
    from tests.stack.parts import Parts

MEMO = MEMOS / "en-call-me.caf"
PATIENCE_SECONDS = 120.0
LATE_MEMOS = 24
"""Said while a worker is killed; with so many chats both workers have some."""
THINKING_SECONDS = 3.0
"""For each of them: long enough to be killed in."""


@dataclass(slots=True)
class Stack:
    """All that runs."""

    parts: Parts
    folder: Path
    tell: Callable[[str], None]
    sandbox: Sandbox
    settings: Settings
    store: Store
    publisher: KafkaPublisher
    there: Addresses
    workers: list[StackWorker] = field(default_factory=list)

    async def hire(self) -> StackWorker:
        """Start one more worker, with an environment as the Compose file says."""
        name = f"worker-{len(self.workers) + 1}"
        given = of_worker(self.parts.env, self.there, self.folder, free_ports(1)[0])
        worker = await started(name, self.folder, given)
        self.workers.append(worker)
        return worker

    async def say(self, path: Path, value: bytes) -> EventOutcome:
        """Put an event on the topic, and follow it to its end."""
        where = await put(self.publisher, self.settings.kafka.topic, path, value)
        return await follow(
            self.store.ledger,
            value,
            where.where,
            where.offset,
            our_numbers=self.settings.messaging.our_numbers,
            patience_seconds=PATIENCE_SECONDS,
            texts=self.settings.worker.answer_text_messages,
        )

    async def until(self, met: Callable[[], object], what: str) -> None:
        """Wait for what the workers bring about; a failure shows the end of each one's log."""
        try:
            await until(lambda: asyncio.to_thread(met), what, seconds=PATIENCE_SECONDS, pause_seconds=0.05)
        except AssertionError as late:
            said = "\n\n".join(f"{worker.name}:\n{worker.last_words()}" for worker in self.workers)
            raise AssertionError(f"{late}\n{said}") from None


async def play(parts: Parts, folder: Path, tell: Callable[[str], None]) -> None:
    """Go through all of it. Raises AssertionError where something is not as it should be."""
    async with standing(parts, folder, tell) as stack:
        await _fixtures_are_answered(stack)
        await _all_is_kept(stack)
        await _vitals_tell(stack)
        await _a_worker_is_killed(stack)
        await _all_stop(stack)
    tell("all parts have stopped")


@asynccontextmanager
async def standing(parts: Parts, folder: Path, tell: Callable[[str], None]) -> AsyncIterator[Stack]:
    """Bring up what is not up yet, workers last; whatever happens, no worker outlives the block."""
    async with AsyncExitStack() as closing:
        media = (MEMOS, FIXTURES / "broken")
        sandbox = await closing.enter_async_context(Sandbox(ScriptedMind(), media=media, honours_keys=False))
        for key, message in fixture.messages(FIXTURES / "messages.json", series_api_url=sandbox.url).items():
            sandbox.series.add_message(*key, message)
        rest = await closing.enter_async_context(SignedPostgRest(parts.postgres, DATABASE, parts.jwt_secret))
        there = Addresses(parts.kafka.bootstrap_servers, rest.url, parts.s3, sandbox.url)
        tell(f"PostgREST's stand-in at {rest.url}, simulated upstreams at {sandbox.url}")
        settings = load(of_worker(parts.env, there, folder, 0))
        store = make_store(settings.store)
        await store.open()
        closing.push_async_callback(store.close)
        publisher = KafkaPublisher(settings.kafka.login())
        closing.push_async_callback(publisher.close)
        stack = Stack(parts, folder, tell, sandbox, settings, store, publisher, there)
        try:
            for _ in range(services(parts.env)[WORKER]["deploy"]["replicas"]):
                await stack.hire()
            yield stack
        finally:
            await asyncio.gather(*(worker.kill() for worker in stack.workers if worker.alive))


async def _fixtures_are_answered(stack: Stack) -> None:
    """Every fixture event ends as fixtures/expected.json says, through two workers, and replies are voice memos."""
    expected = json.loads((FIXTURES / "expected.json").read_text("utf-8"))
    paths = sorted((FIXTURES / "events").glob("[0-9]*"))
    await _both_are_members(stack)
    values = [await asyncio.to_thread(event_of, path, stack.settings, "stack") for path in paths]
    ended = await asyncio.gather(*map(stack.say, paths, values))
    for path, end in zip(paths, ended, strict=True):
        wanted = expected[path.name]
        assert (end.outcome, end.reason) == (wanted["outcome"], wanted["reason"]), f"{path.name}: {end}"
    memos = {
        (each["chat_id"], each.get("message_id") or name)
        for name, each in expected.items()
        if each["outcome"] in {"answered", "apologised"}
    }
    assert Counter(sent.chat_id for sent in stack.sandbox.sent) == Counter(chat for chat, _ in memos)
    assert all(sent.audio for sent in stack.sandbox.sent), "a reply is no voice memo"
    shares = {worker.name: len(worker.keys("memo.settled")) for worker in stack.workers}
    assert all(shares.values()), f"a worker had nothing to do: {shares}"
    stack.tell(f"{len(paths)} fixture events ended as they should, {len(memos)} replies by voice: {shares}")


async def _both_are_members(stack: Stack) -> None:
    """Wait until the group has given partitions to each: a first memo must not come before the second has joined."""
    for worker in stack.workers:
        await stack.until(partial(_has_partitions, worker), f"{worker.name} has partitions")


def _has_partitions(worker: StackWorker) -> bool:
    counts = [line["partitions"] for line in worker.lines() if line["event"] == "partitions.changed"]
    return bool(counts) and 0 < int(str(counts[-1])) < 12


async def _all_is_kept(stack: Stack) -> None:
    """Recordings and replies are in S3, the memos and both turns of each in PostgreSQL."""
    keys = await asyncio.to_thread(_keys, stack.parts.s3, urlsplit(in_compose(stack.parts.env)["ARCHIVE_URL"]).netloc)
    async with connected(stack.parts.postgres, SUPERUSER, DATABASE) as root:
        rows = await root.fetch("select state, facts from voicememo_memos where state in ('answered', 'apologised')")
        turns = await root.fetchval("select count(*) from voicememo_messages")
    facts = [json.loads(row["facts"]) for row in rows if row["state"] == "answered"]
    missing = {each[name] for each in facts for name in ("original", "wav", "spoken")} - keys
    assert not missing, f"not in S3: {missing}"
    assert turns >= 2 * len(facts)
    stack.tell(f"{len(keys)} objects are in S3, {len(rows)} memos and {turns} turns in PostgreSQL")


async def _vitals_tell(stack: Stack) -> None:
    """Each worker is ready; by its metrics nothing is unfinished, nothing is owed, and all replies were voice."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE_SECONDS):
        for worker in stack.workers:
            url = f"http://127.0.0.1:{worker.variables['VITALS_PORT']}"
            async with session.get(f"{url}/readyz") as ready:
                assert ready.status == 200, await ready.text()
            told = await _told(session, url)
            while told["voicememo_lag_events"] or told["voicememo_owed_uploads"]:  # the last offsets are being finished
                await asyncio.sleep(0.2)
                told = await _told(session, url)
            assert told["voicememo_voice_out_ratio"] == 1.0, told
    stack.tell("both workers are ready, with no lag, and every reply was voice")


async def _told(session: aiohttp.ClientSession, url: str) -> Counter[str]:
    """Scrape a worker: metric → the sum of its series."""
    async with session.get(f"{url}/metrics") as answer:
        families = text_string_to_metric_families(await answer.text())
    sums: Counter[str] = Counter()
    for family in families:
        sums[family.name] += sum(sample.value for sample in family.samples)  # type: ignore[assignment] # of floats
    assert sums.keys() >= {metric.name.removesuffix("_total") for metric in CATALOGUE}
    return sums


async def _a_worker_is_killed(stack: Stack) -> None:
    """Of a worker that is killed in the middle of memos the others answer each, once; a new one takes its place."""
    stack.sandbox.faults.latency["llama"] = THINKING_SECONDS
    chats = [f"late-{number}-{uuid.uuid4().hex[:6]}" for number in range(LATE_MEMOS)]
    values = [
        await asyncio.to_thread(fixture.wrap, MEMO, chat_id=chat, message_id=chat, person="+15550100001")
        for chat in chats
    ]
    saying = asyncio.gather(*(stack.say(MEMO, value) for value in values))
    victim = stack.workers[0]
    late = {(chat, chat) for chat in chats}
    await stack.until(lambda: _in_hand(victim) & late, f"{victim.name} is in the middle of a memo")
    await victim.kill()
    lost = _in_hand(victim) & late
    stack.tell(f"{victim.name} was killed with {len(lost)} memos in hand")
    await stack.hire()
    stack.sandbox.faults.clear()
    ended = await saying
    assert [end.outcome for end in ended] == ["answered"] * LATE_MEMOS, Counter(end.outcome for end in ended)
    replies = Counter(sent.chat_id for sent in stack.sandbox.sent if sent.chat_id in set(chats))
    assert replies == Counter(chats), f"not one reply each: {replies}"
    again = [end.story.fence for end in ended if end.story and (end.story.key.chat_id,) * 2 in lost]
    assert again, "nothing was in hand"
    assert all(fence > 1 for fence in again), "a memo of the killed worker was not taken over"
    stack.tell(f"{LATE_MEMOS} memos of {LATE_MEMOS} chats were answered once each, {len(again)} of them taken over")


def _in_hand(worker: StackWorker) -> set[tuple[str, str]]:
    return worker.keys("memo.taken") - worker.keys("memo.settled")


async def _all_stop(stack: Stack) -> None:
    """Asked to stop, every worker that is left ends with 0 within its grace, and nothing is owed."""
    grace = compose.seconds(services(stack.parts.env)[WORKER]["stop_grace_period"])
    left = [worker for worker in stack.workers if worker.alive]
    statuses = await asyncio.gather(*(worker.stop(grace) for worker in left))
    assert statuses == [0] * len(left), [worker.last_words() for worker in left]
    owed = list((stack.folder / "owed").glob("*.owed"))
    assert not owed, f"{len(owed)} uploads are still owed"
    stack.tell(f"{len(left)} workers have stopped, and owe nothing")


def _keys(url: str, name: str) -> set[str]:
    """List the keys of a bucket."""
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="local", aws_secret_access_key="local"
    )
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=name)
        return {found["Key"] for page in pages for found in page.get("Contents", [])}
    finally:
        client.close()
