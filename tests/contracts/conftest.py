from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import pytest
import pytest_asyncio

from storage.memory.store import MemoryStore
from storage.sqlite.store import SqliteStore
from tests.contracts.buckets import BUCKET, client, moto_server, variables
from tests.contracts.ledgers import Clock, opened
from tests.postgres.stores import supabase_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from storage.factory import Store
    from storage.ledger import Ledger

Opening: TypeAlias = "Callable[[], AbstractAsyncContextManager[Store]]"


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture(params=["sqlite", "memory", "postgres"])
def opening(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Opening:
    """How each store in turn is opened."""
    match request.param:
        case "sqlite":
            return partial(opened, SqliteStore(tmp_path / "store.db", clock=clock))
        case "memory":
            return partial(opened, MemoryStore(clock=clock))
    server, database = request.getfixturevalue("postgres"), request.getfixturevalue("clocked_database")
    return partial(supabase_store, server, database, clock=clock)


@pytest_asyncio.fixture
async def store(opening: Opening) -> AsyncIterator[Store]:
    """Each store in turn, open and empty."""
    async with opening() as made:
        yield made


@pytest.fixture
def ledger(store: Store) -> Ledger:
    """The ledger of each."""
    return store.ledger


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """An S3 server over HTTP on loopback."""
    with moto_server() as url:
        yield url


@pytest.fixture
def s3_environment(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The variables by which boto3 finds the server, and an empty bucket."""
    for name, value in variables(s3_server).items():
        monkeypatch.setenv(name, value)
    with client() as looking:
        looking.create_bucket(Bucket=BUCKET)
        yield s3_server
        for each in looking.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            looking.delete_object(Bucket=BUCKET, Key=each["Key"])
        looking.delete_bucket(Bucket=BUCKET)
