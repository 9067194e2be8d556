"""What `voicememo doctor` says of a store in Supabase."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console import checks
from console.checks import CheckVerdict, Finding
from consumer.settings import load
from tests.postgres.database import make_database
from tests.postgres.postgrest import ANON_KEY, SERVICE_KEY, PostgRest

if TYPE_CHECKING:
    from tests.postgres.server import PostgresServer


async def _found(url: str, **more: str) -> list[Finding]:
    project = {"STORE_URL": "supabase", "SUPABASE_URL": url, "SUPABASE_KEY": SERVICE_KEY, **more}
    settings = load(project, complete=False)
    return [await checks._store(settings), await checks._public_key(settings)]


async def test_all_is_well(rest: PostgRest) -> None:
    """The store answers with all migrations, and the public key opens nothing."""
    assert [finding.verdict for finding in await _found(rest.url, SUPABASE_ANON_KEY=ANON_KEY)] == [
        CheckVerdict.GOOD
    ] * 2


async def test_public_key_is_not_needed(rest: PostgRest) -> None:
    """Without the public key its check is skipped, naming the variable."""
    _, finding = await _found(rest.url)
    assert (finding.verdict, "SUPABASE_ANON_KEY" in finding.words) == (CheckVerdict.LEFT_OUT, True)


async def test_public_key_that_is_the_secret_one(rest: PostgRest) -> None:
    """A secret key in its place is reported with what it opens."""
    _, finding = await _found(rest.url, SUPABASE_ANON_KEY=SERVICE_KEY)
    assert (finding.verdict, "voicememo_memos" in finding.words) == (CheckVerdict.WRONG, True)


async def test_key_that_is_none(rest: PostgRest) -> None:
    """A refused key is reported by its variable, not its value."""
    store, public = await _found(rest.url, SUPABASE_KEY="wrong-one", SUPABASE_ANON_KEY="wrong-two")
    assert (store.verdict, "SUPABASE_KEY" in store.words) == (CheckVerdict.WRONG, True)
    assert (public.verdict, "SUPABASE_ANON_KEY" in public.words) == (CheckVerdict.WRONG, True)
    assert "wrong-" not in store.words + public.words


async def test_migrations_are_missing(postgres: PostgresServer) -> None:
    """A project without our tables is reported with the migrations to apply."""
    await make_database(postgres, "for_the_doctor", migrated=False)
    async with PostgRest(postgres, "for_the_doctor") as rest:
        store, _ = await _found(rest.url)
    assert (store.verdict, "docs/supabase.md" in store.words) == (CheckVerdict.WRONG, True)


async def test_unreachable() -> None:
    """An unreachable project is reported."""
    store, _ = await _found("http://127.0.0.1:9")
    assert (store.verdict, "ConnectError" in store.words) == (CheckVerdict.WRONG, True)
