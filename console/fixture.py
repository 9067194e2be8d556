"""Event files, made ready for the topic. Blocks.

Placeholders in an event's JSON:
  `"${base64:../memos/NAME}"`  a whole string: that file in base64 (RFC 4648, section 4)
  `${SERIES_API_URL}`          within a string: the base URL of the Series API
"""

from __future__ import annotations

import base64
import json
import re
from enum import Enum, auto
from typing import TYPE_CHECKING, TypeAlias

from audio.formats import Format, by_magic, by_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

_FILE = re.compile(r"\$\{base64:([^{}]+)\}")
_URL = "${SERIES_API_URL}"
_HEAD_BYTES = 64 * 1024  # read to recognise a container
_MESSAGE_PATH = re.compile(r"/api/chats/([^/]+)/chat_messages/([^/]+)")


class FixtureError(Exception):
    """A fixture cannot be used; the message has the file and what is wrong with it."""


class FileKind(Enum):
    """What a file holds."""

    EVENT = auto()
    RAW = auto()  # bytes that go on the topic as they are
    RECORDING = auto()


def kind_of(path: Path) -> FileKind | None:
    """Return what a file holds by its suffix, or by its first bytes if it has none. Raises FixtureError."""
    suffix = path.suffix.lower()
    if suffix in {".json", ".bin"}:
        return FileKind.EVENT if suffix == ".json" else FileKind.RAW
    if by_name(path.name):
        return FileKind.RECORDING
    return FileKind.RECORDING if not suffix and by_magic(_bytes_of(path, _HEAD_BYTES)) else None


def load(path: Path, *, series_api_url: str) -> bytes:
    """Return an event as it goes on the topic. Raises FixtureError."""
    kind = kind_of(path)
    if kind is FileKind.RAW:
        return _bytes_of(path)
    if kind is not FileKind.EVENT:
        raise FixtureError(f"{path.name}: is neither a recording nor an event (.json, or .bin for bytes as they are)")
    return json.dumps(_read(path, series_api_url)).encode()


def messages(path: Path, *, series_api_url: str) -> Mapping[tuple[str, str], Mapping[str, Json]]:
    """Read the messages that the Series API returns: `/api/chats/ID/chat_messages/ID` → the message."""
    table = _read(path, series_api_url)
    found: dict[tuple[str, str], Mapping[str, Json]] = {}
    for address, message in table.items() if isinstance(table, dict) else ():
        match = _MESSAGE_PATH.fullmatch(address)
        if match is None or not isinstance(message, dict):
            raise FixtureError(f"{path.name}: {address} is no path of a message, or has no message")
        found[match[1], match[2]] = message
    return found


def wrap(audio: Path, *, chat_id: str, message_id: str, person: str) -> bytes:
    """Wrap a recording in a v2 event that has it inline. Raises FixtureError."""
    sound = _bytes_of(audio)
    kind = by_name(audio.name) or by_magic(sound) or Format.UNKNOWN
    attachment: Json = {
        "id": f"att-{message_id}",
        "type": "audio",
        "filename": audio.name,
        "mime_type": kind.mime_type,
        "data_base64": base64.b64encode(sound).decode(),
    }
    message = {"id": message_id, "chat_id": chat_id, "text": "", "from_phone": person, "service": "iMessage"}
    data = {**message, "attachments": [attachment]}
    event = {"api_version": "v2", "event_type": "message.received", "event_id": f"replay-{message_id}", "data": data}
    return json.dumps(event).encode()


def _bytes_of(path: Path, most: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise FixtureError(f"{path.name}: cannot be read ({error.strerror})") from error


def _read(path: Path, series_api_url: str) -> Json:
    try:
        return _expanded(json.loads(_bytes_of(path)), path, series_api_url.rstrip("/"))
    except (ValueError, RecursionError) as error:
        raise FixtureError(f"{path.name}: is no JSON; call it .bin to have its bytes sent as they are") from error


def _expanded(value: Json, path: Path, url: str) -> Json:
    if isinstance(value, dict):
        return {key: _expanded(inner, path, url) for key, inner in value.items()}
    if isinstance(value, list):
        return [_expanded(inner, path, url) for inner in value]
    if not isinstance(value, str):
        return value
    if file := _FILE.fullmatch(value):
        return _base64_of(file[1], path)
    if _URL in value and not url:
        raise FixtureError(f"{path.name}: needs SERIES_API_URL, which is not set")
    return value.replace(_URL, url)


def _base64_of(name: str, path: Path) -> str:
    tree = path.resolve().parent.parent  # no fixture may read the rest of the disk
    file = (path.parent / name).resolve()
    if not file.is_relative_to(tree):
        raise FixtureError(f"{path.name}: {name} is outside of {tree.name}")
    return base64.b64encode(_bytes_of(file)).decode()
