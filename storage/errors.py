"""Errors of archives and stores.

StorageError
├── ArchiveError
│   ├── ArchiveUnavailable   may succeed later: network, throttling, disk full
│   ├── ArchiveForbidden     credentials or bucket: an operator has to act
│   └── ArchiveMissing       no object under that key
└── StoreError
    ├── StoreUnavailable     may succeed later: locked, disk full, network
    │   └── StoreNotReady    credentials, rights, schema, file: an operator has to act, until then it is waited for
    └── Fenced               another holder has claimed the memo since, or the lease has run out: stop, do not send

Messages carry keys and reasons; never contents (I6).
"""

from __future__ import annotations


class StorageError(Exception):
    """The root of the tree."""


class ArchiveError(StorageError):
    """An archive failed."""


class ArchiveUnavailable(ArchiveError):
    """It may succeed later."""


class ArchiveForbidden(ArchiveError):
    """An operator has to act."""


class ArchiveMissing(ArchiveError):
    """No object under that key."""


class StoreError(StorageError):
    """A store failed."""


class StoreUnavailable(StoreError):
    """It may succeed later."""


class StoreNotReady(StoreUnavailable):
    """An operator has to act."""


class Fenced(StoreError):
    """The claim is no longer ours."""
