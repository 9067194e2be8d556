"""The fixture events say what their manifest says, and show all that they are there to show."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from audio.formats import Format, sniff
from console.fixture import load, messages
from consumer.events.parse import Ignored, ParsedEvent, TextMessage, Unreadable, VoiceMemo, parse, recordings_in
from consumer.memo.states import AbsentAudio, InlineAudio, LinkedAudio
from tests.harness.paths import FIXTURES

URL = "http://127.0.0.1:9099"
EVENTS = sorted((FIXTURES / "events").glob("[0-9]*"))
EXPECTED: dict[str, dict[str, Any]] = json.loads((FIXTURES / "expected.json").read_text("utf-8"))
MEMOS: dict[str, dict[str, Any]] = {
    memo["file"]: memo for memo in json.loads((FIXTURES / "memos.json").read_text("utf-8"))
}
MESSAGES = messages(FIXTURES / "messages.json", series_api_url=URL)
AT = datetime(2026, 2, 1, tzinfo=UTC)
OUR_NUMBER = "+15550109999"
FICTIONAL_NUMBER = re.compile(r"\+?1? ?\(?555\)?[ -]?010[ -]?\d{4}\Z")


def _parsed(name: str) -> ParsedEvent:
    value = load(FIXTURES / "events" / name, series_api_url=URL)
    return parse(value, received_at=AT, our_numbers=(OUR_NUMBER,))


def _memos() -> dict[str, VoiceMemo]:
    return {path.name: event for path in EVENTS if isinstance(event := _parsed(path.name), VoiceMemo)}


def _answered() -> dict[str, VoiceMemo]:
    return {name: event for name, event in _memos().items() if EXPECTED[name]["outcome"] == "answered"}


def _bytes(event: VoiceMemo) -> bytes:
    """Give the recording that the event leads to, as the fetch stage would."""
    memo = event.memo
    asked = recordings_in(MESSAGES.get((memo.chat_id, memo.message_id), {}))
    for audio in (*memo.audio, *asked):
        match audio:
            case InlineAudio(text):
                return base64.b64decode(text)
            case LinkedAudio(url) if url.startswith(f"{URL}/media/"):
                files = (FIXTURES / folder / url.rpartition("/")[2] for folder in ("memos", "broken"))
                found = next((file for file in files if file.exists()), None)
                if found is not None:
                    return found.read_bytes()
            case LinkedAudio() | AbsentAudio():
                pass
    return b""


def test_manifest_is_whole() -> None:
    """Each event stands in the manifest, and each entry has its event, in demo order."""
    assert list(EXPECTED) == [path.name for path in EVENTS]


@pytest.mark.parametrize("name", list(EXPECTED))
def test_event_is_read_as_expected(name: str) -> None:
    """The event is read as the manifest says: what it is, where, under which id, and why it is passed over."""
    event, expected = _parsed(name), EXPECTED[name]
    assert type(event).__name__ == expected["parsed"]
    match event:
        case VoiceMemo(memo):
            assert (memo.chat_id, memo.group) == (expected["chat_id"], expected["group"])
            assert memo.message_id == expected["message_id"] or expected["message_id"] is None
            assert memo.sent_at.year == 2025
        case TextMessage():
            assert (event.chat_id, event.message_id) == (expected["chat_id"], expected["message_id"])
        case Ignored(reason):
            assert (expected["outcome"], expected["reason"]) == ("ignored", reason)
        case Unreadable(reason, chat_id):
            assert (expected["reason"], expected.get("chat_id")) == (reason, chat_id)
            assert expected["outcome"] == ("dead" if chat_id is None else "apologised")


@pytest.mark.parametrize("name", sorted(_answered()))
def test_answered_event_leads_to_its_memo(name: str) -> None:
    """An event that is to be answered leads to the recording that the manifest names, inline, by link or by asking."""
    assert _bytes(_memos()[name]) == (FIXTURES / "memos" / EXPECTED[name]["memo"]).read_bytes()
    assert EXPECTED[name]["language"] == MEMOS[EXPECTED[name]["memo"]]["language"]


def test_outcomes_are_all_shown() -> None:
    """There are at least twelve memos to be answered, and some events of each other end, each with a reason."""
    outcomes = Counter(expected["outcome"] for expected in EXPECTED.values())
    assert set(outcomes) == {"answered", "apologised", "ignored", "dead"}
    assert outcomes["answered"] >= 12
    assert all((expected["reason"] is None) == (expected["outcome"] == "answered") for expected in EXPECTED.values())


def test_answered_memos_cover_the_field() -> None:
    """They come in every container and in five languages, from several people in several chats, a group among them."""
    answered = _answered()
    containers = {sniff(_bytes(event)) for event in answered.values()}
    assert containers == set(Format) - {Format.AAC, Format.UNKNOWN}
    assert {EXPECTED[name]["language"] for name in answered} == {"en", "fr", "es", "de", "hi"}
    chats = Counter(event.memo.chat_id for event in answered.values())
    assert len(chats) >= 8
    assert sum(count > 1 for count in chats.values()) >= 3
    assert len({event.memo.person for event in answered.values()}) >= 8
    assert any(event.memo.group for event in answered.values())
    kinds = {type(event.memo.audio[0]) for event in answered.values()}
    assert kinds == {InlineAudio, LinkedAudio, AbsentAudio}


def test_every_memo_is_used() -> None:
    """No recording lies about unused."""
    assert {expected["memo"] for expected in EXPECTED.values() if expected.get("memo")} == set(MEMOS)


def test_repeated_event_is_the_same_memo() -> None:
    """The event that is delivered twice has two event_ids and one memo."""
    repeats = {name: expected["repeats"] for name, expected in EXPECTED.items() if "repeats" in expected}
    assert repeats
    for name, first in repeats.items():
        assert (FIXTURES / "events" / name).read_bytes() != (FIXTURES / "events" / first).read_bytes()
        assert _parsed(name) == _parsed(first)


def test_other_memos_have_keys_of_their_own() -> None:
    """No two memos share chat and message id, but for those that repeat each other."""
    keys = Counter((event.memo.chat_id, event.memo.message_id) for event in _memos().values())
    assert sum(count - 1 for count in keys.values()) == sum("repeats" in expected for expected in EXPECTED.values())


def test_nobody_is_real() -> None:
    """Every number is from the range that is kept for fiction, every address is ours or an example."""
    texts = [path.read_text("utf-8") for path in (*EVENTS, FIXTURES / "messages.json")]
    for text in texts:
        numbers = re.findall(r'"(?:from_phone|from|identifier|handle|recipient_phone)": "([^"]*)"', text)
        assert all(FICTIONAL_NUMBER.match(number) for number in numbers), numbers
        addresses = re.findall(r"https?://[^/\"]+", text)
        assert set(addresses) <= {"https://media.example.com"}


def test_no_placeholder_is_left() -> None:
    """Every placeholder is filled in: none is misspelled."""
    for path in EVENTS:
        assert b"${" not in load(path, series_api_url=URL)


def test_readme_names_every_event() -> None:
    """The README says of each event what it shows."""
    text = (FIXTURES / "events" / "README.md").read_text("utf-8")
    assert [path.name for path in EVENTS if f"`{path.name}`" not in text] == []
