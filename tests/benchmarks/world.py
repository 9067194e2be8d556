"""A world to measure in: a broker, upstreams in a process of their own, and workers as processes, all on loopback."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import imageio_ffmpeg
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from consumer.kafka.ports import KafkaLogin
from consumer.kafka.publisher import KafkaPublisher
from sandbox.broker import EmbeddedBroker
from tests.benchmarks.upstreams import REPLY, WORDS_PER_MINUTE
from tests.benchmarks.worker import MeasuredWorker
from tests.harness.free_ports import free_ports
from tests.harness.paths import MEMOS
from tests.harness.processes import COMMAND, environment, start_program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from sandbox.pace import Speed

MEMO = "memo.opus"
MEMO_SECONDS = 16.0
"""The WAV of such a memo has half a megabyte, the original architecture's lower end."""
PARTITIONS = 4
"""Partitions of a topic; the embedded broker's topics have as many."""
_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Sent:
    """A reply that the Series API has taken."""

    chat_id: str
    message_id: str
    at: float
    """By the wall clock, in seconds."""
    text: str
    number: int
    """Its place among all that was sent."""
    audio_bytes: int


class World:
    """What a benchmark runs in; world() makes one."""

    def __init__(
        self, servers: str, variables: dict[str, str], folder: Path, http: aiohttp.ClientSession, *, real: bool
    ) -> None:
        self.servers = servers
        self._real = real
        self.folder = folder
        self.http = http
        self.upstream_pid = 0
        self.asked: dict[str, float] = {}
        """Message id → when it was put on the topic, by the wall clock, in seconds."""
        self.sent: dict[str, Sent] = {}
        self._variables = variables
        self._publisher = KafkaPublisher(KafkaLogin(servers))
        self._seen = 0
        self._names = 0
        self._workers: list[MeasuredWorker] = []
        self._looking = asyncio.Lock()

    @property
    def memo(self) -> Path:
        """The recording that all memos carry."""
        return self.folder / "media" / MEMO

    async def pace(self, speeds: Mapping[str, Speed], *, connect_seconds: float = 0.0) -> None:
        """Have the upstreams take their time."""
        # JSON has no infinity: what is instant is left out.
        told = {
            name: {key: value for key, value in asdict(speed).items() if value != float("inf")}
            for name, speed in speeds.items()
        }
        body = {"speeds": told, "connect_seconds": connect_seconds}
        async with self.http.put(f"{self._variables['SERIES_API_URL']}/sandbox/pace", json=body) as response:
            response.raise_for_status()

    async def topic(self, *, partitions: int = PARTITIONS) -> str:
        """Make a topic; the embedded broker makes it by itself, at first use, with as many partitions as it likes."""
        self._names += 1
        topic = f"bench-{self._names}"
        if self._real:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.servers)
            await admin.start()
            try:
                await admin.create_topics([NewTopic(topic, partitions, 1)])
            finally:
                await admin.close()
        return topic

    async def worker(self, *command: str, topic: str | None = None, **more: str) -> MeasuredWorker:
        """Start a worker, on a topic of its own unless one is named; those of one topic share its group and store."""
        topic, port = topic or await self.topic(), free_ports(1)[0]
        folder = self.folder / topic
        (folder / "scratch").mkdir(parents=True, exist_ok=True)
        variables = {
            **environment(folder, broker=self.servers),
            **self._variables,
            "KAFKA_TOPIC": topic,
            "KAFKA_GROUP_ID": topic,
            "ARCHIVE_SPOOL": f"{folder}/owed/{port}",
            "VITALS_PORT": str(port),
            "LOG_FORMAT": "json",
            "TMPDIR": f"{folder}/scratch",
            **more,
        }
        process = await start_program(*(command or (COMMAND, "run")), variables=variables)
        worker = MeasuredWorker(process, topic, f"http://127.0.0.1:{port}")
        worker.reading = asyncio.create_task(worker.read_log())
        self._workers.append(worker)
        return worker

    async def sequential(self) -> MeasuredWorker:
        """Start the plain worker."""
        return await self.worker(sys.executable, "-m", "tests.benchmarks.sequential")

    async def put(self, worker: MeasuredWorker, *, chat: str | None = None) -> str:
        """Put a memo on a worker's topic, in a chat of its own unless one is named, which is its key; give its id."""
        self._names += 1
        message_id = f"m{self._names}"
        chat = chat or f"c{self._names}"
        attachment = {"id": "a", "url": f"{self._variables['SERIES_API_URL']}/media/{MEMO}", "filename": MEMO}
        data = {
            "id": message_id, "chat_id": chat, "text": "", "from_phone": "+15550100001", "service": "iMessage",
            "attachments": [{**attachment, "mime_type": None}],
        }  # fmt: skip
        event = {"api_version": "v2", "event_type": "message.received", "event_id": message_id, "data": data}
        self.asked[message_id] = time.time()
        await self._publisher.publish(worker.topic, key=chat.encode(), value=json.dumps(event).encode())
        return message_id

    async def answered(self, messages: Iterable[str], *, patience_seconds: float = 180.0) -> None:
        """Wait until all of these are answered."""
        left = set(messages)
        async with asyncio.timeout(patience_seconds):
            while left := left - self.sent.keys():
                await asyncio.sleep(_LOOK_SECONDS)
                self._check()
                await self.look()

    async def look(self) -> None:
        """See what was sent meanwhile: a second reply to a memo, too, which raises."""
        async with self._looking:
            await self._look()

    async def warm(self, worker: MeasuredWorker, memos: int = 2) -> None:
        """Have a worker answer some memos that are not measured."""
        for _ in range(memos):
            await self.answered([await self.put(worker)])

    async def metrics(self, worker: MeasuredWorker) -> str:
        """Give a worker's metrics."""
        async with self.http.get(f"{worker.vitals_url}/metrics") as response:
            return await response.text()

    async def audio(self, sent: Sent) -> bytes:
        """Give the sound of a reply."""
        async with self.http.get(f"{self._variables['SERIES_API_URL']}/sandbox/sent/{sent.number}/audio") as response:
            response.raise_for_status()
            return await response.read()

    async def close(self) -> None:
        """End the workers that still run."""
        for worker in self._workers:
            await worker.stop()
        await self._publisher.close()

    def _check(self) -> None:
        """Raise if a worker ended before it was asked to."""
        for worker in self._workers:
            if worker.process.returncode is not None and not worker.stopped:
                told = ", ".join(worker.troubles) or "nothing"
                raise RuntimeError(f"a worker ended with status {worker.process.returncode}, and told: {told}")

    async def _look(self) -> None:
        url = f"{self._variables['SERIES_API_URL']}/sandbox/sent?after={self._seen}"
        async with self.http.get(url) as response:
            found = await response.json()
        for each in found:
            message_id = each["idempotency_key"].rsplit("-", 2)[1]
            at = datetime.fromisoformat(each["sent_at"]).timestamp()
            sent = Sent(each["chat_id"], message_id, at, each["text"], self._seen, each["bytes"])
            if message_id in self.sent:
                raise RuntimeError("a memo was answered twice")
            self.sent[message_id] = sent
            self._seen += 1


@asynccontextmanager
async def world(
    servers: str | None = None,
    *,
    reply: str = REPLY,
    memo_seconds: float = MEMO_SECONDS,
    words_per_minute: int = WORDS_PER_MINUTE,
) -> AsyncIterator[World]:
    """Make a world, on the embedded broker unless a real one is named; afterwards nothing of it runs."""
    async with AsyncExitStack() as closing:
        real = servers is not None
        if servers is None:
            servers = closing.enter_context(EmbeddedBroker()).bootstrap_servers
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="measuring-")))
        await asyncio.to_thread(_record, folder / "media", memo_seconds)
        upstreams = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.benchmarks.upstreams", str(folder / "media"), reply, str(words_per_minute)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        closing.push_async_callback(_ended, upstreams)
        if upstreams.stdout is None:
            raise RuntimeError("the upstreams' variables are not piped")
        variables = json.loads(await upstreams.stdout.readline())
        http = await closing.enter_async_context(aiohttp.ClientSession())
        made = World(servers, variables, folder, http, real=real)
        made.upstream_pid = upstreams.pid
        closing.push_async_callback(made.close)
        yield made


async def _ended(upstreams: asyncio.subprocess.Process) -> None:
    """End the upstreams by ending their input."""
    if upstreams.stdin is not None:
        upstreams.stdin.close()
    await upstreams.wait()


def _record(folder: Path, seconds: float) -> None:
    """Cut the memo out of the longest of the fixtures, repeated when it has ended."""
    folder.mkdir()
    cut = (
        "-stream_loop",
        "-1",
        "-i",
        str(MEMOS / "en-long.opus"),
        "-t",
        str(seconds),
        "-c",
        "copy",
        str(folder / MEMO),
    )
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *cut], check=True)  # noqa: S603 (ours)
