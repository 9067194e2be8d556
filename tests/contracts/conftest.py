from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from storage.memory import MemoryStore
from storage.sqlite import SqliteStore
from tests.contracts.ledgers import Clock, Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from storage.ledger import Ledger


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest_asyncio.fixture(params=["sqlite", "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    """Each store in turn, open and empty."""
    made: Store
    made = SqliteStore(tmp_path / "store.db", clock=clock) if request.param == "sqlite" else MemoryStore(clock=clock)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def ledger(store: Store) -> Ledger:
    """The ledger of each."""
    return store.ledger
