"""Wiring: the composition root of the worker.

The group is joined while the parts load: the vendors' SDKs take seconds to import, and a join takes as long.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import socket
import uuid
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from consumer.bugs import BugLimit
from consumer.dead_letters import KafkaDeadLetters
from consumer.handler import Handler
from consumer.kafka import KafkaSource
from consumer.lanes import Lanes
from consumer.login import KafkaLogin
from consumer.notices import Notices
from consumer.offsets import PrefixTracker
from consumer.publisher import KafkaPublisher
from consumer.telemetry import Metrics, NoticeLog
from consumer.vitals import Vitals
from consumer.worker import Worker
from storage.sqlite import SqliteStore

if TYPE_CHECKING:
    from consumer.notices import Listener
    from consumer.settings import Settings

_BUGS_PER_MINUTE = 20
_WAITING_PER_SLOT = 4
"""How many memos may wait for each that is worked on."""
_MAX_EVENT_BYTES = 64 * 1024 * 1024
"""Of events in lanes, together; one more may always come."""


async def run(settings: Settings, stop: asyncio.Event, *listeners: Listener) -> None:
    """Run a worker until `stop` is set.

    Raises:
        SourceError: Kafka cannot be used.
        StoreUnavailable: the store cannot be opened.
        VitalsError: the vitals' port is taken.
        TooManyBugs: too many memos met a bug.
    """
    lanes = Lanes(
        concurrency=settings.worker_concurrency,
        max_jobs=settings.worker_concurrency * (1 + _WAITING_PER_SLOT),
        max_bytes=_MAX_EVENT_BYTES,
    )
    metrics = Metrics(in_flight=lambda: lanes.running)
    vitals = Vitals(
        metrics,
        host=settings.vitals_host,
        port=settings.vitals_port,
        stale_after_seconds=settings.stale_after_seconds,
    )
    notices = Notices(metrics, vitals, NoticeLog(), *listeners)
    async with AsyncExitStack() as closing:
        await vitals.start()
        closing.push_async_callback(vitals.stop)
        handler = asyncio.create_task(_load(settings, notices, closing), name="load")
        closing.push_async_callback(_settled, handler)
        worker = Worker(
            source=_source(settings),
            handler=handler,
            lanes=lanes,
            offsets=PrefixTracker(),
            notices=notices,
            our_numbers=settings.our_numbers,
            drain_seconds=settings.drain_seconds,
            beat=vitals.beat,
        )
        await worker.run(stop)


async def _load(settings: Settings, notices: Notices, closing: AsyncExitStack) -> Handler:
    """Open the store and make the parts, in a thread where that is slow."""
    parts_module = await asyncio.to_thread(importlib.import_module, "consumer.parts")
    parts = parts_module.make_parts(settings)
    closing.push_async_callback(parts.close)
    store = SqliteStore(settings.store_url.path)
    await store.open()
    closing.push_async_callback(store.close)
    publisher = KafkaPublisher(login_of(settings))
    closing.push_async_callback(publisher.close)
    return Handler(
        pipeline=parts_module.make_pipeline(settings, parts, store.history),
        ledger=store.ledger,
        dead_letters=KafkaDeadLetters(publisher, settings.kafka_dead_letter_topic),
        notices=notices,
        bugs=BugLimit(_BUGS_PER_MINUTE),
        owner=f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}",
    )


async def _settled(loading: asyncio.Task[Handler]) -> None:
    """Let the loading end before what it opened is closed."""
    await asyncio.gather(loading, return_exceptions=True)


def _source(settings: Settings) -> KafkaSource:
    return KafkaSource(
        login_of(settings),
        settings.kafka_topic,
        settings.kafka_group_id,
        offset_reset=settings.kafka_auto_offset_reset,
        rebalance_seconds=settings.rebalance_timeout_seconds,
    )


def login_of(settings: Settings) -> KafkaLogin:
    """Say how to reach the brokers."""
    username, password = settings.kafka_sasl_username, settings.kafka_sasl_password
    return KafkaLogin(
        bootstrap_servers=",".join(settings.kafka_bootstrap_servers),
        client_id=settings.kafka_client_id,
        security_protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        username=username.get_secret_value() if username else None,
        password=password.get_secret_value() if password else None,
    )


def stop_on_signals() -> asyncio.Event:
    """Give an event that SIGTERM and SIGINT set; a second signal of a kind ends the process as it usually would."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked(number: signal.Signals) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked, number)
    return stop
