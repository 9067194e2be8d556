"""What can go wrong with what we keep.

StorageError
├── ArchiveError
│   ├── ArchiveUnavailable   may succeed later: network, throttling, disk full
│   ├── ArchiveForbidden     credentials or bucket: an operator has to act
│   └── ArchiveMissing       no object under that key
└── StoreError
    ├── StoreUnavailable     may succeed later: locked, disk full, network
    │   └── StoreNotReady    credentials, rights, schema, file: an operator has to act, until then it is waited for
    └── Fenced               another holder has claimed the memo since, or the lease has run out: stop, do not send

Messages name keys and reasons; never contents (I6).
"""

from __future__ import annotations


class StorageError(Exception):
    """The root: something about what we keep."""


class ArchiveError(StorageError):
    """The archive did not do its part."""


class ArchiveUnavailable(ArchiveError):
    """The archive may take it later."""


class ArchiveForbidden(ArchiveError):
    """The archive will not have it from us: an operator has to act."""


class ArchiveMissing(ArchiveError):
    """Nothing is kept under that key."""


class StoreError(StorageError):
    """History or ledger did not do its part."""


class StoreUnavailable(StoreError):
    """The store may take it later."""


class StoreNotReady(StoreUnavailable):
    """The store will not have us as it is: an operator has to act."""


class Fenced(StoreError):
    """The claim is no longer ours: another holder has it, or the lease ran out."""
