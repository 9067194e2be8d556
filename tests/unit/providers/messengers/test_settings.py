"""Settings of the messengers."""

from __future__ import annotations

import pytest

from providers.messengers.settings import MessagingSettings, SeriesSettings
from runtime.settings.environment import read
from runtime.settings.variables import written_as_variable
from tests.unit.runtime.settings.reading import one_fault, values

SERIES = {"SERIES_API_URL": "https://api.example.com", "SERIES_API_KEY": "k"}


@pytest.mark.parametrize(
    ("variable", "text", "advice"),
    [
        ("SERIES_API_URL", "ftp://api.example.com", "must be a URL"),
        ("SERIES_API_URL", "https://", "must be a URL"),
        ("SERIES_API_URL", "https://ho st", "must be a URL"),
        ("SERIES_API_URL", "https://[::1", "must be a URL"),
        ("SERIES_API_URL", "https://api.example.com:99999", "must be a URL"),
        ("SERIES_API_URL", "https://me@api.example.com", "must not carry a user name or password"),
        ("SERIES_API_URL", "https://api.example.com?key=1", "must not have a query"),
        ("SERIES_SENDER_NUMBER", "0155", "must be a phone number with its country code"),
        ("SERIES_MEDIA_HOSTS", "https://media.example.com", "the value is no bare host"),
        ("SERIES_MEDIA_HOSTS", "media.example.com:8080", "is no bare host"),
        ("SERIES_MEDIA_HOSTS", "*.example.com", "is no bare host"),
    ],
)
def test_a_wrong_value_comes_with_what_to_write(variable: str, text: str, advice: str) -> None:
    """Each wrong value is one fault, of its own variable, that says what is the matter."""
    assert advice in one_fault(SeriesSettings, variable, text)


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("SERIES_API_URL", "https://api.example.com/v2/", "https://api.example.com/v2"),
        ("SERIES_MEDIA_HOSTS", "CDN.example.com, 127.0.0.1,[::1]", ("cdn.example.com", "127.0.0.1", "::1")),
    ],
)
def test_a_value_is_parsed_once_and_for_all(variable: str, text: str, value: object) -> None:
    """Whoever uses a setting finds it as a value of its own type, and the shown value reads back as the same."""
    found = values(read(SeriesSettings, {variable: text}))
    assert found[variable] == value
    assert values(read(SeriesSettings, {variable: written_as_variable(value)})) == found


def test_media_may_come_from_the_apis_own_host_and_the_listed_ones() -> None:
    """The API's own host is always among the media hosts."""
    assert read(MessagingSettings, SERIES).media_hosts == ("api.example.com",)
    listed = {"SERIES_MEDIA_HOSTS": "cdn.example.com,api.example.com"}
    assert read(MessagingSettings, SERIES | listed).media_hosts == ("api.example.com", "cdn.example.com")
    assert read(MessagingSettings, {}).media_hosts == ()


def test_linq_needs_its_key_alone() -> None:
    """With MESSENGER=linq nothing of the Series API is needed, and everything has the vendor's defaults but the key."""
    assert [fault.variable for fault in read(MessagingSettings, {"MESSENGER": "linq"}).missing()] == ["LINQ_API_KEY"]
    settings = read(MessagingSettings, {"MESSENGER": "linq", "LINQ_API_KEY": "k"})
    assert list(settings.missing()) == []
    assert settings.url == "https://api.linqapp.com/api/partner"
    assert settings.media_hosts == ("api.linqapp.com", "cdn.linqapp.com")
    assert read(MessagingSettings, SERIES | {"LINQ_API_KEY": "k"}).url == SERIES["SERIES_API_URL"]


def test_our_number_is_taken_as_people_write_it() -> None:
    """Separators in our number do not hinder the echo guard."""
    settings = read(MessagingSettings, {"SERIES_SENDER_NUMBER": "+1 (555) 010-0123"})
    assert settings.our_numbers == ("+15550100123",)
    assert read(MessagingSettings, {}).our_numbers == ()
