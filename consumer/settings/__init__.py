"""Settings of the worker and the webhook server."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from consumer.settings.kafka import KafkaSettings
from consumer.settings.webhook import WebhookSettings
from consumer.settings.worker import WorkerSettings
from providers.messengers.settings import MessagingSettings
from providers.settings import ModelSettings
from runtime.settings.environment import read
from runtime.settings.faults import Fault, required
from runtime.settings.groups import Group
from runtime.settings.process import LogSettings, TraceSettings, VitalsSettings
from storage.settings import ArchiveSettings, RetentionSettings, StoreSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DAY_SECONDS = 86_400


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
        """Secret behind the pseudonyms in archive keys; None if keys hold phone numbers."""
        return None if self.archive.user == "phone" else self.person_key

    @property
    def person_key(self) -> bytes:
        """Secret behind people's pseudonyms. Raises ConfigurationError where no variable gives one."""
        if self.archive.user_key is not None:
            return self.archive.user_key.get_secret_value().encode()
        # The Series key first, whichever messenger is used: a move to Linq must not change pseudonyms.
        api_key = required(self.messaging.series.api_key or self.messaging.linq.api_key, "SERIES_API_KEY")
        return hmac.new(api_key.get_secret_value().encode(), b"voicememo archive user", hashlib.sha256).digest()

    def missing(self) -> tuple[Fault, ...]:
        """Return what `run` still needs."""
        return (*self.messaging.missing(), *self.models.missing())

    def conflicts(self) -> Iterator[Fault]:
        """Yield a fault where a memo would be tried for longer than it is kept."""
        kept_seconds = self.retention.retention_days * _DAY_SECONDS
        if self.worker.reply_deadline_seconds + self.worker.retry_for_seconds >= kept_seconds:
            advice = f"a memo would be tried for longer than RETENTION_DAYS keeps it ({kept_seconds} seconds)"
            yield Fault("RETRY_FOR_SECONDS", advice)


class CompleteSettings(Settings):
    """Settings with everything that `run` needs."""

    def conflicts(self) -> Iterator[Fault]:
        """Yield what does not fit together or is missing."""
        yield from super().conflicts()
        yield from self.missing()


def load(environ: Mapping[str, str], *, complete: bool = True) -> Settings:
    """Read and check every variable.

    Args:
        environ: the environment; an empty variable without a default counts as not set.
        complete: whether what `run` needs must be there.

    Raises:
        ConfigurationError: with every fault.
    """
    return read(CompleteSettings if complete else Settings, environ)
