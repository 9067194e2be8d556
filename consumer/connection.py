"""How every Kafka client of ours is opened and closed: in bounded time, and with the reason when it cannot be."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import KafkaError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from consumer.login import KafkaLogin

FAILURES = (KafkaError, OSError, TimeoutError)
"""What a client of aiokafka raises when Kafka cannot be used."""
MAX_EVENT_BYTES = 48 * 1024 * 1024
"""A 25 MiB recording in base64, with its envelope."""

_START_SECONDS = 30.0
_PROBE_SECONDS = 5.0
_STOP_SECONDS = 5.0
_CUT_SECONDS = 1.0


async def describe(login: KafkaLogin, topic: str) -> int | None:
    """Count the partitions of a topic, by an admin client and never by the group's own; None when it is not there.

    Raises:
        SourceError: Kafka cannot be used.
    """
    admin = AIOKafkaAdminClient(**login.options(), request_timeout_ms=milliseconds(_PROBE_SECONDS))
    try:
        await opened(login, admin.start())
        async with asyncio.timeout(_START_SECONDS):
            if topic not in await admin.list_topics():
                return None
            (found,) = await admin.describe_topics([topic])
            return len(found["partitions"])
    except FAILURES as error:
        raise login.unusable(error) from error
    finally:
        await closed(admin.close(), admin._client)  # noqa: SLF001 (see closed())


async def opened(login: KafkaLogin, starting: Awaitable[None]) -> None:
    """Let a client connect. Raises SourceError."""
    try:
        async with asyncio.timeout(_START_SECONDS):
            await starting
    except FAILURES as error:
        raise login.unusable(await _refusal(login) or error) from error


async def _refusal(login: KafkaLogin) -> BaseException | None:
    """Find out why a connection fails, for aiokafka only logs it; None when one can be had."""
    options = login.options()
    for host, port, _ in collect_hosts(options.pop("bootstrap_servers")):
        try:
            connection = await create_conn(host, port, **options, request_timeout_ms=milliseconds(_PROBE_SECONDS))
        except FAILURES as error:
            return error
        await asyncio.wait([connection.close()], timeout=_CUT_SECONDS)
    return None


async def closed(stopping: Awaitable[None], client: Any) -> None:  # noqa: ANN401 (aiokafka ships no types)
    """Let a client stop, in bounded time.

    aiokafka's own stop waits for brokers that may be gone, or for a rebalance to end; without connections it has
    nothing to wait for. And when its last fetch has just failed, it ends like a cancelled task, connections open.
    """
    task = asyncio.ensure_future(stopping)
    try:
        for _ in range(2):
            await asyncio.wait({task}, timeout=_STOP_SECONDS)
            if not task.done():
                await _cut(client)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await _cut(client)


async def _cut(client: Any) -> None:  # noqa: ANN401 (aiokafka ships no types)
    """Let go of the connections; one to a host that has vanished would wait for what it has not sent."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_CUT_SECONDS):
            await client.close()


def milliseconds(seconds: float) -> int:
    """Give what aiokafka takes."""
    return int(seconds * 1000)
