"""The embedded broker: librdkafka's mock cluster, in this process, on loopback.

Unlike a real broker it rebalances crudely, and makes topics at first use (four partitions). A group's first member
waits three seconds, a later one the session timeout; an empty fetch waits its whole time.
"""

from __future__ import annotations

from typing import Any, Self

from confluent_kafka import Producer

_SECONDS = 10.0


class EmbeddedBroker:
    """A broker that runs while its block does."""

    def __init__(self) -> None:
        self._producer: Any = None
        self.bootstrap_servers = ""

    def __enter__(self) -> Self:
        # The cluster lives as long as the client that made it.
        self._producer = Producer({"bootstrap.servers": "", "test.mock.num.brokers": 1, "log_level": 0})
        brokers = self._producer.list_topics(timeout=_SECONDS).brokers.values()
        self.bootstrap_servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        return self

    def __exit__(self, *_: object) -> None:
        self._producer = None
