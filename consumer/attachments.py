"""Where a recording hides in a message: every shape in which audio was seen. Total: any JSON value gives a tuple."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from audio.formats import by_magic, by_mime_type, by_name
from consumer.memo import AbsentAudio, InlineAudio, LinkedAudio

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from consumer.memo import Audio

_INLINE_KEYS = ("data", "data_base64", "base64_data")
_LINK_KEYS = ("url", "download_url", "file_url")
_LIST_KEYS = ("attachments", "parts")
_VOICE_TYPES = frozenset({"audio", "voice", "voice_memo", "voicememo", "audio_message"})
_VOICE_FLAGS = ("is_audio_message", "is_voice_memo", "voice_memo")
_NAMELESS = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""MIME types that say nothing: iPhones send their memos with none."""
_MOST_CANDIDATES = 8
_MOST_ATTACHMENTS = 64
_HEAD_CHARACTERS = 64


def recordings_in(*places: Mapping[str, object]) -> tuple[Audio, ...]:
    """Find the recordings in these objects: inline ones first, then links, then the word that there is one."""
    found = [audio for place in places for audio in _in_one(place)]
    inline = [audio for audio in found if isinstance(audio, InlineAudio)]
    linked = [audio for audio in found if isinstance(audio, LinkedAudio)]
    distinct: list[Audio] = list(dict.fromkeys([*inline, *linked]))[:_MOST_CANDIDATES]
    if found and not distinct:
        return (AbsentAudio(),)
    return tuple(distinct)


def attachments_in(place: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Give a message's attachments or parts, as far as they are objects."""
    lists = (value for key in _LIST_KEYS if isinstance(value := place.get(key), list))
    return [each for items in lists for each in items[:_MOST_ATTACHMENTS] if isinstance(each, dict)]


def _in_one(place: Mapping[str, object]) -> Iterator[Audio]:
    audio = place.get("audio")
    if isinstance(audio, dict):
        yield from _carried(audio) or (AbsentAudio(),)
    elif isinstance(audio, str) and audio:
        yield LinkedAudio(audio) if "://" in audio[:_HEAD_CHARACTERS] else InlineAudio(audio)
    wordless = not text_of(place)
    for attachment in attachments_in(place):
        if _is_audio(attachment, wordless=wordless):
            yield from _carried(attachment) or (AbsentAudio(),)
    if any(place.get(flag) is True for flag in _VOICE_FLAGS) or _word(place, "type") in _VOICE_TYPES:
        yield AbsentAudio()


def text_of(place: Mapping[str, object]) -> str:
    """Give what is written in a message, from its text or its text parts."""
    text = place.get("text")
    if isinstance(text, str) and text.strip():
        return text.strip()
    values = (part.get("value") for part in attachments_in(place) if _word(part, "type") == "text")
    return " ".join(value.strip() for value in values if isinstance(value, str)).strip()


def _carried(thing: Mapping[str, object]) -> list[Audio]:
    filename, mime_type = _string(thing, "filename"), _string(thing, "mime_type") or _string(thing, "content_type")
    if filename is None and (suffix := _string(thing, "format")):
        filename = f"audio.{suffix.lstrip('.')}"
    inline: list[Audio] = [
        InlineAudio(value, filename, mime_type) for key in _INLINE_KEYS if (value := _string(thing, key))
    ]
    links: list[Audio] = [
        LinkedAudio(value, filename or _path(value), mime_type) for key in _LINK_KEYS if (value := _string(thing, key))
    ]
    return inline + links


def _is_audio(thing: Mapping[str, object], *, wordless: bool) -> bool:
    """Say whether an attachment is a recording: by type, MIME type, name, first bytes; else by what is missing."""
    mime_type = (_string(thing, "mime_type") or _string(thing, "content_type") or "").split(";")[0].strip().lower()
    if _word(thing, "type") in _VOICE_TYPES or mime_type.startswith("audio/") or by_mime_type(mime_type):
        return True
    if mime_type not in _NAMELESS or _word(thing, "type") in {"text", "link", "image", "video"}:
        return False
    links = [value for key in _LINK_KEYS if (value := _string(thing, key))]
    names = [name for name in (_string(thing, "filename"), *map(_path, links)) if name and "." in name]
    if any(by_name(name) for name in names):
        return True
    inline = [value for key in _INLINE_KEYS if (value := _string(thing, key))]
    if any(_sounds(value) for value in inline):
        return True
    # No name, no MIME type, no words: an iPhone's memo comes so, and hardly anything else does.
    return wordless and not names and not inline


def _sounds(text: str) -> bool:
    """Look at the first bytes of a base64 text."""
    head = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return by_magic(base64.b64decode(head[:_HEAD_CHARACTERS])) is not None
    except ValueError:
        return False


def _path(url: str) -> str | None:
    try:
        return urlsplit(url).path.rpartition("/")[2] or None
    except ValueError:
        return None


def _string(thing: Mapping[str, object], key: str) -> str | None:
    value = thing.get(key)
    return value if isinstance(value, str) and value else None


def _word(thing: Mapping[str, object], key: str) -> str:
    return (_string(thing, key) or "").lower()
