"""The composition root of the worker.

The group is joined while the parts load: the vendors' SDKs take seconds to import, and a join takes as long. Nothing is
taken from Kafka before both are done.
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
from consumer.worker.offsets import PrefixTracker
from consumer.worker.worker import Worker
from runtime.background import BackgroundTasks
from runtime.garbage import import_uncollected
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
"""How many memos may wait for each that is worked on."""
_MAX_EVENT_BYTES = 64 * 1024 * 1024
"""Of all events in lanes together; one more may always come."""


async def run(settings: Settings, stop: Stop, *listeners: Listener) -> None:
    """Run a worker until it is asked to stop.

    Raises:
        ConfigurationError: traces are asked for and cannot be sent.
        SourceError: Kafka cannot be used.
        StoreUnavailable: the store cannot be opened.
        VitalsError: the vitals' port is taken.
        TooManyBugs: too many memos met a bug.
        Abandoned: a memo could not be ended, so the process has to.
    """
    lanes, background, rebuild = _lanes(settings), BackgroundTasks(), asyncio.Event()
    metrics = Metrics(in_flight=lambda: lanes.running)
    async with AsyncExitStack() as closing:
        traces = await asyncio.to_thread(tracing.begin, settings)
        closing.push_async_callback(traces.close)
        # It outlives the worker, because the worker's closing is watched too.
        watchdog = closing.enter_context(_watchdog(settings, rebuild))
        metrics.watch(watchdog, lambda: lanes.oldest_seconds)
        await closing.enter_async_context(LoopLag(metrics.loop_stalled, watchdog.felt))
        vitals = Vitals(metrics, host=settings.vitals.host, port=settings.vitals.port, why_unwell=watchdog.why_unwell)
        notices = Notices(metrics, _phases(vitals, watchdog), NoticeLog(), *traces.listeners, *listeners)
        await vitals.start()
        closing.push_async_callback(vitals.stop)
        loading = asyncio.create_task(
            _load(settings, metrics, notices, closing, background, traces=traces), name="load"
        )
        closing.push_async_callback(_loaded, loading)
        worker = make_worker(
            settings,
            partial(_source, settings),
            lanes,
            notices,
            beat=watchdog.beat,
            check=background.raise_failure,
            hurry=stop.urgent,
            rebuild=rebuild,
        )
        metrics.watch_lag(worker.lag)
        async with worker.membership():
            await worker.run(await asyncio.shield(loading), stop.asked)


def _phases(*followers: Vitals | Watchdog) -> Listener:
    def follow(notice: Notice) -> None:
        if isinstance(notice, WorkerChanged):
            for follower in followers:
                follower.phase = notice.phase

    return follow


def _lanes(settings: Settings) -> Lanes:
    most = settings.worker.worker_concurrency * (1 + _WAITING_PER_SLOT)
    return Lanes(concurrency=settings.worker.worker_concurrency, max_jobs=most, max_bytes=_MAX_EVENT_BYTES)


def _watchdog(settings: Settings, rebuild: asyncio.Event) -> Watchdog:
    return Watchdog(
        asyncio.get_running_loop(),
        stale_after_seconds=settings.worker.stale_after_seconds,
        rebuild=rebuild.set,
    )


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
    parts_module = await asyncio.to_thread(import_uncollected, "consumer.pipeline_wiring")
    parts = parts_module.make_parts(settings)
    closing.push_async_callback(parts.close)
    store = await asyncio.to_thread(make_store, settings.store, create=True)
    await store.open()
    closing.push_async_callback(store.close)
    publisher = KafkaPublisher(settings.kafka.login())
    closing.push_async_callback(publisher.close)
    dead_letters = KafkaDeadLetters(
        traces.publisher(publisher), settings.kafka.dead_letter_topic, traces.letter_headers
    )
    outbox = Outbox(store.ledger, dead_letters)
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
    *,
    beat: Callable[[], None],
    check: Callable[[], None],
    hurry: asyncio.Event,
    rebuild: asyncio.Event,
) -> Worker:
    """Build a member of the group; the keyword arguments are the Worker's own."""
    return Worker(
        new_source=new_source,
        lanes=lanes,
        offsets=PrefixTracker(),
        notices=notices,
        our_numbers=settings.messaging.our_numbers,
        answers_texts=settings.worker.answer_text_messages,
        drain_seconds=settings.worker.drain_seconds,
        let_go_seconds=settings.worker.let_go_seconds,
        beat=beat,
        check=check,
        hurry=hurry,
        rebuild=rebuild,
    )


async def _loaded(loading: asyncio.Task[Handler]) -> None:
    # Only then is all that it opened in the exit stack.
    await asyncio.gather(loading, return_exceptions=True)


def _source(settings: Settings) -> KafkaSource:
    return KafkaSource(
        settings.kafka.login(),
        settings.kafka.topic,
        settings.kafka.group_id,
        offset_reset=settings.kafka.auto_offset_reset,
        rebalance_seconds=settings.worker.rebalance_timeout_seconds,
        session_seconds=settings.kafka.session_seconds,
    )
