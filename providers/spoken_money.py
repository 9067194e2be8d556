"""Amounts of money as they are said. Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from providers import spoken_cldr as cldr
from providers.spoken_numbers import (
    AMOUNT,
    LETTER,
    NO_SPACE,
    RANGE,
    SIGN,
    START,
    STOP,
    measured,
    multiplied,
    read,
    said_number,
    with_low,
    with_sign,
)
from providers.spoken_words import WORDS

_CODES: Final = {
    "US$": "USD",
    "A$": "AUD",
    "C$": "CAD",
    "R$": "BRL",
    "€": "EUR",
    "£": "GBP",
    "₹": "INR",
    "¥": "JPY",
    "￥": "JPY",
    "CN¥": "CNY",
}
_CODE: Final = "USD|EUR|GBP|INR|JPY|CNY|CHF|BRL"
_MONEY: Final = rf"(?:US|[ACR])\$|CN¥|[$€£₹¥￥]|{_CODE}"
_FACTORS: Final = {"k": 10**3, "K": 10**3, "m": 10**6, "M": 10**6, "bn": 10**9, "B": 10**9}
_FACTOR: Final = rf"(?P<factor>k|K|m|M|bn|B)(?![{LETTER}0-9])"
_BEFORE: Final = re.compile(
    rf"(?<![{LETTER}0-9$_.,:/])(?<![0-9]\s)(?P<sign>[-−])?(?P<money>{_MONEY})\s?{RANGE}(?P<much>{AMOUNT})"  # noqa: RUF001 (a minus)
    rf"(?:{_FACTOR}|(?P<words>\s(?:thousand|million|billion|trillion))(?![{LETTER}]))?{STOP}"
)
_AFTER: Final = re.compile(rf"{START}{SIGN}{RANGE}(?P<much>{AMOUNT})\s?(?P<money>{_MONEY})(?![{LETTER}0-9$])")
_CENTS: Final = {
    "$": ("cent", "cents"),
    "USD": ("cent", "cents"),
    "EUR": ("cent", "cents"),
    "GBP": ("penny", "pence"),
    "BRL": ("centavo", "centavos"),
}


def _money_name(money: str, value: Decimal, language: str) -> str | None:
    code = _CODES.get(money, money)
    if language == "zh" and code == "JPY":
        code = "CNY"  # the sign is the yuan's there
    if code == "BRL" and language == "pt":
        return "real" if value == 1 else "reais"  # whose they are goes without saying
    if code != "$":
        return cldr.currency(code, value, language)
    words = WORDS.get(language)  # whose dollar it is stays unsaid
    return words.dollar[value != 1] if words else None


def _amount(money: str, value: Decimal, language: str) -> str | None:
    """Say an amount of money, its hundredths apart where that is how it is said."""
    name = _money_name(money, value, language)
    if name is None:
        return None
    words, cents = WORDS.get(language), _CENTS.get(_CODES.get(money, money))
    hundredths = value.as_tuple().exponent == -2  # noqa: PLR2004 (two decimals)
    if hundredths and value == value.to_integral_value():
        value, hundredths = value.to_integral_value(), False
    if hundredths and cents and words and words.cents and value >= 1:
        whole, rest = f"{value:f}".split(".")
        name = _money_name(money, Decimal(whole), language) or name
        tail = words.cents.format(c=int(rest) if language == "en" else rest, cents=cents[int(rest) != 1])
        return f"{whole} {name}{tail}"
    return f"{said_number(value, language)}{'' if language in NO_SPACE else ' '}{_of(value, language)}{name}"


def _of(value: Decimal, language: str) -> str:
    """The word between millions and what there are millions of."""
    if cldr.large(value, language) is None or language not in {"es", "fr", "it", "pt"}:
        return ""
    return "di " if language == "it" else "de "


def _before(found: re.Match[str], language: str) -> str:
    if found["factor"] in {"m", "bn", "B"} and language != "en":
        return found[0]  # elsewhere these letters stand for other numbers
    if found["words"]:
        name, value = _money_name(found["money"], Decimal(2), language), read(found["much"], language)
        said = None if name is None or value is None else f"{said_number(value, language)}{found['words']} {name}"
        whole = None if said is None else with_low(found, said, language)
        return found[0] if whole is None else with_sign(found, whole, language)
    factor = _FACTORS.get(found["factor"] or "", 1)
    if factor != 1 and found["low"]:
        return found[0]
    return measured(found, lambda value: _amount(found["money"], multiplied(value, factor), language), language)


def money_spoken(text: str, language: str) -> str:
    """Say the amounts of money of a text."""
    text = _BEFORE.sub(lambda found: _before(found, language), text)
    return _AFTER.sub(lambda found: measured(found, lambda v: _amount(found["money"], v, language), language), text)
