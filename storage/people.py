"""Handles of people, and their pseudonyms."""

from __future__ import annotations

import hashlib
import hmac
import re

_PHONE_NUMBER = re.compile(r"[+0-9 ().-]{5,40}")


def pseudonym(person: str, key: bytes) -> str:
    """Return a keyed pseudonym: 16 hex digits of HMAC-SHA-256 (RFC 2104)."""
    return hmac.new(key, person.encode(), hashlib.sha256).hexdigest()[:16]


def person_pseudonym(handle: str, key: bytes) -> str:
    """Return a keyed pseudonym, the same for every spelling of a handle."""
    return pseudonym(normalized_handle(handle), key)


def normalized_handle(handle: str) -> str:
    """Return a phone number's digits; other handles in lower case."""
    digits = "".join(re.findall(r"[0-9]", handle)).removeprefix("00")
    return digits if digits and _PHONE_NUMBER.fullmatch(handle) else handle.casefold()
