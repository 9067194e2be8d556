"""CLDR's words (by Babel) for units, currencies, large numbers and dates."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_compact_decimal, get_currency_name, get_decimal_symbol
from babel.units import format_unit

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

COMPACT: Final = frozenset({"en", "es", "fr", "de", "it", "pt", "hi", "ar", "zh", "ja"})
"""Languages with right words for large numbers; Swahili's are ten times too big."""
_SHORT_IS_LONG: Final = frozenset({"zh", "ja"})  # with the full word as the short form
_UNITS: Final = {
    "zh": {
        "length-kilometer": "公里", "length-meter": "米", "length-centimeter": "厘米", "length-millimeter": "毫米",
        "length-mile": "英里", "length-foot": "英尺",
        "area-square-meter": "平方米", "area-square-kilometer": "平方公里",
        "volume-liter": "升", "volume-milliliter": "毫升", "duration-hour": "小时", "duration-minute": "分钟",
        "power-kilowatt": "千瓦", "energy-kilowatt-hour": "千瓦时",
    },
    "ja": {"duration-hour": "時間", "duration-minute": "分", "angle-degree": "度"},
    "ar": {"volume-liter": " لتر", "angle-degree": " درجة"},
}  # fmt: skip
"""What Babel leaves out."""
_SIGN: Final = re.compile(r"[%٪°/]")


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale | None:
    try:
        return Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        return None


def decimal_sign(language: str) -> str:
    """Return the decimal point or comma."""
    locale = _locale(language)
    return "," if locale is not None and get_decimal_symbol(locale) == "," else "."


def quantity(value: Decimal, unit: str, language: str) -> str | None:
    """Return a value with its unit, such as "length-kilometer"."""
    locale = _locale(language)
    if locale is None:
        return None
    own = _UNITS.get(language, {}).get(unit)
    if own is not None:
        return f"{value:f}{own}"
    words = format_unit(value, unit, length="long", format="0.########", locale=locale)
    # without a word for it, Babel returns the unit's key or a sign
    return None if unit in words or _SIGN.search(words) else words


def currency_name(code: str, value: Decimal, language: str) -> str | None:
    """Return a currency's name after an amount."""
    locale = _locale(language)
    if locale is None:
        return None
    words = get_currency_name(code, count=float(value), locale=locale)
    if words == code:
        return None
    return words.lower() if language == "pt" else words  # Portuguese names are capitalised as headings


def large_number(value: Decimal, language: str) -> str | None:
    """Return a round number such as "3.5 million"; None if it would lose a digit."""
    locale = _locale(language)
    digits = f"{value:f}".rstrip("0.") if value == value.to_integral_value() else ""
    if locale is None or language not in COMPACT or not digits or len(digits) > 4 or not 10**6 <= value < 10**12:  # noqa: PLR2004 (one digit before the point and three after it)
        return None
    form: Literal["short", "long"] = "short" if language in _SHORT_IS_LONG else "long"
    words = format_compact_decimal(value, format_type=form, fraction_digits=3, locale=locale)
    words = re.sub(r"^1 mil ", "mil ", words)  # Spanish: a thousand millions have no "one" before them
    return re.sub(r"^1 (million|milliard)s$", r"1 \1", words)  # Babel's French puts the one in the plural


def long_date(when: date, language: str) -> str | None:
    """Return a date with its month by name."""
    locale = _locale(language)
    if locale is None:
        return None
    words = re.sub(
        "\\s[\\u0433\\u0440]\\.$", "", format_date(when, format="long", locale=locale)
    )  # "year", shortened, in Cyrillic
    return re.sub(r"^1 ", "1er ", words) if language == "fr" else words
