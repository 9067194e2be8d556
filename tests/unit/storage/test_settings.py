"""Settings of archive and store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.settings.environment import read
from runtime.settings.variables import written_as_variable
from storage.settings import (
    ArchiveSettings,
    FileArchive,
    RetentionSettings,
    S3ArchiveUrl,
    SqliteFile,
    StoreSettings,
    SupabaseProject,
)
from tests.unit.runtime.settings.reading import faults, one_fault, values

if TYPE_CHECKING:
    from runtime.settings.groups import Group


@pytest.mark.parametrize(
    ("group", "variable", "text", "advice"),
    [
        (ArchiveSettings, "ARCHIVE_URL", "audio_files", "must be file:DIR or s3://BUCKET[/PREFIX]"),
        (ArchiveSettings, "ARCHIVE_URL", "file:", "must be file:DIR"),
        (ArchiveSettings, "ARCHIVE_URL", "s3://B", "is no bucket name"),
        (ArchiveSettings, "ARCHIVE_SSE", "AES128", "AES128 is not none, AES256 or aws:kms[:KEY]"),
        (ArchiveSettings, "ARCHIVE_SSE", "aws:kms:", "is not none, AES256 or aws:kms[:KEY]"),
        (ArchiveSettings, "ARCHIVE_SSE", "AES256", "is for a bucket: set it to none"),
        (ArchiveSettings, "ARCHIVE_USER", "name", "is not one of pseudonym, phone"),
        (StoreSettings, "STORE_URL", "postgres://x", "must be sqlite:PATH, with the path of a file, or supabase"),
        (StoreSettings, "STORE_URL", "sqlite::memory:", "must be sqlite:PATH"),
        (RetentionSettings, "RETENTION_DAYS", "0", "0 is not between 1 and 3650"),
        (RetentionSettings, "LEDGER_DAYS", "29", "must not be less than RETENTION_DAYS (30)"),
    ],
)
def test_a_wrong_value_comes_with_what_to_write(group: type[Group], variable: str, text: str, advice: str) -> None:
    """Each wrong value is one fault, of its own variable, that says what is the matter."""
    assert advice in one_fault(group, variable, text)


@pytest.mark.parametrize(
    ("group", "variable", "text", "value"),
    [
        (ArchiveSettings, "ARCHIVE_URL", "file:/srv/audio", FileArchive(Path("/srv/audio"))),
        (ArchiveSettings, "ARCHIVE_URL", "s3://series-audio-files", S3ArchiveUrl("series-audio-files")),
        (ArchiveSettings, "ARCHIVE_URL", "s3://bucket/memos/2026/", S3ArchiveUrl("bucket", "memos/2026")),
        (StoreSettings, "STORE_URL", "sqlite:/srv/db.sqlite", SqliteFile(Path("/srv/db.sqlite"))),
    ],
)
def test_a_value_is_parsed_once_and_for_all(group: type[Group], variable: str, text: str, value: object) -> None:
    """A setting has a value of its own type, and its shown value is read back as the same."""
    found = values(read(group, {variable: text}))
    assert found[variable] == value
    assert values(read(group, {variable: written_as_variable(value)})) == found


def test_supabase_needs_url_and_key() -> None:
    """With STORE_URL=supabase every command must know which project, and have its secret key."""
    assert list(faults(StoreSettings, {"STORE_URL": "supabase"})) == ["SUPABASE_URL", "SUPABASE_KEY"]
    project = {"SUPABASE_URL": "https://x.example.com", "SUPABASE_KEY": "k"}
    settings = read(StoreSettings, {"STORE_URL": "supabase", **project})
    assert settings.url == SupabaseProject()
    assert values(read(StoreSettings, {"STORE_URL": written_as_variable(settings.url), **project})) == values(settings)
