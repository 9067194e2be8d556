"""Verbalisation of percentages, measures and money, with ranges and signs. Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from conversation.speakable import cldr
from conversation.speakable.numbers import AMOUNT, LETTER, NO_SPACE, START, STOP, format_number, multiply, parse_number
from conversation.speakable.signs import SIGN_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

_SIGN: Final = r"(?P<sign>[-−](?=[0-9]))?"  # noqa: RUF001 (the sign that a minus is)
_RANGE: Final = rf"(?:(?P<low>{AMOUNT})\s?[-–]\s?)?"  # noqa: RUF001 (a range is written with either dash)
_PERCENT: Final = re.compile(rf"{START}{_SIGN}{_RANGE}(?P<amount>{AMOUNT})\s?%(?![{LETTER}0-9])")
_UNITS: Final = {
    "km/h": "speed-kilometer-per-hour", "kph": "speed-kilometer-per-hour", "kmh": "speed-kilometer-per-hour",
    "mph": "speed-mile-per-hour", "m/s": "speed-meter-per-second", "km²": "area-square-kilometer",
    "m²": "area-square-meter", "km": "length-kilometer", "cm": "length-centimeter", "mm": "length-millimeter",
    "kg": "mass-kilogram", "mg": "mass-milligram", "lbs": "mass-pound", "lb": "mass-pound", "ml": "volume-milliliter",
    "mL": "volume-milliliter", "°C": "temperature-celsius", "℃": "temperature-celsius", "°F": "temperature-fahrenheit",
    "℉": "temperature-fahrenheit", "°": "angle-degree", "kWh": "energy-kilowatt-hour", "kW": "power-kilowatt",
    "KB": "digital-kilobyte", "kB": "digital-kilobyte", "MB": "digital-megabyte", "GB": "digital-gigabyte",
    "TB": "digital-terabyte", "kHz": "frequency-kilohertz", "MHz": "frequency-megahertz", "GHz": "frequency-gigahertz",
    "Hz": "frequency-hertz", "ft": "length-foot", "min": "duration-minute", "hrs": "duration-hour",
}  # fmt: skip
_SPACED_UNITS: Final = {
    "m": "length-meter", "g": "mass-gram", "l": "volume-liter", "L": "volume-liter", "h": "duration-hour",
}  # fmt: skip
"""Only after a space: 5m may be millions, and 5g a network."""
_UNIT_NAMES: Final = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_MEASURE: Final = re.compile(
    rf"{START}{_SIGN}{_RANGE}(?P<amount>{AMOUNT})(?:\s?(?P<unit>{_UNIT_NAMES})|\s(?P<letter>[mglLh]))"
    rf"(?![{LETTER}0-9²³/]|[-'’.·][{LETTER}0-9])"  # noqa: RUF001 (an apostrophe as it is typeset)
)
_CODES: Final = {
    "US$": "USD", "A$": "AUD", "C$": "CAD", "R$": "BRL", "€": "EUR", "£": "GBP", "₹": "INR", "¥": "JPY", "￥": "JPY",
    "CN¥": "CNY",
}  # fmt: skip
_CURRENCY: Final = r"(?:US|[ACR])\$|CN¥|[$€£₹¥￥]|USD|EUR|GBP|INR|JPY|CNY|CHF|BRL"
_FACTORS: Final = {"k": 10**3, "K": 10**3, "m": 10**6, "M": 10**6, "bn": 10**9, "B": 10**9}
_FACTOR: Final = rf"(?P<factor>k|K|m|M|bn|B)(?![{LETTER}0-9])"
_CURRENCY_FIRST: Final = re.compile(
    rf"(?<![{LETTER}0-9$_.,:/])(?<![0-9]\s)(?P<sign>[-−])?(?P<currency>{_CURRENCY})\s?{_RANGE}(?P<amount>{AMOUNT})"  # noqa: RUF001 (a minus)
    rf"(?:{_FACTOR}|(?P<scale>\s(?:thousand|million|billion|trillion))(?![{LETTER}]))?{STOP}"
)
_CURRENCY_LAST: Final = re.compile(
    rf"{START}{_SIGN}{_RANGE}(?P<amount>{AMOUNT})\s?(?P<currency>{_CURRENCY})(?![{LETTER}0-9$])"
)
_CENTS: Final = {
    "$": ("cent", "cents"), "USD": ("cent", "cents"), "EUR": ("cent", "cents"), "GBP": ("penny", "pence"),
    "BRL": ("centavo", "centavos"),
}  # fmt: skip


def verbalize_amounts(text: str, language: str) -> str:
    """Verbalise amounts, unless ambiguous."""

    def currency_last(match: re.Match[str]) -> str:
        return _amount(match, language, lambda value: _money(match["currency"], value, language))

    text = _CURRENCY_FIRST.sub(lambda match: _currency_first(match, language), text)
    text = _CURRENCY_LAST.sub(currency_last, text)
    text = _PERCENT.sub(lambda match: _amount(match, language, lambda value: _percent(value, language)), text)
    return _MEASURE.sub(lambda match: _measure(match, language), text)


def _amount(match: re.Match[str], language: str, verbalize: Callable[[Decimal], str | None]) -> str:
    value = parse_number(match["amount"], language)
    spoken = verbalize(value) if value is not None else None
    return _with_range_and_sign(match, spoken, language)


def _with_range_and_sign(match: re.Match[str], spoken: str | None, language: str) -> str:
    if spoken is None:
        return match[0]
    signs = SIGN_NAMES.get(language)
    if match["low"]:
        low = parse_number(match["low"], language)
        if signs is None or low is None:
            return match[0]
        spoken = f"{format_number(low, language)} {signs.to} {spoken}"
    if not match["sign"]:
        return spoken
    return f"{signs.minus}{'' if language in NO_SPACE else ' '}{spoken}" if signs else f"-{spoken}"


def _percent(value: Decimal, language: str) -> str | None:
    signs = SIGN_NAMES.get(language)
    if signs is None:
        return cldr.quantity(value, "concentr-percent", language)
    if language == "zh":  # "of a hundred parts" comes first
        return f"{signs.percent}{format_number(value, language)}"
    return f"{format_number(value, language)}{'' if language in NO_SPACE else ' '}{signs.percent}"


def _measure(match: re.Match[str], language: str) -> str:
    unit = _UNITS[match["unit"]] if match["unit"] else _SPACED_UNITS[match["letter"]]
    return _amount(match, language, lambda value: cldr.quantity(value, unit, language))


def _currency_first(match: re.Match[str], language: str) -> str:
    if match["factor"] in {"m", "bn", "B"} and language != "en":
        return match[0]  # elsewhere these letters stand for other numbers
    if match["scale"]:
        name, value = _currency_name(match["currency"], Decimal(2), language), parse_number(match["amount"], language)
        scaled = None if name is None or value is None else f"{format_number(value, language)}{match['scale']} {name}"
        return _with_range_and_sign(match, scaled, language)
    factor = _FACTORS.get(match["factor"] or "", 1)
    if factor != 1 and match["low"]:
        return match[0]
    return _amount(match, language, lambda value: _money(match["currency"], multiply(value, factor), language))


def _money(currency: str, value: Decimal, language: str) -> str | None:
    name = _currency_name(currency, value, language)
    if name is None:
        return None
    signs, cents = SIGN_NAMES.get(language), _CENTS.get(_CODES.get(currency, currency))
    hundredths = value.as_tuple().exponent == -2  # noqa: PLR2004 (two decimals)
    if hundredths and value == value.to_integral_value():
        value, hundredths = value.to_integral_value(), False
    if hundredths and cents and signs and signs.cents and value >= 1:
        whole, rest = f"{value:f}".split(".")
        name = _currency_name(currency, Decimal(whole), language) or name
        tail = signs.cents.format(c=int(rest) if language == "en" else rest, cents=cents[int(rest) != 1])
        return f"{whole} {name}{tail}"
    return f"{format_number(value, language)}{'' if language in NO_SPACE else ' '}{_of(value, language)}{name}"


def _currency_name(currency: str, value: Decimal, language: str) -> str | None:
    code = _CODES.get(currency, currency)
    if language == "zh" and code == "JPY":
        code = "CNY"  # the sign is the yuan's there
    if code == "BRL" and language == "pt":
        return "real" if value == 1 else "reais"  # without "brasileiros"
    if code != "$":
        return cldr.currency_name(code, value, language)
    signs = SIGN_NAMES.get(language)  # a dollar of no country
    return signs.dollar[value != 1] if signs else None


def _of(value: Decimal, language: str) -> str:
    """Return the word between "millions" and the currency."""
    if cldr.large_number(value, language) is None or language not in {"es", "fr", "it", "pt"}:
        return ""
    return "di " if language == "it" else "de "
