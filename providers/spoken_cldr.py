"""What CLDR, by way of Babel, calls units, currencies, large numbers and days. Give None where it knows no word."""

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
"""Languages whose words for large numbers are known to be right; Swahili's, for one, come out ten times too big."""
_SHORT_IS_LONG: Final = frozenset({"zh", "ja"})
"""Languages that write a large number's word in full even where others shorten it."""
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
"""What Babel leaves out, for CLDR writes it the same in full as in short."""
_SIGN: Final = re.compile(r"[%٪°/]")


@lru_cache(maxsize=64)
def locale(language: str) -> Locale | None:
    """Give the locale of a language, None where CLDR has none."""
    try:
        return Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        return None


def decimal_sign(language: str) -> str:
    """Give what stands before the decimals: a point or a comma."""
    known = locale(language)
    return "," if known is not None and get_decimal_symbol(known) == "," else "."


def quantity(value: Decimal, unit: str, language: str) -> str | None:
    """Say so much of a unit, such as "length-kilometer"."""
    known = locale(language)
    if known is None:
        return None
    own = _UNITS.get(language, {}).get(unit)
    if own is not None:
        return f"{value:f}{own}"
    said = format_unit(value, unit, length="long", format="0.########", locale=known)
    # where a language has no word for it, Babel gives the unit's key or a sign
    return None if unit in said or _SIGN.search(said) else said


def currency(code: str, value: Decimal, language: str) -> str | None:
    """Give what a currency is called after an amount."""
    known = locale(language)
    if known is None:
        return None
    said = get_currency_name(code, count=float(value), locale=known)
    if said == code:
        return None
    return said.lower() if language == "pt" else said  # Portuguese names are given as headings


def large(value: Decimal, language: str) -> str | None:
    """Say a large round number, such as "3.5 million"; None where it would lose a digit."""
    known = locale(language)
    digits = f"{value:f}".rstrip("0.") if value == value.to_integral_value() else ""
    if known is None or language not in COMPACT or not digits or len(digits) > 4 or not 10**6 <= value < 10**12:  # noqa: PLR2004 (one digit before the point and three after it)
        return None
    form: Literal["short", "long"] = "short" if language in _SHORT_IS_LONG else "long"
    said = format_compact_decimal(value, format_type=form, fraction_digits=3, locale=known)
    said = re.sub(r"^1 mil ", "mil ", said)  # Spanish: a thousand millions have no "one" before them
    return re.sub(r"^1 (million|milliard)s$", r"1 \1", said)  # Babel's French puts the one in the plural


def day(when: date, language: str) -> str | None:
    """Say a day, its month by name."""
    known = locale(language)
    if known is None:
        return None
    said = re.sub(
        "\\s[\\u0433\\u0440]\\.$", "", format_date(when, format="long", locale=known)
    )  # "year", shortened, in Cyrillic
    return re.sub(r"^1 ", "1er ", said) if language == "fr" else said
