"""The webhook server: answers 200 once Kafka has the delivery."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from consumer.events.json_fields import as_identifier
from consumer.events.parse import address_of
from consumer.kafka.ports import SourceError
from consumer.kafka.publisher import RecordTooLarge
from consumer.webhook.outcomes import DeliveryOutcome, Handled, Unpublished, answer
from consumer.webhook.signatures import NotGenuine
from runtime.listening import listen

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.events.parse import Address
    from consumer.kafka.ports import Publisher
    from consumer.webhook.outcomes import WebhookNotice
    from consumer.webhook.signatures import Genuine, Scheme, Verifier

EVENT_ID_HEADER = "webhook-id"
"""Header of the Kafka record: the delivery's id, the same in each repetition."""

_MOST_BYTES = 1_000_000
"""Longest body: a topic's default limit is 1 MiB with key and headers."""
_LARGE_BYTES = 64 * 1024
"""Larger bodies are verified in a thread: a megabyte takes some ten milliseconds."""
_MOST_HEADER_BYTES = 8190
_BACKLOG = 128
_KEEPALIVE_SECONDS = 75.0
"""Longer than the minute of proxies: if we closed idle connections first, a request might be on its way."""
_LET_GO_SECONDS = 2.0

http_log = logging.getLogger("consumer.webhook.http")


class _BugsOnly(logging.Filter):
    """Drops aiohttp's records of malformed requests; takes addresses out of those of our bugs."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is about a bug."""
        record.msg, record.args = "webhook.broke", None
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


http_log.addFilter(_BugsOnly())


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be in progress, and for how long: less than the ten seconds that Linq waits."""

    requests: int = 256
    """Concurrent requests, with those answered but not yet taken by Kafka."""
    size: int = 32 * 1024 * 1024
    """Bytes of those requests."""
    read_seconds: float = 3.0
    """Time for a body to arrive."""
    keep_seconds: float = 5.0
    """Time for Kafka to take it."""


LIMITS = Limits()


@dataclass(slots=True)
class Capacity:
    """Requests in progress, and their bytes as announced."""

    limits: Limits
    requests: int = 0
    size: int = 0

    def take(self, size: int) -> bool:
        """Reserve room for a request; return whether there was any."""
        if self.requests >= self.limits.requests or self.size + size > self.limits.size:
            return False
        self.requests += 1
        self.size += size
        return True

    def release(self, size: int) -> None:
        """Release the room of a request."""
        self.requests -= 1
        self.size -= size


@dataclass(frozen=True, slots=True)
class _Delivery:
    genuine: Genuine
    address: Address
    body: bytes = field(repr=False)

    @property
    def event_id(self) -> str:  # the same in each repetition
        given = as_identifier(self.genuine.delivery_id) or self.address.event_id
        return given or f"body-{hashlib.sha256(self.body).hexdigest()[:32]}"

    @property
    def key(self) -> bytes:  # keeps a chat in one partition
        return (self.address.chat_id or self.event_id).encode("utf-8", "replace")


class _Refused(Exception):
    def __init__(self, outcome: DeliveryOutcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class WebhookServer:
    """The HTTP server of deliveries; listeners must neither block nor raise."""

    def __init__(
        self,
        publisher: Publisher,
        topic: str,
        verifier: Verifier,
        *listeners: Callable[[WebhookNotice], None],
        host: str,
        port: int,
        path: str,
        limits: Limits = LIMITS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._publisher = publisher
        self._topic = topic
        self._verifier = verifier
        self._listeners = listeners
        self._host = host
        self.port = port
        """The port listened on, once open."""
        self._path = path
        self._limits = limits
        self._clock = clock
        self.capacity = Capacity(limits)
        self._publishing: set[asyncio.Task[DeliveryOutcome]] = set()
        self._receiving = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._closing = False
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        """Start listening. Raises ListenError."""
        app = web.Application(client_max_size=_MOST_BYTES)
        app.router.add_post(self._path, self._receive)
        self._runner = web.AppRunner(
            app,
            access_log=None,  # it would contain addresses
            logger=http_log,
            auto_decompress=False,  # what was signed is what came; and nothing grows
            keepalive_timeout=_KEEPALIVE_SECONDS,
            shutdown_timeout=self._limits.read_seconds + self._limits.keep_seconds,
            lingering_time=_LET_GO_SECONDS,
            max_line_size=_MOST_HEADER_BYTES,
            max_field_size=_MOST_HEADER_BYTES,
        )
        self.port = await listen(self._runner, "WEBHOOK", self._host, self.port, _BACKLOG)

    async def close(self) -> None:
        """Stop listening and answer the requests in progress; the publisher stays open."""
        runner, self._runner = self._runner, None
        if runner is not None:
            self._closing = True
            for site in list(runner.sites):
                await site.stop()
            # The runner's own cleanup would drop the rest of a body.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.read_seconds + self._limits.keep_seconds):
                    await self._quiet.wait()
            await runner.cleanup()
        # Linq repeats those answered with 503, so Kafka gets only a moment more.
        if self._publishing:
            await asyncio.wait(self._publishing, timeout=_LET_GO_SECONDS)
        for task in self._publishing:
            task.cancel()
        await asyncio.gather(*self._publishing, return_exceptions=True)

    async def _receive(self, request: web.Request) -> web.Response:
        self._receiving += 1
        self._quiet.clear()
        try:
            response = answer(await self._handle(request))
        finally:
            self._receiving -= 1
            if not self._receiving:
                self._quiet.set()
        if self._closing:
            response.force_close()
        return response

    async def _handle(self, request: web.Request) -> DeliveryOutcome:
        began = time.perf_counter()
        scheme: Scheme | None = None
        missing: str | None = None
        with ExitStack() as release:
            try:
                self._admit(request, release)
                delivery = await self._verified(request)
                scheme, missing = delivery.genuine.scheme, delivery.address.missing
                outcome = await self._publish_in_time(delivery, release)
            except _Refused as refused:
                outcome = refused.outcome
        self._notify(Handled(outcome, time.perf_counter() - began, scheme, missing))
        return outcome

    def _notify(self, notice: WebhookNotice) -> None:
        for listener in self._listeners:
            listener(notice)

    def _admit(self, request: web.Request, release: ExitStack) -> None:
        size = _MOST_BYTES if request.content_length is None else request.content_length
        if size > _MOST_BYTES:
            raise _Refused(DeliveryOutcome.TOO_LARGE)
        if not self.capacity.take(size):
            raise _Refused(DeliveryOutcome.BUSY)
        release.callback(self.capacity.release, size)

    async def _verified(self, request: web.Request) -> _Delivery:
        body = await self._read(request)

        def verify() -> _Delivery:
            genuine = self._verifier.verify(request.headers, body, now=self._clock())
            return _Delivery(genuine, address_of(body), body)

        try:
            return await asyncio.to_thread(verify) if len(body) > _LARGE_BYTES else verify()
        except NotGenuine as error:
            raise _Refused(DeliveryOutcome[error.doubt.upper()]) from error

    async def _read(self, request: web.Request) -> bytes:
        try:
            async with asyncio.timeout(self._limits.read_seconds):
                return await request.read()
        except TimeoutError as error:
            raise _Refused(DeliveryOutcome.TOO_SLOW) from error
        except web.HTTPRequestEntityTooLarge as error:
            raise _Refused(DeliveryOutcome.TOO_LARGE) from error
        except (OSError, web.RequestPayloadError) as error:
            raise _Refused(DeliveryOutcome.CUT_SHORT) from error

    async def _publish_in_time(self, delivery: _Delivery, release: ExitStack) -> DeliveryOutcome:
        # When too slow, it goes on in the background and holds its capacity: a cancelled record may be there or not.
        task = asyncio.create_task(self._publish(delivery), name="webhook")
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)
        held = release.pop_all()
        task.add_done_callback(lambda _: held.close())
        done, _ = await asyncio.wait({task}, timeout=self._limits.keep_seconds)
        return task.result() if done else DeliveryOutcome.KAFKA_SLOW

    async def _publish(self, delivery: _Delivery) -> DeliveryOutcome:
        headers = [(EVENT_ID_HEADER, delivery.event_id.encode("utf-8", "replace"))]
        try:
            await self._publisher.publish(self._topic, key=delivery.key, value=delivery.body, headers=headers)
        except RecordTooLarge:
            return DeliveryOutcome.TOO_LARGE
        except SourceError as error:
            self._notify(Unpublished(str(error)))
            return DeliveryOutcome.KAFKA_AWAY
        return DeliveryOutcome.KEPT
