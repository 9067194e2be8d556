"""Fields of JSON that somebody else writes: any of them may be missing, null or of the wrong type."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Json: TypeAlias = "Mapping[str, object]"
T = TypeVar("T")

_LONGEST_ID = 200
"""Characters; a longer one is no id or phone number of anybody's."""
_MOST_OBJECTS = 32
"""Objects of one list that are looked at, at most."""


def first(places: Iterable[Json], keys: Iterable[str], read: Callable[[object], T | None]) -> T | None:
    """Give the first value that can be read: by key, then by place."""
    places = tuple(places)
    found = (read(place.get(key)) for key in keys for place in places)
    return next((value for value in found if value is not None), None)


def object_of(value: object) -> Json:
    """Give a JSON object; an empty one for whatever else it is."""
    return value if isinstance(value, dict) else {}


def objects_of(value: object) -> list[Json]:
    """Give the objects of a JSON list, up to a bound; a lone object counts as a list of one."""
    things = value if isinstance(value, list) else [value]
    return [thing for thing in islice(things, _MOST_OBJECTS) if isinstance(thing, dict)]


def identifier(value: object) -> str | None:
    """Read an id, a phone number or another handle, as text or whole number: short, printable, fit for a URL's path."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < _LONGEST_ID:
        return str(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    fit = (
        text.strip(".") and len(text) <= _LONGEST_ID and text.isprintable() and "\N{REPLACEMENT CHARACTER}" not in text
    )
    return text if fit else None


def words(value: object) -> str | None:
    """Read text that says something. Lone surrogates are replaced, so that it can be encoded.

    iMessage writes U+FFFC where an attachment stands within the text.
    """
    if not isinstance(value, str):
        return None
    text = value.replace("\N{OBJECT REPLACEMENT CHARACTER}", "").strip()
    return text.encode("utf-8", "replace").decode() or None


def word(value: object) -> str:
    """Read a name that a program chose, in lower case; empty when there is none."""
    return value[:_LONGEST_ID].strip().lower() if isinstance(value, str) else ""


def yes(value: object) -> bool:
    """Whether a flag is set, in any of its spellings."""
    return value is True or value == 1 or word(value) in {"true", "yes", "1"}
