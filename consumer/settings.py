"""Settings of the worker and the webhook server."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from consumer.kafka.ports import KafkaLogin
from consumer.webhook.settings import WebhookSettings
from providers.messengers.settings import MessagingSettings
from providers.settings import ModelSettings
from runtime.settings.environment import read
from runtime.settings.faults import ConfigurationError, Fault, quoted, required
from runtime.settings.groups import Group
from runtime.settings.kinds import Language, Lower, Servers, Upper
from runtime.settings.process import LogSettings, TraceSettings, VitalsSettings
from storage.ledger import LONGEST_LEASE_SECONDS
from storage.settings import ArchiveSettings, RetentionSettings, StoreSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

_DAY_SECONDS = 86_400
_REVOKE_MARGIN_SECONDS = 10.0
"""Beyond a drain and a send, for the commit and for writes."""
_LET_GO_MARGIN_SECONDS = 12.0
"""Beyond a send, to record the answer, stop typing and give up the lease."""
_STALE_MARGIN_SECONDS = 30.0
"""Beyond the longest rebalance, before a silent worker counts as stuck."""
_SEND_SHARE = 0.5
"""Of a lease, for a send: renewed at a third, it has two thirds left when a send begins."""
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


def _topic(text: str) -> str:
    """Check a topic's name as a broker does (org.apache.kafka.common.internals.Topic)."""
    if not _TOPIC.fullmatch(text) or text in {".", ".."}:
        raise ValueError(f"{quoted(text)} is no topic name: letters, digits, '.', '_' and '-', 249 at most")
    return text


Topic = Annotated[str, AfterValidator(_topic)]


class KafkaSettings(Group):
    """Brokers, topics and the consumer group."""

    model_config = SettingsConfigDict(env_prefix="KAFKA_", title="Kafka")

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

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        faults: list[Fault] = []
        if self.security_protocol.startswith("SASL_"):
            advice = f"is needed with KAFKA_SECURITY_PROTOCOL={self.security_protocol}"
            secrets = {"KAFKA_SASL_USERNAME": self.sasl_username, "KAFKA_SASL_PASSWORD": self.sasl_password}
            faults += [Fault(name, advice) for name, secret in secrets.items() if secret is None]
        if self.dead_letter_topic == self.topic:
            faults.append(Fault("KAFKA_DEAD_LETTER_TOPIC", "must be another topic than KAFKA_TOPIC"))
        if faults:
            raise ConfigurationError(*faults)
        return self

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


class WorkerSettings(Group):
    """How memos are worked on."""

    model_config = SettingsConfigDict(title="The worker")

    default_language: Language = Field("en", description="primary subtag of the language where none is known")
    answer_text_messages: bool = Field(default=False, description="whether text messages are answered, by texts")
    worker_concurrency: int = Field(64, ge=1, le=1024, description="most memos that are worked on at once")
    reply_deadline_seconds: float = Field(
        30.0,
        ge=1,
        le=600,
        description="seconds that a memo may take: fetching, hearing, answering and speaking share them, less 3 for the"
        " send; no send takes longer either",
    )
    drain_seconds: float = Field(
        25.0, ge=0, le=300, description="seconds for memos in flight after a stop; less than a container's grace period"
    )
    retry_for_seconds: float = Field(
        900.0, ge=0, le=604_800, description="seconds for further tries to deliver a memo past its deadline"
    )
    lease_seconds: float = Field(
        30.0,
        ge=3,
        le=LONGEST_LEASE_SECONDS,
        description="seconds that a silent worker keeps a memo; a send may take half",
    )
    resend_unknown: bool = Field(
        default=True,
        description="a send that may have gone out and is not in the chat: true repeats it (rather twice than never),"
        " false leaves it to a person (rather never than twice)",
    )
    max_memo_bytes: int = Field(
        26_214_400, ge=1024, le=1_073_741_824, description="bytes; larger recordings get an apology"
    )
    max_memo_seconds: float = Field(1800.0, ge=1, le=86_400, description="seconds; longer recordings get an apology")
    ffmpeg: str | None = Field(None, description="path of ffmpeg; the one in imageio-ffmpeg's wheel if not set")

    @property
    def rebalance_timeout_seconds(self) -> float:
        """How long the group waits for us to give up partitions: longer than a drain and a send."""
        return self.drain_seconds + self.let_go_seconds + _REVOKE_MARGIN_SECONDS

    @property
    def stale_after_seconds(self) -> float:
        """How long the worker may not poll before it counts as stuck: longer than a rebalance."""
        return self.rebalance_timeout_seconds + _STALE_MARGIN_SECONDS

    @property
    def send_seconds(self) -> float:
        """How long one send may take: less than what is left of a lease just before its renewal."""
        return min(self.reply_deadline_seconds, self.lease_seconds * _SEND_SHARE)

    @property
    def let_go_seconds(self) -> float:
        """How long a cancelled memo may go on, since a send that has begun is finished."""
        return self.send_seconds + _LET_GO_MARGIN_SECONDS


class Settings(Group):
    """Everything that can be configured."""

    kafka: KafkaSettings
    webhook: WebhookSettings
    messaging: MessagingSettings
    models: ModelSettings
    archive: ArchiveSettings
    store: StoreSettings
    retention: RetentionSettings
    worker: WorkerSettings
    vitals: VitalsSettings
    log: LogSettings
    traces: TraceSettings

    @property
    def pseudonym_key(self) -> bytes | None:
        """Secret behind the pseudonyms in archive keys; None if keys hold phone numbers. Raises as person_key does."""
        return None if self.archive.user == "phone" else self.person_key

    @property
    def person_key(self) -> bytes:
        """Secret behind the names under which the store knows people who asked to be forgotten.

        Raises:
            ConfigurationError: none of ARCHIVE_USER_KEY, SERIES_API_KEY and LINQ_API_KEY is set.
        """
        if self.archive.user_key is not None:
            return self.archive.user_key.get_secret_value().encode()
        # The Series key first, whichever messenger is used: to move to Linq must not give people other names.
        api_key = required(self.messaging.series.api_key or self.messaging.linq.api_key, "SERIES_API_KEY")
        return hmac.new(api_key.get_secret_value().encode(), b"voicememo archive user", hashlib.sha256).digest()

    def missing(self) -> tuple[Fault, ...]:
        """Return what `run` still needs."""
        return (*self.messaging.missing(), *self.models.missing())

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if faults := tuple(self._faults()):
            raise ConfigurationError(*faults)
        return self

    def _faults(self) -> Iterator[Fault]:
        kept_seconds = self.retention.retention_days * _DAY_SECONDS
        if self.worker.reply_deadline_seconds + self.worker.retry_for_seconds >= kept_seconds:
            advice = f"a memo would be tried for longer than RETENTION_DAYS keeps it ({kept_seconds} seconds)"
            yield Fault("RETRY_FOR_SECONDS", advice)


class CompleteSettings(Settings):
    """Settings with everything that `run` needs."""

    def _faults(self) -> Iterator[Fault]:
        yield from super()._faults()
        yield from self.missing()


def load(environ: Mapping[str, str], *, complete: bool = True) -> Settings:
    """Read and check every variable.

    Args:
        environ: the environment. An empty variable counts as not set where there is no default to lose.
        complete: whether what `run` needs must be there; otherwise missing() returns what is not.

    Raises:
        ConfigurationError: with every fault.
    """
    return read(CompleteSettings if complete else Settings, environ)
