"""What becomes of a fixture on its way to the topic."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from console.fixture import FileKind, FixtureError, kind_of, load, messages, wrap
from consumer.events.parse import VoiceMemo, parse
from consumer.memo.states import AbsentAudio, InlineAudio, Memo

if TYPE_CHECKING:
    from pathlib import Path

URL = "http://127.0.0.1:8099"
AT = datetime(2025, 11, 8, tzinfo=UTC)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A fixtures tree with one memo, and an unrelated file next to it."""
    tree = tmp_path / "fixtures"
    (tree / "events").mkdir(parents=True)
    (tree / "memos").mkdir()
    (tree / "memos" / "hello.opus").write_bytes(b"OggS\x00hello")
    (tmp_path / "secret").write_bytes(b"secret")
    return tree


def _event(tree: Path, value: object) -> Path:
    path = tree / "events" / "01-event.json"
    path.write_text(json.dumps(value))
    return path


def test_file_becomes_base64(tree: Path) -> None:
    """A whole string that names a file becomes the file, in base64, however deep it stands."""
    event = _event(tree, {"data": {"attachments": [{"data": "${base64:../memos/hello.opus}"}]}})
    loaded = json.loads(load(event, series_api_url=URL))
    assert base64.b64decode(loaded["data"]["attachments"][0]["data"]) == b"OggS\x00hello"


@pytest.mark.parametrize("url", [URL, f"{URL}/"])
def test_url_is_filled_in(tree: Path, url: str) -> None:
    """The base URL is filled in within a string, without doubling its slash."""
    event = _event(tree, {"audio": {"url": "${SERIES_API_URL}/media/hello.opus"}})
    assert json.loads(load(event, series_api_url=url))["audio"]["url"] == f"{URL}/media/hello.opus"


def test_the_rest_stays(tree: Path) -> None:
    """All that is no placeholder stays as it is: other types, other languages, other dollars."""
    value = {"n": 1, "x": 1.5, "t": True, "nothing": None, "text": "नमस्ते ${HOME} a ${base64:../memos/hello.opus}"}
    assert json.loads(load(_event(tree, value), series_api_url=URL)) == value


def test_bytes_go_as_they_are(tree: Path) -> None:
    """A file that is no .json is not looked into."""
    path = tree / "events" / "01-broken.bin"
    path.write_bytes(b'\xff{"${SERIES_API_URL}')
    assert load(path, series_api_url=URL) == b'\xff{"${SERIES_API_URL}'


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("U.JSON", b"{}", FileKind.EVENT),
        ("x.Bin", b"\xff", FileKind.RAW),
        ("memo.CAF", b"words", FileKind.RECORDING),
        ("memo", b"caff\x00\x01", FileKind.RECORDING),
        ("memo", b"ID3\x04\x00\x00\x00\x00\x00\x00" + bytes(100_000), FileKind.RECORDING),
        ("memo", b"Dear diary,", None),
        ("memo", b"", None),
        ("memo.txt", b"caff\x00\x01", None),
    ],
)
def test_what_a_file_is_taken_for(tmp_path: Path, name: str, content: bytes, kind: FileKind | None) -> None:
    """Its suffix says it, in capitals too; where there is none its first bytes do, and all else is nothing for us."""
    path = tmp_path / name
    path.write_bytes(content)
    assert kind_of(path) is kind


def test_an_event_in_capitals_is_an_event(tree: Path) -> None:
    """An event file is looked into however its suffix is written."""
    path = tree / "events" / "U.JSON"
    path.write_text('{"url": "${SERIES_API_URL}/x"}')
    assert json.loads(load(path, series_api_url=URL)) == {"url": f"{URL}/x"}


def test_other_files_are_refused(tree: Path) -> None:
    """What is neither JSON nor called .bin does not go on the topic as if it were an event."""
    path = tree / "events" / "memo.txt"
    path.write_text("Dear diary,")
    with pytest.raises(FixtureError, match=r"memo\.txt: is neither a recording nor an event"):
        load(path, series_api_url=URL)


def test_a_missing_base_url_is_reported(tree: Path) -> None:
    """An event that needs the Series API's URL is refused where there is none; others do without."""
    event = _event(tree, {"audio": {"url": "${SERIES_API_URL}/media/hello.opus"}})
    with pytest.raises(FixtureError, match=r"01-event\.json: needs SERIES_API_URL, which is not set"):
        load(event, series_api_url="")
    assert load(_event(tree, {"audio": {}}), series_api_url="") == b'{"audio": {}}'


@pytest.mark.parametrize("name", ["../../secret", "/etc/hostname", "../memos/../../secret", "../memos/way-out"])
def test_no_way_out_of_the_tree(tree: Path, name: str) -> None:
    """A placeholder reads nothing outside of the fixtures, by no dots, no absolute path and no symbolic link."""
    (tree / "memos" / "way-out").symlink_to(tree.parent / "secret")
    with pytest.raises(FixtureError, match="outside"):
        load(_event(tree, {"data": f"${{base64:{name}}}"}), series_api_url=URL)


@pytest.mark.parametrize("name", ["../memos/nobody.opus", "../memos", "../memos/\0"])
def test_missing_file_is_reported(tree: Path, name: str) -> None:
    """A file that cannot be read is a FixtureError that names the event or the file."""
    with pytest.raises(FixtureError, match=r"nobody\.opus|memos|01-event"):
        load(_event(tree, {"data": f"${{base64:{name}}}"}), series_api_url=URL)


@pytest.mark.parametrize("text", ["{", "", '{"a": ' * 100_000, "\udcff"])
def test_broken_json_is_reported(tree: Path, text: str) -> None:
    """A .json file that is no JSON is reported by its name, with the way to send it none the less."""
    path = tree / "events" / "01-event.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(FixtureError, match=r"01-event\.json.*\.bin"):
        load(path, series_api_url=URL)


def test_missing_event_is_reported(tree: Path) -> None:
    """An event that is not there is a FixtureError, not an OSError."""
    with pytest.raises(FixtureError, match="nothing"):
        load(tree / "events" / "nothing.json", series_api_url=URL)


def test_messages_are_keyed_by_their_path(tree: Path) -> None:
    """The messages that can be asked for are keyed by chat and message, and expanded as events are."""
    path = tree / "messages.json"
    path.write_text(json.dumps({"/api/chats/5/chat_messages/7": {"url": "${SERIES_API_URL}/media/hello.opus"}}))
    assert messages(path, series_api_url=URL) == {("5", "7"): {"url": f"{URL}/media/hello.opus"}}


@pytest.mark.parametrize("table", [{"/api/chats/5": {}}, {"/api/chats/5/chat_messages/7": "hello"}])
def test_wrong_messages_are_reported(tree: Path, table: object) -> None:
    """What is no path of a message, or no message, is a FixtureError."""
    path = tree / "messages.json"
    path.write_text(json.dumps(table))
    with pytest.raises(FixtureError, match=r"messages\.json"):
        messages(path, series_api_url=URL)


@pytest.mark.parametrize(
    ("name", "mime_type"), [("hello.opus", "audio/ogg"), ("Hello.CAF", "audio/x-caf"), ("hello", None)]
)
def test_wrapped_file_is_a_memo(tmp_path: Path, name: str, mime_type: str | None) -> None:
    """A wrapped audio file is read as a voice memo of that person in that chat, whatever the file is called."""
    path = tmp_path / name
    path.write_bytes(b"some sound")
    event = parse(wrap(path, chat_id="5", message_id="m-7", person="+15550101234"), received_at=AT)
    carried = InlineAudio(base64.b64encode(b"some sound").decode(), name, mime_type)
    assert event == VoiceMemo(Memo("5", "m-7", "+15550101234", AT, (carried, AbsentAudio())))


def test_a_recording_without_a_suffix_says_its_type(tmp_path: Path) -> None:
    """The type of what has no suffix is read from its first bytes."""
    path = tmp_path / "hello"
    path.write_bytes(b"caff\x00\x01")
    event = parse(wrap(path, chat_id="5", message_id="m-7", person="+15550101234"), received_at=AT)
    assert isinstance(event, VoiceMemo)
    assert event.memo.audio[0] == InlineAudio(base64.b64encode(b"caff\x00\x01").decode(), "hello", "audio/x-caf")


def test_wrapping_needs_the_file(tmp_path: Path) -> None:
    """An audio file that is not there is a FixtureError, not an OSError."""
    with pytest.raises(FixtureError, match="nothing"):
        wrap(tmp_path / "nothing.caf", chat_id="5", message_id="m-7", person="")
