"""KafkaLogin: how to reach the brokers, and what to say when they cannot be used."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from consumer.source import SourceError

if TYPE_CHECKING:
    from consumer.settings import Settings

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
"""An error's class, of Python's own or of aiokafka.errors → what an operator can do about it; else its parent's."""


@dataclass(frozen=True, slots=True)
class KafkaLogin:
    """How to reach the brokers; its repr tells no password."""

    bootstrap_servers: str
    client_id: str = "voicememo"
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "PLAIN"
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def options(self) -> dict[str, Any]:
        """Give the arguments that every aiokafka client takes; TLS trusts the system's own authorities."""
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

    def unusable(self, error: BaseException) -> SourceError:
        """Say what failed in words that an operator can act on; never in the error's own, which may tell too much."""
        names = (kind.__name__ for kind in type(error).__mro__)
        reason = next((_REASONS[name] for name in names if name in _REASONS), type(error).__name__)
        return SourceError(f"Kafka at {self.bootstrap_servers} ({self.security_protocol}) cannot be used: {reason}")


def login_of(settings: Settings) -> KafkaLogin:
    """Say how to reach the brokers."""
    username, password = settings.kafka_sasl_username, settings.kafka_sasl_password
    return KafkaLogin(
        bootstrap_servers=",".join(settings.kafka_bootstrap_servers),
        client_id=settings.kafka_client_id,
        security_protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        username=username.get_secret_value() if username else None,
        password=password.get_secret_value() if password else None,
    )
