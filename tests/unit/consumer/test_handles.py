"""Who wrote a message, whether that is us, and whether others listen."""

from __future__ import annotations

import pytest

from consumer.events import Ignored, VoiceMemo
from tests.unit.consumer.event_reading import URL, memo_of, read, v2
from tests.unit.consumer.event_shapes import OUR_NUMBER

OTHER = "+15550101234"


@pytest.mark.parametrize("number", ["+1 (555) 010-1234", "0015550101234", "15550101234"])
def test_our_number_in_any_spelling_is_an_echo(number: str) -> None:
    """Our own number is known in other spellings too."""
    assert read(v2(audio={"url": URL}), our_numbers=(number,)) == Ignored("echo")


def test_our_handle_in_any_case_is_an_echo() -> None:
    """A handle that is an address is compared without regard to case, and not by the digits within."""
    event = v2(audio={"url": URL}, from_phone="Agent7@example.org")
    assert read(event, our_numbers=("agent7@EXAMPLE.org",)) == Ignored("echo")
    assert isinstance(read(event, our_numbers=("7",)), VoiceMemo)


def test_member_who_is_us_does_not_silence_the_others() -> None:
    """That we are in the chat makes no echo of what another member says."""
    members = [{"identifier": OUR_NUMBER, "is_me": True}, {"identifier": "+15550101234", "is_me": False}]
    assert isinstance(read(v2(audio={"url": URL}, chat_handles=members)), VoiceMemo)


def test_only_other_member_is_the_author() -> None:
    """Where no author is named and only one other is in the chat, it is they."""
    members = [{"identifier": OUR_NUMBER, "is_me": True}, {"identifier": "+15550105555", "is_me": False}]
    event = read(v2(from_phone=None, chat_handles=members, audio={"url": URL}))
    assert isinstance(event, VoiceMemo)
    assert event.memo.person == "+15550105555"
    assert not event.memo.group


def test_strangers_are_not_pooled() -> None:
    """Where the author cannot be known, there is no name: never one that strangers would share."""
    event = read(v2(from_phone=None, audio={"url": URL}))
    assert isinstance(event, VoiceMemo)
    assert event.memo.person == ""
