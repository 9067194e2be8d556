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
from consumer.variables import FileArchive, S3ArchiveUrl, SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ConfigurationError", "Fault", "Rungs", "Settings", "load", "required", "variable_names"]

Words = Annotated[str, PlainValidator(variables.words)]
Secret = Annotated[SecretStr, PlainValidator(variables.secret)]
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
StoreUrl = Annotated[SqliteStore, PlainValidator(variables.store)]

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

    series_api_url: Url | None = Field(default=None, description="base URL of the Series API; needed to run")
    series_api_key: Secret | None = Field(
        default=None, description="Bearer key; goes to SERIES_API_URL's host and port only; needed to run"
    )
    series_sender_number: PhoneNumber | None = Field(
        default=None, description="our own number, such as +15550100123: its messages are echoes and never answered"
    )
    series_media_hosts: Hosts = Field(
        default=(),
        description="hosts that recordings may come from beside the API's own, with commas between",
        json_schema_extra={"unset": "the host of SERIES_API_URL"},
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
        description="a voice per language, such as default=ID,hi=ID,fr=ID; needed with the key, but not to hear",
    )
    cartesia_api_key: Secret | None = Field(default=None, description="opens the rung cartesia")
    cartesia_base_url: Url | None = Field(
        default=None, description="base URL of the API", json_schema_extra={"unset": "the vendor's"}
    )
    cartesia_model: Model = Field(default="sonic-3", description="what speaks")
    cartesia_voices: Voices = Field(
        default_factory=dict, description="a voice per language, such as default=ID,hi=ID,fr=ID; needed with the key"
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
        default_factory=lambda: {"default": variables.OPENAI_VOICE},
        description="a voice per language, such as default=alloy,hi=nova; where no default is named it is alloy",
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
        default=False, description="true: text in, text out; comes later, so far text messages are passed over"
    )

    archive_url: ArchiveUrl = Field(
        default=variables.archive("file:audio_files"),
        description="where recordings and replies are kept: file:DIR or s3://BUCKET[/PREFIX]",
    )
    archive_user: ArchiveUser = Field(
        default="pseudonym", description="how the archive's keys name a person: pseudonym or phone"
    )
    archive_user_key: Secret | None = Field(
        default=None,
        description="secret behind the pseudonyms; with another one the same person gets another pseudonym",
        json_schema_extra={"unset": "derived from SERIES_API_KEY"},
    )
    archive_spool: Folder = Field(
        default=Path("var/owed"),
        description="folder for what the archive could not take, until it does; on a local disk",
    )
    archive_spool_bytes: Annotated[int, PlainValidator(variables.whole(0, 2**50))] = Field(
        default=2**30, description="how much may wait there, in bytes"
    )
    store_url: StoreUrl = Field(
        default=variables.store("sqlite:var/voicememo.db"), description="where history and ledger are kept: sqlite:PATH"
    )
    supabase_url: Url | None = Field(default=None, description="for STORE_URL=supabase, which comes later")
    supabase_key: Secret | None = Field(default=None, description="for STORE_URL=supabase, which comes later")
    retention_days: Annotated[int, PlainValidator(variables.whole(1, 3650))] = Field(
        default=30, description="how long all is kept, in days; comes later, so far nothing is deleted"
    )

    worker_concurrency: Annotated[int, PlainValidator(variables.whole(1, 1024))] = Field(
        default=64, description="how many memos are worked on at once, at most"
    )
    reply_deadline_seconds: Annotated[float, PlainValidator(variables.seconds(1, 600))] = Field(
        default=30.0, description="how long a memo may take, in seconds; so far it bounds the send alone"
    )
    drain_seconds: Annotated[float, PlainValidator(variables.seconds(0, 300))] = Field(
        default=25.0,
        description="how long memos in flight may go on after a stop, in seconds; a container's grace must be longer",
    )
    retry_for_seconds: Annotated[float, PlainValidator(variables.seconds(0, 604_800))] = Field(
        default=900.0,
        description="how long past its deadline a memo that cannot be delivered is tried again, in seconds",
    )
    lease_seconds: Annotated[float, PlainValidator(variables.seconds(3, 300))] = Field(
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
    def memo_stale_seconds(self) -> float:
        """After how long an unfinished memo makes the worker unwell: longer than any memo should take."""
        return self.reply_deadline_seconds + self.retry_for_seconds + _STALE_MARGIN_SECONDS

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
        """Hosts that recordings may come from: the Series API's own, then those that are listed."""
        own = urlsplit(self.series_api_url).hostname if self.series_api_url else None
        return tuple(dict.fromkeys((own, *self.series_media_hosts) if own else self.series_media_hosts))

    @property
    def pseudonym_key(self) -> bytes | None:
        """Secret behind the pseudonyms in archive keys; None when keys carry the phone number (ARCHIVE_USER=phone).

        Raises:
            ConfigurationError: there is neither ARCHIVE_USER_KEY nor SERIES_API_KEY to derive it from.
        """
        if self.archive_user == "phone":
            return None
        if self.archive_user_key is not None:
            return self.archive_user_key.get_secret_value().encode()
        api_key = required(self.series_api_key, "SERIES_API_KEY").get_secret_value()
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
        return frozenset(value.get_secret_value() for _, value in self if isinstance(value, SecretStr))


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
