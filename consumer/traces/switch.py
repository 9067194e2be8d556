"""Switch: whether there are traces. What makes them is imported only when they are on."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Protocol

from runtime.settings.faults import ConfigurationError, Fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.notices import Listener
    from consumer.settings import Settings
    from consumer.source import Publisher
    from consumer.traces.context import Header
    from storage.ledger import DeadLetter

_SWITCH = "OTEL_EXPORTER_OTLP_ENDPOINT"


class Tracing(Protocol):
    """What traces ask of the flow, whether they are on or off."""

    @property
    def listeners(self) -> Sequence[Listener]:
        """Who hears of notices."""
        ...

    def publisher(self, publisher: Publisher) -> Publisher:
        """Give a publisher that makes a span of each event, and puts its context into the event's headers."""
        ...

    def letter_headers(self, letter: DeadLetter) -> Sequence[Header]:
        """Give the headers of a dead letter's event, with the context of the span in which its memo died."""
        ...

    async def close(self) -> None:
        """Let go of what was not sent yet, within a bound."""
        ...


class NoTraces:
    """Traces that are off."""

    listeners: Sequence[Listener] = ()

    def publisher(self, publisher: Publisher) -> Publisher:
        """Give it back."""
        return publisher

    def letter_headers(self, letter: DeadLetter) -> Sequence[Header]:
        """Give them as they came: whatever trace context they have is another's, and goes on."""
        return letter.event.headers

    async def close(self) -> None:
        """Have nothing to do."""


def begin(settings: Settings) -> Tracing:
    """Begin to trace, where it is wished for. Then it is slow: the libraries are imported.

    Raises:
        ConfigurationError: traces are wished for, and cannot be had so.
    """
    endpoint = settings.traces.endpoint
    if endpoint is None or os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return NoTraces()
    try:
        export = importlib.import_module("consumer.traces.export")
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "opentelemetry":
            raise
        advice = "is set, and OpenTelemetry is not installed: pip install -e '.[otel]' in the checkout, or unset this"
        raise ConfigurationError(Fault(_SWITCH, advice)) from missing
    traces: Tracing = export.make_traces(endpoint, settings)
    return traces
