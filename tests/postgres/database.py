"""Databases as Supabase sets them up: roles, grants, and our migrations."""

from __future__ import annotations

from contextlib import asynccontextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any

from tests.postgres.server import SUPERUSER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.postgres.server import PostgresServer

OWNER = "owner"
"""Applies the migrations: no superuser, as Supabase's `postgres`."""
AUTHENTICATOR = "authenticator"
"""PostgREST's role, which may only become one of the others."""

CLOCK_SETTING = "voicememo.now"

_ROLES = f"""
create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;
create role {AUTHENTICATOR} login noinherit;
grant anon, authenticated, service_role to {AUTHENTICATOR};
create role {OWNER} login createrole bypassrls;
"""
# Supabase grants everything new in `public` to everybody, and leaves the rest to row-level security.
_GRANTS = f"""
grant all on schema public to {OWNER};
grant usage on schema public to anon, authenticated, service_role;
alter default privileges for role {OWNER} in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges for role {OWNER} in schema public grant all on functions to anon, authenticated, service_role;
alter default privileges for role {OWNER} in schema public grant all on sequences to anon, authenticated, service_role;
"""
_CLOCK = f"""
create or replace function public.voicememo_now() returns timestamptz language sql volatile set search_path = '' as $$
    select coalesce(
        to_timestamp(nullif(current_setting('{CLOCK_SETTING}', true), '')::double precision), clock_timestamp()
    )
$$;
"""
_EMPTY = """
truncate voicememo_conversations, voicememo_messages, voicememo_memos, voicememo_steps, voicememo_events,
    voicememo_dead_letters, voicememo_forgotten
"""


def migrations() -> list[tuple[str, str]]:
    """Return the migrations, name and text, in order."""
    folder = resources.files("storage") / "schema" / "postgres"
    return sorted((each.name, each.read_text("utf-8")) for each in folder.iterdir())


@asynccontextmanager
async def connected(server: PostgresServer, user: str, database: str = "postgres") -> AsyncIterator[Any]:
    """Connect for a block."""
    connection = await server.connect(user, database)
    try:
        yield connection
    finally:
        await connection.close()


async def make_roles(server: PostgresServer) -> None:
    """Make the roles of the server."""
    async with connected(server, SUPERUSER) as root:
        await root.execute(_ROLES)


async def make_database(server: PostgresServer, name: str, *, migrated: bool = True, clock: bool = False) -> None:
    """Make a database; with `clock` its ledger reads the time from a setting."""
    async with connected(server, SUPERUSER) as root:
        await root.execute(f"create database {name} owner {OWNER}")
    async with connected(server, SUPERUSER, name) as root:
        await root.execute(_GRANTS)
    if migrated:
        await migrate(server, name)
    if clock:
        async with connected(server, OWNER, name) as owner:
            await owner.execute(_CLOCK)


async def migrate(server: PostgresServer, name: str) -> None:
    """Apply the migrations as an operator does, file by file."""
    async with connected(server, OWNER, name) as owner:
        for _, script in migrations():
            await owner.execute(script)


async def empty(server: PostgresServer, name: str) -> None:
    """Empty all tables."""
    async with connected(server, OWNER, name) as owner:
        await owner.execute(_EMPTY)
