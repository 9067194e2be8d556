"""The composition root of the worker.

The group is joined while the vendors' SDKs are imported, since each takes seconds; then events are taken.
"""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

from audio.scratch_dir import remove_abandoned_dirs
from consumer.handling.bug_limit import BugLimit
from consumer.handling.handler import Handler
from consumer.handling.outbox import Outbox
from consumer.handling.retry_policy import RetryPolicy
from consumer.kafka.dead_letters import KafkaDeadLetters
from consumer.kafka.publisher import KafkaPublisher
from consumer.kafka.source import KafkaSource
from consumer.notices import Notices, WorkerChanged
from consumer.telemetry import tracing
from consumer.telemetry.backlog import Backlog
from consumer.telemetry.metrics import Metrics
from consumer.telemetry.notice_log import NoticeLog
from consumer.worker.lanes import Lanes
from consumer.worker.worker import Supervision, Worker
from runtime.background import BackgroundTasks
from runtime.garbage import import_without_gc
from runtime.health.loop_lag import LoopLag
from runtime.health.vitals import Vitals
from runtime.health.watchdog import Watchdog
from storage.factory import make_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.kafka.ports import EventSource
    from consumer.notices import Listener, Notice
    from consumer.pipeline import Pipeline
    from consumer.settings import Settings
    from consumer.telemetry.tracing import Traces
    from runtime.signals import Stop
    from storage.ledger import Ledger

_BUGS_PER_MINUTE = 20
_WAITING_PER_SLOT = 4
"""Memos that may wait for each that is worked on."""
_MAX_EVENT_BYTES = 64 * 1024 * 1024
"""Bytes of all events in lanes; one more event is always accepted."""


async def run(settings: Settings, stop: Stop, *listeners: Listener) -> None:
    """Run a worker until `stop`.

    Raises ConfigurationError (of traces), SourceError, StoreUnavailable, ListenError, TooManyBugs, Abandoned.
    """
    background, rebuild = BackgroundTasks(), asyncio.Event()
    most_jobs = settings.worker.worker_concurrency * (1 + _WAITING_PER_SLOT)
    lanes = Lanes(concurrency=settings.worker.worker_concurrency, max_jobs=most_jobs, max_bytes=_MAX_EVENT_BYTES)
    metrics = Metrics(in_flight=lambda: lanes.running)
    async with AsyncExitStack() as closing:
        traces = await asyncio.to_thread(tracing.begin, settings)
        closing.push_async_callback(traces.close)
        # It outlives the worker, to watch its end too.
        loop, stale_after_seconds = asyncio.get_running_loop(), settings.worker.stale_after_seconds
        watchdog = Watchdog(loop, stale_after_seconds=stale_after_seconds, rebuild=rebuild.set)
        closing.enter_context(watchdog)
        metrics.watch(watchdog, lanes.oldest_seconds)
        await closing.enter_async_context(LoopLag(metrics.loop_stalled, watchdog.note_lag))
        vitals = Vitals(metrics, host=settings.vitals.host, port=settings.vitals.port, why_unwell=watchdog.why_unwell)
        notices = Notices(metrics, _phases(vitals, watchdog), NoticeLog(), *traces.listeners, *listeners)
        await vitals.start()
        closing.push_async_callback(vitals.stop)
        loading = asyncio.create_task(
            _load(settings, metrics, notices, closing, background, traces=traces), name="load"
        )
        # What it opens is in the exit stack only when it has ended.
        closing.push_async_callback(partial(asyncio.gather, loading, return_exceptions=True))
        supervision = Supervision(watchdog.beat, background.raise_failure, stop.urgent, rebuild)
        worker = make_worker(settings, partial(_source, settings), lanes, notices, supervision)
        metrics.watch_lag(worker.lag)
        async with worker.membership():
            await worker.run(await asyncio.shield(loading), stop.requested)


def _phases(*followers: Vitals | Watchdog) -> Listener:
    def follow(notice: Notice) -> None:
        if isinstance(notice, WorkerChanged):
            for follower in followers:
                follower.phase = notice.phase

    return follow


async def _load(
    settings: Settings,
    metrics: Metrics,
    notices: Notices,
    closing: AsyncExitStack,
    background: BackgroundTasks,
    *,
    traces: Traces,
) -> Handler:
    await asyncio.to_thread(remove_abandoned_dirs)
    parts_module = await asyncio.to_thread(import_without_gc, "consumer.pipeline_wiring")
    parts = parts_module.make_parts(settings)
    closing.push_async_callback(parts.close)
    store = await asyncio.to_thread(make_store, settings.store, create=True)
    await store.open()
    closing.push_async_callback(store.close)
    publisher = KafkaPublisher(settings.kafka.login())
    closing.push_async_callback(publisher.close)
    topic = KafkaDeadLetters(traces.publisher(publisher), settings.kafka.dead_letter_topic, traces.letter_headers)
    outbox = Outbox(store.ledger, topic)
    closing.callback(background.raise_failure)
    closing.push_async_callback(background.close)
    background.start("warm", parts.warm)
    background.start("outbox", outbox.run)
    background.start("owed", parts.archive.keep_retrying)
    backlog = Backlog(store.ledger, parts.archive)
    background.start("backlog", backlog.run)
    metrics.watch_backlog(backlog)
    closing.push_async_callback(outbox.flush)
    pipeline = parts_module.make_pipeline(settings, parts, store.history)
    metrics.watch_rungs(*pipeline.ladders)
    return make_handler(settings, pipeline, store.ledger, outbox, notices)


def make_handler(settings: Settings, pipeline: Pipeline, ledger: Ledger, outbox: Outbox, notices: Notices) -> Handler:
    """Build the handler of a process."""
    return Handler(
        pipeline=pipeline,
        ledger=ledger,
        outbox=outbox,
        notices=notices,
        bugs=BugLimit(_BUGS_PER_MINUTE),
        retries=RetryPolicy(settings.worker.reply_deadline_seconds + settings.worker.retry_for_seconds),
        owner=f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}",
        our_numbers=settings.messaging.our_numbers,
        person_key=settings.person_key,
        lease_seconds=settings.worker.lease_seconds,
        deadline_seconds=settings.worker.reply_deadline_seconds,
    )


def make_worker(
    settings: Settings,
    new_source: Callable[[], EventSource],
    lanes: Lanes,
    notices: Notices,
    supervision: Supervision,
) -> Worker:
    """Build a member of the group."""
    return Worker(
        new_source=new_source,
        lanes=lanes,
        notices=notices,
        supervision=supervision,
        our_numbers=settings.messaging.our_numbers,
        answers_texts=settings.worker.answer_text_messages,
        drain_seconds=settings.worker.drain_seconds,
        cancel_seconds=settings.worker.cancel_seconds,
    )


def _source(settings: Settings) -> KafkaSource:
    return KafkaSource(
        settings.kafka.login(),
        settings.kafka.topic,
        settings.kafka.group_id,
        offset_reset=settings.kafka.auto_offset_reset,
        rebalance_seconds=settings.worker.rebalance_timeout_seconds,
        session_seconds=settings.kafka.session_seconds,
    )
