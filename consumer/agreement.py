"""How settings must agree with each other, what `run` cannot do without, and how all that is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from consumer.variables import FileArchive, SupabaseProject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.rungs import LadderName
    from consumer.settings import Settings

T = TypeVar("T")

_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to put right."""

    variable: str
    advice: str
    """What is the matter, and what to write instead; never a secret."""

    def __str__(self) -> str:
        return f"{self.variable}: {self.advice}"


class ConfigurationError(Exception):
    """The environment will not do. The text has a line for every fault.

    Attributes:
        faults: all of them, in the order of the table.
    """

    def __init__(self, *faults: Fault) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


def required(value: T | None, variable: str) -> T:
    """Give a value that must be there by now. Raises ConfigurationError, naming the variable."""
    if value is None:
        raise ConfigurationError(Fault(variable, "is needed"))
    return value


def disagreements(settings: Settings) -> Iterator[Fault]:
    """Find what is right by itself and wrong together."""
    yield from _kafka(settings)
    yield from _supabase(settings)
    kept_seconds = settings.retention_days * _DAY_SECONDS
    if settings.reply_deadline_seconds + settings.retry_for_seconds >= kept_seconds:
        yield Fault(
            "RETRY_FOR_SECONDS",
            f"a memo would be tried for longer than RETENTION_DAYS keeps it ({kept_seconds} seconds)",
        )
    if settings.ledger_days < settings.retention_days:
        yield Fault("LEDGER_DAYS", f"must not be less than RETENTION_DAYS ({settings.retention_days})")
    if settings.archive_sse.algorithm is not None and isinstance(settings.archive_url, FileArchive):
        yield Fault("ARCHIVE_SSE", "is for a bucket: set it to none, or ARCHIVE_URL to s3://BUCKET")


def missing(settings: Settings) -> Iterator[Fault]:
    """Find what `run` cannot do without."""
    if settings.messenger == "linq":
        if settings.linq_api_key is None:
            yield Fault("LINQ_API_KEY", "is needed with MESSENGER=linq: the Bearer key of Linq v3")
    else:
        yield from _series(settings)
    ladders: tuple[LadderName, ...] = ("transcribers", "repliers", "synthesizers")
    for ladder in ladders:
        rungs = settings.configured(ladder)
        if not rungs.used:
            needs = ", ".join(f"{rung} needs {need}" for rung, need in rungs.left_out.items())
            yield Fault(ladder.upper(), f"leaves no rung that is configured: {needs}")


def _series(settings: Settings) -> Iterator[Fault]:
    if settings.series_api_url is None:
        yield Fault("SERIES_API_URL", "is needed: the base URL of the Series API")
    if settings.series_api_key is None:
        yield Fault("SERIES_API_KEY", "is needed: the Bearer key of the Series API")


def _kafka(settings: Settings) -> Iterator[Fault]:
    if settings.kafka_security_protocol.startswith("SASL_"):
        if settings.kafka_sasl_username is None:
            yield Fault(
                "KAFKA_SASL_USERNAME", f"is needed with KAFKA_SECURITY_PROTOCOL={settings.kafka_security_protocol}"
            )
        if settings.kafka_sasl_password is None:
            yield Fault(
                "KAFKA_SASL_PASSWORD", f"is needed with KAFKA_SECURITY_PROTOCOL={settings.kafka_security_protocol}"
            )
    if settings.kafka_dead_letter_topic == settings.kafka_topic:
        yield Fault("KAFKA_DEAD_LETTER_TOPIC", "must be another topic than KAFKA_TOPIC")


def _supabase(settings: Settings) -> Iterator[Fault]:
    if isinstance(settings.store_url, SupabaseProject):
        if settings.supabase_url is None:
            yield Fault("SUPABASE_URL", "is needed with STORE_URL=supabase: the URL of the project")
        if settings.supabase_key is None:
            yield Fault("SUPABASE_KEY", "is needed with STORE_URL=supabase: the project's secret key (service_role)")
