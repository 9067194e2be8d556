"""Migrations: applied in order, once or twice, and open to the worker's role alone."""

from __future__ import annotations

from contextlib import asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio
from postgrest.exceptions import APIError
from supabase import AsyncClientOptions, acreate_client

from storage.errors import StoreNotReady, StoreUnavailable
from storage.supabase.store import SupabaseStore, exposed
from tests.contracts.ledgers import claimed, letter_at, parked, settle, story_of
from tests.postgres.database import OWNER, connected, make_database, migrate, migrations
from tests.postgres.postgrest import ANON_KEY, FUNCTIONS, SERVICE_KEY, PostgRest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from supabase import AsyncClient

    from tests.postgres.server import PostgresServer

TABLES = ("schema_versions", "conversations", "messages", "memos", "steps", "events", "dead_letters", "forgotten")
NUMBERS = count(1)
NOT_ALLOWED = "42501"


@pytest_asyncio.fixture
async def bare(postgres: PostgresServer) -> str:
    """A database without the migrations."""
    name = f"bare_{next(NUMBERS)}"
    await make_database(postgres, name, migrated=False)
    return name


@asynccontextmanager
async def _stranger(rest: PostgRest) -> AsyncIterator[AsyncClient]:
    """The vendor's own client with the public key."""
    async with httpx.AsyncClient() as http:
        yield await acreate_client(rest.url, ANON_KEY, AsyncClientOptions(httpx_client=http))


@pytest_asyncio.fixture
async def stranger(rest: PostgRest) -> AsyncIterator[AsyncClient]:
    """A client with the public key."""
    async with _stranger(rest) as client:
        yield client


async def _opened(rest: PostgRest) -> str:
    store = SupabaseStore(rest.url, SERVICE_KEY)
    try:
        await store.open()
        await store.check()
    except StoreUnavailable as error:
        return str(error)
    finally:
        await store.close()
    return "ready"


async def test_store_names_what_is_to_be_applied(bare: str, postgres: PostgresServer) -> None:
    """Until all migrations are applied in order, the store lists those missing and is not used."""
    async with PostgRest(postgres, bare) as rest, connected(postgres, OWNER, bare) as owner:
        for done, (_, script) in enumerate(migrations()):
            assert await _opened(rest) != "ready"
            if done >= 2:
                left = [name for name, _ in migrations()[done:]]
                assert ", ".join(left) in await _opened(rest)
            await owner.execute(script)
        assert await _opened(rest) == "ready"


async def test_applying_them_again_changes_nothing(bare: str, postgres: PostgresServer) -> None:
    """Migrations may be applied again: data stays, and each counts once."""
    await migrate(postgres, bare)
    async with PostgRest(postgres, bare) as rest:
        store = SupabaseStore(rest.url, SERVICE_KEY)
        await store.open()
        await parked(store.ledger)
        before = await story_of(store.ledger)
        await migrate(postgres, bare)
        assert await story_of(store.ledger) == before
        await store.close()
    async with connected(postgres, OWNER, bare) as owner:
        versions = await owner.fetch("select version from voicememo_schema_versions order by version")
    assert [row["version"] for row in versions] == list(range(1, len(migrations()) + 1))


async def test_every_migration_is_whole_or_not_at_all() -> None:
    """Each file is one transaction that records its number, and needs only a client that sends SQL."""
    for number, (name, script) in enumerate(migrations(), start=1):
        lines = [line for line in script.splitlines() if line and not line.startswith("--")]
        assert name.startswith(f"{number:04}_")
        assert (lines[0], lines[-1]) == ("begin;", "commit;")
        assert f"(version) values ({number}) on conflict do nothing;" in lines[-2]
        assert not [line for line in lines if line.startswith("\\")]


async def test_everything_is_shut_in_the_catalogue(postgres: PostgresServer, database: str) -> None:
    """Row-level security is on without policies; functions fix their search path, and run as their caller."""
    async with connected(postgres, OWNER, database) as owner:
        tables = await owner.fetch(
            "select relname, relrowsecurity from pg_class where relkind = 'r' and relname like 'voicememo\\_%'"
        )
        policies = await owner.fetchval("select count(*) from pg_policy")
        functions = await owner.fetch(
            "select proname, prosecdef, coalesce('search_path=\"\"' = any(proconfig), false) as fixed,"
            " has_function_privilege('anon', oid, 'execute') or has_function_privilege('authenticated', oid, 'execute')"
            " as open, has_function_privilege('service_role', oid, 'execute') as ours"
            " from pg_proc where proname like 'voicememo\\_%'"
        )
    assert {row["relname"] for row in tables} == {f"voicememo_{table}" for table in TABLES}
    assert all(row["relrowsecurity"] for row in tables)
    assert policies == 0
    assert {f"voicememo_{name}" for name in FUNCTIONS} <= {row["proname"] for row in functions}
    for row in functions:
        assert (row["prosecdef"], row["fixed"], row["open"], row["ours"]) == (False, True, False, True), row["proname"]


@pytest.mark.parametrize("table", TABLES)
async def test_public_key_reads_and_writes_nothing(stranger: AsyncClient, table: str) -> None:
    """With the public key no table can be read or written."""
    relation = stranger.table(f"voicememo_{table}")
    columns: dict[str, dict[str, object]] = {
        "schema_versions": {"version": 99},
        "conversations": {"chat_id": "c"},
        "forgotten": {"person": "p"},
    }
    for request in (
        relation.select("*"),
        relation.select("*").limit(1),
        relation.insert(columns.get(table, {"message_id": "m"})),
        relation.upsert(columns.get(table, {"message_id": "m"})),
    ):
        with pytest.raises(APIError) as caught:
            await request.execute()
        assert caught.value.code == NOT_ALLOWED


@pytest.mark.parametrize("function", FUNCTIONS)
async def test_public_key_calls_nothing(
    stranger: AsyncClient, postgres: PostgresServer, database: str, function: str
) -> None:
    """Nor can any function be called."""
    name = f"voicememo_{function}"
    async with connected(postgres, OWNER, database) as owner:
        arguments = await owner.fetchval("select proargnames from pg_proc where proname = $1", name)
    with pytest.raises(APIError) as caught:
        await stranger.rpc(name, dict.fromkeys(arguments or [])).execute()
    assert caught.value.code == NOT_ALLOWED


async def test_exposure_is_seen(bare: str, postgres: PostgresServer) -> None:
    """What the public key opens is listed; a table granted by mistake still shows no rows."""
    await migrate(postgres, bare)
    async with PostgRest(postgres, bare) as rest, _stranger(rest) as stranger:
        assert await exposed(rest.url, ANON_KEY) == []
        store = SupabaseStore(rest.url, SERVICE_KEY)
        await store.open()
        await settle(store.ledger, await claimed(store.ledger), letter=letter_at(1))
        await store.close()
        async with connected(postgres, OWNER, bare) as owner:
            await owner.execute("grant all on voicememo_memos to anon")
        assert await exposed(rest.url, ANON_KEY) == ["voicememo_memos"]
        memos = stranger.table("voicememo_memos")
        assert (await memos.select("*").execute()).data == []
        row = {"chat_id": "c", "message_id": "m", "facts": {}, "received_at": "now", "begun_at": "now"}
        with pytest.raises(APIError, match="row-level security"):
            await memos.insert({**row, "updated_at": "now"}).execute()
        with pytest.raises(StoreNotReady):
            await exposed(rest.url, "no-key-at-all")
