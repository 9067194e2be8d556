"""The archive that ARCHIVE_URL names, with the folder of what is owed to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.importing import imported
from consumer.variables import FileArchive
from storage.disk import DiskArchive
from storage.owed import OwedArchive

if TYPE_CHECKING:
    from consumer.settings import Settings
    from storage.archive import Archive


def make_archive(settings: Settings) -> Archive:
    """Make the archive that ARCHIVE_URL names."""
    match settings.archive_url:
        case FileArchive(directory):
            return DiskArchive(directory)
        case url:
            # boto3 is 8 MB in memory, for those who use it.
            s3, sse = imported("storage.s3"), settings.archive_sse
            encryption = s3.Encryption(sse.algorithm, sse.key) if sse.algorithm else None
            archive: Archive = s3.S3Archive(url.bucket, prefix=url.prefix, encryption=encryption)
            return archive


def make_owed_archive(settings: Settings) -> OwedArchive:
    """Make the same, with the folder of what is owed to it."""
    return OwedArchive(make_archive(settings), settings.archive_spool, max_bytes=settings.archive_spool_bytes)
