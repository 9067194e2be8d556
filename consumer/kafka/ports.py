"""The ports to Kafka, and its login."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from storage.ledger import DeadLetter, Event


class Partition(NamedTuple):
    """A partition of a topic."""

    topic: str
    number: int


def partition_of(event: Event) -> Partition:
    """Return the partition that an event came from."""
    return Partition(event.place.topic, event.place.partition)


@dataclass(frozen=True, slots=True)
class Rebalance:
    """The callbacks of a rebalance."""

    revoked: Callable[[Collection[Partition]], Awaitable[None]]
    # Heartbeats go on; it must end within rebalance_timeout.
    assigned: Callable[[Collection[Partition]], None]
    # No coroutine, because no heartbeats are sent while it runs.


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
        """Return the arguments of an aiokafka client; TLS trusts the system's authorities."""
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
    """Kafka cannot be used; the message has no credentials."""


class CommitRefused(SourceError):
    """The partitions are no longer ours."""


class EventSource(Protocol):
    """A member of a consumer group. Offsets are the next ones to read."""

    async def start(self, rebalance: Rebalance) -> None:
        """Join the group. Raises SourceError."""

    async def take(self) -> Sequence[Event] | None:
        """Return new events within a moment; None while the source does not answer."""

    def pause(self, partitions: Collection[Partition]) -> None:
        """Take nothing from these (if they are ours) until resume()."""

    def resume(self, partitions: Collection[Partition]) -> None:
        """Undo pause()."""

    def ends(self) -> Mapping[Partition, int]:
        """Return the end of each of our partitions."""

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commit these offsets and no others. Raises CommitRefused, SourceError."""

    async def stop(self) -> None:
        """Leave the group without a commit."""


class Publisher(Protocol):
    """A producer of events."""

    async def publish(
        self, topic: str, *, key: bytes | None, value: bytes, headers: Sequence[tuple[str, bytes]] = ()
    ) -> tuple[Partition, int]:
        """Write an event; return its partition and offset. Raises SourceError."""


class DeadLetterTopic(Protocol):
    """The dead-letter topic."""

    async def put(self, letter: DeadLetter) -> None:
        """Write a letter. Raises SourceError."""
