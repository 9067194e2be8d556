"""What only an operator can mend about the ledger's file: it is named, and nothing is made or written in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage.errors import StoreNotReady
from storage.sqlite.store import SqliteStore
from tests.contracts.ledgers import claimed

if TYPE_CHECKING:
    from pathlib import Path

_PAGE_BYTES = 4096


async def test_file_that_is_no_database(tmp_path: Path) -> None:
    """A file of something else is named, closed, and unchanged."""
    path = tmp_path / "store.db"
    path.write_text("garbage\n")
    store = SqliteStore(path)
    with pytest.raises(StoreNotReady, match=r"store\.db is no database"):
        await store.open()
    await store.close()
    assert path.read_text() == "garbage\n"


async def test_file_that_is_damaged(tmp_path: Path) -> None:
    """A damaged database is reported when it is used."""
    path = tmp_path / "store.db"
    store = SqliteStore(path)
    await store.open()
    await store.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:_PAGE_BYTES] + b"\xff" * (len(whole) - _PAGE_BYTES))
    store = SqliteStore(path)
    await store.open()
    with pytest.raises(StoreNotReady, match=r"store\.db is no database, or is damaged"):
        await claimed(store.ledger)
    await store.close()


async def test_file_that_must_be_there(tmp_path: Path) -> None:
    """Without `create` a missing file is an error; an existing one is opened."""
    path = tmp_path / "folder" / "store.db"
    looking = SqliteStore(path, create=False)
    with pytest.raises(StoreNotReady, match=r"there is no file .*store\.db"):
        await looking.open()
    assert not path.parent.exists()
    for store in (SqliteStore(path), looking):
        await store.open()
        await store.check()
        await store.close()
