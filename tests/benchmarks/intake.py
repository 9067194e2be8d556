"""Events that are not for us, through one worker, from a real Kafka: how many it passes in a second."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from confluent_kafka import Producer

from console.fixture import load
from tests.benchmarks.processes import cpu_seconds
from tests.benchmarks.report import Section, Verdict
from tests.benchmarks.stalls import Stalls, sum_of
from tests.benchmarks.world import PARTITIONS
from tests.harness.paths import FIXTURES
from tests.integration.kafka.broker import VERSIONS, real_kafka

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.benchmarks.world import World

_EVENTS = FIXTURES / "events"
_KINDS = ("30-typing", "31-read", "32-reaction", "33-echo-message-sent", "34-echo-handle-is-me", "38-text-message")
_LIMIT = 10_000
_LOOK_SECONDS = 0.05
_STEADY = 0.2
"""Share of the events left out at first: until then the worker loads its parts, and Python its caches."""
_PATIENCE_SECONDS = 300.0


@asynccontextmanager
async def kafka() -> AsyncIterator[str]:
    """Run a real broker during the block; return where it listens. Raises NoKafka."""
    broker = real_kafka(VERSIONS[0])
    running = await asyncio.to_thread(broker.__enter__)
    try:
        yield running.bootstrap_servers
    finally:
        await asyncio.to_thread(broker.__exit__, None, None, None)


async def measure(world: World, *, events: int) -> Section:
    """Put so many events on a topic, and let a worker pass them."""
    topic = await world.topic()
    size = await asyncio.to_thread(_put, world.servers, topic, events)
    worker = await world.worker(topic=topic)
    looks: list[tuple[float, float, float]] = []
    metrics = ""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not looks or looks[-1][1] < events:
            await asyncio.sleep(_LOOK_SECONDS)
            metrics = await _metrics(world, worker.vitals_url)
            passed = sum_of(metrics, "voicememo_events_passed")
            if passed:
                looks.append((time.perf_counter(), passed, cpu_seconds(worker.pid)))
    steady = next(look for look in looks if look[1] >= _STEADY * events)
    section = Section(
        "intake", f"{events:,} events that are not for us, {size / events:.0f} bytes each, {PARTITIONS} partitions"
    )
    section.columns = ("", "events a second", "CPU µs each")
    for name, first in (("from the first on", looks[0]), ("when it is warm", steady)):
        seconds, passed, cpu = (last - at for last, at in zip(looks[-1], first, strict=True))
        section.rows.append((name, passed / seconds, cpu / passed * 1e6))
    stalls = Stalls.read(metrics)
    section.notes.append(
        f"stalls of the loop: p99 ≤ {stalls.quantile(0.99) * 1000:g} ms, longest ≤ {stalls.quantile(1) * 1000:g} ms"
    )
    section.verdicts.append(
        Verdict("events a second, when it is warm", float(section.rows[-1][1]), _LIMIT, at_least=True)
    )
    section.notes += [f"trouble: {count} × {what}" for what, count in worker.troubles.items()]
    await worker.stop()
    return section


async def _metrics(world: World, url: str) -> str:
    try:
        async with world.http.get(f"{url}/metrics") as response:
            return await response.text()
    except OSError:  # it is not up yet
        return ""


def _put(servers: str, topic: str, events: int) -> int:
    """Put the events, by turns; give their bytes."""
    values = [load(_EVENTS / f"{kind}.json", series_api_url="http://127.0.0.1") for kind in _KINDS]
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 50, "queue.buffering.max.messages": events + 1})
    size = 0
    for number, value in zip(range(events), itertools.cycle(values), strict=False):
        producer.produce(topic, value, key=f"c{number % 997}".encode())
        size += len(value)
    producer.flush()
    return size
