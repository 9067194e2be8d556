from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from opentelemetry.trace import SpanContext, TraceFlags, TraceState

from consumer.kafka.ports import Partition
from consumer.settings import load
from consumer.telemetry import tracing
from runtime.settings.faults import ConfigurationError
from runtime.trace_context import extract, inject
from storage.ledger import DeadLetter, Event, MemoKey, Place
from tests.acceptance.collector import collecting
from tests.harness.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.settings import Settings

NEEDED = {"SERIES_API_URL": "http://127.0.0.1:1", "SERIES_API_KEY": "a-key"}
ON = {**NEEDED, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
PARENT = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(0), trace_state=TraceState([("a", "1")]))
EVENT = Event(Place("t", 0, 1), 1.5, b"key", b"value", (("x", b"1"),))
LETTER = DeadLetter(EVENT, "reason", "hear", MemoKey("chat", "message"), fence=3)


def _python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    return subprocess.run(  # noqa: S603 (our own code)
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False, env=kept | environment
    )


@pytest.fixture
def on() -> Settings:
    """Settings with traces, to a collector that is not there."""
    return load(ON)


def test_off_means_that_the_sdk_is_not_imported() -> None:
    """A worker whose traces are off imports OpenTelemetry's small API, and nothing of what the extra brings."""
    code = (
        "import sys, console.commands.run, console.commands.webhook, consumer.pipeline_wiring, storage.supabase.store\n"
        "from consumer.settings import load; from consumer.telemetry import tracing\n"
        "tracing.begin(load({}, complete=False))\n"
        "extra = ('opentelemetry.sdk', 'opentelemetry.exporter', 'opentelemetry.proto', 'google', 'requests')\n"
        "print([name for name in sys.modules if name.startswith(extra)])"
    )
    assert _python(code).stdout == "[]\n"


def test_help_imports_no_opentelemetry() -> None:
    """The commands' help is quick."""
    code = (
        "import sys; from click.testing import CliRunner; from console.cli import main\n"
        "CliRunner().invoke(main, ['--help']); print([name for name in sys.modules if 'opentelemetry' in name])"
    )
    assert _python(code).stdout == "[]\n"


def test_without_the_extra_it_is_said() -> None:
    """Traces that are wished for and not installed end the start, with what to do and the status for configuration."""
    code = "import sys; sys.modules['opentelemetry.sdk'] = None; from console.cli import main; main(['run'])"
    ended = _python(code, **ON)
    assert ended.returncode == 2
    assert "OTEL_EXPORTER_OTLP_ENDPOINT: is set, and OpenTelemetry is not installed" in ended.stderr
    assert "pip install -e '.[otel]' in the checkout" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("value", ["true", " TRUE "])
def test_the_sdks_own_switch(on: Settings, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """OTEL_SDK_DISABLED turns traces off, whatever else is set."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", value)
    assert tracing.begin(on).letter_headers(LETTER) == EVENT.headers


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "OTEL_EXPORTER_OTLP_PROTOCOL: only http/protobuf is spoken here"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "1", r"OTEL_BSP_\*: the limits do not agree"),
    ],
)
def test_what_the_sdk_will_not_have_is_a_fault(
    on: Settings, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, fault: str
) -> None:
    """Variables of the SDK that cannot be are reported as our own are."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=fault):
        tracing.begin(on)


async def test_off_leaves_headers_alone() -> None:
    """Without traces dead letters and what is published keep their headers, the trace context of others too."""
    traces, topics = tracing.begin(load(NEEDED)), _Topics()
    headers = (*inject(EVENT.headers, PARENT), ("y", b"2"))
    letter = replace(LETTER, event=replace(EVENT, headers=headers))
    assert traces.letter_headers(letter) == headers
    for sent in (headers, (("traceparent", b"none"), ("x", b"1")), ()):
        await traces.publisher(topics).publish("topic", key=None, value=b"", headers=sent)
        assert topics.headers == sent
    await traces.close()


async def test_a_letter_names_the_try_that_died(on: Settings) -> None:
    """Any worker of the group finds the span in which a memo died, in its parent's trace or one of its own."""
    traces, others = tracing.begin(on), tracing.begin(on)
    try:
        carried = replace(LETTER, event=replace(EVENT, headers=inject(EVENT.headers, PARENT)))
        under, alone = extract(traces.letter_headers(carried)), extract(traces.letter_headers(LETTER))
        assert under is not None
        assert alone is not None
        assert (under.trace_id, under.trace_flags, under.trace_state.to_header()) == (PARENT.trace_id, 0, "a=1")
        assert alone.trace_flags & 1
        assert under.span_id == alone.span_id
        assert extract(others.letter_headers(LETTER)) == alone
        assert extract(traces.letter_headers(replace(LETTER, fence=4))) != alone
        assert traces.letter_headers(replace(carried, key=None)) == carried.event.headers
    finally:
        await traces.close()
        await others.close()


async def test_a_letter_of_a_memo_that_was_not_sampled(on: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the sampler left the memo out, its letter says so."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    traces = tracing.begin(on)
    alone = extract(traces.letter_headers(LETTER))
    await traces.close()
    assert alone is not None
    assert alone.trace_flags & 1 == 0


async def test_a_redirect_is_no_delivery(caplog: pytest.LogCaptureFixture) -> None:
    """Spans, and the key that may go with them, go to the collector that is named and to no other (I6)."""
    async with collecting() as collector, collecting() as elsewhere:
        collector.status, collector.location = 307, elsewhere.url
        traces = tracing.begin(load({**ON, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}))
        topics = _Topics()
        await traces.publisher(topics).publish("topic", key=None, value=b"")
        assert extract(topics.headers) is not None
        await traces.close()
    assert len(collector.bodies) == 1
    assert elsewhere.bodies == []
    lines = [record for record in caplog.records if record.name.startswith("runtime.otlp")]
    assert [(line.getMessage(), line.__dict__["reason"]) for line in lines] == [("traces.undelivered", "http-307")]


async def test_a_collector_that_is_well_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """That spans go again is logged once, after it was logged that they do not."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
    async with collecting() as collector:
        collector.status = 400
        with caplog.at_level(logging.INFO):
            traces = tracing.begin(load({**ON, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}))
            publisher = traces.publisher(_Topics())
            for batches in (1, 2):
                await publisher.publish("topic", key=None, value=b"")
                await collector.has(batches)
            collector.status = 200
            for batches in (3, 4):
                await publisher.publish("topic", key=None, value=b"")
                await collector.has(batches)
            await traces.close()
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("runtime.otlp")]
    assert lines == ["traces.undelivered", "traces.delivered"]


async def test_our_names_yield_to_the_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES stand above what we call ourselves."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "memos")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.version=7,deployment.environment.name=test")
    async with collecting() as collector:
        traces = tracing.begin(load({**ON, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}))
        await traces.publisher(_Topics()).publish("topic", key=None, value=b"")
        await traces.close()
    told = {name: collector.resource[name] for name in ("service.name", "service.version")}
    assert told == {"service.name": "memos", "service.version": "7"}
    assert collector.resource["deployment.environment.name"] == "test"


class _Topics:
    """A publisher that takes everything, and remembers the last headers."""

    headers: Sequence[tuple[str, bytes]] = ()

    async def publish(
        self, topic: str, *, key: bytes | None, value: bytes, headers: Sequence[tuple[str, bytes]] = ()
    ) -> tuple[Partition, int]:
        """Take an event."""
        assert (key, value) == (None, b"")
        self.headers = headers
        return Partition(topic, 0), 0
