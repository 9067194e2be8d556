"""The author of a message, whether that is us, and whether the chat is a group."""

from __future__ import annotations

import pytest

from consumer.events.parse import Ignored, VoiceMemo
from tests.unit.consumer.events.event_reading import URL, memo_of, read, v2
from tests.unit.consumer.events.event_shapes import OUR_NUMBER, Json

OTHER = "+15550101234"


@pytest.mark.parametrize("number", ["+1 (555) 010-1234", "0015550101234", "15550101234"])
def test_our_number_in_any_spelling_is_an_echo(number: str) -> None:
    """Our own number is recognised in other spellings."""
    assert read(v2(audio={"url": URL}), our_numbers=(number,)) == Ignored("echo")


def test_our_handle_in_any_case_is_an_echo() -> None:
    """An address as a handle is compared without case, and not by its digits."""
    event = v2(audio={"url": URL}, from_phone="Agent7@example.org")
    assert read(event, our_numbers=("agent7@EXAMPLE.org",)) == Ignored("echo")
    assert isinstance(read(event, our_numbers=("7",)), VoiceMemo)


@pytest.mark.parametrize(
    "fields",
    [
        {"direction": "outbound"},
        {"direction": " Outbound "},
        {"is_from_me": True},
        {"is_from_me": 1},
        {"is_from_me": "true"},
        {"sender_handle": {"handle": OTHER, "is_me": True}},
        {"from": {"phone_number": OTHER, "is_me": True}},
        {"chat_handles": [{"identifier": "+1 555 010 1234", "is_me": True}]},
        {"chat_handles": {"identifier": OTHER, "is_me": True}},
        {"chat": {"owner_handle": {"handle": OTHER}}},
        {"message": {"is_from_me": True}},
    ],
)
def test_each_sign_of_an_echo_is_enough(fields: dict[str, Json]) -> None:
    """One sign that we wrote is enough."""
    assert read(v2(audio={"url": URL}, **fields)) == Ignored("echo")


@pytest.mark.parametrize(
    "fields",
    [
        {"direction": "inbound"},
        {"direction": 5},
        {"is_from_me": False},
        {"is_from_me": "no"},
        {"is_from_me": {}},
        {"sender_handle": {"handle": OTHER, "is_me": False}},
        {"chat_handles": [{"identifier": OUR_NUMBER, "is_me": True}, {"identifier": OTHER, "is_me": False}]},
        {"chat_handles": [{"is_me": True}, {"identifier": None, "is_me": True}, None, 5]},
        {"chat": {"owner_handle": {"handle": OUR_NUMBER, "is_me": True}}},
    ],
)
def test_what_others_say_is_no_echo(fields: dict[str, Json]) -> None:
    """Our membership of the chat, or an unset flag, does not make an echo of another person's message."""
    assert isinstance(read(v2(audio={"url": URL}, **fields)), VoiceMemo)


def test_digits_alone_make_nobody_the_same() -> None:
    """Two handles without digits are not the same."""
    event = v2(audio={"url": URL}, from_phone="(....)", chat_handles=[{"identifier": "-----", "is_me": True}])
    assert isinstance(read(event), VoiceMemo)


@pytest.mark.parametrize(
    ("fields", "person"),
    [
        ({"from_phone": OTHER}, OTHER),
        ({"from_phone": 15550101234}, "15550101234"),
        ({"from_phone": None, "from": OTHER}, OTHER),
        ({"from_phone": "", "sender_handle": {"handle": OTHER}}, OTHER),
        ({"from_phone": [], "sender": {"phone_number": OTHER}}, OTHER),
        ({"from_phone": None, "from_handle": {"handle": OTHER}, "from": "+15550105555"}, OTHER),
        ({"from_phone": "+1555\n"}, "+1555"),
        ({"from_phone": "a\x00b"}, ""),
        ({"from_phone": "x" * 201}, ""),
        (
            {"from_phone": None, "chat_handles": [{"identifier": OUR_NUMBER, "is_me": True}, {"identifier": OTHER}]},
            OTHER,
        ),
        ({"from_phone": None, "chat_handles": [{"identifier": OTHER}, {"identifier": "+15550105555"}]}, ""),
        ({"from_phone": None}, ""),
    ],
)
def test_author(fields: dict[str, Json], person: str) -> None:
    """The author is the stated one, else the only other one in the chat, else unknown: strangers never share a name."""
    assert memo_of(v2(audio={"url": URL}, **fields)).person == person


@pytest.mark.parametrize(
    ("fields", "group"),
    [
        ({}, False),
        ({"chat_handles": [{"identifier": OTHER}, {"identifier": OUR_NUMBER, "is_me": True}]}, False),
        ({"chat_handles": [{"identifier": OTHER}, {"identifier": "+15550105555", "is_me": False}]}, True),
        ({"chat": {"is_group": True}}, True),
        ({"chat": {"is_group": False}}, False),
        ({"chat": {"is_group": None, "handles": [{"handle": OTHER}, {"handle": "+15550105555"}]}}, True),
        ({"chat": {"is_group": [True]}}, False),
    ],
)
def test_group(fields: dict[str, Json], group: bool) -> None:  # noqa: FBT001 (a parameter of the table)
    """A chat is a group if it says so, or with more than one other member."""
    assert memo_of(v2(audio={"url": URL}, **fields)).group is group
