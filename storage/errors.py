"""Errors of archives and stores.

StorageError
├── ArchiveError
│   ├── ArchiveUnavailable
│   ├── ArchiveForbidden
│   └── ArchiveMissing
└── StoreError
    ├── StoreUnavailable
    │   └── StoreNotReady
    └── Fenced

Messages carry keys and reasons, never contents (I6).
"""

from __future__ import annotations


class StorageError(Exception):
    """The root of the tree."""


class ArchiveError(StorageError):
    """An archive failed."""


class ArchiveUnavailable(ArchiveError):
    """It may succeed later: network, throttling, disk full."""


class ArchiveForbidden(ArchiveError):
    """Credentials or bucket: an operator has to act."""


class ArchiveMissing(ArchiveError):
    """No object under that key."""


class StoreError(StorageError):
    """A store failed."""


class StoreUnavailable(StoreError):
    """It may succeed later: locked, disk full, network."""


class StoreNotReady(StoreUnavailable):
    """Credentials, rights, schema or file: an operator has to act, and callers wait until then."""


class Fenced(StoreError):
    """Another holder claimed the memo, or the lease ran out: stop, do not send."""
