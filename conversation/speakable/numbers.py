"""Parsing of numbers, and formatting for voices. Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from conversation.speakable import cldr

LETTER: Final = "A-Za-z\u00aa\u00ba\u00c0-\u024f"
"""Latin, for a character class: next to other letters a number needs no space."""
START: Final = rf"(?<![{LETTER}0-9_.,:/@#%+\-−–])"  # noqa: RUF001 (a minus and a dash are what it looks for)
STOP: Final = rf"(?![{LETTER}0-9_/@²³]|[.,:][0-9]|[-−–][{LETTER}0-9])"  # noqa: RUF001 (the same)
"""Between START and STOP, a number stands alone."""
AMOUNT: Final = r"[0-9]+(?:[.,][0-9]+)*"
NO_SPACE: Final = frozenset({"zh", "ja"})
_GROUP: Final = 3
_BYTE: Final = 255
_LAKHS: Final = frozenset({"hi", "bn", "mr", "gu", "ta", "te", "kn", "ml", "pa", "ur", "ne"})
"""Languages that write 12,34,567."""
_EITHER: Final = frozenset({"es"})  # languages in which 1,234 depends on the country
_BLANKS: Final = frozenset({"fr", "ru", "uk", "be", "bg", "pl", "cs", "sk", "hu", "sv", "no", "fi", "es", "pt"})
"""Languages that group by a blank, which may also separate two numbers."""
_GROUPED: Final = re.compile(rf"{START}[0-9]{{1,3}}(?:[.,][0-9]{{2,3}})+(?:[.,][0-9]+)?{STOP}")
_THOUSANDS: Final = re.compile(rf"{START}[0-9]{{1,3}}(?: 000)+{STOP}")
_BLANK_GROUPS: Final = re.compile(rf"{START}[0-9]{{1,3}}(?: [0-9]{{3}})+(?=[.,][0-9]{{1,2}}(?![0-9])|\s?[€$£₽%])")
_MILLIONS: Final = re.compile(rf"{START}(?P<amount>{AMOUNT})M(?![{LETTER}0-9²³/])")


def parse_number(text: str, language: str) -> Decimal | None:
    """Parse a number with points and commas; None if ambiguous."""
    marks = re.findall(r"[.,]", text)
    if not marks:
        return Decimal(text)
    last = marks[-1]
    if last != marks[0]:
        whole, _, rest = text.rpartition(last)
        digits = "" if last in whole else _without_marks(whole, language)
        return Decimal(f"{digits}.{rest}") if digits else None
    if len(marks) > 1:
        digits = _without_marks(text, language)
        return Decimal(digits) if digits else None
    whole, _, rest = text.partition(last)
    if len(rest) != _GROUP or len(whole) > _GROUP or whole.startswith("0"):
        return Decimal(f"{whole}.{rest}")
    if language in _EITHER:
        return None
    return Decimal(f"{whole}.{rest}") if last == cldr.decimal_sign(language) else Decimal(whole + rest)


def _without_marks(text: str, language: str) -> str:
    """Return the digits alone; empty if the marks do not group them."""
    groups = re.split(r"[.,]", text)
    is_ip_address = "." in text and len(groups) == _GROUP + 1 and all(int(group) <= _BYTE for group in groups)
    middle = (2, _GROUP) if language in _LAKHS else (_GROUP,)
    regular = all(len(group) in middle for group in groups[1:-1]) and len(groups[-1]) == _GROUP
    begins = len(groups[0]) <= _GROUP and not text.startswith("0")
    return "".join(groups) if begins and (regular or len(groups) == 1) and not is_ip_address else ""


def format_number(value: Decimal, language: str) -> str:
    """Return a number without groups, a large round one in words."""
    return cldr.large_number(value, language) or f"{value:f}".replace(".", cldr.decimal_sign(language))


def multiply(value: Decimal, factor: int) -> Decimal:
    """Multiply, without an exponent."""
    return value if factor == 1 else Decimal(f"{(value * factor).normalize():f}")


def join_digit_groups(text: str, language: str) -> str:
    """Remove the blanks that clearly group digits."""
    text = _THOUSANDS.sub(lambda match: match[0].replace(" ", ""), text)
    return _BLANK_GROUPS.sub(lambda match: match[0].replace(" ", ""), text) if language in _BLANKS else text


def verbalize_numbers(text: str, language: str) -> str:
    """Verbalise grouped numbers and millions."""
    text = _MILLIONS.sub(lambda match: _millions(match, language), text)
    return _GROUPED.sub(lambda match: _grouped(match, language), text)


def _millions(match: re.Match[str], language: str) -> str:
    value = parse_number(match["amount"], language)
    return (cldr.large_number(multiply(value, 10**6), language) if value is not None else None) or match[0]


def _grouped(match: re.Match[str], language: str) -> str:
    value = parse_number(match[0], language)
    if value is None or len(f"{value:f}") == len(match[0]):  # with decimals only it may be a version
        return match[0]
    return format_number(value, language)
