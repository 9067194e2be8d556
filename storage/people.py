"""The people in a chat: who wrote, and whether it was us."""

from __future__ import annotations

import re

from storage.archive import pseudonym

_PHONE_NUMBER = re.compile(r"[+0-9 ().-]{5,40}")


def who(handle: str, key: bytes) -> str:
    """Return a keyed pseudonym, the same for every spelling of a handle."""
    return pseudonym(comparable(handle), key)


def comparable(handle: str) -> str:
    """Return a phone number's digits; other handles in lower case."""
    digits = "".join(re.findall(r"[0-9]", handle)).removeprefix("00")
    return digits if digits and _PHONE_NUMBER.fullmatch(handle) else handle.casefold()
