"""Hypothesis strategies that build events together with the expected result.

First a message is drawn, then a shape to put it into, then noise that must change nothing.
"""

from __future__ import annotations

import base64
import copy
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import strategies as st

from consumer.memo.states import InlineAudio, LinkedAudio
from tests.unit.consumer.events.event_reading import RECEIVED_AT
from tests.unit.consumer.events.event_shapes import (
    MISSING,
    OUR_NUMBER,
    SHAPES,
    WITHOUT_GROUPS,
    Json,
    Message,
    Source,
    bare,
)

MAGIC = {
    "opus": b"OggS\x00\x02",
    "caf": b"caff\x00\x01\x00\x00",
    "m4a": b"\x00\x00\x00\x1cftypM4A \x00\x00",
    "mp3": b"ID3\x04\x00\x00\x00\x00\x00\x00\xff\xfb\x90\x00",
    "wav": b"RIFF\x24\x00\x00\x00WAVEfmt ",
    "aiff": b"FORM\x00\x00\x00\x20AIFFCOMM",
    "amr": b"#!AMR\n",
    "flac": b"fLaC\x00\x00\x00\x22",
    "webm": b"\x1a\x45\xdf\xa3\x01\x00",
}
MIME_TYPES = (
    "audio/ogg",
    "audio/x-caf",
    "audio/mp4",
    "audio/x-m4a",
    "audio/mpeg",
    "audio/wav",
    "audio/amr",
    "audio/aac",
)
VAGUE_MIME_TYPES = (None, "", "application/octet-stream", "binary/octet-stream")


@dataclass(frozen=True)
class Built:
    """An event and the message in it."""

    message: Message
    event: dict[str, Json]
    shape: str

    @property
    def value(self) -> bytes:
        """The value on the topic."""
        return json.dumps(self.event).encode()


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(
        ["", "audio", "true", "message.received", "https://example.org/a.caf", "data:audio/ogg;base64,T2dn"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["id", "data", "message", "audio", "url", "chat_id", "text", "attachments", "parts", "type"]
            )
            | st.text(max_size=8),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
"""Any JSON, often with keys that matter."""

numeric_ids = st.integers(1, 10**12).map(str)
uuids = st.uuids().map(str)
people = st.integers(0, 9998).map(lambda number: f"+1555010{number:04}")
words = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="\ufffc"), min_size=1, max_size=30)
names = st.text("abcdefgh XYZ-_.", min_size=1, max_size=20).map(lambda name: f"m{name}")


@st.composite
def moments(draw: st.DrawFn) -> tuple[datetime, Json]:
    """Draw a time and one of its spellings."""
    at = draw(st.datetimes(datetime(2015, 1, 1), datetime(2025, 11, 9))).replace(microsecond=0, tzinfo=UTC)  # noqa: DTZ001 (the bounds have to be naive)
    offset = timezone(timedelta(minutes=draw(st.integers(-11 * 60, 13 * 60))))
    there = at.astimezone(offset)
    spelling = draw(
        st.sampled_from(
            [
                at.isoformat(),
                at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                at.strftime("%Y-%m-%d %H:%M:%S"),
                at.strftime("%Y-%m-%d %H:%M:%S UTC"),
                there.isoformat(),
                there.strftime("%Y-%m-%d %H:%M:%S %z"),
                int(at.timestamp()),
                int(at.timestamp()) * 1000,
                str(int(at.timestamp())),
            ]
        )
    )
    return at, spelling


@st.composite
def recordings(draw: st.DrawFn) -> tuple[dict[str, Json], tuple[Source, ...]]:
    """Draw an attachment that is a recording by at least one sign, and its sources."""
    sign = draw(st.sampled_from(["type", "mime", "suffix", "magic", "flag"]))
    container = draw(st.sampled_from(sorted(MAGIC)))
    data = MAGIC[container] + draw(st.binary(max_size=40))
    mime_type = draw(st.sampled_from(MIME_TYPES)) if sign == "mime" else draw(st.sampled_from(VAGUE_MIME_TYPES))
    name = draw(names)
    filename = f"{name}.{container.upper()}" if sign == "suffix" else draw(st.sampled_from([None, "Audio Message"]))
    payloads = draw(
        st.lists(st.sampled_from(["data", "data_base64", "base64_data", "content"]), unique=True, max_size=1)
    )
    links = draw(st.lists(st.sampled_from(["url", "download_url", "file_url"]), unique=True, max_size=2))
    if sign == "magic" and not payloads:
        payloads = ["data"]
    prefix = draw(st.sampled_from(["", "data:;base64,", "data:application/octet-stream;base64,"]))
    text = prefix + base64.b64encode(data).decode()
    attachment = {
        "id": draw(uuids),
        "mime_type": draw(st.sampled_from([mime_type, MISSING])) if mime_type is None else mime_type,
        "filename": filename,
        "type": draw(st.sampled_from(["audio", "voice_memo", "Voice"])) if sign == "type" else "file",
        "is_audio_message": True if sign == "flag" else MISSING,
    }
    attachment |= dict.fromkeys(payloads, text) | {key: f"https://media.example.org/{key}" for key in links}
    stated = mime_type if sign == "mime" else None
    inline = [InlineAudio(text, filename, stated)] if payloads else []
    order = [key for key in ("url", "download_url", "file_url") if key in links]
    linked = [LinkedAudio(f"https://media.example.org/{key}", filename, stated) for key in order]
    return bare(attachment), (*inline, *linked)


@st.composite
def messages(draw: st.DrawFn, *, voice: bool = True, numeric: bool = True) -> Message:
    """Draw a message: a recording, with or without text, or text alone."""
    attachment, sources = draw(recordings()) if voice else (None, ())
    ids = numeric_ids if numeric else uuids
    return Message(
        chat_id=draw(ids),
        message_id=draw(ids | st.none()) if sources or not voice else draw(ids),
        person=draw(people),
        sent_at=RECEIVED_AT,
        text=draw(words if not voice else st.just("") | words),
        group=draw(st.booleans()),
        attachment=attachment,
        sources=sources,
    )


@st.composite
def built(draw: st.DrawFn, *, voice: bool = True) -> Built:
    """Draw a voice memo (or a text message) in one of the shapes, with noise that must change nothing."""
    shape = draw(st.sampled_from(SHAPES))
    message = draw(messages(voice=voice, numeric=not shape.__name__.startswith("v3")))
    at, spelling = draw(moments())
    event = shape(message, spelling)
    noise = draw(st.dictionaries(words.map(lambda name: f"x-{name}"), json_values, max_size=3))
    group = message.group and shape.__name__ not in WITHOUT_GROUPS
    return Built(replace(message, sent_at=at, group=group), {**noise, **event}, shape.__name__)


@st.composite
def echoes(draw: st.DrawFn) -> Built:
    """Draw a valid event, turned into one of our own messages."""
    one = draw(built())
    event = copy.deepcopy(one.event)
    data = event["data"] if isinstance(event.get("data"), dict) else event
    ways = ["name", "from_me", "direction", "sender", "owner", "number"]
    match draw(st.sampled_from(ways)):
        case "name":
            event.pop("event", None)
            event["event_type"] = "message.sent"
        case "from_me":
            data["is_from_me"] = draw(st.sampled_from([True, 1, "true"]))
        case "direction":
            data["direction"] = "outbound"
        case "sender":
            data["sender_handle"] = {"handle": one.message.person, "is_me": True}
        case "owner":
            data["chat_handles"] = [{"identifier": one.message.person, "is_me": True}]
        case _:
            _rename(
                event, one.message.person, draw(st.sampled_from([OUR_NUMBER, "+1 (555) 010-9999", "0015550109999"]))
            )
    return Built(one.message, event, one.shape)


def _rename(value: Json, old: str, new: str) -> None:
    """Replace a handle everywhere."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if inner == old:
            value[key] = new
        elif isinstance(inner, (dict, list)):
            _rename(inner, old, new)


# Damage ---------------------------------------------------------------------------------------------------------------


def _paths(value: Json, path: tuple[Json, ...] = ()) -> list[tuple[Json, ...]]:
    """Return the paths to all nodes below the root."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [below for key, child in inner for below in ((*path, key), *_paths(child, (*path, key)))]


@st.composite
def damaged(draw: st.DrawFn, event: Json) -> Json:
    """Draw an event with up to three nodes removed, or replaced by any JSON."""
    hurt = copy.deepcopy(event)
    for _ in range(draw(st.integers(1, 3))):
        paths = _paths(hurt)
        if not paths:
            break
        *way, last = draw(st.sampled_from(paths))
        parent = hurt
        for key in way:
            parent = parent[key]
        if draw(st.booleans()):
            del parent[last]
        else:
            parent[last] = draw(json_values)
    return hurt
