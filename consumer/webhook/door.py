"""The door: takes deliveries of webhooks, and answers 200 only when Kafka has them."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from consumer.events import address
from consumer.fields import identifier
from consumer.listening import refusal
from consumer.publisher import TooLarge
from consumer.source import SourceError
from consumer.webhook.answers import Handled, Outcome, Unpublished, answer
from consumer.webhook.room import LIMITS, Limits, Room
from consumer.webhook.signatures import NotGenuine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.events import Address
    from consumer.source import Partition
    from consumer.webhook.answers import Notice
    from consumer.webhook.signatures import Genuine, Scheme, Verifier

EVENT_ID_HEADER = "webhook-id"
"""Of the Kafka record: which delivery it was; the same in each repeat of it."""

_MOST_BYTES = 1_000_000
"""Of a body: a topic takes 1 MiB unless told otherwise, key and headers included. Events carry links, not sound."""
_LARGE_BYTES = 64 * 1024
"""From here on a body is checked in a thread: a megabyte takes a hash and a parser some ten milliseconds."""
_MOST_HEADER_BYTES = 8190
_BACKLOG = 128
_KEEPALIVE_SECONDS = 75.0
"""Longer than the minute after which proxies let go of an idle connection: better they than we, in mid-request."""
_LET_GO_SECONDS = 2.0

http_log = logging.getLogger("consumer.webhook.http")


class _BugsOnly(logging.Filter):
    """Of what aiohttp logs lets our own bugs through, and says so; what is no HTTP is told to its sender alone."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass over what anybody may bring about, and take addresses out of the rest."""
        record.msg, record.args = "webhook.broke", None
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


http_log.addFilter(_BugsOnly())


class DoorError(Exception):
    """The door cannot be opened; the message says which variable to change."""


class Publishing(Protocol):
    """Who puts events on Kafka, as consumer/publisher.py does."""

    async def publish(
        self, topic: str, *, key: bytes | None, value: bytes, headers: Sequence[tuple[str, bytes]] = ()
    ) -> tuple[Partition, int]:
        """Return when all replicas have it. Raises TooLarge, SourceError."""
        ...


@dataclass(frozen=True, slots=True)
class _Delivery:
    """A genuine one."""

    genuine: Genuine
    address: Address
    body: bytes = field(repr=False)

    @property
    def event_id(self) -> str:
        """The same for each repeat: the webhook's own id, else the event's, else a hash of what was said."""
        named = identifier(self.genuine.delivery_id) or self.address.event_id
        return named or f"body-{hashlib.sha256(self.body).hexdigest()[:32]}"

    @property
    def key(self) -> bytes:
        """The chat's id, so that a chat stays in one partition; the delivery's where there is no chat to be read."""
        return (self.address.chat_id or self.event_id).encode("utf-8", "replace")


class _Refused(Exception):
    """A delivery that does not get as far as Kafka."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class Door:
    """Listens for deliveries.

    Args:
        publisher: whom they are given to.
        topic: where they go.
        verifier: tells which are genuine.
        host: to listen on.
        port: to listen on; 0 takes any that is free.
        path: the one path that is served.
        listeners: hear of each delivery that was answered, and of each that Kafka did not take; must neither block nor
            raise.
        limits: how much there may be.
        clock: gives Unix seconds.
    """

    def __init__(
        self,
        publisher: Publishing,
        topic: str,
        verifier: Verifier,
        *listeners: Callable[[Notice], None],
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
        self._host, self._port, self._path = host, port, path
        self._limits = limits
        self._clock = clock
        self.room = Room(limits)
        """What is in hand just now."""
        self._keeping: set[asyncio.Task[Outcome]] = set()
        self._receiving = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._closing = False
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port that is listened on: the one asked for, or the one that was free."""
        return self._port

    async def open(self) -> None:
        """Begin to take deliveries.

        Raises:
            DoorError: the port is taken, or the host is not ours to listen on.
        """
        app = web.Application(client_max_size=_MOST_BYTES)
        app.router.add_post(self._path, self._receive)
        runner = web.AppRunner(
            app,
            access_log=None,  # it would tell addresses
            logger=http_log,
            auto_decompress=False,  # what was signed is what came; and nothing grows
            keepalive_timeout=_KEEPALIVE_SECONDS,
            shutdown_timeout=self._limits.read_seconds + self._limits.keep_seconds,
            lingering_time=_LET_GO_SECONDS,
            max_line_size=_MOST_HEADER_BYTES,
            max_field_size=_MOST_HEADER_BYTES,
        )
        self._runner = runner  # from here on close() cleans up, whatever happens
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port, backlog=_BACKLOG).start()
        except OSError as error:
            await self.close()
            raise DoorError(refusal(error, "WEBHOOK", self._host, self._port)) from error
        self._port = runner.addresses[0][1]

    async def close(self) -> None:
        """Take no more, and let those in hand be answered; the publisher is its owner's to close."""
        runner, self._runner = self._runner, None
        if runner is not None:
            self._closing = True
            for site in list(runner.sites):
                await site.stop()
            # The runner's own end would drop what is still to come of a body.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.read_seconds + self._limits.keep_seconds):
                    await self._quiet.wait()
            await runner.cleanup()
        # Those that were answered with 503 come again; for the rest of their way there is a moment.
        if self._keeping:
            await asyncio.wait(self._keeping, timeout=_LET_GO_SECONDS)
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)

    async def _receive(self, request: web.Request) -> web.Response:
        self._receiving += 1
        self._quiet.clear()
        try:
            response = answer(await self._handled(request))
        finally:
            self._receiving -= 1
            if not self._receiving:
                self._quiet.set()
        if self._closing:
            response.force_close()
        return response

    async def _handled(self, request: web.Request) -> Outcome:
        began = time.perf_counter()
        scheme: Scheme | None = None
        lacking: str | None = None
        with ExitStack() as leaving:
            try:
                self._admit(request, leaving)
                delivery = await self._opened(request)
                scheme, lacking = delivery.genuine.scheme, delivery.address.lacking
                outcome = await self._keep(delivery, leaving)
            except _Refused as refused:
                outcome = refused.outcome
        self._tell(Handled(outcome, time.perf_counter() - began, scheme, lacking))
        return outcome

    def _tell(self, notice: Notice) -> None:
        for listener in self._listeners:
            listener(notice)

    def _admit(self, request: web.Request, leaving: ExitStack) -> None:
        """Find room for as much as is announced, or as much as may come. Raises _Refused."""
        size = _MOST_BYTES if request.content_length is None else request.content_length
        if size > _MOST_BYTES:
            raise _Refused(Outcome.TOO_LARGE)
        if not self.room.take(size):
            raise _Refused(Outcome.BUSY)
        leaving.callback(self.room.give, size)

    async def _opened(self, request: web.Request) -> _Delivery:
        """Read a delivery, and see that it is genuine. Raises _Refused."""
        body = await self._read(request)

        def look() -> _Delivery:
            genuine = self._verifier.verify(request.headers, body, now=self._clock())
            return _Delivery(genuine, address(body), body)

        try:
            return await asyncio.to_thread(look) if len(body) > _LARGE_BYTES else look()
        except NotGenuine as error:
            raise _Refused(Outcome(error.doubt)) from error

    async def _read(self, request: web.Request) -> bytes:
        """Give the body. Raises _Refused."""
        try:
            async with asyncio.timeout(self._limits.read_seconds):
                return await request.read()
        except TimeoutError as error:
            raise _Refused(Outcome.TOO_SLOW) from error
        except web.HTTPRequestEntityTooLarge as error:
            raise _Refused(Outcome.TOO_LARGE) from error
        except (OSError, web.RequestPayloadError) as error:
            raise _Refused(Outcome.CUT_SHORT) from error

    async def _keep(self, delivery: _Delivery, leaving: ExitStack) -> Outcome:
        """Give a delivery to Kafka, and say how that went.

        When it takes too long for who waits outside, it goes on by itself, up to the publisher's own limit: a record
        that is taken back half-way may be there or not. It holds its room meanwhile.
        """
        task = asyncio.create_task(self._publish(delivery), name="webhook")
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)
        held = leaving.pop_all()
        task.add_done_callback(lambda _: held.close())
        done, _ = await asyncio.wait({task}, timeout=self._limits.keep_seconds)
        return task.result() if done else Outcome.KAFKA_SLOW

    async def _publish(self, delivery: _Delivery) -> Outcome:
        headers = [(EVENT_ID_HEADER, delivery.event_id.encode("utf-8", "replace"))]
        try:
            await self._publisher.publish(self._topic, key=delivery.key, value=delivery.body, headers=headers)
        except TooLarge:
            return Outcome.TOO_LARGE
        except SourceError as error:
            self._tell(Unpublished(str(error)))
            return Outcome.KAFKA_AWAY
        return Outcome.KEPT
