"""Opening and closing of Kafka clients in bounded time, and why Kafka cannot be used."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import KafkaError

from consumer.kafka.ports import SourceError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from consumer.kafka.ports import KafkaLogin

FAILURES = (KafkaError, OSError, TimeoutError)
"""Raised by aiokafka when Kafka cannot be used."""
MAX_EVENT_BYTES = 48 * 1024 * 1024
"""A 25 MiB recording in base64, with its envelope."""

_START_SECONDS = 30.0
_PROBE_SECONDS = 5.0
_STOP_SECONDS = 5.0
_CUT_SECONDS = 1.0

_CREDENTIALS_REFUSED = "the credentials were refused; check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"
_NOT_OFFERED = "this way to log in is not offered; check KAFKA_SECURITY_PROTOCOL and KAFKA_SASL_MECHANISM"
_BREAKS = "the connection breaks; check KAFKA_BOOTSTRAP_SERVERS and KAFKA_SECURITY_PROTOCOL"
_TOO_OLD = "the broker is too old for this client"
_REASONS = {
    "gaierror": "the host is not known; check KAFKA_BOOTSTRAP_SERVERS",
    "ConnectionRefusedError": "nothing listens there; check KAFKA_BOOTSTRAP_SERVERS",
    "SSLCertVerificationError": "its certificate is not trusted by this system",
    "SSLError": "no TLS could be agreed on; check KAFKA_SECURITY_PROTOCOL",
    "SaslAuthenticationFailed": _CREDENTIALS_REFUSED,
    "AuthenticationFailedError": _CREDENTIALS_REFUSED,
    "UnsupportedSaslMechanismError": _NOT_OFFERED,
    "IllegalSaslStateError": _NOT_OFFERED,
    "TopicAuthorizationFailedError": "these credentials may not use the topic; grant them that",
    "GroupAuthorizationFailedError": "these credentials may not use the group; grant them KAFKA_GROUP_ID",
    "UnknownTopicOrPartitionError": "the topic does not exist; create it",
    "IncompatibleBrokerVersion": _TOO_OLD,
    "UnsupportedVersionError": _TOO_OLD,
    "TimeoutError": "no answer came in time; check KAFKA_BOOTSTRAP_SERVERS and the network",
    "ConnectionError": _BREAKS,
    "KafkaConnectionError": _BREAKS,
}
"""Class of an error, or of a parent → what an operator can do about it."""


async def partition_count(login: KafkaLogin, topic: str) -> int | None:
    """Count the partitions of a topic; None if there is no such topic. Raises SourceError."""
    admin = AIOKafkaAdminClient(**login.options(), request_timeout_ms=milliseconds(_PROBE_SECONDS))
    try:
        await open_client(login, admin.start())
        async with asyncio.timeout(_START_SECONDS):
            if topic not in await admin.list_topics():
                return None
            (description,) = await admin.describe_topics([topic])
            return len(description["partitions"])
    except FAILURES as error:
        raise unusable_error(login, error) from error
    finally:
        await close_client(admin.close(), admin._client)  # noqa: SLF001 (see close_client)


async def open_client(login: KafkaLogin, starting: Awaitable[None]) -> None:
    """Wait for a client to connect. Raises SourceError."""
    try:
        async with asyncio.timeout(_START_SECONDS):
            await starting
    except FAILURES as error:
        raise unusable_error(login, await _refusal(login) or error) from error


def unusable_error(login: KafkaLogin, error: BaseException) -> SourceError:
    """Build an error for operators, without aiokafka's own text."""
    names = (kind.__name__ for kind in type(error).__mro__)
    reason = next((_REASONS[name] for name in names if name in _REASONS), type(error).__name__)
    return SourceError(f"Kafka at {login.bootstrap_servers} ({login.security_protocol}) cannot be used: {reason}")


async def _refusal(login: KafkaLogin) -> BaseException | None:
    """Return why a connection fails, which aiokafka only logs; None if it does not."""
    options = login.options()
    for host, port, _ in collect_hosts(options.pop("bootstrap_servers")):
        try:
            connection = await create_conn(host, port, **options, request_timeout_ms=milliseconds(_PROBE_SECONDS))
        except FAILURES as error:
            return error
        await asyncio.wait([connection.close()], timeout=_CUT_SECONDS)
    return None


async def close_client(stopping: Awaitable[None], client: Any) -> None:  # noqa: ANN401 (aiokafka ships no types)
    """Wait for a client to stop, in bounded time.

    aiokafka's stop waits for lost brokers or a rebalance unless its connections are cut. When its last fetch has just
    failed, it ends like a cancelled task, with connections open.
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
    # One to a vanished host waits for what it has not sent.
    with suppress(TimeoutError):
        async with asyncio.timeout(_CUT_SECONDS):
            await client.close()


def milliseconds(seconds: float) -> int:
    """Convert for aiokafka."""
    return int(seconds * 1000)
