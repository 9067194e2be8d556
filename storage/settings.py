"""Settings of archive and store: where they are, and how long they keep things."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PlainValidator, SecretStr

from runtime.settings.faults import Fault, quoted
from runtime.settings.groups import Group
from runtime.settings.kinds import Lower, Url

if TYPE_CHECKING:
    from collections.abc import Iterator

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class FileArchive:
    """The archive is a directory."""

    directory: Path

    def __str__(self) -> str:
        return f"file:{self.directory}"


@dataclass(frozen=True, slots=True)
class S3ArchiveUrl:
    """The archive is a bucket; boto3 reads its credentials from AWS_*."""

    bucket: str
    prefix: str = ""
    """Prefix of every key, without slashes at its ends."""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}" if self.prefix else f"s3://{self.bucket}"


@dataclass(frozen=True, slots=True)
class BucketEncryption:
    """How the bucket encrypts."""

    algorithm: str | None = None
    """S3's name; None: the bucket's own setting."""
    key: str | None = None
    """Id or ARN of a KMS key; None: S3's own."""

    def __str__(self) -> str:
        return ":".join(filter(None, (self.algorithm or "none", self.key)))


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """History and ledger are one SQLite file."""

    path: Path

    def __str__(self) -> str:
        return f"sqlite:{self.path}"


@dataclass(frozen=True, slots=True)
class SupabaseProject:
    """History and ledger are in a project of Supabase: SUPABASE_*."""

    def __str__(self) -> str:
        return "supabase"


def _archive(text: str) -> FileArchive | S3ArchiveUrl:
    if text.startswith("file:") and text != "file:":
        return FileArchive(Path(text.removeprefix("file:")))
    if not text.startswith("s3://"):
        raise ValueError("must be file:DIR or s3://BUCKET[/PREFIX]")
    bucket, _, prefix = text.removeprefix("s3://").partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise ValueError(f"{quoted(bucket)} is no bucket name: 3 to 63 of a-z, 0-9, '.' and '-'")
    return S3ArchiveUrl(bucket, prefix.strip("/"))


def _encryption(text: str) -> BucketEncryption:
    for algorithm in ("none", "AES256", "aws:kms"):
        if text.casefold() == algorithm.casefold():
            return BucketEncryption(None if algorithm == "none" else algorithm)
    key = text.removeprefix("aws:kms:")
    if key == text or not key or any(map(str.isspace, key)):
        raise ValueError(f"{quoted(text)} is not none, AES256 or aws:kms[:KEY], with a key's id or ARN")
    return BucketEncryption("aws:kms", key)


def _store(text: str) -> SqliteFile | SupabaseProject:
    if text == "supabase":
        return SupabaseProject()
    path = text.removeprefix("sqlite:")
    if path == text or not path or path == ":memory:":
        raise ValueError("must be sqlite:PATH, with the path of a file, or supabase")
    return SqliteFile(Path(path))


class ArchiveSettings(Group, env_prefix="ARCHIVE_", own_prefix=True, title="What is kept, and where"):
    """Where recordings and replies are kept."""

    url: Annotated[FileArchive | S3ArchiveUrl, PlainValidator(_archive)] = Field(
        FileArchive(Path("audio_files")),
        description="where recordings and replies are kept: file:DIR or s3://BUCKET[/PREFIX]",
    )
    sse: Annotated[BucketEncryption, PlainValidator(_encryption)] = Field(
        BucketEncryption(),
        description="how S3 encrypts: AES256, aws:kms, aws:kms:KEY (id or ARN of a key), or none: as the bucket is set",
    )
    user: Annotated[Literal["pseudonym", "phone"], Lower] = Field(
        "pseudonym", description="how the archive's keys name a person: pseudonym or phone"
    )
    user_key: SecretStr | None = Field(
        None,
        description="secret behind the pseudonyms, which change with it; derived from SERIES_API_KEY, else"
        " LINQ_API_KEY, if not set",
    )
    spool: Path = Field(Path("var/owed"), description="folder on a local disk for what the archive could not take yet")
    spool_bytes: int = Field(2**30, ge=0, le=2**50, description="bytes that may wait there")

    def conflicts(self) -> Iterator[Fault]:
        """Yield a fault where a directory would be encrypted."""
        if self.sse.algorithm is not None and isinstance(self.url, FileArchive):
            yield Fault("ARCHIVE_SSE", "is for a bucket: set it to none, or ARCHIVE_URL to s3://BUCKET")


class SupabaseSettings(Group, env_prefix="SUPABASE_"):
    """A project of Supabase."""

    url: Url | None = Field(None, description="URL of the project; needed with STORE_URL=supabase")
    key: SecretStr | None = Field(
        None, description="its secret key (service_role), sent to SUPABASE_URL only; needed with STORE_URL=supabase"
    )
    anon_key: SecretStr | None = Field(
        None, description="its public key; `voicememo doctor` checks that it opens nothing"
    )


class StoreSettings(Group, env_prefix="STORE_", own_prefix=True):
    """Where history and ledger are kept."""

    url: Annotated[SqliteFile | SupabaseProject, PlainValidator(_store)] = Field(
        SqliteFile(Path("var/voicememo.db")),
        description="where history and ledger are kept: sqlite:PATH, or supabase for workers on several machines",
    )
    supabase: SupabaseSettings

    def conflicts(self) -> Iterator[Fault]:
        """Yield what the project of Supabase needs."""
        if isinstance(self.url, SupabaseProject):
            advice = "is needed with STORE_URL=supabase: the"
            if self.supabase.url is None:
                yield Fault("SUPABASE_URL", f"{advice} URL of the project")
            if self.supabase.key is None:
                yield Fault("SUPABASE_KEY", f"{advice} project's secret key (service_role)")


class RetentionSettings(Group):
    """How long things are kept."""

    retention_days: int = Field(
        30, ge=1, le=3650, description="days until `voicememo purge` deletes recordings, replies, words, dead letters"
    )
    ledger_days: int = Field(
        365,
        ge=1,
        le=36_500,
        description="days for which it is known that a memo was settled, so that it is not answered again; must be"
        " longer than KAFKA_TOPIC keeps events; its words are deleted after RETENTION_DAYS",
    )

    def conflicts(self) -> Iterator[Fault]:
        """Yield a fault where recordings would outlive the ledger."""
        if self.ledger_days < self.retention_days:
            yield Fault("LEDGER_DAYS", f"must not be less than RETENTION_DAYS ({self.retention_days})")
