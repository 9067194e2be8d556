"""What tests of several folders share: a real PostgreSQL, started when the first of them asks for it."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING, Final

import pytest
from botocore.loaders import JSONFileLoader
from hypothesis import settings

from tests.harness.needs import missing
from tests.postgres.database import make_database, make_roles
from tests.postgres.server import NoPostgres, real_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres.server import PostgresServer

_LONGEST: Final = ("simulation", "chaos", "test_outage_matrix.py", "test_quality.py", "test_webhook_storm.py", "stack")

# Random everywhere, also under CI=true, which hypothesis would make the same each time; and without its deadline of
# 200 ms an example, which measures how busy the machine is: what hangs ends at pytest's timeout.
settings.register_profile("ours", deadline=None, derandomize=False)
settings.load_profile("ours")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: one that began last would be waited for alone."""
    items.sort(key=lambda item: not any(each in item.path.parts for each in _LONGEST))


@pytest.fixture(scope="session", autouse=True)
def botocore_reads_once() -> Iterator[None]:
    """Have botocore read its descriptions of services once, not for each client: a worker makes one, a test many."""
    read = cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: read(path))
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running server, with Supabase's roles. Where none is installed the tests are skipped, and fail in CI."""
    with ExitStack() as closing:
        try:
            server = closing.enter_context(real_postgres())
        except NoPostgres as reason:
            missing(f"PostgreSQL: {reason}")
        asyncio.run(make_roles(server))
        yield server


@pytest.fixture(scope="session")
def clocked_database(postgres: PostgresServer) -> str:
    """Name a database whose ledger takes the time that it is given."""
    asyncio.run(make_database(postgres, "clocked", clock=True))
    return "clocked"


@pytest.fixture(scope="session")
def database(postgres: PostgresServer) -> str:
    """Name a database as an operator would have it."""
    asyncio.run(make_database(postgres, "as_it_is"))
    return "as_it_is"
