"""Real services for the integration tests."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.harness.needs import missing
from tests.integration.kafka.broker import VERSIONS, NoKafka, real_kafka

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.kafka.broker import RealKafka


@pytest.fixture(scope="session", params=VERSIONS)
def kafka(request: pytest.FixtureRequest) -> Iterator[RealKafka]:
    """A running Apache Kafka. Without Java or Maven the tests are skipped, and fail in CI."""
    with ExitStack() as closing:
        try:
            broker = closing.enter_context(real_kafka(request.param))
        except NoKafka as reason:
            missing(f"a real Kafka: {reason}")
        yield broker
