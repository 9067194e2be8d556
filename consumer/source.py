"""EventSource: where events come from. The port that keeps the Kafka client replaceable."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from storage.ledger import DeadLetter


class Partition(NamedTuple):
    """A partition of a topic."""

    topic: str
    number: int


@dataclass(frozen=True, slots=True)
class Record:
    """One record, as raw bytes: nothing is decoded before it is ours to handle."""

    partition: Partition
    offset: int
    at: datetime
    """The record's own time, with zone, UTC."""
    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    headers: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Rebalance:
    """What to call when partitions come and go."""

    revoked: Callable[[Collection[Partition]], Awaitable[None]]
    """Awaited while heartbeats go on; must end within rebalance_timeout."""
    assigned: Callable[[Collection[Partition]], None]
    """Not a coroutine on purpose: no heartbeats are sent while it runs."""


@dataclass(frozen=True, slots=True)
class KafkaLogin:
    """How to reach the brokers."""

    bootstrap_servers: str
    client_id: str = "voicememo"
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "PLAIN"
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def options(self) -> dict[str, Any]:
        """Return the arguments that every aiokafka client takes; TLS trusts the system's own authorities."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "client_id": self.client_id,
            "security_protocol": self.security_protocol,
        }
        if self.security_protocol.startswith("SASL"):
            options |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        if self.security_protocol.endswith("SSL"):
            options["ssl_context"] = ssl.create_default_context()
        return options


class SourceError(Exception):
    """The source cannot be reached or will not have us; the message says which, without credentials."""


class CommitRefused(SourceError):
    """The group has moved on: these partitions are no longer ours."""


class EventSource(Protocol):
    """A consumer group member. Offsets are explicit, always: the next offset to read, per partition."""

    async def start(self, rebalance: Rebalance) -> None:
        """Join the group. Raises SourceError."""
        ...

    async def take(self) -> Sequence[Record] | None:
        """Give what has come, within a moment: empty when nothing has, None when the source itself is slow to say so.

        One caller, who never cancels it.
        """
        ...

    def pause(self, partitions: Collection[Partition]) -> None:
        """Take no more from these until resumed; partitions that are not ours are passed over."""
        ...

    def resume(self, partitions: Collection[Partition]) -> None:
        """Take from these again; partitions that are not ours are passed over."""
        ...

    def ends(self) -> Mapping[Partition, int]:
        """Give the offset after the last event of each partition of ours, as far as it was told with what came."""
        ...

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commit these offsets and no others. Raises CommitRefused when the group has moved on, else SourceError."""
        ...

    async def stop(self) -> None:
        """Leave the group; commits nothing."""
        ...


class Publisher(Protocol):
    """Who puts events on topics."""

    async def publish(
        self, topic: str, *, key: bytes | None, value: bytes, headers: Sequence[tuple[str, bytes]] = ()
    ) -> tuple[Partition, int]:
        """Write one event, and give where it is; returns once Kafka has it. Raises SourceError."""
        ...


class DeadLetterTopic(Protocol):
    """Where events end that could not be answered."""

    async def put(self, letter: DeadLetter) -> None:
        """Keep the event's bytes with headers that say where it came from and why; returns once Kafka has it.

        Raises SourceError.
        """
        ...
