"""The migrations as the Compose file applies them, with psql, to an empty PostgreSQL that is thrown away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from deploy import new_secrets
from storage.supabase.store import SupabaseStore, exposed
from tests.deploy.migrating import DATABASE, make_database, migrate
from tests.harness.needs import missing, program
from tests.postgres.database import connected, migrations
from tests.postgres.postgrest import ANON_KEY, SERVICE_KEY, PostgRest
from tests.postgres.server import SUPERUSER, NoPostgres, PostgresServer, real_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server without any role but its superuser's. Without PostgreSQL or psql the tests are skipped."""
    program("psql")
    try:
        with real_postgres() as server:
            asyncio.run(make_database(server))
            yield server
    except NoPostgres as reason:
        missing(f"PostgreSQL: {reason}")


@pytest.fixture(scope="module")
def applied(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the script said, the first time and the second."""
    secrets = tmp_path_factory.mktemp("stack") / "secrets"
    new_secrets.write_files(secrets)
    return [migrate(server, secrets) for _ in range(2)]


def test_all_are_applied_and_may_be_again(applied: list[str]) -> None:
    """Every migration is applied, in order, and applying them again is no error."""
    told = [*(f"applying {name}" for name, _ in migrations()), "all migrations are applied"]
    assert [said.splitlines() for said in applied] == [told, told]


@pytest.mark.usefixtures("applied")
async def test_worker_finds_its_store_and_the_public_nothing(server: PostgresServer) -> None:
    """Behind PostgREST the service role has its functions, and the public key opens nothing of ours."""
    async with PostgRest(server, DATABASE) as rest:
        store = SupabaseStore(rest.url, SERVICE_KEY)
        await store.open()
        await store.check()
        assert await store.ledger.waiting(limit=1) == []
        await store.close()
        assert await exposed(rest.url, ANON_KEY) == []


@pytest.mark.usefixtures("applied")
async def test_nobody_of_ours_is_a_superuser(server: PostgresServer) -> None:
    """Tables and functions belong to a role that may not even log in, and PostgREST's own role may do nothing."""
    async with connected(server, SUPERUSER, DATABASE) as root:
        owners = await root.fetch("select distinct tableowner as name from pg_tables where tablename like 'voicememo%'")
        makers = await root.fetch(
            "select distinct proowner::regrole::text as name from pg_proc where proname like 'voicememo%'"
        )
        roles = await root.fetch("select rolname from pg_roles where rolcanlogin and not rolsuper")
        secret = await root.fetchval("select rolpassword from pg_authid where rolname = 'authenticator'")
    assert [row["name"] for row in (*owners, *makers)] == ["voicememo_owner"] * 2
    assert [row["rolname"] for row in roles] == ["authenticator"]
    assert secret.startswith("SCRAM-SHA-256$")
    async with connected(server, "authenticator", DATABASE) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("select * from voicememo_memos")
