"""Exactly one reply on a real Kafka, with real processes that are killed and stopped (I1, I3, I4, I9)."""

from __future__ import annotations

import os

import pytest

from tests.harness.needs import missing
from tests.integration.chaos.campaign import campaign
from tests.integration.kafka.broker import NoKafka

MEMOS = int(os.environ.get("CHAOS_MEMOS", "300"))
STRIKES = int(os.environ.get("CHAOS_STRIKES", "30"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.timeout(900)
def test_each_memo_has_one_reply_in_order_whatever_is_killed() -> None:
    """Through kills, pauses, broker restarts and lying sends nothing is lost, doubled, out of order or left behind."""
    try:
        figures = campaign(memos=MEMOS, strikes=STRIKES, seed=SEED)
    except NoKafka as reason:
        missing(f"a real Kafka: {reason}")
    assert (figures.lost, figures.duplicates, figures.out_of_order, figures.left) == (0, 0, 0, [])
    assert figures.kills + figures.pauses >= STRIKES
    assert figures.broker_restarts == 2
