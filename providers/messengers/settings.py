"""Settings of the messengers: the Series API and Linq v3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from runtime.settings.faults import Fault
from runtime.settings.groups import Group
from runtime.settings.kinds import Hosts, Lower, PhoneNumber, Url

if TYPE_CHECKING:
    from collections.abc import Iterator


class SeriesSettings(Group, env_prefix="SERIES_", own_prefix=True):
    """The Series API."""

    api_url: Url | None = Field(None, description="base URL of the Series API; needed unless MESSENGER=linq")
    api_key: SecretStr | None = Field(
        None, description="Bearer key, sent to SERIES_API_URL's host and port only; needed unless MESSENGER=linq"
    )
    sender_number: PhoneNumber | None = Field(None, description="our number, such as +15550100123; never answered")
    media_hosts: Hosts = Field((), description="hosts of recordings besides SERIES_API_URL's own, with commas between")


class LinqSettings(Group, env_prefix="LINQ_", own_prefix=True, title="Where replies go: Linq v3"):
    """Linq v3."""

    api_url: Url = Field("https://api.linqapp.com/api/partner", description="base URL of Linq v3, without /v3")
    api_key: SecretStr | None = Field(
        None, description="Bearer key, sent to LINQ_API_URL's host and port only; needed with MESSENGER=linq"
    )
    media_hosts: Hosts = Field(
        ("cdn.linqapp.com",),
        description="hosts of recordings besides LINQ_API_URL's own, with commas between; uploads may go to any public"
        " host that the API names, and to the private ones listed here",
    )


class MessagingSettings(Group, title="Where replies go: the Series API"):
    """Which messenger replies go through, and how it is reached."""

    messenger: Annotated[Literal["series", "linq"], Lower] = Field(
        "series", description="the API that replies go through: series (the Series API) or linq (Linq v3)"
    )
    series: SeriesSettings
    linq: LinqSettings

    @property
    def url(self) -> str | None:
        """Base URL of the messenger."""
        return self.linq.api_url if self.messenger == "linq" else self.series.api_url

    @property
    def media_hosts(self) -> tuple[str, ...]:
        """Hosts of recordings, the messenger's own first."""
        listed = self.linq.media_hosts if self.messenger == "linq" else self.series.media_hosts
        own = urlsplit(self.url).hostname if self.url else None
        return tuple(dict.fromkeys((own, *listed) if own else listed))

    @property
    def our_numbers(self) -> tuple[str, ...]:
        """Our own numbers, never answered."""
        return (self.series.sender_number.get_secret_value(),) if self.series.sender_number else ()

    def missing(self) -> Iterator[Fault]:
        """Yield what the messenger needs."""
        if self.messenger == "linq":
            if self.linq.api_key is None:
                yield Fault("LINQ_API_KEY", "is needed with MESSENGER=linq: the Bearer key of Linq v3")
            return
        if self.series.api_url is None:
            yield Fault("SERIES_API_URL", "is needed: the base URL of the Series API")
        if self.series.api_key is None:
            yield Fault("SERIES_API_KEY", "is needed: the Bearer key of the Series API")
