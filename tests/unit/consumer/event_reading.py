"""How the tests read events: with the record's time and our number as they are in the builders."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from consumer.events import Event, VoiceMemo, parse
from tests.unit.consumer.event_shapes import OUR_NUMBER

if TYPE_CHECKING:
    from consumer.memo import Audio, Memo
    from tests.unit.consumer.event_shapes import Json

RECEIVED_AT = datetime(2025, 11, 9, 12, 0, tzinfo=UTC)
"""When the record came; the built messages were sent before."""
URL = "https://media.example.org/1"


def read(event: object, *, our_numbers: tuple[str, ...] = (OUR_NUMBER,)) -> Event:
    """Parse an event given as what json would write; bytes go as they are."""
    value = event if isinstance(event, bytes) else json.dumps(event).encode()
    return parse(value, received_at=RECEIVED_AT, our_numbers=our_numbers)


def v2(**fields: Json) -> dict[str, Json]:
    """Give a v2 event of a message without words or attachments, but for `fields`."""
    message = {"id": "7", "chat_id": "5", "from_phone": "+15550101234", "text": "", "attachments": []}
    return {"event_type": "message.received", "data": message | fields}


def memo_of(event: object) -> Memo:
    """Give the memo that an event must be."""
    happened = read(event)
    assert isinstance(happened, VoiceMemo), happened
    return happened.memo


def audio_of(event: object) -> tuple[Audio, ...]:
    """Give where the recording of the memo that an event must be may be had."""
    return memo_of(event).audio
