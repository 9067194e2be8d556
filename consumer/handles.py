"""Who is in a chat, and who of them is us."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from consumer.fields import first, identifier, object_of, objects_of, word, yes
from storage.archive import pseudonym

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from consumer.fields import Json

_AUTHOR_KEYS = ("from_phone", "sender_handle", "from_handle", "from", "sender")
_HANDLE_KEYS = ("identifier", "handle", "phone_number", "phone")
_PHONE_NUMBER = re.compile(r"[+0-9 ().-]{5,40}")


def author(places: Sequence[Json]) -> str:
    """Give the handle of who wrote; that of the only other one in the chat where nobody is named; else nothing."""
    named = first(places, _AUTHOR_KEYS, _handle)
    others = [_handle(member) or "" for member in _members(places) if not yes(member.get("is_me"))]
    return named or (others[0] if len(others) == 1 else "")


def is_ours(places: Sequence[Json], our_numbers: Collection[str]) -> bool:
    """Whether we wrote it ourselves: by direction, by a flag, or because the author has a handle of ours."""
    if word(first(places, ("direction",), identifier)) == "outbound":
        return True
    if any(yes(place.get("is_from_me")) or _is_me(place) for place in places):
        return True
    named = first(places, _AUTHOR_KEYS, _handle)
    if named is None:
        return False
    ours = (_handle(member) for member in _members(places) if yes(member.get("is_me")))
    return comparable(named) in {comparable(number) for number in (*our_numbers, *ours) if number}


def is_group(places: Sequence[Json]) -> bool:
    """Whether several people share the chat with us."""
    chats = (object_of(place.get("chat")) for place in places)
    if any(yes(place.get("is_group")) for place in (*places, *chats)):
        return True
    return sum(not yes(member.get("is_me")) for member in _members(places)) > 1


def _is_me(place: Json) -> bool:
    """Whether the author is described as us."""
    return any(yes(object_of(place.get(key)).get("is_me")) for key in _AUTHOR_KEYS)


def _members(places: Sequence[Json]) -> Iterator[Json]:
    """Give the first list of handles there is: the v2 envelope's, else that of the chat; and the chat's owner, us."""
    chats = [object_of(place.get("chat")) for place in places]
    everybody = [objects_of(place.get(key)) for place in (*places, *chats) for key in ("chat_handles", "handles")]
    yield from next(filter(None, everybody), [])
    for chat in chats:
        yield from ({"is_me": True, **owner} for owner in objects_of(chat.get("owner_handle")))


def who(handle: str, key: bytes) -> str:
    """Name a person so that it tells nothing, and the same however their handle is spelt."""
    return pseudonym(comparable(handle), key)


def _handle(value: object) -> str | None:
    return first((value,), _HANDLE_KEYS, identifier) if isinstance(value, dict) else identifier(value)


def comparable(handle: str) -> str:
    """Give what two spellings of one handle have in common: the digits of a phone number, else the small letters."""
    digits = "".join(re.findall(r"[0-9]", handle)).removeprefix("00")
    return digits if digits and _PHONE_NUMBER.fullmatch(handle) else handle.casefold()
