"""Parses events for the tests, with a fixed time and our number."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from consumer.events.parse import ParsedEvent, VoiceMemo, parse
from tests.unit.consumer.events.event_shapes import OUR_NUMBER

if TYPE_CHECKING:
    from consumer.memo.states import Audio, Memo
    from tests.unit.consumer.events.event_shapes import Json

RECEIVED_AT = datetime(2025, 11, 9, 12, 0, tzinfo=UTC)
"""Time of the record; the built messages are older."""
URL = "https://media.example.org/1"


def read(event: object, *, our_numbers: tuple[str, ...] = (OUR_NUMBER,)) -> ParsedEvent:
    """Parse an event, given as bytes or as what json encodes."""
    value = event if isinstance(event, bytes) else json.dumps(event).encode()
    return parse(value, received_at=RECEIVED_AT, our_numbers=our_numbers)


def v2(**fields: Json) -> dict[str, Json]:
    """Return a v2 event of a message without text or attachments, but with `fields`."""
    message = {"id": "7", "chat_id": "5", "from_phone": "+15550101234", "text": "", "attachments": []}
    return {"event_type": "message.received", "data": message | fields}


def memo_of(event: object) -> Memo:
    """Return the memo of an event."""
    happened = read(event)
    assert isinstance(happened, VoiceMemo), happened
    return happened.memo


def audio_of(event: object) -> tuple[Audio, ...]:
    """Return the sources of the recording of an event."""
    return memo_of(event).audio
