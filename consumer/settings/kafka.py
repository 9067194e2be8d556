"""Settings of the Kafka client."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from consumer.kafka.ports import KafkaLogin
from runtime.settings.faults import Fault, quoted
from runtime.settings.groups import Group
from runtime.settings.kinds import Lower, Servers, Upper

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


def _topic(text: str) -> str:
    """Check a name as a broker does (org.apache.kafka.common.internals.Topic)."""
    if not _TOPIC.fullmatch(text) or text in {".", ".."}:
        raise ValueError(f"{quoted(text)} is no topic name: letters, digits, '.', '_' and '-', 249 at most")
    return text


Topic = Annotated[str, AfterValidator(_topic)]


class KafkaSettings(Group, env_prefix="KAFKA_", title="Kafka"):
    """Brokers, topics and the consumer group."""

    bootstrap_servers: Servers = Field(("localhost:9092",), description="HOST:PORT of brokers, with commas between")
    topic: Topic = Field("message.received", description="topic of the events")
    group_id: str = Field("voicememo", description="the consumer group; its members share the partitions")
    client_id: str = Field("voicememo", description="this client's name in the brokers' logs")
    security_protocol: Annotated[Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], Upper] = Field(
        "PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL; Confluent Cloud is SASL_SSL"
    )
    sasl_mechanism: Annotated[Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], Upper] = Field(
        "PLAIN", description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; Confluent Cloud is PLAIN"
    )
    sasl_username: SecretStr | None = Field(None, description="needed with SASL_…; at Confluent the API key")
    sasl_password: SecretStr | None = Field(None, description="needed with SASL_…; at Confluent the API key's secret")
    auto_offset_reset: Annotated[Literal["earliest", "latest"], Lower] = Field(
        "earliest", description="where a new group begins: earliest or latest"
    )
    session_seconds: float = Field(30.0, ge=6, le=300, description="seconds a worker may be silent to the group")
    dead_letter_topic: Topic = Field("message.received.dead", description="topic of events that could not be answered")

    def conflicts(self) -> Iterator[Fault]:
        """Yield missing credentials, and a dead-letter topic that is no other."""
        if self.security_protocol.startswith("SASL_"):
            advice = f"is needed with KAFKA_SECURITY_PROTOCOL={self.security_protocol}"
            secrets = {"KAFKA_SASL_USERNAME": self.sasl_username, "KAFKA_SASL_PASSWORD": self.sasl_password}
            yield from (Fault(name, advice) for name, secret in secrets.items() if secret is None)
        if self.dead_letter_topic == self.topic:
            yield Fault("KAFKA_DEAD_LETTER_TOPIC", "must be another topic than KAFKA_TOPIC")

    def login(self) -> KafkaLogin:
        """Return how to reach the brokers."""
        return KafkaLogin(
            bootstrap_servers=",".join(self.bootstrap_servers),
            client_id=self.client_id,
            security_protocol=self.security_protocol,
            sasl_mechanism=self.sasl_mechanism,
            username=self.sasl_username.get_secret_value() if self.sasl_username else None,
            password=self.sasl_password.get_secret_value() if self.sasl_password else None,
        )
