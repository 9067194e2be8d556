"""Tolerant readers of foreign JSON: any field may be missing, null or of the wrong type."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Json: TypeAlias = "Mapping[str, object]"
T = TypeVar("T")

_LONGEST_ID = 200
"""Characters."""
_MOST_OBJECTS = 32
"""Per list."""


def first_readable(objects: Iterable[Json], keys: Iterable[str], read: Callable[[object], T | None]) -> T | None:
    """Return the first value that `read` accepts, by key, then by object."""
    objects = tuple(objects)
    readings = (read(each.get(key)) for key in keys for each in objects)
    return next((reading for reading in readings if reading is not None), None)


def as_object(value: object) -> Json:
    """Return an object; empty for anything else."""
    return value if isinstance(value, dict) else {}


def as_objects(value: object) -> list[Json]:
    """Return a list's objects, up to 32; a lone object is a list of one."""
    items = value if isinstance(value, list) else [value]
    return [item for item in islice(items, _MOST_OBJECTS) if isinstance(item, dict)]


def as_identifier(value: object) -> str | None:
    """Return an id, phone number or handle that fits a URL's path."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < _LONGEST_ID:
        return str(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    fit = (
        text.strip(".") and len(text) <= _LONGEST_ID and text.isprintable() and "\N{REPLACEMENT CHARACTER}" not in text
    )
    return text if fit else None


def as_text(value: object) -> str | None:
    """Return encodable text, without the U+FFFC of attachments; None if empty."""
    if not isinstance(value, str):
        return None
    text = value.replace("\N{OBJECT REPLACEMENT CHARACTER}", "").strip()
    return text.encode("utf-8", "replace").decode() or None


def as_keyword(value: object) -> str:
    """Return a word in lower case, or an empty string."""
    return value[:_LONGEST_ID].strip().lower() if isinstance(value, str) else ""


def is_true(value: object) -> bool:
    """Return whether a flag is set, in any spelling."""
    return value is True or value == 1 or as_keyword(value) in {"true", "yes", "1"}
