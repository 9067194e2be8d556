"""Traces that cannot be delivered: the worker works on, and says so once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tests.acceptance.collector import collecting
from tests.acceptance.conftest import rig
from tests.acceptance.test_traces import speak

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_a_collector_that_refuses_is_reported_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memos are answered whatever becomes of their spans; that these cannot be delivered is one line of two words."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=not a proper value,x-token=s3cr3t-token")
    with caplog.at_level(logging.INFO):
        async with collecting() as collector:
            collector.status = 401
            async with rig(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url) as made:
                outcomes = [(await speak(made, f"memo-{number}")).outcome for number in range(3)]
    assert outcomes == ["answered"] * 3
    assert len(collector.bodies) > 1
    lines = [record for record in caplog.records if record.name.startswith(("runtime.otlp", "opentelemetry"))]
    assert [(line.getMessage(), line.__dict__["reason"]) for line in lines] == [("traces.undelivered", "http-401")]
    assert "s3cr3t-token" not in caplog.text


async def test_no_collector_at_all(tmp_path: Path, unused_tcp_port: int, caplog: pytest.LogCaptureFixture) -> None:
    """Without a collector the worker answers, and does not wait for one at its end; unsent spans are dropped."""
    async with rig(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{unused_tcp_port}") as made:
        assert (await speak(made, "memo")).outcome == "answered"
    assert [record.getMessage() for record in caplog.records if record.name.startswith("runtime.otlp")] == [
        "traces.given_up"
    ]
