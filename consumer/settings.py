"""Settings: the environment, read once and checked as a whole. Each field is a variable, its name in lower case.

The fields are the one source of names, defaults and meanings; docs/configuration.md and .env.example are written from
them. Only load() makes Settings. It reads the mapping that it is given, and nothing else: no process environment, and
no .env file, which is Docker Compose's to read.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, PlainValidator, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from consumer import agreement, rungs, variables
from consumer.agreement import ConfigurationError, Fault, required
from consumer.lease import LEASE_SECONDS
from consumer.rungs import LadderName, OpenAiEndpoint, Rungs
from consumer.variables import BucketEncryption, FileArchive, S3ArchiveUrl, SqliteStore, SupabaseProject
from storage.ledger import LONGEST_LEASE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ConfigurationError", "Fault", "Rungs", "Settings", "load", "required", "variable_names"]

Words = Annotated[str, PlainValidator(variables.words)]
Secret = Annotated[SecretStr, PlainValidator(variables.secret)]
WebhookSecrets = Annotated[tuple[SecretStr, ...], PlainValidator(variables.webhook_secrets)]
UrlPath = Annotated[str, PlainValidator(variables.path)]
PhoneNumber = Annotated[SecretStr, PlainValidator(variables.phone_number)]
Topic = Annotated[str, PlainValidator(variables.topic)]
Servers = Annotated[tuple[str, ...], PlainValidator(variables.servers)]
Host = Annotated[str, PlainValidator(variables.host)]
Hosts = Annotated[tuple[str, ...], PlainValidator(variables.hosts)]
Url = Annotated[str, PlainValidator(variables.url)]
Model = Annotated[str, PlainValidator(variables.model)]
Voices = Annotated[Mapping[str, str], PlainValidator(variables.voices)]
Language = Annotated[str, PlainValidator(variables.language)]
Folder = Annotated[Path, PlainValidator(variables.folder)]
Flag = Annotated[bool, PlainValidator(variables.flag)]
Transcribers = Annotated[tuple[str, ...], PlainValidator(variables.rungs(*variables.TRANSCRIBER_RUNGS))]
Repliers = Annotated[tuple[str, ...], PlainValidator(variables.rungs(*variables.REPLIER_RUNGS))]
Synthesizers = Annotated[tuple[str, ...], PlainValidator(variables.rungs(*variables.SYNTHESIZER_RUNGS))]
ArchiveUrl = Annotated[FileArchive | S3ArchiveUrl, PlainValidator(variables.archive)]
ArchiveSse = Annotated[BucketEncryption, PlainValidator(variables.encryption)]
StoreUrl = Annotated[SqliteStore | SupabaseProject, PlainValidator(variables.store)]

SecurityProtocol = Annotated[
    Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"],
    PlainValidator(variables.one_of("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")),
]
SaslMechanism = Annotated[
    Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"],
    PlainValidator(variables.one_of("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")),
]
OffsetReset = Annotated[Literal["earliest", "latest"], PlainValidator(variables.one_of("earliest", "latest"))]
ArchiveUser = Annotated[Literal["pseudonym", "phone"], PlainValidator(variables.one_of("pseudonym", "phone"))]
LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
    PlainValidator(variables.one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),
]
Messenger = Annotated[Literal["series", "linq"], PlainValidator(variables.one_of("series", "linq"))]
LogFormat = Annotated[Literal["auto", "human", "json"], PlainValidator(variables.one_of("auto", "human", "json"))]

_REVOKE_MARGIN_SECONDS = 10.0
"""What a rebalance gets beyond a drain and a send, for the commit and for what is written, in seconds."""
_LET_GO_MARGIN_SECONDS = 12.0
"""What a cancelled memo gets beyond its send, in seconds: noting the answer, taking typing back, letting go of it."""
_STALE_MARGIN_SECONDS = 30.0
"""How much longer than the longest rebalance a worker may be silent before it counts as stuck, in seconds."""
_SEND_SHARE = 0.5
"""Of a lease, that the longest send may take: renewed at a third, it has two thirds left when a send begins."""


class Settings(BaseSettings):
    """Everything that can be configured. Frozen; secrets and our own number stand behind SecretStr."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", validate_default=False, hide_input_in_errors=True, env_file=None
    )

    kafka_bootstrap_servers: Servers = Field(
        default=("localhost:9092",), description="brokers to begin with: HOST:PORT, several with commas between"
    )
    kafka_topic: Topic = Field(default="message.received", description="where the events come from")
    kafka_group_id: Words = Field(
        default="voicememo", description="the consumer group; its members share the partitions"
    )
    kafka_client_id: Words = Field(default="voicememo", description="how brokers name this client in their logs")
    kafka_security_protocol: SecurityProtocol = Field(
        default="PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL; Confluent Cloud is SASL_SSL"
    )
    kafka_sasl_mechanism: SaslMechanism = Field(
        default="PLAIN", description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; Confluent Cloud is PLAIN"
    )
    kafka_sasl_username: Secret | None = Field(default=None, description="needed with SASL_…; at Confluent the API key")
    kafka_sasl_password: Secret | None = Field(
        default=None, description="needed with SASL_…; at Confluent the API key's secret"
    )
    kafka_auto_offset_reset: OffsetReset = Field(
        default="earliest", description="where a new group begins: earliest or latest"
    )
    kafka_session_seconds: Annotated[float, PlainValidator(variables.seconds(6, 300))] = Field(
        default=30.0, description="how long the group waits for a worker that is not heard of, in seconds"
    )
    kafka_dead_letter_topic: Topic = Field(
        default="message.received.dead", description="where events go that could not be answered"
    )

    webhook_secrets: WebhookSecrets = Field(
        default=(),
        description="secrets of Linq's webhooks, any of which may have signed, with commas between; needed by"
        " `voicememo webhook`",
    )
    webhook_host: Host = Field(default="127.0.0.1", description="where webhooks are taken")
    webhook_port: Annotated[int, PlainValidator(variables.whole(0, 65_535))] = Field(
        default=8081, description="and on which port; 0 takes any that is free"
    )
    webhook_path: UrlPath = Field(default="/webhook", description="and at which path; anything else is not found")
    webhook_tolerance_seconds: Annotated[float, PlainValidator(variables.seconds(1, 86_400))] = Field(
        default=300.0, description="how far a webhook's timestamp may lie from our time, either way, in seconds"
    )

    messenger: Messenger = Field(
        default="series", description="through which API replies go: series (the Series API) or linq (Linq v3)"
    )
    series_api_url: Url | None = Field(
        default=None, description="base URL of the Series API; needed to run, unless MESSENGER=linq"
    )
    series_api_key: Secret | None = Field(
        default=None,
        description="Bearer key; goes to SERIES_API_URL's host and port only; needed to run, unless MESSENGER=linq",
    )
    series_sender_number: PhoneNumber | None = Field(
        default=None, description="our own number, such as +15550100123: its messages are echoes and never answered"
    )
    series_media_hosts: Hosts = Field(
        default=(),
        description="hosts that recordings may come from beside the API's own, with commas between",
        json_schema_extra={"unset": "the host of SERIES_API_URL"},
    )

    linq_api_url: Url = Field(
        default="https://api.linqapp.com/api/partner", description="base URL of Linq v3, without /v3"
    )
    linq_api_key: Secret | None = Field(
        default=None,
        description="Bearer key; goes to LINQ_API_URL's host and port only; needed to run with MESSENGER=linq",
    )
    linq_media_hosts: Hosts = Field(
        default=("cdn.linqapp.com",),
        description="hosts that recordings may come from beside the API's own, with commas between; an upload may go to"
        " any public host that the API names, and to a private one that stands here",
    )

    hf_token: Secret | None = Field(default=None, description="opens the rung huggingface, for hearing and answering")
    hf_whisper_model: Model = Field(default="openai/whisper-large-v3-turbo", description="what hears")
    hf_llama_model: Model = Field(default="meta-llama/Llama-3.2-3B-Instruct", description="what answers")
    hf_whisper_url: Url | None = Field(
        default=None,
        description="full URL that takes a recording as the raw body of a POST",
        json_schema_extra={"unset": "the Hugging Face router"},
    )
    hf_llama_url: Url | None = Field(
        default=None,
        description="base URL of a chat endpoint that speaks the OpenAI wire",
        json_schema_extra={"unset": "the Hugging Face router"},
    )

    elevenlabs_api_key: Secret | None = Field(default=None, description="opens the rungs elevenlabs and scribe")
    elevenlabs_base_url: Url | None = Field(
        default=None, description="base URL of the API", json_schema_extra={"unset": "the vendor's"}
    )
    elevenlabs_model: Model = Field(default="eleven_flash_v2_5", description="what speaks")
    elevenlabs_voices: Voices = Field(
        default_factory=dict,
        description="a voice per language, such as default=ID,hi=ID,fr=ID; without a default ours fill in",
        json_schema_extra={"unset": "a premade voice, which speaks all languages"},
    )
    cartesia_api_key: Secret | None = Field(default=None, description="opens the rung cartesia")
    cartesia_base_url: Url | None = Field(
        default=None, description="base URL of the API", json_schema_extra={"unset": "the vendor's"}
    )
    cartesia_model: Model = Field(default="sonic-3", description="what speaks")
    cartesia_voices: Voices = Field(
        default_factory=dict,
        description="a voice per language, such as default=ID,hi=ID,fr=ID; without a default ours fill in",
        json_schema_extra={"unset": "a voice for each of ten languages, and one for all others"},
    )

    openai_api_key: Secret | None = Field(
        default=None,
        description="opens the rung openai in each ladder; goes to OPENAI_BASE_URL, and to each OPENAI_*_URL that has"
        " no key of its own",
    )
    openai_base_url: Url | None = Field(
        default=None,
        description="base URL of a server that speaks the OpenAI wire, such as http://localhost:8000/v1; opens the rung"
        " too, for a local server may need no key",
        json_schema_extra={"unset": "https://api.openai.com/v1"},
    )
    openai_transcribe_model: Model = Field(default="whisper-1", description="what hears")
    openai_chat_model: Model = Field(default="gpt-4o-mini", description="what answers; one that takes max_tokens")
    openai_speech_model: Model = Field(
        default="gpt-4o-mini-tts", description="what speaks; one that gives bare PCM at 24 kHz"
    )
    openai_voices: Voices = Field(
        default_factory=dict,
        description="a voice per language, such as default=alloy,hi=nova",
        json_schema_extra={"unset": "alloy"},
    )
    openai_transcribe_url: Url | None = Field(
        default=None,
        description="base URL of another server that hears, such as https://api.groq.com/openai/v1",
        json_schema_extra={"unset": "OPENAI_BASE_URL"},
    )
    openai_transcribe_key: Secret | None = Field(
        default=None,
        description="Bearer key of that server; any word where it needs none and OPENAI_API_KEY is not its to see",
        json_schema_extra={"unset": "OPENAI_API_KEY"},
    )
    openai_chat_url: Url | None = Field(
        default=None,
        description="base URL of another server that answers, such as http://localhost:11434/v1",
        json_schema_extra={"unset": "OPENAI_BASE_URL"},
    )
    openai_chat_key: Secret | None = Field(
        default=None,
        description="Bearer key of that server; any word where it needs none and OPENAI_API_KEY is not its to see",
        json_schema_extra={"unset": "OPENAI_API_KEY"},
    )
    openai_speech_url: Url | None = Field(
        default=None,
        description="base URL of another server that speaks",
        json_schema_extra={"unset": "OPENAI_BASE_URL"},
    )
    openai_speech_key: Secret | None = Field(
        default=None,
        description="Bearer key of that server; any word where it needs none and OPENAI_API_KEY is not its to see",
        json_schema_extra={"unset": "OPENAI_API_KEY"},
    )

    transcribers: Transcribers = Field(
        default=variables.TRANSCRIBER_RUNGS,
        description=f"who hears, in order: {', '.join(variables.TRANSCRIBER_RUNGS)}",
    )
    repliers: Repliers = Field(
        default=variables.REPLIER_RUNGS, description=f"who answers, in order: {', '.join(variables.REPLIER_RUNGS)}"
    )
    synthesizers: Synthesizers = Field(
        default=variables.SYNTHESIZER_RUNGS,
        description=f"who speaks, in order: {', '.join(variables.SYNTHESIZER_RUNGS)}",
    )
    default_language: Language = Field(
        default="en", description="the language to speak where none is known: a primary subtag"
    )
    answer_text_messages: Flag = Field(
        default=False, description="true: a text message is answered by a text, from the same history; else passed over"
    )

    archive_url: ArchiveUrl = Field(
        default=variables.archive("file:audio_files"),
        description="where recordings and replies are kept: file:DIR or s3://BUCKET[/PREFIX]",
    )
    archive_sse: ArchiveSse = Field(
        default=variables.encryption("none"),
        description="how S3 is asked to encrypt what it keeps: AES256, aws:kms, aws:kms:KEY (a key's id or ARN), or"
        " none: as the bucket is set to",
    )
    archive_user: ArchiveUser = Field(
        default="pseudonym", description="how the archive's keys name a person: pseudonym or phone"
    )
    archive_user_key: Secret | None = Field(
        default=None,
        description="secret behind the pseudonyms; with another one the same person gets another pseudonym",
        json_schema_extra={"unset": "derived from SERIES_API_KEY, else LINQ_API_KEY"},
    )
    archive_spool: Folder = Field(
        default=Path("var/owed"),
        description="folder for what the archive could not take, until it does; on a local disk",
    )
    archive_spool_bytes: Annotated[int, PlainValidator(variables.whole(0, 2**50))] = Field(
        default=2**30, description="how much may wait there, in bytes"
    )
    store_url: StoreUrl = Field(
        default=variables.store("sqlite:var/voicememo.db"),
        description="where history and ledger are kept: sqlite:PATH, or supabase for workers on several machines",
    )
    supabase_url: Url | None = Field(default=None, description="URL of the project; needed with STORE_URL=supabase")
    supabase_key: Secret | None = Field(
        default=None,
        description="its secret key (service_role), which goes to SUPABASE_URL only; needed with STORE_URL=supabase",
    )
    supabase_anon_key: Secret | None = Field(
        default=None, description="its public key, for `voicememo doctor` to see that it opens nothing of ours"
    )
    retention_days: Annotated[int, PlainValidator(variables.whole(1, 3650))] = Field(
        default=30,
        description="how long recordings, replies, words and dead letters are kept, in days; `voicememo purge` deletes"
        " what is older",
    )
    ledger_days: Annotated[int, PlainValidator(variables.whole(1, 36_500))] = Field(
        default=365,
        description="how long it is known that a memo was settled, in days, so that it is not answered again: longer"
        " than KAFKA_TOPIC keeps events; its words are gone after RETENTION_DAYS",
    )

    worker_concurrency: Annotated[int, PlainValidator(variables.whole(1, 1024))] = Field(
        default=64, description="how many memos are worked on at once, at most"
    )
    reply_deadline_seconds: Annotated[float, PlainValidator(variables.seconds(1, 600))] = Field(
        default=30.0,
        description="how long a memo may take, in seconds: fetching, hearing, answering and speaking share it, less"
        " what is kept back for the send (3 s); no send takes longer than it either",
    )
    drain_seconds: Annotated[float, PlainValidator(variables.seconds(0, 300))] = Field(
        default=25.0,
        description="how long memos in flight may go on after a stop, in seconds; a container's grace must be longer",
    )
    retry_for_seconds: Annotated[float, PlainValidator(variables.seconds(0, 604_800))] = Field(
        default=900.0,
        description="how long past its deadline a memo that cannot be delivered is tried again, in seconds",
    )
    lease_seconds: Annotated[float, PlainValidator(variables.seconds(3, LONGEST_LEASE_SECONDS))] = Field(
        default=LEASE_SECONDS,
        description="how long a worker that is not heard of keeps a memo, in seconds; a send may take half of it",
    )
    resend_unknown: Flag = Field(
        default=True,
        description="a send that may have gone out and is not in the chat is done again (true: rather twice than never)"
        " or left to a person (false: rather never than twice)",
    )
    max_memo_bytes: Annotated[int, PlainValidator(variables.whole(1024, 1_073_741_824))] = Field(
        default=26_214_400, description="a larger recording gets a spoken apology, in bytes"
    )
    max_memo_seconds: Annotated[float, PlainValidator(variables.seconds(1, 86_400))] = Field(
        default=1800.0, description="a longer recording gets a spoken apology, in seconds"
    )
    ffmpeg: Words | None = Field(
        default=None, description="path of ffmpeg", json_schema_extra={"unset": "the one in imageio-ffmpeg's wheel"}
    )

    vitals_host: Host = Field(default="127.0.0.1", description="where /healthz, /readyz and /metrics are served")
    vitals_port: Annotated[int, PlainValidator(variables.whole(0, 65_535))] = Field(
        default=8080, description="and on which port; 0 takes any that is free"
    )
    log_level: LogLevel = Field(
        default="INFO", description="the least that is logged: DEBUG, INFO, WARNING, ERROR or CRITICAL"
    )
    log_format: LogFormat = Field(
        default="auto", description="human, json, or auto: human on a terminal and JSON lines elsewhere"
    )
    otel_exporter_otlp_endpoint: Url | None = Field(
        default=None,
        description="where OpenTelemetry traces go: base URL of a collector that takes OTLP over HTTP, such as"
        " http://localhost:4318; needs the extra otel",
        json_schema_extra={"unset": "no traces"},
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 (the signature is pydantic's)
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the same)
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the same)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the same)
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let load() be the only source."""
        return (init_settings,)

    @property
    def rebalance_timeout_seconds(self) -> float:
        """How long the group waits for us to let go of partitions: longer than a drain and a send, by construction."""
        return self.drain_seconds + self.let_go_seconds + _REVOKE_MARGIN_SECONDS

    @property
    def stale_after_seconds(self) -> float:
        """After how long without a poll the worker counts as stuck; a rebalance may hold a poll back for its length."""
        return self.rebalance_timeout_seconds + _STALE_MARGIN_SECONDS

    @property
    def send_seconds(self) -> float:
        """How long one send may take: inside what is left of a lease just before its renewal, by construction."""
        return min(self.reply_deadline_seconds, self.lease_seconds * _SEND_SHARE)

    @property
    def let_go_seconds(self) -> float:
        """How long a cancelled memo may go on: a send that has begun is brought to its end."""
        return self.send_seconds + _LET_GO_MARGIN_SECONDS

    @property
    def our_numbers(self) -> tuple[str, ...]:
        """Our own numbers, as events.parse() takes them."""
        return (self.series_sender_number.get_secret_value(),) if self.series_sender_number else ()

    @property
    def media_hosts(self) -> tuple[str, ...]:
        """Hosts that recordings may come from: the messenger's own, then those that are listed."""
        listed = self.linq_media_hosts if self.messenger == "linq" else self.series_media_hosts
        own = urlsplit(self.messenger_url).hostname if self.messenger_url else None
        return tuple(dict.fromkeys((own, *listed) if own else listed))

    @property
    def messenger_url(self) -> str | None:
        """Base URL of the API that replies go through."""
        return self.linq_api_url if self.messenger == "linq" else self.series_api_url

    @property
    def pseudonym_key(self) -> bytes | None:
        """Secret behind the pseudonyms in archive keys; None when keys carry the phone number (ARCHIVE_USER=phone).

        Raises:
            ConfigurationError: there is no ARCHIVE_USER_KEY, SERIES_API_KEY or LINQ_API_KEY to derive it from.
        """
        return None if self.archive_user == "phone" else self.person_key

    @property
    def person_key(self) -> bytes:
        """Secret behind the names under which the store knows people who asked to be forgotten.

        Raises:
            ConfigurationError: there is no ARCHIVE_USER_KEY, SERIES_API_KEY or LINQ_API_KEY to derive it from.
        """
        if self.archive_user_key is not None:
            return self.archive_user_key.get_secret_value().encode()
        # The Series key first, whichever messenger is used: to move to Linq must not give people other names.
        api_key = required(self.series_api_key or self.linq_api_key, "SERIES_API_KEY").get_secret_value()
        return hmac.new(api_key.encode(), b"voicememo archive user", hashlib.sha256).digest()

    def configured(self, ladder: LadderName) -> Rungs:
        """Tell which rungs of a ladder can be used, and what the others miss."""
        names: tuple[str, ...] = getattr(self, ladder)
        return rungs.configured(self, ladder, names)

    def openai(self, ladder: LadderName) -> OpenAiEndpoint:
        """Tell which server of the OpenAI wire serves a ladder, and with which key."""
        return rungs.openai_endpoint(self, ladder)

    def missing(self) -> tuple[Fault, ...]:
        """Tell what `run` still needs."""
        return tuple(agreement.missing(self))

    def secrets(self) -> frozenset[str]:
        """Every secret that is set, for the logs to watch for."""
        values = (each for _, value in self for each in (value if isinstance(value, tuple) else (value,)))
        return frozenset(each.get_secret_value() for each in values if isinstance(each, SecretStr))


def load(environ: Mapping[str, str], *, complete: bool = True) -> Settings:
    """Read every variable, and check each and how they agree, all at once.

    Args:
        environ: the process environment, or what stands for it. A variable that is empty counts as not set where there
            is no default to lose.
        complete: whether what `run` needs must be there; without, missing() tells what is not.

    Raises:
        ConfigurationError: with every fault.
    """
    given, found = _given(environ)
    settings = _parsed(given, found)
    for fault in (*agreement.disagreements(settings), *(settings.missing() if complete else ())):
        found.setdefault(fault.variable, fault.advice)
    if found:
        raise ConfigurationError(*(Fault(name, found[name]) for name in variable_names() if name in found))
    return settings


def variable_names() -> Iterator[str]:
    """Every variable, in the order of the table."""
    return map(str.upper, Settings.model_fields)


def _given(environ: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Pick our variables out, by field; and the faults of texts that no parser should see, by variable."""
    given: dict[str, str] = {}
    faults: dict[str, str] = {}
    for name, field in Settings.model_fields.items():
        text = environ.get(name.upper(), "").strip()
        if not text.isprintable():
            faults[name.upper()] = "contains a control or otherwise unprintable character"
        elif text or (name.upper() in environ and field.get_default(call_default_factory=True) not in (None, (), {})):
            given[name] = text
    return given, faults


def _parsed(given: Mapping[str, str], faults: dict[str, str]) -> Settings:
    """Parse what can be parsed, and add the faults of the rest."""
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        wrong = {str(fault["loc"][0]): str(fault["ctx"]["error"]) for fault in error.errors(include_input=False)}
    faults.update({name.upper(): advice for name, advice in wrong.items()})
    return Settings.model_validate({name: text for name, text in given.items() if name not in wrong})
