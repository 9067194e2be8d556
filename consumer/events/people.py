"""The people in a chat: who wrote, and whether it was us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.events.json_fields import as_identifier, as_keyword, as_object, as_objects, first_readable, is_true
from storage.people import normalized_handle

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from consumer.events.json_fields import Json

_AUTHOR_KEYS = ("from_phone", "sender_handle", "from_handle", "from", "sender")
_HANDLE_KEYS = ("identifier", "handle", "phone_number", "phone")


def author_handle(layers: Sequence[Json]) -> str:
    """Return the stated author, else the only other member, else an empty string."""
    stated = first_readable(layers, _AUTHOR_KEYS, _handle)
    others = [_handle(member) or "" for member in _members(layers) if not is_true(member.get("is_me"))]
    return stated or (others[0] if len(others) == 1 else "")


def is_from_us(layers: Sequence[Json], our_numbers: Collection[str]) -> bool:
    """Return whether we wrote: by direction, by flag, or by handle."""
    if as_keyword(first_readable(layers, ("direction",), as_identifier)) == "outbound":
        return True
    authors = (as_object(layer.get(key)) for layer in layers for key in _AUTHOR_KEYS)
    if any(is_true(layer.get("is_from_me")) for layer in layers) or any(is_true(each.get("is_me")) for each in authors):
        return True
    stated = first_readable(layers, _AUTHOR_KEYS, _handle)
    if stated is None:
        return False
    ours = (_handle(member) for member in _members(layers) if is_true(member.get("is_me")))
    return normalized_handle(stated) in {normalized_handle(number) for number in (*our_numbers, *ours) if number}


def is_group(layers: Sequence[Json]) -> bool:
    """Return whether several others share the chat."""
    chats = (as_object(layer.get("chat")) for layer in layers)
    if any(is_true(each.get("is_group")) for each in (*layers, *chats)):
        return True
    return sum(not is_true(member.get("is_me")) for member in _members(layers)) > 1


def _members(layers: Sequence[Json]) -> Iterator[Json]:
    """Yield the members, and us as the chat's owner."""
    chats = [as_object(layer.get("chat")) for layer in layers]
    lists = (as_objects(each.get(key)) for each in (*layers, *chats) for key in ("chat_handles", "handles"))
    yield from next(filter(None, lists), [])
    for chat in chats:
        yield from ({"is_me": True, **owner} for owner in as_objects(chat.get("owner_handle")))


def _handle(value: object) -> str | None:
    return first_readable((value,), _HANDLE_KEYS, as_identifier) if isinstance(value, dict) else as_identifier(value)
