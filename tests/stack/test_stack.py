"""The stack of the Compose file as processes: `make stack`, as a test."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.harness.needs import missing
from tests.integration.kafka.broker import NoKafka
from tests.postgres.server import NoPostgres
from tests.stack.parts import parts
from tests.stack.story import play

if TYPE_CHECKING:
    from pathlib import Path

# What botocore and moto do by themselves, in their own code.
pytestmark = [
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_stack_answers_and_survives(tmp_path: Path) -> None:
    """Two workers answer the fixtures over S3 and PostgreSQL, one is killed in mid-memo, and all stops well (I1)."""
    told: list[str] = []
    try:
        with parts(tmp_path, told.append) as running:
            asyncio.run(play(running, tmp_path, told.append))
    except (NoKafka, NoPostgres) as reason:
        missing(f"a part of the stack: {reason}")
    assert told[-1] == "all parts have stopped"
