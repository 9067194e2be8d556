"""A thousand generated events: each ends, with a reason, and the worker goes on (I7)."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from console.follow import follow
from consumer.events.parse import parse
from tests.unit.consumer.events.event_strategies import built, damaged, json_values

if TYPE_CHECKING:
    from tests.acceptance.conftest import Rig

EVENTS = 1000
PATIENCE_SECONDS = 110.0

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

whole = built().map(lambda each: each.event)
broken = built().flatmap(lambda each: damaged(each.event))
events = st.one_of(
    st.one_of(whole, broken, json_values).map(lambda event: json.dumps(event).encode()),
    st.binary(max_size=200),
)


def _thousand() -> list[bytes]:
    """Draw the events, the same ones in each run."""
    drawn: list[bytes] = []

    @settings(
        max_examples=EVENTS,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(events)
    def draw(event: bytes) -> None:
        drawn.append(event)

    draw()
    return drawn


@pytest.mark.timeout(300)
async def test_every_event_ends(running: Rig) -> None:
    """Each event ends answered, apologised, ignored or dead-lettered, for a reason, and every offset is committed."""
    drawn = _thousand()
    assert len(drawn) >= EVENTS * 0.9
    puts = [(value, *await running.put(Path("event.json"), value)) for value in drawn]
    outcomes: Counter[str] = Counter()
    for value, where, offset in puts:
        followed = await follow(
            running.store.ledger,
            value,
            where,
            offset,
            our_numbers=running.settings.messaging.our_numbers,
            patience_seconds=PATIENCE_SECONDS,
        )
        assert followed.outcome in {"answered", "apologised", "ignored", "dead"}, (
            followed,
            parse(value, received_at=datetime.now(UTC)),
        )
        assert followed.reason or followed.outcome == "answered"
        assert not (followed.reason or "").startswith("bug-"), followed
        outcomes[followed.outcome] += 1
    assert outcomes["apologised"] > 20
    assert outcomes["ignored"] > 20
    assert outcomes["dead"] > 20
    await running.all_committed()
